"""A week of a schedule, on the clocks of its time zone, as plain data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from vnroute.compiler.calendar_files import CalendarError
from vnroute.compiler.schedule_view import Stay, stays
from vnroute.model import Plan, Schedule
from vnroute.model.problem import FieldError
from vnroute.model.zone import check_zone

__all__ = ["midnight", "monday_of", "stays_of_week", "week_data", "week_name", "zone_of"]

_WEEK = re.compile(r"(\d{4})-?W(\d{1,2})", re.ASCII | re.IGNORECASE)


def zone_of(
    schedule: Schedule,
    zone_of_account: Callable[[str], str],
    plans: Callable[[], Iterable[Plan]],
    zone: str,
    field: str,
) -> str:
    """Return the zone to read a schedule in: the one asked for, its own, or that of who asks it.

    ``zone_of_account`` gives an account's, empty for one that is not there; ``plans`` are read only
    where they count. Raises FieldError, of ``field``, where that is none or several.
    """
    if zone:
        return check_zone(zone, field)
    own = schedule.zone(zone_of_account(schedule.account))
    if own:
        return own
    asking = {
        zone_of_account(plan.account)
        for plan in plans()
        if any(step.when == schedule.id for step in plan.steps)
    }
    if len(asking) == 1:
        return asking.pop()
    who = f"plans in {', '.join(sorted(asking))} ask it" if asking else "no plan asks it"
    raise FieldError(
        field, "none", f"a zone: {schedule.id} takes its time zone from who asks it, and {who}"
    )


def monday_of(week: str, zone: str, field: str) -> date:
    """Return the first day of an ISO 8601 week, of this one if ``week`` is empty.

    Raises FieldError for what is no week.
    """
    if not week:
        today = datetime.now(ZoneInfo(zone)).date()
        return today - timedelta(days=today.weekday())
    match = _WEEK.fullmatch(week)
    try:
        if match is None:
            raise ValueError
        first = date.fromisocalendar(int(match[1]), int(match[2]), 1)
        if not 1971 <= first.year <= 2500:
            raise ValueError
        return first
    except ValueError:
        raise FieldError(field, repr(week), "a week such as 2026-W48") from None


def midnight(day: date, zone: str) -> int:
    """Return the Unix second at which a day begins, also where its midnight is skipped."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def stays_of_week(schedule: Schedule, zone: str, monday: date) -> list[Stay]:
    """Return what a schedule is in a week. Raises FieldError where it cannot be settled."""
    try:
        return stays(
            schedule, zone, midnight(monday, zone), midnight(monday + timedelta(days=7), zone)
        )
    except CalendarError as error:
        raise FieldError("calendar", str(error), "an iCalendar file that can be read") from error


def week_name(monday: date) -> str:
    """Return a week as ISO 8601 names it: 2026-W48."""
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"


def week_data(schedule: Schedule, zone: str, monday: date, found: list[Stay]) -> dict[str, Any]:
    """Return a week for JSON: field names that other programs may build on."""
    here = ZoneInfo(zone)
    return {
        "id": schedule.id,
        "time_zone": zone,
        "week": week_name(monday),
        "states": schedule.states,
        "stays": [
            {
                "from": datetime.fromtimestamp(stay.start, here).isoformat(),
                "to": datetime.fromtimestamp(stay.end, here).isoformat(),
                "state": stay.state,
                "rule": stay.place,
            }
            for stay in found
        ],
    }
