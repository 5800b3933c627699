"""Lists of callers, by the million: read page by page, changed a few at a time; and blocks."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from vnroute.importing.callers import change_callers
from vnroute.importing.loading import Report
from vnroute.model.screen import CallerList, caller_key, caller_text
from vnroute.store.documents import block_document
from vnroute.web.api.body import read_as
from vnroute.web.api.changes import Changes, who
from vnroute.web.api.parameters import Dry, Wait
from vnroute.web.api.problems import not_there
from vnroute.web.api.who import needs, unlimited

__all__ = ["ChangedCallers", "caller_handlers"]

_Id = Annotated[str, PathParameter(max_length=64)]
_Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="Entries in a page.")]
_Text = Annotated[str, QueryParameter(max_length=64)]


class ChangedCallers(msgspec.Struct, forbid_unknown_fields=True):
    """Entries to put on a list, and others to take off it."""

    add: list[str] = []
    remove: list[str] = []


def caller_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handlers. Lists and blocks are the system's own."""

    @get("/lists/{key:str}/callers", tags=["lists"], sync_to_thread=True, guards=[unlimited],
         summary="Read who is on a list", operation_id="list_callers")  # fmt: skip
    def listed(key: _Id, after: _Text = "", limit: _Limit = 100) -> dict[str, Any]:
        """Return a page of a list: what was imported and added; ``written`` are those that the
        list itself names. ``after`` is the ``next`` of the page before.
        """
        begin = caller_key(after, "after") if after else 0
        store = changes.store()
        try:
            document = store.entity("lists", key) if key.isascii() else None
            if document is None:
                raise not_there(f"lists/{key}")
            found = [caller_text(each) for each in store.callers_page(key, begin, limit)]
        finally:
            store.close()
        return {
            "items": found,
            "next": found[-1] if len(found) == limit else "",
            "written": msgspec.json.decode(document, type=CallerList).callers,
        }

    @post("/lists/{key:str}/callers", tags=["lists"], status_code=200,
          guards=[needs("operator"), unlimited], summary="Change who is on a list",
          operation_id="change_callers")  # fmt: skip
    async def changed(
        request: Request[Any, Any, Any], key: _Id, dry_run: Dry = False, wait: Wait = 0.0
    ) -> dict[str, Any]:
        """Put entries on a list and take others off it, all or nothing."""
        given = await read_as(request, ChangedCallers)
        by = who(request.user)

        def write() -> Report | None:
            store = changes.store()
            try:
                return change_callers(store, key, given.add, given.remove, who=by, dry_run=dry_run)
            finally:
                store.close()

        report = await changes.write(write) if key.isascii() else None
        if report is None:
            raise not_there(f"lists/{key}")
        return await changes.told(report, wait)

    @get("/blocks", tags=["numbers"], sync_to_thread=True, guards=[unlimited],
         summary="List blocks of numbers", operation_id="list_blocks")  # fmt: skip
    def blocks(
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

    return [listed, changed, blocks]
