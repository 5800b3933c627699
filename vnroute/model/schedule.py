"""Schedules: which state a number is in at a moment, by the clock on a wall somewhere.

A schedule is read off the wall clock of its zone: at an instant a rule holds if the local day and
the local minute lie in one of its times. So an hour that a change to summer time skips is never
seen, and one that the change back repeats is seen twice (RFC 5545, 3.3.5 reads local times the
same way). Rules are tried in order and the first that holds gives the state; where none does, it
is ``otherwise`` (RFC 3880, 4.3: the time-switch).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.rule import Rule
from vnroute.model.times import MINUTES_A_DAY, parse_days, parse_hours
from vnroute.model.zone import check_zone

__all__ = ["CLOSED", "MAX_RULES", "MAX_STATES", "OPEN", "OpenHours", "Schedule"]

OPEN, CLOSED = "open", "closed"
MAX_STATES = 100
MAX_RULES = 1000
_MINUTES_A_WEEK = 7 * MINUTES_A_DAY


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
                yield start, min(stop, _MINUTES_A_WEEK)
                if stop > _MINUTES_A_WEEK:
                    yield 0, stop - _MINUTES_A_WEEK

    @property
    def rule(self) -> Rule:
        """The same as a rule."""
        return Rule(state=OPEN, days=self.days, hours=self.hours)


class Schedule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """Rules in order, each with a state; ``otherwise`` where none holds.

    ``exceptions`` come before ``rules``. ``open`` is the short form of rules that say "open".
    Without ``time_zone`` the zone is that of ``account``, and without that too, of the account
    whose plan asks.
    """

    id: str
    time_zone: str = ""
    account: str = ""
    exceptions: tuple[Rule, ...] = ()
    rules: tuple[Rule, ...] = ()
    open: tuple[OpenHours, ...] = ()
    otherwise: str = CLOSED

    def __post_init__(self) -> None:
        check_id(self.id)
        if self.time_zone:
            check_zone(self.time_zone)
        if self.account:
            check_id(self.account, "account")
        check_id(self.otherwise, "otherwise")
        if not (self.open or self.rules or self.exceptions):
            raise FieldError("open", "no hours", "hours in open, or rules or exceptions")
        if self.open and self.rules:
            expected = "one of them; as a rule, open hours are {days, hours, state: open}"
            raise FieldError("open", "open and rules", expected)
        if len(self.rules) + len(self.exceptions) > MAX_RULES:
            count = len(self.rules) + len(self.exceptions)
            raise FieldError("rules", f"{count} rules and exceptions", f"{MAX_RULES} at most")
        self._check_open()
        self._check_repeats()
        if len(self.states) > MAX_STATES:
            raise FieldError("rules", f"{len(self.states)} states", f"{MAX_STATES} at most")

    def _check_open(self) -> None:
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

    def _check_repeats(self) -> None:
        """Refuse two rules that say the same of times, whatever they say of the state."""
        first: dict[tuple[str, ...], tuple[str, str]] = {}
        for place, rule in self.placed():
            before = first.setdefault(rule.when, (place, rule.state))
            if before[0] != place:
                other, state = before
                what = "again" if state == rule.state else f"as {rule.state!r}"
                raise FieldError(
                    place,
                    f"{rule.words} {what}",
                    f"those times once; {other} has them as {state!r}",
                )

    def placed(self) -> Iterator[tuple[str, Rule]]:
        """Yield (place, rule) in the order in which they are tried: ``exceptions[0]`` and so on."""
        for position, rule in enumerate(self.exceptions):
            yield f"exceptions[{position}]", rule
        for position, rule in enumerate(self.rules):
            yield f"rules[{position}]", rule
        for position, hours in enumerate(self.open):
            yield f"open[{position}]", hours.rule

    @property
    def states(self) -> tuple[str, ...]:
        """Every state that it may be in, ``otherwise`` first, then as rules name them."""
        return tuple(dict.fromkeys((self.otherwise, *(rule.state for _, rule in self.placed()))))

    def zone(self, account_zone: str) -> str:
        """Return the zone it is read in; ``account_zone`` is its account's, or the asker's."""
        return self.time_zone or account_zone
