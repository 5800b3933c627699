"""Schedules: which state a number is in at a moment, by the clock on a wall somewhere.

A schedule is read off the wall clock of its zone: at an instant it is open if the local day and
the local minute lie in one of its open hours. So an hour that a change to summer time skips is
never seen, and one that the change back repeats is seen twice (RFC 5545, 3.3.5 reads local times
the same way).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.zone import check_zone

__all__ = ["CLOSED", "MINUTES_A_WEEK", "OPEN", "OpenHours", "Schedule", "parse_days", "parse_hours"]

OPEN, CLOSED = "open", "closed"
MINUTES_A_DAY = 24 * 60
MINUTES_A_WEEK = 7 * MINUTES_A_DAY
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)


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
        elif first in _DAYS and not dash:
            chosen.add(_DAYS.index(first))
        elif first in _DAYS and last in _DAYS:
            start, count = _DAYS.index(first), (_DAYS.index(last) - _DAYS.index(first)) % 7
            chosen.update((start + step) % 7 for step in range(count + 1))
        else:
            raise FieldError(field, repr(text), expected)
    return tuple(sorted(chosen))


def parse_hours(text: str, field: str = "hours") -> tuple[tuple[int, int], ...]:
    """Return the spans of ``text`` as (first minute, minute after the last) of the day.

    ``09:00-17:00``, ``09:00-12:30, 13:30-17:00``, ``22:00-06:00`` (over midnight: the end is then
    above 1440, and the span belongs to the day it begins on), ``00:00-24:00``. Raises
    :class:`FieldError` for anything else, empty and overlapping spans included.
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


class OpenHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hours at which a schedule is open, on the days named."""

    days: str = "daily"
    hours: str = "00:00-24:00"

    def __post_init__(self) -> None:
        parse_days(self.days)
        parse_hours(self.hours)

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield (first, end) in minutes since Monday 00:00, cut at the week's end."""
        for day in parse_days(self.days):
            for first, end in parse_hours(self.hours):
                start, stop = day * MINUTES_A_DAY + first, day * MINUTES_A_DAY + end
                yield start, min(stop, MINUTES_A_WEEK)
                if stop > MINUTES_A_WEEK:
                    yield 0, stop - MINUTES_A_WEEK


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Weekly hours in an IANA time zone; ``open`` at those, ``closed`` at all others."""

    id: str
    time_zone: str
    open: tuple[OpenHours, ...]

    def __post_init__(self) -> None:
        check_id(self.id)
        check_zone(self.time_zone)
        if not self.open:
            raise FieldError("open", "no hours", "at least one entry of days and hours")
        taken: list[tuple[int, int, int]] = []
        for position, hours in enumerate(self.open):
            for first, end in hours.spans():
                for other_first, other_end, other in taken:
                    if first < other_end and other_first < end:
                        raise FieldError(
                            f"open[{position}]",
                            f"{hours.days} {hours.hours}",
                            f"hours that do not overlap those of open[{other}]",
                        )
                taken.append((first, end, position))

    def week(self) -> list[tuple[int, int]]:
        """Return the open spans of a week, sorted and merged, in minutes since Monday 00:00."""
        merged: list[tuple[int, int]] = []
        for first, end in sorted(span for hours in self.open for span in hours.spans()):
            if merged and merged[-1][1] == first:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((first, end))
        return merged
