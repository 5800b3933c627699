"""A schedule as people want to see it: what it is from when to when, and which rule says so."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from vnroute.compiler.schedules import rule_spans
from vnroute.model import Schedule

__all__ = ["Stay", "stays", "upcoming"]

_DAY = 86400
_OUTLOOKS = (8 * 7 * _DAY, 400 * _DAY, 20 * 366 * _DAY)
"""How far ahead it is looked for the next changes, in seconds: farther only where it must be."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One state from a second to another (Unix seconds); ``place`` is the rule's that says so,
    "otherwise" where none does.
    """

    start: int
    end: int
    state: str
    place: str


def stays(schedule: Schedule, zone: str, start: int, end: int) -> list[Stay]:
    """Return what a schedule is from one Unix second to another, in turn, without a gap.

    A new one begins where the state changes, and where another rule says the same. Raises
    FieldError and CalendarError as settling does.
    """
    rules = [
        (place, rule.state, rule_spans(rule, zone, start, end)) for place, rule in schedule.placed()
    ]
    edges = {start, end}.union(*(spans for _, _, spans in rules))
    found: list[Stay] = []
    for first, last in pairwise(sorted(edges)):
        place, state = "otherwise", schedule.otherwise
        for name, named, spans in rules:
            # Within a span, an odd number of edges lies at or before the moment.
            if bisect_right(spans, first) % 2:
                place, state = name, named
                break
        if found and (found[-1].state, found[-1].place) == (state, place):
            found[-1] = Stay(found[-1].start, last, state, place)
        else:
            found.append(Stay(first, last, state, place))
    return found


def upcoming(schedule: Schedule, zone: str, now: int, count: int) -> tuple[Stay, list[Stay]]:
    """Return what a schedule is now, and the next changes of its state, at most ``count``.

    A stay that would go on beyond 20 years ends there. Raises as :func:`stays` does.
    """
    for ahead in _OUTLOOKS:
        changed = list(_by_state(stays(schedule, zone, now, now + ahead)))
        # The last one is cut off by the outlook.
        if len(changed) > count + 1:
            break
    return changed[0], changed[1 : count + 1]


def _by_state(found: list[Stay]) -> Iterator[Stay]:
    """Join stays in one state, whichever rule says so; the first rule's place is kept."""
    held = found[0]
    for stay in found[1:]:
        if stay.state == held.state:
            held = Stay(held.start, stay.end, held.state, held.place)
        else:
            yield held
            held = stay
    yield held
