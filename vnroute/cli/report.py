"""``vnroute report``: campaigns, carriers, accounts, days, numbers, sources, from calls stored."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from vnroute.cli.period import call_filter, period_options
from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.calls.base import CallStore
    from vnroute.calls.reports import Report

__all__ = ["command"]


@click.command(
    "report",
    epilog="Example: vnroute report campaigns --month 2026-11 --by country --csv > november.csv",
)
@click.argument(
    "subject",
    type=click.Choice(
        ["campaigns", "carriers", "accounts", "days", "numbers", "sources", "concurrency"]
    ),
)
@click.option("--by", multiple=True,
              help="Group further: account, campaign, country, area, destination, gateway, number,"
              " day or hour, as far as the subject has it. May be given again.")  # fmt: skip
@period_options
@click.option("--unused", type=click.IntRange(1), default=None, metavar="DAYS",
              help="With numbers: those of ours, and blocks, that nobody has called for so"
                   " many days.")  # fmt: skip
@click.option("--of", type=click.Choice(["account", "carrier"]), default=None,
              help="With concurrency: rows for each account or carrier.")  # fmt: skip
@click.option("--callers", is_flag=True,
              help="Count callers even of more than ten million calls.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), default=None, help="Rows at most.")
@click.option("--csv", "as_csv", is_flag=True, help="Print it as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_session
def command(
    session: Session,
    /,
    subject: str,
    by: tuple[str, ...],
    unused: int | None,
    of: str | None,
    callers: bool,
    limit: int | None,
    as_csv: bool,
    as_json: bool,
    **options: str,
) -> int:
    """Report on calls: how many, answered or missed, how long, at what cost.

    This month unless other days are given; days and hours are UTC. Sums are kept with each call
    that is stored, so a report is quick however many calls there are, and exact. What waits in the
    spool is not in it yet (/metrics tells how much).
    """
    from vnroute.calls.concurrency import concurrency
    from vnroute.calls.opening import open_calls
    from vnroute.calls.reports import ReportError, make_report
    from vnroute.cli.output import print_error

    if unused is not None and subject != "numbers":
        raise click.UsageError("--unused goes with numbers")
    if of is not None and subject != "concurrency":
        raise click.UsageError("--of goes with concurrency")
    if subject == "concurrency" and len(by) > 1:
        raise click.UsageError("concurrency goes by day or by hour")
    if as_csv and as_json:
        raise click.UsageError("one of --csv and --json")
    which = call_filter(options)
    store = open_calls(session.settings.calls_address, create=False)
    try:
        if unused is not None:
            report = _unused(session, store, unused)
        elif subject == "concurrency":
            report = concurrency(store, which, by[0] if by else "hour", of or "")
        else:
            report = make_report(store, subject, which, by, callers)
    except ReportError as error:
        print_error(str(error))
        return 2
    finally:
        store.close()
    if limit is not None:
        del report.rows[limit:]
    _print(report, as_csv, as_json)
    return 0


def _unused(session: Session, store: CallStore, days: int) -> Report:
    from vnroute.calls.unused import unused

    routing = session.open_store(create=False)
    try:
        return unused(store, routing, days)
    finally:
        routing.close()


def _print(report: Report, as_csv: bool, as_json: bool) -> None:
    from vnroute.calls.export import write_rows
    from vnroute.cli.output import print_json, wide_console

    if as_json:
        print_json({"report": report.subject, "columns": report.columns, "rows": report.rows})
    elif as_csv:
        write_rows(report.columns, report.rows, sys.stdout)
    else:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        if not report.rows:
            sys.stdout.write("no calls\n")
            return
        table = Table(box=box.SIMPLE)
        for name in report.columns:
            left = isinstance(report.rows[0][name], str) and name not in _MONEY
            table.add_column(name.replace("_", " "), justify="left" if left else "right")
        for row in report.rows:
            table.add_row(*(Text(_cell(name, row[name])) for name in report.columns))
        wide_console().print(table)


_MONEY = ("cost", "receive_cost", "price", "margin", "cost_a_call")


def _cell(name: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    if name in ("asr", "ner"):
        return f"{100 * value:.1f} %"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) and name != "hour" else str(value)
