"""Recurrence rules written out: at which moments on the wall something begins.

A rule is settled a year, month, week or day at a time, only within the span asked for, so that a
rule that fits no day ever ends as soon as any other. (dateutil's rrule looks on to the year 9999
for such a rule; tests hold this to it for all others.)
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from vnroute.model.recurrence import Recurrence

__all__ = ["occurrences"]

_DAY = timedelta(days=1)


def occurrences(
    rule: Recurrence, start: datetime, zone: str, first: datetime, last: datetime
) -> Iterator[datetime]:
    """Yield the starts from ``first`` on and before ``last``, ascending; all times on the wall.

    ``zone`` is that of the wall; it is asked only where UNTIL is written in UTC. ``start`` itself
    counts only if the rule fits it.
    """
    rule = _completed(rule, start)
    until = rule.until
    if until is not None and rule.until_utc:
        until = until.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    # COUNT counts from the start on; else what lies before is passed over.
    skipped = start if rule.count else max(start, first)
    count = 0
    for days in _periods(rule, start.date(), skipped.date()):
        if not days or datetime.combine(days[0], datetime.min.time()) >= last:
            return
        for moment in _moments(rule, days):
            if moment < start:
                continue
            if moment >= last or (until is not None and moment > until):
                return
            count += 1
            if moment >= first:
                yield moment
            if count == rule.count:
                return


def _completed(rule: Recurrence, start: datetime) -> Recurrence:
    """Take from the start what the rule leaves open (RFC 5545, 3.3.10)."""
    if not rule.hours:
        rule = replace(rule, hours=(start.hour,))
    if not rule.minutes:
        rule = replace(rule, minutes=(start.minute,))
    if rule.week_numbers or rule.year_days or rule.month_days or rule.weekdays:
        return rule
    if rule.frequency == "YEARLY":
        months = rule.months or (start.month,)
        return replace(rule, months=months, month_days=(start.day,))
    if rule.frequency == "MONTHLY":
        return replace(rule, month_days=(start.day,))
    if rule.frequency == "WEEKLY":
        return replace(rule, weekdays=((0, start.weekday()),))
    return rule


def _periods(rule: Recurrence, start: date, skipped: date) -> Iterator[list[date]]:
    """Yield the days of each year, month, week or day that the interval keeps.

    They begin with the one that holds ``start``; those wholly before ``skipped`` are passed over.
    Ends where the calendar does.
    """
    step = rule.interval
    if rule.frequency == "YEARLY":
        since = start.year + (skipped.year - start.year) // step * step
        for year in range(since, date.max.year, step):
            new_year = date(year, 1, 1)
            yield [new_year + i * _DAY for i in range(366 if isleap(year) else 365)]
    elif rule.frequency == "MONTHLY":
        since = start.year * 12 + start.month - 1
        since += (skipped.year * 12 + skipped.month - 1 - since) // step * step
        for month in range(since, date.max.year * 12, step):
            first = date(month // 12, month % 12 + 1, 1)
            yield [first + i * _DAY for i in range(monthrange(first.year, first.month)[1])]
    else:
        width = 7 if rule.frequency == "WEEKLY" else 1
        if width == 7:
            start -= (start.weekday() - rule.week_start) % 7 * _DAY
        since = start.toordinal()
        since += (skipped.toordinal() - since) // (width * step) * (width * step)
        for day in range(since, date.max.toordinal() - width, width * step):
            yield [date.fromordinal(day + i) for i in range(width)]


def _moments(rule: Recurrence, days: list[date]) -> list[datetime]:
    """Return the moments of one period, ascending."""
    found = [
        datetime(day.year, day.month, day.day, hour, minute)
        for day in days
        if _fits(rule, day)
        for hour in rule.hours
        for minute in rule.minutes
    ]
    if not rule.positions:
        return found
    size = len(found)
    places = {place - 1 if place > 0 else size + place for place in rule.positions}
    return [found[place] for place in sorted(places) if 0 <= place < size]


def _fits(rule: Recurrence, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.week_numbers and not _in(rule.week_numbers, *_week(day, rule.week_start)):
        return False
    of_year = day.timetuple().tm_yday
    year_size = 366 if isleap(day.year) else 365
    if rule.year_days and not _in(rule.year_days, of_year, year_size):
        return False
    month_size = monthrange(day.year, day.month)[1]
    if rule.month_days and not _in(rule.month_days, day.day, month_size):
        return False
    if not rule.weekdays:
        return True
    # The nth weekday is of the month, or of the year where the rule names no months.
    of_period = rule.frequency == "YEARLY" and not rule.months
    place, size = (of_year, year_size) if of_period else (day.day, month_size)
    from_start, from_end = (place - 1) // 7 + 1, -((size - place) // 7 + 1)
    return any(
        weekday == day.weekday() and nth in (0, from_start, from_end)
        for nth, weekday in rule.weekdays
    )


def _in(wanted: tuple[int, ...], place: int, size: int) -> bool:
    """Whether a place, counted from 1, is wanted, or counted from the end as -1."""
    return place in wanted or place - size - 1 in wanted


def _week(day: date, week_start: int) -> tuple[int, int]:
    """Return the number of a day's week, and how many weeks its year has.

    Week 1 is the first with four days in the year, so a week belongs to the year of its fourth.
    """
    fourth = day + (3 - (day.weekday() - week_start) % 7) * _DAY
    last = date(fourth.year, 12, 31)
    last -= (last.weekday() - fourth.weekday()) % 7 * _DAY
    return (fourth.timetuple().tm_yday - 1) // 7 + 1, (last.timetuple().tm_yday - 1) // 7 + 1
