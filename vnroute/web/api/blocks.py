"""Blocks and prefixes of numbers: read page by page, changed one by one, with ETags."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from vnroute.importing.loading import block_notation
from vnroute.model import FieldError, NumberBlock
from vnroute.store.base import Reading
from vnroute.store.documents import block_document
from vnroute.web.api.body import etag, json_of
from vnroute.web.api.changes import Changes, check_etag
from vnroute.web.api.parameters import Dry, IfMatch, IfNoneMatch, Wait
from vnroute.web.api.problems import Refused, not_there
from vnroute.web.api.who import needs, unlimited

__all__ = ["block_handlers"]

_Key = Annotated[str, PathParameter(max_length=40)]
_Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="Entries in a page.")]
_Text = Annotated[str, QueryParameter(max_length=64)]
_NOBODY = {"account": "nobody", "plan": "none"}
"""Where a block leads that is only read for its numbers."""


def _field(key: str) -> str:
    """Return which field a notation stands in; only blocks have an x or a second number."""
    return "block" if "x" in key.lower() or "-" in key.lstrip("-") else "prefix"


def _parsed(key: str) -> NumberBlock:
    try:
        return msgspec.convert({_field(key): key, **_NOBODY}, NumberBlock)
    except (FieldError, msgspec.ValidationError):
        raise not_there(f"blocks/{key[:40]}") from None


def _stored(reading: Reading, meant: NumberBlock) -> tuple[str, bytes] | None:
    """Return the notation and the document of the block that covers the very same numbers."""
    covered = set(meant.spans())
    (first, _), *_ = sorted(covered)
    notations = {span.notation for span in reading.iter_blocks() if span.first == first}
    for notation in notations:
        spans = [span for span in reading.iter_blocks() if span.notation == notation]
        if {(span.first, span.last) for span in spans} == covered:
            leads = reading.assignments_of([spans[0].assignment])
            return notation, block_document(notation, leads[spans[0].assignment])
    return None


def block_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handlers. Blocks are the carrier's inventory: the system's own."""

    def read(meant: NumberBlock) -> tuple[str, bytes] | None:
        store = changes.store()
        try:
            return _stored(store, meant)
        finally:
            store.close()

    @get("/blocks", tags=["numbers"], sync_to_thread=True, guards=[unlimited],
         summary="List blocks of numbers", operation_id="list_blocks")  # fmt: skip
    def listed(
        after: Annotated[int, QueryParameter(ge=0, le=10**9)] = 0,
        limit: _Limit = 100,
        account: _Text = "",
        plan: _Text = "",
    ) -> Response[dict[str, Any]]:
        """Return blocks and prefixes with where they lead, by their notation; ``after`` counts."""
        store = changes.store()
        try:
            with store.snapshot() as reading:
                spans = sorted({(s.notation, s.assignment) for s in reading.iter_blocks()})
                leads = reading.assignments_of(assignment for _, assignment in spans)
        finally:
            store.close()
        meant = [
            (notation, leads[assignment])
            for notation, ((_, assignment), *_) in (
                (name, list(group)) for name, group in groupby(spans, lambda span: span[0])
            )
            if (not account or leads[assignment].account == account)
            and (not plan or leads[assignment].plan == plan)
        ]
        page = [msgspec.Raw(block_document(*each)) for each in meant[after : after + limit]]
        more = after + limit < len(meant)
        return Response({"items": page, "next": after + limit if more else 0, "count": len(meant)})

    @get("/blocks/{key:str}", tags=["numbers"], sync_to_thread=True, guards=[unlimited],
         summary="Read a block of numbers", operation_id="get_block")  # fmt: skip
    def shown(key: _Key) -> Response[bytes]:
        """Return a block or prefix by its notation, with its ETag."""
        found = read(_parsed(key))
        if found is None:
            raise not_there(f"blocks/{key}")
        headers = {"ETag": etag(found[1])}
        return Response(found[1], media_type="application/json", headers=headers)

    @put("/blocks/{key:str}", tags=["numbers"], guards=[needs("operator"), unlimited],
         summary="Make or change a block of numbers", operation_id="put_block")  # fmt: skip
    async def stored(
        request: Request[Any, Any, Any],
        key: _Key,
        if_match: IfMatch = "",
        if_none_match: IfNoneMatch = "",
        dry_run: Dry = False,
        wait: Wait = 0.0,
    ) -> Response[dict[str, Any]]:
        """Make one, or change the one whose ETag ``If-Match`` names."""
        entry = await json_of(request)
        try:
            meant = _parsed(key)
        except Refused:
            meant = None
        if isinstance(entry, dict):
            _name(entry, key, meant)
        told = await changes.make(
            {"blocks": [entry]}, {}, what=f"put block {key}", identity=request.user,
            allowed=lambda writing: check_etag(
                _document(_stored(writing, meant) if meant else None), if_match, if_none_match,
                f"blocks/{key}",
            ),
            dry_run=dry_run, wait=wait, within="blocks[0].",
        )  # fmt: skip
        document = _document(await asyncio.to_thread(read, meant)) if meant else None
        return Response(
            told,
            status_code=201 if told["added"] and not dry_run else 200,
            headers=None if document is None or dry_run else {"ETag": etag(document)},
        )

    @delete("/blocks/{key:str}", tags=["numbers"], status_code=200,
            guards=[needs("operator"), unlimited], summary="Remove a block of numbers",
            operation_id="delete_block")  # fmt: skip
    async def removed(
        request: Request[Any, Any, Any],
        key: _Key,
        if_match: IfMatch = "",
        dry_run: Dry = False,
        wait: Wait = 0.0,
    ) -> Response[dict[str, Any]]:
        """Remove the one whose ETag ``If-Match`` names; numbers of their own within it stay."""
        found = await asyncio.to_thread(read, _parsed(key))
        if found is None:
            raise not_there(f"blocks/{key}")
        told = await changes.make(
            {}, {"blocks": [found[0]]}, what=f"remove block {key}", identity=request.user,
            allowed=lambda writing: check_etag(
                _document(_stored(writing, _parsed(key))), if_match, "", f"blocks/{key}"
            ),
            dry_run=dry_run, wait=wait,
        )  # fmt: skip
        return Response(told)

    return [listed, shown, stored, removed]


def _document(found: tuple[str, bytes] | None) -> bytes | None:
    return found[1] if found else None


def _name(entry: dict[str, Any], key: str, meant: NumberBlock | None) -> None:
    """Give an entry the notation of the path, or refuse other numbers than that one's."""
    if not entry.get("block") and not entry.get("prefix"):
        entry[_field(key)] = key
    field = "block" if entry.get("block") else "prefix"
    if entry[field] == key:
        return  # what is wrong in it is told along with all else
    named = {name: entry[name] for name in ("block", "prefix") if entry.get(name)}
    try:
        spans = msgspec.convert({**named, **_NOBODY}, NumberBlock).spans()
    except (FieldError, msgspec.ValidationError):
        return
    if meant is None or spans != meant.spans():
        expected = repr(key if meant is None else block_notation(meant))
        error = {"field": field, "found": repr(entry[field])[:80], "expected": expected}
        raise Refused(422, "the block differs from the one in the path", [error])
