"""``vnroute schedule``: what a schedule says, week by week and change by change."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import rich_click as click

from vnroute.cli.override import until_words
from vnroute.cli.session import Session, pass_session
from vnroute.live.overrides import override_data

if TYPE_CHECKING:
    from vnroute.compiler.schedule_view import Stay
    from vnroute.model import Schedule
    from vnroute.model.override import Override

__all__ = ["command"]

_CELL_MINUTES = 30
_SHADES = "█▒░▓#*+=%@"
_COLOURS = ("green", "yellow", "cyan", "magenta", "blue", "red")


class _Refused(Exception):
    """What was asked cannot be answered; the text says why."""


_zone_option = click.option(
    "--zone", default="", metavar="ZONE",
    help="Time zone to read it in, for a schedule that takes its zone from who asks it.",
)  # fmt: skip
_json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group("schedule")
def command() -> None:
    """Show what a schedule says, as it is loaded: the next compilation settles it just so."""


@command.command("show", epilog="Example: vnroute schedule show office --week 2026-W48")
@click.argument("name", metavar="ID")
@click.option("--week", default="", metavar="WEEK", help="ISO 8601: 2026-W48. This one, if not.")
@_zone_option
@_json_option
@pass_session
def show(session: Session, name: str, week: str, zone: str, as_json: bool) -> int:
    """Draw a week of the schedule ID on the clocks of its time zone, and list its rules."""
    from vnroute.cli.output import print_error, print_json
    from vnroute.compiler.schedule_week import monday_of, stays_of_week, week_data
    from vnroute.model.problem import FieldError

    try:
        schedule, zone = _find(session, name, zone)
        monday = monday_of(week, zone, "--week")
        stays = stays_of_week(schedule, zone, monday)
    except (_Refused, FieldError) as error:
        print_error(str(error))
        return 2
    override = _set_by_hand(session, name)
    if as_json:
        told = override and override_data(override, zone)
        print_json({**week_data(schedule, zone, monday, stays), "override": told})
    else:
        _print_week(schedule, zone, monday, stays)
        _print_override(override, zone)
    return 0


@command.command("next", epilog="Example: vnroute schedule next office --count 20")
@click.argument("name", metavar="ID")
@click.option(
    "--count", default=10, type=click.IntRange(1, 1000), help="How many; 10 if not given."
)
@click.option(
    "--at", "moment", default="", metavar="TIME",
    help="From when on: ISO 8601 with an offset; without one it is UTC. Now, if not given.",
)  # fmt: skip
@_zone_option
@_json_option
@pass_session
def next_changes(
    session: Session, name: str, count: int, moment: str, zone: str, as_json: bool
) -> int:
    """List the next changes of the schedule ID, and which rule makes each."""
    from vnroute.cli.output import print_error, print_json
    from vnroute.compiler.schedule_view import upcoming
    from vnroute.model.moment import parse_moment
    from vnroute.model.problem import FieldError

    try:
        at = int(parse_moment(moment).timestamp())
        schedule, zone = _find(session, name, zone)
        with _settling(schedule):
            present, changes = upcoming(schedule, zone, at, count)
    except (_Refused, FieldError) as error:
        print_error(str(error))
        return 2
    override = _set_by_hand(session, name)
    here = ZoneInfo(zone)
    if as_json:
        print_json(
            {
                "id": schedule.id,
                "time_zone": zone,
                "at": datetime.fromtimestamp(at, here).isoformat(),
                "state": present.state,
                "rule": present.place,
                "override": override and override_data(override, zone),
                "changes": [
                    {
                        "at": datetime.fromtimestamp(stay.start, here).isoformat(),
                        "state": stay.state,
                        "rule": stay.place,
                    }
                    for stay in changes
                ],
            }
        )
        return 0
    wide = max(len(stay.state) for stay in (present, *changes))
    for stay in (present, *changes):
        when = f"{datetime.fromtimestamp(stay.start, here):%a %d %b %Y %H:%M %Z}"
        sys.stdout.write(f"{when}  {stay.state:<{wide}}  {_why(schedule, stay.place)}\n")
    _print_override(override, zone)
    if len(changes) < count:
        sys.stdout.write("no further change in 20 years\n")
    return 0


def _find(session: Session, name: str, zone: str) -> tuple[Schedule, str]:
    """Return a schedule that is loaded, and the zone to read it in."""
    from vnroute.compiler.schedule_week import zone_of
    from vnroute.importing.findings import hint
    from vnroute.model.problem import FieldError

    store = session.open_store(create=False)
    try:
        with store.snapshot() as reading:
            schedules = {schedule.id: schedule for schedule in reading.schedules()}
            zones = {account.id: account.time_zone for account in reading.accounts()}
            plans = reading.plans()
    finally:
        store.close()
    schedule = schedules.get(name)
    if schedule is None:
        raise _Refused(f"no schedule {name!r} is loaded{hint(name, schedules)}")
    try:
        return schedule, zone_of(
            schedule, lambda account: zones.get(account, ""), lambda: plans, zone, "--zone"
        )
    except FieldError as error:
        raise _Refused(str(error)) from None


def _set_by_hand(session: Session, name: str) -> Override | None:
    """Return what the schedule is set to now, against its rules."""
    from vnroute.live.overrides import overrides_in_force

    store = session.open_store(create=False)
    try:
        for override in overrides_in_force(store):
            if (override.kind, override.id) == ("schedule", name):
                return override
    finally:
        store.close()
    return None


def _print_override(override: Override | None, zone: str) -> None:
    if override is not None:
        reason = f" ({override.reason})" if override.reason else ""
        sys.stdout.write(
            f"set by hand now: {override.state} {until_words(override, zone)}{reason}\n"
        )


@contextmanager
def _settling(schedule: Schedule) -> Iterator[None]:
    """Turn what settling a schedule raises into what is told."""
    from vnroute.compiler.calendar_files import CalendarError
    from vnroute.model.problem import FieldError

    try:
        yield
    except (CalendarError, FieldError) as error:
        raise _Refused(f"schedule {schedule.id}: {error}") from error


def _why(schedule: Schedule, place: str) -> str:
    rule = dict(schedule.placed()).get(place)
    return f"{place}: {rule.words}" if rule else place


def _print_week(schedule: Schedule, zone: str, monday: date, stays: list[Stay]) -> None:
    from rich.text import Text

    from vnroute.cli.output import wide_console
    from vnroute.compiler.schedule_week import midnight, week_name

    console = wide_console()
    sunday = monday + timedelta(days=6)
    shades = {
        state: ("·", "dim") if place == 0 else _shade(place - 1)
        for place, state in enumerate(schedule.states)
    }
    title = f"schedule {schedule.id}, {zone}, week {week_name(monday)}"
    console.print(Text(f"{title}: {monday:%d %b} to {sunday:%d %b %Y}", style="bold"))
    for place, rule in schedule.placed():
        console.print(Text(f"  {rule.state:<12} {place}: {rule.words}"))
    console.print(Text(f"  {schedule.otherwise:<12} otherwise"))
    hours = "".join(f"{hour:02}    " for hour in range(0, 24, 3))
    console.print(Text(f"{'':11}{hours}24", style="dim"))
    for weekday in range(7):
        day = monday + timedelta(days=weekday)
        line = Text(f"{day:%a %d %b} ")
        start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        for cell in _cells(day, zone, stays):
            shade, colour = shades[cell] if cell else (" ", "")
            line.append(shade, style=colour)
        line.append(f"  {_day_words(start, end, zone, stays)}")
        console.print(line, no_wrap=True, overflow="ellipsis")
    legend = Text(" " * 11)
    for state, (shade, colour) in shades.items():
        legend.append(shade * 2, style=colour)
        legend.append(f" {state}   ")
    console.print(legend)
    sys.stdout.flush()


def _shade(place: int) -> tuple[str, str]:
    shade = _SHADES[place] if place < len(_SHADES) else chr(ord("a") + (place - len(_SHADES)) % 26)
    return shade, _COLOURS[place % len(_COLOURS)]


def _cells(day: date, zone: str, stays: list[Stay]) -> list[str]:
    """Return the state at each half hour on the day's clock, empty for one that is skipped."""
    from bisect import bisect_right

    starts = [stay.start for stay in stays]
    here = ZoneInfo(zone)
    cells = []
    for minute in range(0, 1440, _CELL_MINUTES):
        wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=here)
        second = int(wall.timestamp())
        skipped = datetime.fromtimestamp(second, UTC).astimezone(here).replace(fold=0) != wall
        place = bisect_right(starts, second) - 1
        cells.append("" if skipped or place < 0 else stays[place].state)
    return cells


def _day_words(start: int, end: int, zone: str, stays: list[Stay]) -> str:
    """Return what a day is from which time on, and whether its clocks change."""
    here = ZoneInfo(zone)
    words = []
    before = ""
    for stay in stays:
        if stay.start < end and stay.end > start and stay.state != before:
            at = datetime.fromtimestamp(max(stay.start, start), here)
            words.append(f"{at:%H:%M} {stay.state}")
            before = stay.state
    said = ", ".join(words)
    if end - start != 86400:
        said += f" (a day of {(end - start) / 3600:g} hours)"
    return said
