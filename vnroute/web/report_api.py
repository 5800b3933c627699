"""``/api/v1/reports/SUBJECT`` and ``/api/v1/calls``: what ``report`` and ``cdr tail`` show."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, PathParameter, QueryParameter

from vnroute.access.identity import Identity
from vnroute.calls.asking import asked
from vnroute.calls.base import CallFilter, CallStore
from vnroute.calls.concurrency import concurrency
from vnroute.calls.export import exported
from vnroute.calls.opening import open_calls
from vnroute.calls.reports import Report, ReportError, make_report
from vnroute.calls.unused import unused as unused_numbers
from vnroute.model.e164 import parse_number
from vnroute.model.problem import FieldError
from vnroute.settings import Settings
from vnroute.store import StoreError, open_store
from vnroute.web.api.problems import Refused, not_there

__all__ = ["report_handlers"]

_MOST_ROWS = 10_000
_MOST_READ = 10_000_000
_Text = Annotated[str, QueryParameter(max_length=100)]
_Days = Annotated[int, QueryParameter(ge=0, le=36_500)]
_Limit = Annotated[int, QueryParameter(ge=1, le=_MOST_ROWS)]


def _refused(error: FieldError | ReportError | StoreError) -> Refused:
    """Return the answer for a question that cannot be answered, or a store that cannot be read."""
    if isinstance(error, FieldError):
        told = {"field": error.field, "found": error.found, "expected": error.expected}
        return Refused(400, str(error), [told])
    return Refused(503 if isinstance(error, StoreError) else 400, str(error))


def _concurrency(store: CallStore, which: CallFilter, by: list[str], of: str) -> Report:
    """Return concurrent calls over time; not of any number of calls."""
    if len(by) > 1:
        raise ReportError("concurrency goes by day or by hour")
    count = store.packed_count(which)
    if count > _MOST_READ:
        raise ReportError(
            f"{count:,} calls would be read, and {_MOST_READ:,} are the most: ask for fewer days"
        )
    return concurrency(store, which, by[0] if by else "hour", of)


def _unused(settings: Settings, store: CallStore, days: int, which: CallFilter) -> Report:
    """Return numbers without a call for so many days, of one account or campaign if so asked."""
    routing = open_store(settings.store_address, create=False)
    try:
        made = unused_numbers(store, routing, days)
    finally:
        routing.close()
    rows = [
        row
        for row in made.rows
        if which.account in ("", row["account"]) and which.campaign in ("", row["campaign"])
    ]
    return replace(made, rows=rows)


def _own(identity: Identity, account: str) -> str:
    """Return the account whose calls are told: one's own, where one is limited to it."""
    if not identity.sees(account) and account:
        raise not_there(f"accounts/{account}")
    return identity.account or account


_OURS = frozenset(
    {"cost", "cost_currency", "receive_cost", "receive_currency", "margin", "cost_a_call",
     "unrated"}
)  # fmt: skip
"""What calls cost us; of a leg also who carried it and by which rate."""
_OURS_OF_LEGS = _OURS | {"carrier", "gateway", "prefix", "rate", "fee", "currency"}


def _without(row: dict[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in hidden} if hidden else row


def _told(identity: Identity, call: dict[str, Any]) -> dict[str, Any]:
    """Return a call for reading; to one who is limited to an account, without what is ours."""
    made = exported(call)
    if not identity.account:
        return made
    return _without(made, _OURS) | {"legs": [_without(leg, _OURS_OF_LEGS) for leg in made["legs"]]}


def report_handlers(settings: Settings) -> list[HTTPRouteHandler]:
    """Return the handlers; each opens the store of calls for itself, in a thread."""

    @get("/reports/{subject:str}", sync_to_thread=True, tags=["reports"], operation_id="report")
    def report(
        request: Request[Any, Any, Any],
        subject: FromPath[str],
        first: Annotated[str, QueryParameter(name="from", max_length=10)] = "",
        last: Annotated[str, QueryParameter(name="to", max_length=10)] = "",
        month: _Text = "",
        account: _Text = "",
        campaign: _Text = "",
        number: _Text = "",
        by: FromQuery[list[str] | None] = None,
        limit: _Limit = 1000,
        callers: FromQuery[bool] = False,
        of: _Text = "",
        unused: _Days = 0,
    ) -> Response[dict[str, Any]]:
        """Return a report's columns and rows; 400 for one that cannot be made so.

        ``of`` is for concurrency: account or carrier. What calls cost us is not told to one who is
        limited to an account. ``unused`` is for numbers: those without a call for so many days.
        """
        account = _own(request.user, account)
        if request.user.account and ("carrier" in (subject.removesuffix("s"), of)):
            raise Refused(404)
        try:
            which = asked(first, last, month, account, campaign, number)
            store = open_calls(settings.calls_address, create=False)
            try:
                if unused:
                    if subject != "numbers" or by:
                        raise ReportError("unused goes with numbers, and not with by")
                    made = _unused(settings, store, unused, which)
                elif subject == "concurrency":
                    made = _concurrency(store, which, by or [], of)
                elif of:
                    raise ReportError("of goes with concurrency")
                else:
                    made = make_report(store, subject, which, by or (), callers)
            finally:
                store.close()
        except (FieldError, ReportError, StoreError) as error:
            raise _refused(error) from None
        hidden = _OURS if request.user.account else frozenset()
        return Response(
            {"report": subject, "columns": [name for name in made.columns if name not in hidden],
             "rows": [_without(row, hidden) for row in made.rows[:limit]],
             "more": max(0, len(made.rows) - limit)}
        )  # fmt: skip

    @get("/calls", sync_to_thread=True, tags=["calls"], operation_id="calls")
    def calls(
        request: Request[Any, Any, Any],
        first: Annotated[str, QueryParameter(name="from", max_length=10)] = "",
        last: Annotated[str, QueryParameter(name="to", max_length=10)] = "",
        account: _Text = "",
        campaign: _Text = "",
        number: _Text = "",
        caller: _Text = "",
        outcome: _Text = "",
        before: Annotated[int, QueryParameter(ge=0, le=2**62)] = 0,
        limit: _Limit = 20,
    ) -> Response[dict[str, Any]]:
        """Return the last calls stored, oldest first, with their legs.

        ``before`` is the ``next`` of a page: it gives the calls before those.
        """
        account = _own(request.user, account)
        try:
            which = asked(first, last, "", account, campaign, number, all_days=True)
            by = f"+{parse_number(caller, 'caller')}" if caller else ""
            found = _found(which, limit, before=before, caller=by, outcome=outcome)
        except (FieldError, ReportError, StoreError) as error:
            raise _refused(error) from None
        following = str(found[0]["id"]) if len(found) == limit else ""
        return Response({"calls": [_told(request.user, each) for each in found], "next": following})

    @get("/calls/{key:int}", sync_to_thread=True, tags=["calls"], operation_id="call")
    def call(
        request: Request[Any, Any, Any], key: Annotated[int, PathParameter(ge=1, le=2**62)]
    ) -> Response[dict[str, Any]]:
        """Return one call with its legs, by its ``id``."""
        try:
            found = _found(asked(account=request.user.account, all_days=True), 1, call=key)
        except StoreError as error:
            raise _refused(error) from None
        if not found:
            raise not_there(f"calls/{key}")
        return Response(_told(request.user, found[0]))

    def _found(which: CallFilter, limit: int, **more: Any) -> list[dict[str, Any]]:
        store = open_calls(settings.calls_address, create=False)
        try:
            return store.last_calls(which, limit, **more)
        finally:
            store.close()

    return [report, calls, call]
