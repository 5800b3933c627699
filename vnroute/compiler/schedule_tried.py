"""The rules of a schedule as they are tried at a moment: which holds, and when the others would."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from vnroute.compiler.calendar_files import CalendarError
from vnroute.compiler.schedules import rule_spans
from vnroute.model import Schedule
from vnroute.model.problem import FieldError

__all__ = ["OTHERWISE", "Tried", "tried"]

OTHERWISE = "otherwise"
_BEHIND, _AHEAD = 60 * 86400, 400 * 86400
"""How far it is looked for when a rule began to hold, and will hold again, in seconds."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule that was tried: its place, its times as written, and the state it gives.

    For the one that ``held``, ``since`` and ``until`` are the Unix seconds of the times at hand;
    for another, ``since`` is when it holds next. None where that is farther than a year off.
    """

    place: str
    words: str
    state: str
    held: bool
    since: int | None
    until: int | None


def tried(schedule: Schedule, zone: str, now: float) -> tuple[Tried, ...]:
    """Return the rules tried at a moment (Unix seconds), the one that decides last.

    That is the first that holds (RFC 3880); where none does, ``otherwise``. Empty where the
    schedule cannot be settled, for a calendar or holidays that this installation does not know.
    """
    at = int(now)
    start, end = at - _BEHIND, at + _AHEAD
    found: list[Tried] = []
    try:
        for place, rule in schedule.placed():
            edges = rule_spans(rule, zone, start, end)
            # Within a span, an odd number of edges lies at or before the moment.
            passed = bisect_right(edges, at)
            following = edges[passed] if passed < len(edges) and edges[passed] < end else None
            if passed % 2:
                since = edges[passed - 1] if edges[passed - 1] > start else None
                found.append(Tried(place, rule.words, rule.state, True, since, following))
                return tuple(found)
            found.append(Tried(place, rule.words, rule.state, False, following, None))
    except (FieldError, CalendarError):
        return ()
    return (*found, Tried(OTHERWISE, "", schedule.otherwise, True, None, None))
