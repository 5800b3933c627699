"""The rules of a schedule as they are tried at a moment: which holds, and when the others would."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from vnroute.compiler.calendar_files import CalendarError
from vnroute.compiler.schedules import rule_spans
from vnroute.model import Schedule
from vnroute.model.problem import FieldError

__all__ = ["OTHERWISE", "SettledRules", "Tried"]

OTHERWISE = "otherwise"
_DAY = 86400
_BEHIND, _AHEAD = 60 * _DAY, 400 * _DAY
"""How far it is looked for when a rule began to hold, and will hold again, in seconds."""


_MOST_EDGES = 4_000_000
"""Of so many, 32 MB, all are forgotten."""
_schedule = msgspec.json.Decoder(Schedule)


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


class SettledRules:
    """Rules as they are tried, settled for a UTC day at a time: asked again, they cost a search.

    Schedules are as the store keeps them, as JSON. For one thread at a time.
    """

    def __init__(self) -> None:
        self._settled: dict[tuple[bytes, str, int], list[_Rule]] = {}
        self._edges = 0

    def knows(self, document: bytes, zone: str, now: float) -> bool:
        """Whether the answer is at hand."""
        return (document, zone, int(now) // _DAY) in self._settled

    def tried(self, document: bytes, zone: str, now: float) -> tuple[Tried, ...]:
        """Return the rules tried at a moment (Unix seconds), the one that decides last.

        That is the first that holds (RFC 3880); where none does, ``otherwise``. Empty where the
        schedule cannot be settled, for a calendar or holidays that this installation does not know.
        """
        at = int(now)
        key = (document, zone, at // _DAY)
        rules = self._settled.get(key)
        if rules is None:
            rules = _settle(document, zone, at // _DAY * _DAY)
            if self._edges > _MOST_EDGES:
                self._settled.clear()
                self._edges = 0
            self._settled[key] = rules
            self._edges += sum(len(rule.edges) for rule in rules)
        found: list[Tried] = []
        for place, words, state, edges in rules:
            # Within a span, an odd number of edges lies at or before the moment.
            passed = bisect_right(edges, at)
            following: int | None = edges[passed] if passed < len(edges) else None
            if following is not None and following >= at + _AHEAD:
                following = None
            if passed % 2:
                since = edges[passed - 1]
                held = since if since > at - _BEHIND else None
                found.append(Tried(place, words, state, True, held, following))
                break
            found.append(Tried(place, words, state, False, following, None))
        return tuple(found)


class _Rule(NamedTuple):
    place: str
    words: str
    state: str
    edges: array[int]


def _settle(document: bytes, zone: str, day: int) -> list[_Rule]:
    """Return a schedule's rules with their edges around a day, ``otherwise`` last."""
    schedule = _schedule.decode(document)
    start, end = day - _BEHIND, day + _DAY + _AHEAD
    try:
        rules = [
            _Rule(place, rule.words, rule.state, array("q", rule_spans(rule, zone, start, end)))
            for place, rule in schedule.placed()
        ]
    except (FieldError, CalendarError):
        return []
    # It holds whenever it is asked, since nobody knows when.
    return [*rules, _Rule(OTHERWISE, "", schedule.otherwise, array("q", [0]))]
