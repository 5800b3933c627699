"""Schedules become sorted transitions: from a second in UTC on, a state.

A zone's offset from UTC is constant between the moments at which it changes its clocks. Within
such a stretch the wall clock and UTC run side by side, so weekly hours are copied over with the
offset added; at its edges the state is read anew. An hour that is skipped or repeated needs no
rule of its own: it is, or is not, on the wall clock.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from vnroute.model import Schedule

__all__ = ["horizon", "transitions"]

_DAY = 86400
_WEEK = 7 * _DAY
# 1970-01-01 was a Thursday, three days into a week that begins on Monday.
_EPOCH_IN_WEEK = 3 * _DAY


def horizon(now: int, years: int) -> tuple[int, int]:
    """Return the span that schedules are settled for: a year back, `years` ahead, whole days."""
    start = (now - 366 * _DAY) // _DAY * _DAY
    return start, start + (years + 1) * 366 * _DAY


def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one for an aware datetime
    return int(offset.total_seconds())


@lru_cache(maxsize=1024)
def _stretches(zone_name: str, start: int, end: int) -> tuple[tuple[int, int, int], ...]:
    """Return (start, end, offset) for each stretch of constant offset; seconds in UTC.

    Clocks are looked at once a day and the change between two looks is found by halving. No zone
    has ever changed its clocks there and back within a day.
    """
    zone = ZoneInfo(zone_name)
    found: list[tuple[int, int, int]] = []
    since, offset = start, _offset(zone, start)
    for day in range(start + _DAY, end + _DAY, _DAY):
        looked = min(day, end)
        after = _offset(zone, looked)
        if after != offset:
            low, high = looked - _DAY, looked
            while high - low > 1:
                middle = (low + high) // 2
                if _offset(zone, middle) == offset:
                    low = middle
                else:
                    high = middle
            found.append((since, high, offset))
            since, offset = high, after
    found.append((since, end, offset))
    return tuple(found)


def _edges(schedule: Schedule, start: int, end: int) -> Iterator[tuple[int, int]]:
    week = [(60 * first, 60 * last) for first, last in schedule.week()]
    for since, until, offset in _stretches(schedule.time_zone, start, end):
        # Wall-clock seconds since 1970 at the stretch's start, and of the Monday before it.
        wall = since + offset
        monday = wall - (wall + _EPOCH_IN_WEEK) % _WEEK
        into = wall - monday
        yield since, int(any(first <= into < last for first, last in week))
        while monday < until + offset:
            for first, last in week:
                for edge, state in ((first, 1), (last, 0)):
                    moment = monday + edge - offset
                    if since < moment < until:
                        yield moment, state
            monday += _WEEK


def transitions(schedule: Schedule, start: int, end: int) -> array[int]:
    """Return `second << 8 | state` for each change within the horizon, ascending.

    The first is at `start`, so that every moment of the horizon has a state.
    """
    rows = array("q")
    state = -1
    for moment, after in _edges(schedule, start, end):
        if rows and moment == rows[-1] >> 8:
            # One span ends where the next begins: Sunday 24:00 and Monday 00:00.
            rows.pop()
            state = rows[-1] & 0xFF if rows else -1
        if after != state:
            rows.append(moment << 8 | after)
            state = after
    return rows
