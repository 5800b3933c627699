"""``/api/v1/reports/SUBJECT`` and ``/api/v1/calls``: what ``report`` and ``cdr tail`` show."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from vnroute.calls.asking import asked
from vnroute.calls.export import exported
from vnroute.calls.opening import open_calls
from vnroute.calls.reports import ReportError, make_report
from vnroute.model.problem import FieldError
from vnroute.settings import Settings
from vnroute.store import StoreError

__all__ = ["report_handlers"]

_MOST_ROWS = 10_000
_Text = Annotated[str, Parameter(max_length=100)]
_Limit = Annotated[int, Parameter(ge=1, le=_MOST_ROWS)]


def _refused(status: int, why: str) -> Response[dict[str, Any]]:
    return Response({"status_code": status, "detail": why}, status_code=status)


def report_handlers(settings: Settings) -> list[HTTPRouteHandler]:
    """Return the handlers; each opens the store of calls for itself, in a thread."""

    @get("/api/v1/reports/{subject:str}", sync_to_thread=True)
    def report(
        subject: str,
        first: Annotated[str, Parameter(query="from", max_length=10)] = "",
        last: Annotated[str, Parameter(query="to", max_length=10)] = "",
        month: _Text = "",
        account: _Text = "",
        campaign: _Text = "",
        number: _Text = "",
        by: list[str] | None = None,
        limit: _Limit = 1000,
        callers: bool = False,
    ) -> Response[dict[str, Any]]:
        """Return a report's columns and rows; 400 for one that cannot be made so."""
        try:
            which = asked(first, last, month, account, campaign, number)
            store = open_calls(settings.calls_address, create=False)
            try:
                made = make_report(store, subject, which, by or (), callers)
            finally:
                store.close()
        except FieldError as error:
            return _refused(400, f"{error.field}: found {error.found}, expected {error.expected}")
        except ReportError as error:
            return _refused(400, str(error))
        except StoreError as error:
            return _refused(503, str(error))
        return Response(
            {"report": subject, "columns": made.columns, "rows": made.rows[:limit],
             "more": max(0, len(made.rows) - limit)}
        )  # fmt: skip

    @get("/api/v1/calls", sync_to_thread=True)
    def calls(
        account: _Text = "", campaign: _Text = "", number: _Text = "", limit: _Limit = 20
    ) -> Response[dict[str, Any]]:
        """Return the last calls stored, oldest first, with their legs."""
        try:
            which = asked(account=account, campaign=campaign, number=number, all_days=True)
            store = open_calls(settings.calls_address, create=False)
            try:
                found = [exported(call) for call in store.last_calls(which, limit)]
            finally:
                store.close()
        except FieldError as error:
            return _refused(400, f"{error.field}: found {error.found}, expected {error.expected}")
        except StoreError as error:
            return _refused(503, str(error))
        return Response({"calls": found})

    return [report, calls]
