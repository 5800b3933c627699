"""Schedules become sorted transitions: from a second in UTC on, a state.

Each rule becomes spans on a wall, the wall's spans become spans in UTC, and rules are laid over
each other from the last to the first, so that the first that holds is the one that shows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache

from vnroute.compiler.calendar_files import read_calendar
from vnroute.compiler.calendar_holidays import holiday_dates
from vnroute.compiler.calendar_recurrence import occurrences
from vnroute.compiler.calendar_zones import stretches
from vnroute.compiler.spans import in_utc, joined, overlaid, united, weekly
from vnroute.model import Rule, Schedule
from vnroute.model.times import MINUTES_A_DAY, parse_dates, parse_days, parse_hours, parse_yearly

__all__ = ["chosen_days", "horizon", "rule_spans", "transitions"]

_DAY = 86400
_WEEK_MINUTES = 7 * MINUTES_A_DAY
_EPOCH = datetime(1970, 1, 1)
_EPOCH_DAY = _EPOCH.toordinal()
_MARGIN = 3 * _DAY
"""What is settled on a wall beyond either end in UTC: a wall is a day from UTC at most, and hours
over midnight belong to the day before."""


def horizon(now: int, years: int) -> tuple[int, int]:
    """Return the span that schedules are settled for: a year back, `years` ahead, whole days."""
    start = (now - 366 * _DAY) // _DAY * _DAY
    return start, start + (years + 1) * 366 * _DAY


def transitions(schedule: Schedule, zone: str, start: int, end: int) -> array[int]:
    """Return `second << 8 | state` for each change within the horizon, ascending.

    The first is at `start`, so that every moment of the horizon has a state: its place among the
    schedule's states. `zone` is the one to read it in. Raises FieldError for holidays that are not
    known, CalendarError for an iCalendar text that cannot be read.
    """
    states = schedule.states
    rows = array("q", [start << 8])
    for _, rule in reversed(list(schedule.placed())):
        rows = overlaid(rows, rule_spans(rule, zone, start, end), states.index(rule.state))
    if rows[-1] >> 8 >= end:
        rows.pop()
    return rows


def rule_spans(rule: Rule, zone: str, start: int, end: int) -> array[int]:
    """Return the spans in UTC, from `start` to `end`, at which a rule holds in a zone.

    Raises FieldError for holidays that are not known, CalendarError for a broken calendar.
    """
    if rule.days and not (rule.dates or rule.yearly or rule.holidays):
        # Quicker written out than looked up, and there may be as many as there are schedules.
        wall = _every_week(rule, start - _MARGIN, end + _MARGIN)
        return in_utc(wall, stretches(zone, start, end))
    return _seldom(rule, zone, start, end)


@lru_cache(maxsize=2048)
def _seldom(rule: Rule, zone: str, start: int, end: int) -> array[int]:
    """Return the spans of a rule that many schedules are likely to share: a country's holidays."""
    first, last = start - _MARGIN, end + _MARGIN
    if rule.calendar:
        return _calendar_spans(rule.calendar, zone, start, end)
    if rule.rrule:
        wall = _recurring(rule, zone, _wall(first), _wall(last))
    elif rule.dates or rule.yearly or rule.holidays:
        wall = _on_days(rule, first, last)
    else:
        wall = _every_week(rule, first, last)
    return in_utc(wall, stretches(zone, start, end))


def _wall(second: int) -> datetime:
    return _EPOCH + timedelta(seconds=second)


def _second(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds())


def _hours(rule: Rule) -> tuple[tuple[int, int], ...]:
    return parse_hours(rule.hours) if rule.hours else ((0, MINUTES_A_DAY),)


def _every_week(rule: Rule, first: int, last: int) -> array[int]:
    """Return spans on a wall of a rule of weekdays and hours alone."""
    spans = []
    for day in parse_days(rule.days) if rule.days else range(7):
        for begin, end in _hours(rule):
            begin, end = day * MINUTES_A_DAY + begin, day * MINUTES_A_DAY + end
            spans.append((begin * 60, min(end, _WEEK_MINUTES) * 60))
            if end > _WEEK_MINUTES:
                spans.append((0, (end - _WEEK_MINUTES) * 60))
    return weekly(joined(spans), first, last)


def _on_days(rule: Rule, first: int, last: int) -> array[int]:
    """Return spans on a wall of a rule that chooses its days by the calendar."""
    days = chosen_days(rule, first // _DAY + _EPOCH_DAY, last // _DAY + _EPOCH_DAY)
    return joined(
        [
            ((day - _EPOCH_DAY) * _DAY + begin * 60, (day - _EPOCH_DAY) * _DAY + end * 60)
            for day in days
            for begin, end in _hours(rule)
        ]
    )


def chosen_days(rule: Rule, first: int, last: int) -> list[int]:
    """Return the days from `first` to `last`, as ordinals, that a rule by day names."""
    days: Iterator[int] | range = range(first, last + 1)
    if rule.dates:
        spans = parse_dates(rule.dates)
        days = (day for a, b in spans for day in range(max(a, first), min(b, last) + 1))
    if rule.holidays:
        years = (date.fromordinal(first).year, date.fromordinal(last).year)
        known = frozenset(holiday_dates(rule.holidays, rule.region, *years))
        days = (day for day in days if day in known)
    if rule.yearly:
        yearly = parse_yearly(rule.yearly)
        days = (day for day in days if _in_year(day, yearly))
    if rule.days:
        weekdays = parse_days(rule.days)
        days = (day for day in days if (day - 1) % 7 in weekdays)
    return [day for day in days if first <= day <= last]


def _in_year(day: int, spans: tuple[tuple[tuple[int, int], tuple[int, int]], ...]) -> bool:
    when = date.fromordinal(day)
    place = (when.month, when.day)
    return any(
        first <= place <= last if first <= last else place >= first or place <= last
        for first, last in spans
    )


def _recurring(rule: Rule, zone: str, first: datetime, last: datetime) -> array[int]:
    recurrence, start, minutes = rule.recurrence()
    length = timedelta(minutes=minutes)
    days = {moment.date() for moment, whole_day in rule.excluded() if whole_day}
    moments = {moment for moment, whole_day in rule.excluded() if not whole_day}
    return joined(
        [
            (_second(moment), _second(moment + length))
            for moment in occurrences(recurrence, start, zone, first - length, last)
            if moment not in moments and moment.date() not in days
        ]
    )


def _calendar_spans(text: str, zone: str, start: int, end: int) -> array[int]:
    first, last = _wall(start - _MARGIN), _wall(end + _MARGIN)
    found: dict[str, list[tuple[int, int]]] = {}
    for event in read_calendar(text):
        spans = found.setdefault(event.zone or zone, [])
        for begins, ends in event.times(zone, first, last):
            if begins < last and ends > first:
                spans.append((_second(begins), _second(ends)))
    rows = array("q")
    for name, spans in found.items():
        rows = united(rows, in_utc(joined(spans), stretches(name, start, end)))
    return rows
