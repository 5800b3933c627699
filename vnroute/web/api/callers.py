"""Lists of callers, by the million: read page by page, asked for one caller, changed a few at a
time, imported.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, PathParameter, QueryParameter

from vnroute.access.identity import Identity
from vnroute.importing.callers import change_callers
from vnroute.importing.loading import Report
from vnroute.model.screen import CallerList, caller_key, caller_keys, caller_text
from vnroute.web.api.body import read_as
from vnroute.web.api.changes import Changes, who
from vnroute.web.api.jobs import Job, Jobs
from vnroute.web.api.parameters import Dry, Wait
from vnroute.web.api.problems import not_there
from vnroute.web.api.upload import received
from vnroute.web.api.who import needs, unlimited

__all__ = ["ChangedCallers", "caller_handlers"]

_Id = Annotated[str, PathParameter(max_length=64)]
_Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="Entries in a page.")]
_Text = Annotated[str, QueryParameter(max_length=64)]


class ChangedCallers(msgspec.Struct, forbid_unknown_fields=True):
    """Entries to put on a list, and others to take off it."""

    add: list[str] = []
    remove: list[str] = []


def caller_handlers(changes: Changes, jobs: Jobs) -> list[HTTPRouteHandler]:
    """Return the handlers. Lists are the system's own."""

    @get("/lists/{key:str}/callers", tags=["lists"], sync_to_thread=True, guards=[unlimited],
         summary="Read who is on a list", operation_id="list_callers")  # fmt: skip
    def listed(
        key: _Id, after: _Text = "", limit: _Limit = 100, caller: _Text = ""
    ) -> dict[str, Any]:
        """Return a page of a list: what was imported and added; ``written`` are those that the
        list itself names. ``after`` is the ``next`` of the page before. With ``caller`` only the
        entries that he meets: his own, and prefixes that he begins with.
        """
        begin = caller_key(after, "after") if after else 0
        met = caller_keys(caller) if caller else []
        store = changes.store()
        try:
            document = store.entity("lists", key) if key.isascii() else None
            if document is None:
                raise not_there(f"lists/{key}")
            if met:
                found = [one for one in met if store.callers_page(key, one - 1, 1) == [one]]
            else:
                found = store.callers_page(key, begin, limit)
        finally:
            store.close()
        written = msgspec.json.decode(document, type=CallerList).callers
        following = not met and len(found) == limit
        return {
            "items": [caller_text(each) for each in found],
            "next": caller_text(found[-1]) if following else "",
            "written": [one for one in written if not met or caller_key(one) in met],
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

    @post("/lists/{key:str}/imports", tags=["lists"], status_code=202,
          guards=[needs("operator"), unlimited], request_max_body_size=None,
          summary="Import callers onto a list", operation_id="import_callers")  # fmt: skip
    async def imported(
        request: Request[Any, Any, Any],
        key: _Id,
        replace: FromQuery[bool] = False,
        dry_run: FromQuery[bool] = False,
    ) -> Response[dict[str, Any]]:
        """Take a CSV file (the request's body), as ``vnroute import list`` does; the answer names
        the job.
        """

        def there() -> bool:
            store = changes.store()
            try:
                return key.isascii() and store.entity("lists", key) is not None
            finally:
                store.close()

        if not await asyncio.to_thread(there):
            raise not_there(f"lists/{key}")
        file = await received(request, changes.settings.spool / "uploads")
        words = ["import", "list", *(["--replace"] if replace else []),
                 *(["--dry-run"] if dry_run else []), "--json", "--", key, str(file)]  # fmt: skip
        identity: Identity = request.user

        def done(job: Job) -> None:
            if job.state == "done" and not dry_run:
                changes.publisher.changed()

        job = jobs.start(
            f"list {key}", words, who=who(identity), account=identity.account, input_file=file,
            done=done,
        )  # fmt: skip
        return Response(job.told(), status_code=202)

    return [listed, changed, imported]
