"""Logging in and out; users and keys; who I am."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.params import PathParameter

from vnroute.access.identity import Identity
from vnroute.access.store import SESSION_SECONDS, User
from vnroute.web.api.body import read_as
from vnroute.web.api.problems import Refused, not_there
from vnroute.web.api.who import COOKIE, OPEN, Door, needs

__all__ = ["BODIES", "people_handlers"]

_LOGINS_A_MINUTE = 20
"""From one address: a person mistypes a few times, a guesser needs millions."""

_Id = Annotated[str, PathParameter(max_length=64)]


class _Login(msgspec.Struct, forbid_unknown_fields=True):
    """A user's name and password, or a key."""

    user: str = ""
    password: str = ""
    key: str = ""


class _NewUser(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    role: str
    password: str
    account: str = ""


class _ChangedUser(msgspec.Struct, forbid_unknown_fields=True):
    role: str | None = None
    account: str | None = None
    password: str | None = None


class _NewKey(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    role: str
    account: str = ""
    seconds: int = 0


BODIES: dict[str, type[msgspec.Struct]] = {
    "log_in": _Login,
    "add_user": _NewUser,
    "change_user": _ChangedUser,
    "add_key": _NewKey,
}
"""What each operation reads, by its id, for the OpenAPI document."""


def _account_for(identity: Identity, account: str) -> str:
    """Return the account of what one makes; who is limited to one makes only of that."""
    if identity.account and account not in ("", identity.account):
        raise Refused(403, f"{identity.name} may change the account {identity.account} only")
    return identity.account or account


def people_handlers(door: Door) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    slow = RateLimitConfig(rate_limit=("minute", _LOGINS_A_MINUTE))

    @post("/session", tags=["session"], status_code=200, summary="Log in", operation_id="log_in",
          opt={OPEN: True}, middleware=[slow.middleware])  # fmt: skip
    async def log_in(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Open a session for a browser, by a user's name and password, or by a key."""
        given = await read_as(request, _Login)
        if given.key:
            identity = await asyncio.to_thread(door.by_secret, given.key)
        else:
            identity = await asyncio.to_thread(
                door.access.by_password, given.user[:64], given.password
            )
        if identity is None:
            raise Refused(401, "no such key" if given.key else "no such user and password")
        secret = await asyncio.to_thread(door.access.open_session, identity)
        cookie = Cookie(
            key=COOKIE, value=secret, max_age=SESSION_SECONDS, path="/api/", httponly=True,
            samesite="strict", secure=request.url.scheme == "https",
        )  # fmt: skip
        return Response(_told(identity), cookies=[cookie])

    @delete("/session", tags=["session"], status_code=204, summary="Log out",
            operation_id="log_out")  # fmt: skip
    async def log_out(request: Request[Any, Any, Any]) -> Response[None]:
        """End the session that the cookie names."""
        await asyncio.to_thread(door.access.close_session, request.cookies.get(COOKIE, ""))
        gone = Cookie(key=COOKIE, path="/api/", max_age=0, httponly=True, samesite="strict")
        return Response(None, status_code=204, cookies=[gone])

    @get("/me", tags=["session"], sync_to_thread=False, summary="Who I am", operation_id="me")
    def me(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Return the name, role and account of whoever asks."""
        return _told(request.user)

    @get("/users", tags=["users"], sync_to_thread=True, guards=[needs("admin")],
         summary="List users", operation_id="list_users")  # fmt: skip
    def users(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Return all users, those of one's own account where one is limited to it."""
        who: Identity = request.user
        return {"items": [user for user in door.access.list_users() if who.sees(user.account)]}

    @post("/users", tags=["users"], guards=[needs("admin")], summary="Add a user",
          operation_id="add_user")  # fmt: skip
    async def add_user(request: Request[Any, Any, Any]) -> User:
        """Add a user with a password of at least 12 characters."""
        new = await read_as(request, _NewUser)
        account = _account_for(request.user, new.account)
        return await asyncio.to_thread(
            door.access.add_user, new.id, new.role, account, new.password
        )

    @patch("/users/{key:str}", tags=["users"], guards=[needs("admin")], summary="Change a user",
           operation_id="change_user")  # fmt: skip
    async def change_user(request: Request[Any, Any, Any], key: _Id) -> User:
        """Change role, account or password; the user's sessions end."""
        change = await read_as(request, _ChangedUser)
        await asyncio.to_thread(_own_user, request.user, key)
        account = change.account
        if account is not None or request.user.account:
            account = _account_for(request.user, account or "")
        changed = await asyncio.to_thread(
            lambda: door.access.change_user(
                key, role=change.role, account=account, password=change.password
            )
        )
        if changed is None:
            raise not_there(f"users/{key}")
        return changed

    @delete("/users/{key:str}", tags=["users"], status_code=204, guards=[needs("admin")],
            summary="Remove a user", operation_id="remove_user")  # fmt: skip
    async def remove_user(request: Request[Any, Any, Any], key: _Id) -> None:
        """Remove a user; the user's sessions end."""
        await asyncio.to_thread(_own_user, request.user, key)
        await asyncio.to_thread(door.access.remove_user, key)

    def _own_user(identity: Identity, key: str) -> None:
        if not any(u.id == key and identity.sees(u.account) for u in door.access.list_users()):
            raise not_there(f"users/{key}")

    @get("/keys", tags=["keys"], sync_to_thread=True, guards=[needs("admin")],
         summary="List keys", operation_id="list_keys")  # fmt: skip
    def keys(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Return all keys, without their secrets."""
        who: Identity = request.user
        return {"items": [key for key in door.access.list_keys() if who.sees(key.account)]}

    @post("/keys", tags=["keys"], guards=[needs("admin")], summary="Add a key",
          operation_id="add_key")  # fmt: skip
    async def add_key(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Add a key for so many seconds (0: for good); its secret is told here and never again."""
        new = await read_as(request, _NewKey)
        account = _account_for(request.user, new.account)
        key, secret = await asyncio.to_thread(
            door.access.add_key, new.id, new.role, account, new.seconds
        )
        return {**msgspec.structs.asdict(key), "secret": secret}

    @delete("/keys/{key:str}", tags=["keys"], status_code=204, guards=[needs("admin")],
            summary="Remove a key", operation_id="remove_key")  # fmt: skip
    async def remove_key(request: Request[Any, Any, Any], key: _Id) -> None:
        """Remove a key; it opens nothing any more, from now on."""
        identity: Identity = request.user

        def remove() -> None:
            if not any(k.id == key and identity.sees(k.account) for k in door.access.list_keys()):
                raise not_there(f"keys/{key}")
            door.access.remove_key(key)

        await asyncio.to_thread(remove)

    return [log_in, log_out, me, users, add_user, change_user, remove_user, keys, add_key,
            remove_key]  # fmt: skip


def _told(identity: Identity) -> dict[str, Any]:
    return msgspec.structs.asdict(identity)
