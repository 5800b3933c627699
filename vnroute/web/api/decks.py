"""Rate decks: listed, looked at, imported with progress and differences, rolled back."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, PathParameter, QueryParameter

from vnroute.access.identity import Identity
from vnroute.model.e164 import parse_prefix
from vnroute.store.base import Store
from vnroute.web.api.body import read_as
from vnroute.web.api.changes import Changes, who
from vnroute.web.api.jobs import Job, Jobs
from vnroute.web.api.problems import Refused, not_there
from vnroute.web.api.upload import received
from vnroute.web.api.who import needs, unlimited

__all__ = ["RollBack", "deck_handlers"]

_Kind = Annotated[Literal["carrier", "account"], PathParameter()]
_Owner = Annotated[str, PathParameter(max_length=64)]
_Text = Annotated[str, QueryParameter(max_length=200)]
_SCANNED = 2_000_000
"""Rows looked at for one answer."""


class RollBack(msgspec.Struct, forbid_unknown_fields=True):
    """The version to go back to; 0 is the one before."""

    version: int = 0


def deck_handlers(changes: Changes, jobs: Jobs) -> list[HTTPRouteHandler]:
    """Return the handlers. Decks are the system's own: not there for who is limited to an account,
    but for the prices of that account.
    """

    def check(identity: Identity, kind: str, owner: str) -> None:
        if identity.account and (kind != "account" or owner != identity.account):
            raise not_there(f"decks/{kind}/{owner}")

    def found(store: Store, kind: Literal["carrier", "account"], owner: str) -> Any:
        deck = store.deck(kind, owner)
        if deck is None:
            raise not_there(f"decks/{kind}/{owner}")
        return deck

    @get("/decks", tags=["decks"], sync_to_thread=True, summary="List rate decks",
         operation_id="list_decks")  # fmt: skip
    def listed(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Return all decks: whose, the version in force, since when, how many rows."""
        identity: Identity = request.user
        store = changes.store()
        try:
            decks = store.decks()
        finally:
            store.close()
        if identity.account:
            decks = [d for d in decks if d.kind == "account" and d.owner == identity.account]
        return {"items": decks}

    @get("/decks/{kind:str}/{owner:str}", tags=["decks"], sync_to_thread=True,
         summary="Read a rate deck", operation_id="get_deck")  # fmt: skip
    def shown(
        request: Request[Any, Any, Any],
        kind: _Kind,
        owner: _Owner,
        prefix: _Text = "",
        after: Annotated[int, QueryParameter(ge=0, le=10**9)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """Return a deck, its versions, and a page of its rows in force; ``after`` counts rows."""
        check(request.user, kind, owner)
        digits = parse_prefix(prefix, "prefix") if prefix else ""
        store = changes.store()
        try:
            deck = found(store, kind, owner)
            versions = store.deck_versions(kind, owner)
            rows = itertools.islice(store.deck_rows(kind, owner), _SCANNED)
            meant = (r for r in rows if r.prefix.startswith(digits) or digits.startswith(r.prefix))
            page = list(itertools.islice(meant, after, after + limit))
        finally:
            store.close()
        return {
            "deck": deck, "versions": versions, "items": [row._asdict() for row in page],
            "next": after + limit if len(page) == limit else 0,
        }  # fmt: skip

    @post("/decks/{kind:str}/{owner:str}/imports", tags=["decks"], status_code=202,
          guards=[needs("operator"), unlimited], request_max_body_size=None,
          summary="Import a rate deck", operation_id="import_deck")  # fmt: skip
    async def imported(
        request: Request[Any, Any, Any],
        kind: _Kind,
        owner: _Owner,
        partial: FromQuery[bool] = False,
        dry_run: FromQuery[bool] = False,
        skip_bad: FromQuery[bool] = False,
        accept_changes: FromQuery[bool] = False,
        save_mapping: FromQuery[bool] = False,
        columns: _Text = "",
        effective: _Text = "",
        dates: FromQuery[Literal["", "dmy", "mdy"]] = "",
        currency: _Text = "",
    ) -> Response[dict[str, Any]]:
        """Take a file (CSV or XLSX, the request's body) and import it; the answer names the job.

        What each option does is what ``vnroute deck import`` says of it; ``columns`` is its
        ``--map``.
        """
        words = ["deck", "import", owner]
        for flag, given in (("--account", kind == "account"), ("--partial", partial),
                            ("--dry-run", dry_run), ("--skip-bad", skip_bad),
                            ("--accept-changes", accept_changes),
                            ("--save-mapping", save_mapping)):  # fmt: skip
            words += [flag] if given else []
        for option, text in (("--map", columns), ("--effective", effective), ("--dates", dates),
                             ("--currency", currency)):  # fmt: skip
            words += [f"{option}={text}"] if text else []
        if owner.startswith("-"):
            raise not_there(f"decks/{kind}/{owner}")
        file = await received(request, changes.settings.spool / "uploads")
        words += ["--bad-file", str(file.with_suffix(".bad.csv")), "--json", "--", str(file)]
        # The owner comes before the options: click takes them in any order.
        identity: Identity = request.user

        def done(job: Job) -> None:
            file.with_suffix(".bad.csv").unlink(missing_ok=True)
            if job.state == "done" and not dry_run:
                changes.publisher.changed()

        job = jobs.start(
            f"deck of {kind} {owner}", words, who=who(identity), account=identity.account,
            input_file=file, done=done,
        )  # fmt: skip
        return Response(job.told(), status_code=202)

    @get("/jobs", tags=["jobs"], sync_to_thread=False, guards=[unlimited], summary="List imports",
         operation_id="list_jobs")  # fmt: skip
    def all_jobs() -> dict[str, Any]:
        """Return the imports of this process, the last first, without their results."""
        return {"items": [{**job.told(), "result": None} for job in jobs.all()]}

    @get("/jobs/{key:str}", tags=["jobs"], sync_to_thread=False, guards=[unlimited],
         summary="Read an import", operation_id="get_job")  # fmt: skip
    def one_job(key: Annotated[str, PathParameter(max_length=64)]) -> dict[str, Any]:
        """Return how far an import is, and its result: the report, or its problems."""
        job = jobs.get(key)
        if job is None:
            raise not_there(f"jobs/{key}")
        return job.told()

    @post("/decks/{kind:str}/{owner:str}/rollback", tags=["decks"], status_code=200,
          guards=[needs("operator"), unlimited], summary="Go back to a version of a deck",
          operation_id="roll_back_deck")  # fmt: skip
    async def rolled_back(request: Request[Any, Any, Any], kind: _Kind, owner: _Owner) -> Any:
        """Put a version in force that is kept: the one before, or the one that is named."""
        wanted = await read_as(request, RollBack)
        identity: Identity = request.user

        def work() -> Any:
            store = changes.store()
            try:
                kept = {version.version for version in store.deck_versions(kind, owner)}
                current = found(store, kind, owner)
                before = {version for version in kept if version < current.version}
                if wanted.version and wanted.version not in kept:
                    raise not_there(f"version {wanted.version} of decks/{kind}/{owner}")
                if not wanted.version and not before:
                    raise Refused(409, "there is no version before", kind="not-there")
                what = f"roll back deck {owner}"
                with store.transaction(what, who(identity)) as writing:
                    return writing.roll_back_deck(kind, owner, wanted.version)
            finally:
                store.close()

        deck = await changes.write(work)
        changes.publisher.changed()
        return deck

    return [listed, shown, imported, all_jobs, one_job, rolled_back]
