"""What is wrong with a schedule that only settling it can tell: rules that never count, and why."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from vnroute.compiler.calendar_files import CalendarError
from vnroute.compiler.calendar_recurrence import occurrences
from vnroute.compiler.schedules import chosen_days, horizon, rule_spans
from vnroute.compiler.spans import overlaid, united
from vnroute.model import FieldError, Rule, Schedule

__all__ = ["Flaw", "find_flaws"]

_LONG = timedelta(days=41 * 366)
"""A rule that fits no day of so many years fits none: February 29 falls on each weekday every 28
years, every 40 where a century skips a leap year."""

_DAYS = 3652059
"""The calendar's last day, as an ordinal."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong at a place of a schedule; ``fatal`` if it cannot be meant or settled."""

    place: str
    found: str
    expected: str
    fatal: bool = False


def find_flaws(schedule: Schedule, zone: str, now: int, years: int) -> list[Flaw]:
    """Return what is wrong with a schedule read in a zone, settled from ``now`` for so many years.

    ``zone`` stands for the asker's where the schedule has none.
    """
    start, end = horizon(now, years)
    flaws: list[Flaw] = []
    settled: list[tuple[str, Rule, array[int]]] = []
    for place, rule in schedule.placed():
        try:
            spans = rule_spans(rule, zone, start, end)
        except FieldError as error:
            flaws.append(Flaw(f"{place}.{error.field}", error.found, error.expected, fatal=True))
            continue
        except CalendarError as error:
            field = f"{place}.calendar"
            found = f"{error.found} ({error.name} in line {error.line} of the calendar)"
            flaws.append(Flaw(field, found, error.expected, fatal=True))
            continue
        if spans:
            settled.append((place, rule, spans))
        else:
            flaws.append(_never(place, rule, zone, start, end, years))
        flaws += _idle_exclusions(place, rule, zone)
    if not any(flaw.fatal for flaw in flaws):
        flaws += _hidden(schedule, settled, start, end, years)
    return flaws


def _never(place: str, rule: Rule, zone: str, start: int, end: int, years: int) -> Flaw:
    """Say why a rule holds at no time of the horizon."""
    said = rule.words
    if rule.calendar:
        found = f"a calendar without events up to {years} years ahead"
        return Flaw(f"{place}.calendar", found, "events to come")
    if rule.rrule:
        recurrence, begin, _ = rule.recurrence()
        if not any(occurrences(recurrence, begin, zone, begin, begin + _LONG)):
            return Flaw(f"{place}.rrule", f"{rule.rrule!r} from {rule.start}, which never comes",
                        "a rule that fits some day", fatal=True)  # fmt: skip
        return Flaw(f"{place}.rrule", f"{said}, which does not come within {years} years",
                    "a rule that is not over, nor far ahead")  # fmt: skip
    if rule.dates and not rule.holidays and not chosen_days(rule, 1, _DAYS):
        found = f"{said}, which have no day in common"
        return Flaw(f"{place}.dates", found, "days that are all of these", fatal=True)
    day = timedelta(days=1)
    first, last = (datetime(1970, 1, 1) + timedelta(seconds=second) for second in (start, end))
    days = chosen_days(rule, (first + day).toordinal(), (last - day).toordinal())
    field = next(name for name in ("dates", "holidays", "yearly", "hours") if getattr(rule, name))
    if days:
        found = f"{said}, which never comes: the clocks skip it"
        return Flaw(f"{place}.{field}", found, "hours that the clock shows on those days")
    found = f"{said}, which does not come between {first:%Y-%m-%d} and {last:%Y-%m-%d}"
    return Flaw(f"{place}.{field}", found, "days that are not over, nor far ahead")


def _idle_exclusions(place: str, rule: Rule, zone: str) -> Iterator[Flaw]:
    """Find what an ``exdate`` takes out that never was there: most likely it is mistyped."""
    if not rule.exdate:
        return
    recurrence, start, _ = rule.recurrence()
    for (moment, whole_day), text in zip(rule.excluded(), rule.exdate.split(","), strict=True):
        end = moment + timedelta(days=1) if whole_day else moment + timedelta(minutes=1)
        if not any(occurrences(recurrence, start, zone, moment, end)):
            found = f"{text.strip()!r}, at which the rule does not come"
            yield Flaw(f"{place}.exdate", found, "a day or time at which it would")


def _hidden(
    schedule: Schedule,
    settled: list[tuple[str, Rule, array[int]]],
    start: int,
    end: int,
    years: int,
) -> Iterator[Flaw]:
    """Find rules that the rules before them hide, and rules without which nothing would differ."""
    covered = array("q")
    hidden: set[str] = set()
    for position, (place, rule, spans) in enumerate(settled):
        both = united(covered, spans)
        if both == covered:
            hidden.add(place)
            before = _covering(spans, [(name, other) for name, _, other in settled[:position]])
            found = f"{rule.words}, which never counts: all of it is taken by {before} before it"
            yield Flaw(place, found, "a place further up, or other times")
        covered = both
    rows = array("q", [start << 8])
    for place, rule, spans in reversed(settled):
        under, rows = rows, overlaid(rows, spans, schedule.states.index(rule.state))
        if under == rows and place not in hidden:
            found = f"{rule.words}, without which it would be {rule.state!r} then as well"
            yield Flaw(place, found, "a rule that makes a difference")
    if len(rows) == 1 or rows[1] >> 8 >= end:
        state = schedule.states[rows[0] & 0xFF]
        found = f"{schedule.id!r}, which is always {state!r} for {years} years"
        yield Flaw("id", found, "a schedule that changes")


def _covering(spans: array[int], before: list[tuple[str, array[int]]]) -> str:
    """Name the rules that hide a rule: those that take most of its times first, as few as do."""
    before.sort(key=lambda one: _shared(one[1], spans), reverse=True)
    covered, places = array("q"), []
    for place, other in before:
        covered = united(covered, other)
        places.append(place)
        if united(covered, spans) == covered:
            break
    shown = places if len(places) <= 3 else [*places[:2], f"{len(places) - 2} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _shared(some: array[int], others: array[int]) -> int:
    """Return the seconds that two rules both hold."""
    return _total(some) + _total(others) - _total(united(some, others))


def _total(spans: array[int]) -> int:
    return sum(spans[1::2]) - sum(spans[::2])
