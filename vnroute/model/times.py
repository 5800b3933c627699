"""Notations of days and times: weekdays, hours, dates, yearly dates, durations.

All are read off a wall clock; which wall's, the schedule says. Lists are written with commas.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache

from vnroute.model.problem import FieldError

__all__ = [
    "DAYS",
    "MINUTES_A_DAY",
    "parse_dates",
    "parse_days",
    "parse_duration",
    "parse_hours",
    "parse_local",
    "parse_yearly",
]

MINUTES_A_DAY = 24 * 60
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)(?:T([01]\d|2[0-3]):([0-5]\d))?", re.ASCII)
_MONTH_DAY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,3})w)?(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?", re.ASCII)
_MINUTES = (7 * MINUTES_A_DAY, MINUTES_A_DAY, 60, 1)
_MAX_DURATION = 366 * MINUTES_A_DAY


def parse_days(text: str, field: str = "days") -> tuple[int, ...]:
    """Return the days named by ``text`` as 0 (Monday) to 6, ascending.

    ``mon``, ``mon-fri``, ``fri-mon`` (wraps), ``mon-wed, sat``, ``daily``. Raises
    :class:`FieldError` for anything else.
    """
    expected = 'days such as "mon-fri", "fri-mon", "tue, sat" or "daily"'
    chosen: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if first == "daily" and not dash:
            chosen.update(range(7))
        elif first in DAYS and not dash:
            chosen.add(DAYS.index(first))
        elif first in DAYS and last in DAYS:
            start, count = DAYS.index(first), (DAYS.index(last) - DAYS.index(first)) % 7
            chosen.update((start + step) % 7 for step in range(count + 1))
        else:
            raise FieldError(field, repr(text), expected)
    return tuple(sorted(chosen))


def parse_hours(text: str, field: str = "hours") -> tuple[tuple[int, int], ...]:
    """Return the spans of ``text`` as (first minute, minute after the last) of the day.

    ``09:00-17:00``, ``09:00-12:30, 13:30-17:00``, ``22:00-06:00`` (over midnight: the end is then
    above 1440, and the span belongs to the day it begins on), ``00:00-24:00``. Raises
    :class:`FieldError` for anything else, empty spans included.
    """
    expected = 'hours such as "09:00-17:00", "22:00-06:00" or "09:00-12:30, 13:30-17:00"'
    spans: list[tuple[int, int]] = []
    for part in text.split(","):
        match = _HOURS.fullmatch(part.strip())
        if match is None:
            raise FieldError(field, repr(text), expected)
        first, last = (int(match[i]) * 60 + int(match[i + 1]) for i in (1, 3))
        if first == last or first >= MINUTES_A_DAY or last > MINUTES_A_DAY:
            raise FieldError(field, repr(text), expected + " (24:00 only as an end, no empty span)")
        spans.append((first, last if last > first else last + MINUTES_A_DAY))
    return tuple(spans)


@lru_cache(maxsize=4096)
def parse_dates(text: str, field: str = "dates") -> tuple[tuple[int, int], ...]:
    """Return the days of ``text`` as (first, last), both inclusive and as ordinals of the calendar.

    ``2026-12-25``, ``2026-12-24..2027-01-02``, several with commas. Raises :class:`FieldError` for
    anything else, for days that no calendar has, and for a range that runs backwards.
    """
    expected = 'dates such as "2026-12-25", "2026-12-24..2027-01-02", several with commas'
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        first, dots, last = (piece.strip() for piece in part.partition(".."))
        days = [_day(piece) for piece in ((first, last) if dots else (first, first))]
        if None in days:
            raise FieldError(field, repr(text), expected)
        start, end = (day for day in days if day is not None)
        if end < start:
            raise FieldError(field, repr(part.strip()), "a range whose last day is not its first's")
        found.append((start, end))
    return tuple(found)


def _day(text: str) -> int | None:
    match = _DATE.fullmatch(text)
    try:
        return date(*map(int, match.groups())).toordinal() if match else None
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def parse_yearly(
    text: str, field: str = "yearly"
) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Return the spans of a year named by ``text``: (first, last), each as (month, day).

    ``12-25``, ``12-24..12-26``, ``12-24..01-02`` (over New Year: the first is then above the
    last), several with commas. A ``02-29`` is there in leap years only. Raises
    :class:`FieldError` for anything else.
    """
    expected = 'days of the year such as "12-25", "12-24..01-02", several with commas'
    found: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for part in text.split(","):
        first, dots, last = (piece.strip() for piece in part.partition(".."))
        ends = []
        for piece in (first, last) if dots else (first, first):
            match = _MONTH_DAY.fullmatch(piece)
            # 2000 was a leap year.
            if match is None or _day(f"2000-{piece}") is None:
                raise FieldError(field, repr(text), expected)
            ends.append((int(match[1]), int(match[2])))
        found.append((ends[0], ends[1]))
    return tuple(found)


def parse_local(text: str, field: str) -> tuple[datetime, bool]:
    """Return a moment on the wall, and whether ``text`` names only its day (then it is midnight).

    ``2026-01-19`` or ``2026-01-19T09:00``, from 1970 on. Raises :class:`FieldError` for else.
    """
    match = _LOCAL.fullmatch(text.strip())
    day = _day(match[1]) if match else None
    if match is None or day is None or int(match[1][:4]) < 1970:
        raise FieldError(
            field, repr(text), 'a day or time such as "2026-01-19T09:00", without zone'
        )
    start = datetime.fromordinal(day)
    if match[2] is None:
        return start, True
    return start.replace(hour=int(match[2]), minute=int(match[3])), False


def parse_duration(text: str, field: str = "duration") -> int:
    """Return a duration in minutes: ``8h``, ``90m``, ``1h30m``, ``2d``, ``1w``; 366 days at most.

    Raises :class:`FieldError` for anything else, and for none at all.
    """
    match = _DURATION.fullmatch(text.strip())
    minutes = 0
    if match is not None:
        minutes = sum(
            int(part or 0) * unit for part, unit in zip(match.groups(), _MINUTES, strict=True)
        )
    if not 0 < minutes <= _MAX_DURATION:
        raise FieldError(field, repr(text), 'a duration such as "8h", "1h30m" or "2d", up to 366d')
    return minutes
