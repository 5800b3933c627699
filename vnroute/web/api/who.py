"""Who asks: by a key (``Authorization: Bearer``), or by the session that a browser's cookie names.

A cookie is lent by a browser to any page, so what changes something must come from our own
(Fetch Metadata's Sec-Fetch-Site, or Origin); the cookie itself is SameSite=Strict and HttpOnly.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware.authentication import (
    AbstractAuthenticationMiddleware,
    AuthenticationResult,
)
from litestar.types import ASGIApp, Receive, Scope, Send

from vnroute.access.identity import Identity, Role
from vnroute.access.owner import is_owners, owner, owners_key
from vnroute.access.store import AccessStore
from vnroute.settings import Settings
from vnroute.web.api.problems import Refused

__all__ = ["COOKIE", "OPEN", "Door", "authentication", "needs", "rate_limit", "unlimited"]

COOKIE = "vnroute_session"
OPEN = "open_to_all"
"""The option of a handler that asks nobody who they are."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_MOST_SECRET = 200


class Door:
    """Knows users, keys, sessions and the owner's key of one home; opened when first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._access: AccessStore | None = None
        self._owners_key = ""

    @property
    def access(self) -> AccessStore:
        """The database of users and keys. Raises :class:`vnroute.store.StoreError`."""
        if self._access is None:
            self._access = AccessStore(self._settings.home)
        return self._access

    def prepare(self) -> None:
        """Make the owner's key, so that it is there before anybody asks."""
        self._owners_key = owners_key(self._settings.state)

    def by_secret(self, secret: str) -> Identity | None:
        """Return who holds a key, the owner's or another."""
        if not secret or len(secret) > _MOST_SECRET:
            return None
        if self._owners_key and is_owners(secret, self._owners_key):
            return owner()
        return self.access.by_key(secret)

    def by_session(self, secret: str) -> Identity | None:
        """Return whose session it is."""
        return self.access.by_session(secret) if 0 < len(secret) <= _MOST_SECRET else None

    def close(self) -> None:
        """Close the database."""
        if self._access is not None:
            self._access.close()


def authentication(door: Door) -> Callable[[ASGIApp], ASGIApp]:
    """Return the middleware that finds out who asks, and refuses the unknown with 401."""

    # A function, since Litestar copies a router with all that it holds, the door included.
    def around(app: ASGIApp) -> ASGIApp:
        return _Authentication(app, door, exclude_from_auth_key=OPEN)

    return around


def rate_limit(requests_per_second: int) -> Callable[[ASGIApp], ASGIApp]:
    """Return the middleware that answers one identity's requests beyond so many a second by 429."""
    # Litestar's own keeps its counts as JSON: half of what a short request costs.
    counts: dict[tuple[str, str], int] = {}
    second = 0

    def around(app: ASGIApp) -> ASGIApp:
        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal second
            user = scope.get("user")
            if isinstance(user, Identity):
                now = int(time.monotonic())
                if now != second:
                    counts.clear()
                    second = now
                name = (user.how, user.name)
                counts[name] = counts.get(name, 0) + 1
                if counts[name] > requests_per_second:
                    told = f"more than {requests_per_second} requests in a second"
                    raise Refused(429, told, headers={"Retry-After": "1"})
            await app(scope, receive, send)

        return limited

    return around


class _Authentication(AbstractAuthenticationMiddleware):
    def __init__(self, app: Any, door: Door, **more: Any) -> None:
        super().__init__(app, **more)
        self.door = door

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Return who asks; raise 401 where that is nobody known."""
        # One row of a small database: less than a thread for it would cost.
        given = connection.headers.get("authorization", "")
        if given:
            scheme, _, secret = given.partition(" ")
            known = scheme.lower() == "bearer"
            identity = self.door.by_secret(secret.strip()) if known else None
        else:
            identity = self.door.by_session(connection.cookies.get(COOKIE, ""))
            if identity is not None and not _from_our_page(connection):
                raise Refused(403, "a change must come from the console itself")
        if identity is None:
            raise NotAuthorizedException(
                "give a key (Authorization: Bearer …), or log in",
                headers={"WWW-Authenticate": 'Bearer realm="vnroute"'},
            )
        return AuthenticationResult(user=identity, auth=None)


def _from_our_page(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    if connection.scope.get("method") in _SAFE:
        return True
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin", "")
    return bool(origin) and origin.partition("://")[2] == connection.headers.get("host", "")


Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]


def needs(role: Role) -> Guard:
    """Return the guard of a handler that asks for a role."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        identity: Identity = connection.user
        if not identity.is_at_least(role):
            raise Refused(403, f"{identity.name} is {identity.role}; this asks for {role}")

    return guard


def unlimited(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard of what belongs to no account: to one who is limited to an account, it is not there."""
    identity: Identity = connection.user
    if identity.account:
        raise Refused(404)
