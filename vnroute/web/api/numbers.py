"""Numbers, in millions: read page by page, changed one by one, in force at once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from vnroute.access.identity import Identity
from vnroute.model import FieldError
from vnroute.model.e164 import parse_number
from vnroute.model.number import NumberState
from vnroute.store.base import Transaction
from vnroute.store.documents import number_document
from vnroute.web.api.body import etag, json_of
from vnroute.web.api.changes import Changes, check_etag
from vnroute.web.api.entities import check_numbers
from vnroute.web.api.parameters import Dry, IfMatch, IfNoneMatch, Wait
from vnroute.web.api.problems import Refused, not_there
from vnroute.web.api.who import needs

__all__ = ["number_handlers"]

_Number = Annotated[str, PathParameter(max_length=20)]
_Text = Annotated[str, QueryParameter(max_length=64)]
_Digits = Annotated[str, QueryParameter(pattern=r"^\+?([1-9][0-9]{0,14})?$")]
_Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="Entries in a page.")]


def _parsed(text: str) -> int:
    try:
        return parse_number(text)
    except FieldError:
        raise not_there(f"numbers/{text[:40]}") from None


def number_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handlers of numbers."""

    def read(number: int, identity: Identity) -> bytes | None:
        store = changes.store()
        try:
            found = store.number(number)
        finally:
            store.close()
        if found is None or (identity.account and found.account != identity.account):
            return None
        return number_document(number, found)

    @get("/numbers", sync_to_thread=True, tags=["numbers"], summary="List numbers",
         operation_id="list_numbers")  # fmt: skip
    def listed(
        request: Request[Any, Any, Any],
        after: _Digits = "",
        limit: _Limit = 100,
        prefix: _Digits = "",
        account: _Text = "",
        plan: _Text = "",
        campaign: _Text = "",
        number_state: Annotated[NumberState | None, QueryParameter(name="state")] = None,
    ) -> Response[dict[str, Any]]:
        """Return a page of numbers, ascending as integers; ``next`` is empty at the end only.

        A page that asks for few among many may be short, or empty, with a ``next``: a request
        reads 200,000 numbers at most.
        """
        identity: Identity = request.user
        if identity.account and account not in ("", identity.account):
            return Response({"items": [], "next": ""})
        store = changes.store()
        try:
            found, following = store.numbers_page(
                int(after.removeprefix("+") or 0), limit, prefix=prefix.removeprefix("+"),
                account=identity.account or account, plan=plan, campaign=campaign,
                state=number_state or "",
            )  # fmt: skip
        finally:
            store.close()
        documents = [number_document(number, leads) for number, leads in found]
        page = [{"etag": etag(one), "number": msgspec.Raw(one)} for one in documents]
        return Response({"items": page, "next": str(following or "")})

    @get("/numbers/{key:str}", sync_to_thread=True, tags=["numbers"], summary="Read a number",
         operation_id="get_number")  # fmt: skip
    def shown(request: Request[Any, Any, Any], key: _Number) -> Response[bytes]:
        """Return a number of its own row, with its ETag; those of blocks have none."""
        document = read(_parsed(key), request.user)
        if document is None:
            raise not_there(f"numbers/{key}")
        return Response(document, media_type="application/json", headers={"ETag": etag(document)})

    @put("/numbers/{key:str}", tags=["numbers"], guards=[needs("operator")],
         summary="Add or move a number", operation_id="put_number")  # fmt: skip
    async def stored(
        request: Request[Any, Any, Any],
        key: _Number,
        if_match: IfMatch = "",
        if_none_match: IfNoneMatch = "",
        dry_run: Dry = False,
        wait: Wait = 0.0,
    ) -> Response[dict[str, Any]]:
        """Add a number, or move the one whose ETag ``If-Match`` names; live with the answer."""
        identity: Identity = request.user
        number, entry = _parsed(key), await json_of(request)
        if isinstance(entry, dict):
            if entry.setdefault("number", f"+{number}") not in (f"+{number}", key):
                found = repr(entry["number"])[:80]
                error = {"field": "number", "found": found, "expected": f"'+{number}'"}
                raise Refused(422, "the number differs from the one in the path", [error])
            if identity.account and entry.setdefault("account", identity.account) != (
                identity.account
            ):
                raise Refused(403, f"{identity.name} may not give a number to another account")

        def allowed(writing: Transaction) -> None:
            if identity.account:
                check_numbers(identity, writing, [entry])
            now = writing.number(number)
            document = None if now is None else number_document(number, now)
            check_etag(document, if_match, if_none_match, f"numbers/{key}")

        told = await changes.make(
            {"numbers": [entry]}, {}, what=f"put number +{number}", identity=identity,
            allowed=allowed, dry_run=dry_run, wait=wait, within="numbers[0].",
        )  # fmt: skip
        document = None if dry_run else await asyncio.to_thread(read, number, identity)
        return Response(
            told,
            status_code=201 if told["added"] and not dry_run else 200,
            headers=None if document is None else {"ETag": etag(document)},
        )

    @delete("/numbers/{key:str}", tags=["numbers"], status_code=200, guards=[needs("operator")],
            summary="Remove a number", operation_id="delete_number")  # fmt: skip
    async def removed(
        request: Request[Any, Any, Any],
        key: _Number,
        if_match: IfMatch = "",
        dry_run: Dry = False,
        wait: Wait = 0.0,
    ) -> Response[dict[str, Any]]:
        """Remove the number whose ETag ``If-Match`` names; a block around it takes its calls."""
        identity: Identity = request.user
        number = _parsed(key)

        def allowed(writing: Transaction) -> None:
            now = writing.number(number)
            if now is None or (identity.account and now.account != identity.account):
                raise not_there(f"numbers/{key}")
            if identity.account:
                raise Refused(403, f"{identity.name} may say where numbers lead, no more")
            check_etag(number_document(number, now), if_match, "", f"numbers/{key}")

        told = await changes.make(
            {}, {"numbers": [f"+{number}"]}, what=f"remove number +{number}", identity=identity,
            allowed=allowed, dry_run=dry_run, wait=wait,
        )  # fmt: skip
        return Response(told)

    return [listed, shown, stored, removed]
