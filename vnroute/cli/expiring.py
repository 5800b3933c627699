"""``vnroute expiring``: numbers that come into service, expire or leave quarantine soon."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import rich_click as click

from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.store.base import Reading

__all__ = ["command"]


@click.command("expiring", epilog="Example: vnroute expiring --days 30 --account acme")
@click.option("--days", default=30, type=click.IntRange(1, 3660), help="How far ahead; 30.")
@click.option("--account", default="", metavar="ID", help="Of this account only.")
@click.option("--at", "moment", default="", metavar="TIME",
              help="From when on: ISO 8601, UTC without an offset. Now, if not given.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@pass_session
def command(session: Session, days: int, account: str, moment: str, as_json: bool) -> int:
    """List numbers whose life changes soon: by their `from` and `until`, as they are loaded.

    Nothing has to be run when the time comes: the route image knows it. Times are told on the
    clock of the number's account.
    """
    from vnroute.cli.output import print_error, print_json
    from vnroute.model.moment import parse_moment
    from vnroute.model.problem import FieldError

    try:
        now = parse_moment(moment).timestamp()
    except FieldError as error:
        print_error(str(error))
        return 2
    store = session.open_store(create=False)
    try:
        with store.snapshot() as reading:
            rows = upcoming_lives(reading, int(now), int(now) + 86400 * days, account)
    finally:
        store.close()
    if as_json:
        print_json({"days": days, "numbers": rows})
        return 0
    for row in rows:
        at = datetime.fromisoformat(row["at"])
        sys.stdout.write(
            f"{at:%Y-%m-%d %H:%M} {row['time_zone']}  {row['number']}  {row['event']}"
            f"  (account {row['account']}, {row['state']})\n"
        )
    count = len(rows)
    sys.stdout.write(f"{count} change{'s' * (count != 1)} in {days} day{'s' * (days != 1)}\n")
    return 0


def upcoming_lives(reading: Reading, first: int, end: int, account: str) -> list[dict[str, Any]]:
    """Return what changes in the lives of numbers and blocks between two Unix seconds, by time."""
    from vnroute.model.validity import first_second, second_after

    zones = {one.id: one.time_zone for one in reading.accounts()}
    events: dict[int, list[dict[str, Any]]] = {}
    for one in reading.assignments():
        if account and one.account != account:
            continue
        zone = zones[one.account]
        ends = "quarantine ends" if one.state == "quarantined" else "expires"
        for event, second in (
            ("comes into service", first_second(one.since, zone)),
            (ends, second_after(one.until, zone)),
        ):
            if first <= second < end:
                events.setdefault(one.id, []).append(
                    {
                        "event": event,
                        "at": datetime.fromtimestamp(second, ZoneInfo(zone)).isoformat(),
                        "second": second,
                        "time_zone": zone,
                        "account": one.account,
                        "plan": one.plan,
                        "state": one.state,
                    }
                )
    notations = {
        (span.notation, span.assignment): None
        for span in reading.iter_blocks()
        if span.assignment in events
    }
    held = [(f"+{number}", one) for number, one in reading.iter_numbers_of(events)]
    rows = [{"number": name, **event} for name, one in [*held, *notations] for event in events[one]]
    rows.sort(key=lambda row: (row["second"], row["number"]))
    for row in rows:
        del row["second"]
    return rows
