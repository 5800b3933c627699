"""Rules held against calls, one after the other: exact sums over sliding windows, and hits.

A window has 60 steps: the one at hand and the 59 before it, so that it is never longer than the
rule says, and at most a sixtieth shorter. A call counts in the step in which it ended. Sums are of
whole units (1e-8 of a currency, milliseconds, calls).

Calls that are up count with what they have used so far, beside the window, until their record
comes.

A hit begins the count anew: no call counts any more that ended before the last of those counted,
and one that was up counts only for what it uses from then on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from vnroute.calls.countries import country_of
from vnroute.calls.money import money
from vnroute.fraud.up import UpSums
from vnroute.model.e164 import parse_prefix
from vnroute.model.fraud import FraudRule, parse_amount, parse_span

__all__ = ["STEPS", "Engine", "Hit", "Spent", "Window"]

STEPS = 60
_DAY = 86_400 * 1_000_000
_TIMES = 3
_SWEEP = 50_000
_RECENT_US, _MOST_RECENT = 60 * 1_000_000, 50_000


class Spent(NamedTuple):
    """What a rule asks of a call that is stored, or up (``id`` 0, ``ended`` now).

    Times are Unix microseconds, money units of 1e-8. ``to`` are the digits of the number dialled on
    the leg that was picked up, else on the last leg tried; empty where no carrier was.
    """

    id: int
    uuid: str
    account: str
    ended: int
    answered: bool
    talk_ms: int
    to: str
    price: int | None = None
    price_currency: str = ""
    cost: int | None = None
    cost_currency: str = ""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that a call broke. ``to`` is ``+PREFIX``, a country, or empty for all destinations;
    ``at`` is when the call ended (Unix microseconds), ``said`` the sum and what is allowed. ``up``
    is how many calls that were up counted; without a record (``call`` 0) it is their hit.
    """

    rule: str
    account: str
    to: str
    call: int
    uuid: str
    at: int
    said: str
    then: str
    up: int = 0


class Window:
    """The sum over a sliding window, by steps of so many microseconds."""

    __slots__ = ("_parts", "floor", "latest", "newest", "step", "total")

    def __init__(self, step: int, floor: int = 0) -> None:
        self.step, self.floor = step, floor
        self.newest = self.total = self.latest = 0
        self._parts: dict[int, int] = {}

    def add(self, ended: int, amount: int) -> bool:
        """Count a call; false where it ended too long ago for the window, or before its floor."""
        at = ended // self.step
        if ended <= self.floor or at <= self.newest - STEPS:
            return False
        if at > self.newest:
            self.newest = at
            for old in [part for part in self._parts if part <= at - STEPS]:
                self.total -= self._parts.pop(old)
        self._parts[at] = self._parts.get(at, 0) + amount
        self.total += amount
        self.latest = max(self.latest, ended)
        return True

    def sum_at(self, now: int) -> int:
        """Return the sum of what is in the window at a moment."""
        oldest = now // self.step - STEPS
        return self.total - sum(n for part, n in self._parts.items() if part <= oldest)

    def restart(self) -> int:
        """Count only calls that end after all that were counted; return the last one's end."""
        self.floor, self.total = max(self.latest, self.floor), 0
        self._parts.clear()
        return self.floor


class _Rule:
    """A rule, and what it has counted by account and destination."""

    def __init__(self, rule: FraudRule) -> None:
        self.rule = rule
        self.measure = rule.measure
        self.step = parse_span(rule.window, "window") * 1_000_000 // STEPS
        self.windows: dict[tuple[str, str], Window] = {}
        self.floors: dict[tuple[str, str], int] = {}
        self.accounts = frozenset(rule.accounts)
        digits = [parse_prefix(prefix, "to") for prefix in rule.to]
        self.to = tuple(sorted(digits, key=len, reverse=True))
        self.ranges = tuple(f"+{prefix}" for prefix in digits)
        self.currency = ""
        if rule.spend or rule.cost:
            self.most, self.currency = parse_amount(rule.spend or rule.cost, self.measure)
        else:
            self.most = rule.minutes * 60_000 or rule.calls
        self.days = parse_span(rule.history, "history") // 86_400
        self.up = UpSums()

    @property
    def name(self) -> str:
        """What its sums are known by: not those of another rule that once had its id."""
        return f"{self.rule.id} {self.measure} {self.currency}".rstrip()

    def destination(self, call: Spent) -> str | None:
        """Return what the call counts for by itself; None where it does not count."""
        rule = self.rule
        if self.accounts and call.account not in self.accounts:
            return None
        under = next((prefix for prefix in self.to if call.to.startswith(prefix)), None)
        if self.to and under is None:
            return None
        if rule.is_unusual or rule.by == "country":
            return (country_of(f"+{call.to}") or None) if call.to else None
        if rule.by == "range":
            return f"+{under}"
        if rule.by == "number":
            return f"+{call.to}" if call.to else None
        return ""

    def amount(self, call: Spent) -> int:
        """Return what of a call is summed; 0 where it adds nothing."""
        match self.measure:
            case "spend":
                return (call.price or 0) if call.price_currency == self.currency else 0
            case "cost":
                return (call.cost or 0) if call.cost_currency == self.currency else 0
            case "minutes":
                return call.talk_ms
            case "calls" if self.rule.shorter:
                return int(call.answered and call.talk_ms < 1000 * self.rule.shorter)
        return int(bool(call.to))

    def restart(self, account: str, to: str, at: int) -> int:
        """Begin the count anew; return up to when ended calls are used up."""
        self.up.use((account, to), at)
        window = self.windows.get((account, to))
        return window.restart() if window is not None else 0

    def window(self, account: str, to: str) -> Window:
        key = (account, to)
        found = self.windows.get(key)
        if found is None:
            found = self.windows[key] = Window(self.step, self.floors.get(key, 0))
        return found

    def blocks(self, to: str) -> tuple[str, ...]:
        """Return what a hit is against: its destination, or all prefixes that the rule asks."""
        return self.ranges if not to and self.ranges else (to,)


class Engine:
    """All rules, and how often each account called each country on each day.

    ``floors`` are the moments up to which hits before a restart have used up what they counted, by
    rule, account and destination; ``used`` what they have used up of calls that were up, as
    :meth:`used` told.
    """

    def __init__(
        self,
        rules: Iterable[FraudRule],
        floors: dict[tuple[str, str, str], int] | None = None,
        used: dict[str, dict[str, tuple[int, int]]] | None = None,
    ) -> None:
        self._rules = [_Rule(rule) for rule in rules]
        for (name, account, to), floor in (floors or {}).items():
            for one in self._rules:
                if one.rule.id == name:
                    one.floors[account, to] = floor
        for one in self._rules:
            one.up.used.update((used or {}).get(one.name, {}))
        self._up: dict[str, dict[str, tuple[str, tuple[str | None, ...]]]] = {}
        self._recent: tuple[set[str], set[str]] = (set(), set())
        self._turned = 0
        self._usual: dict[str, dict[str, dict[int, int]]] = {}
        self._keeps = max((one.days for one in self._rules if one.rule.is_unusual), default=0)
        self._fed = 0
        self._newest = 0

    @property
    def remembers(self) -> int:
        """How many seconds of calls the rules look back on."""
        windows = [one.step * STEPS // 1_000_000 for one in self._rules]
        return max([0, *windows, (self._keeps + 1) * 86_400 if self._keeps else 0])

    def floors(self) -> dict[tuple[str, str, str], int]:
        """Return up to when hits have used up what they counted, for those still asked for."""
        oldest = self._newest - self.remembers * 1_000_000
        return {
            (one.rule.id, account, to): floor
            for one in self._rules
            for (account, to), floor in one.floors.items()
            if floor >= oldest
        }

    def used(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Return what hits have used up of calls that were up, and when, by rule and uuid."""
        return {one.name: dict(one.up.used) for one in self._rules if one.up.used}

    @property
    def asks_for_calls_up(self) -> bool:
        """Whether any rule counts calls that are up, or hangs them up."""
        return any(one.rule.counts_calls_up or one.rule.hang_up for one in self._rules)

    @property
    def counts_money(self) -> bool:
        """Whether any rule asks what calls that are up have cost so far."""
        return any(one.measure in ("spend", "cost") for one in self._rules)

    @property
    def calls_up(self) -> dict[str, int]:
        """How many calls that are up count, by switch."""
        return {switch: len(calls) for switch, calls in self._up.items()}

    def up(self, rule: str, account: str, to: str) -> dict[str, list[str]]:
        """Return the uuids of calls that are up and that a hit of a rule is against, by switch."""
        found: dict[str, list[str]] = {}
        for place, one in enumerate(self._rules):
            if one.rule.id == rule:
                whole = one.rule.by == "account" and not one.rule.is_unusual
                for switch, calls in self._up.items():
                    for uuid, (whose, where) in calls.items():
                        if whose == account and where[place] == ("" if whole else to):
                            found.setdefault(switch, []).append(uuid)
        return found

    def take_up(self, switch: str, at: int, calls: Iterable[Spent] | None) -> list[Hit]:
        """Take over the calls that are up on a switch, at a moment (Unix microseconds); None where
        they are not known any more. Return the rules that they break.
        """
        before = self._up.pop(switch, {})
        for one in self._rules:
            for uuid in before if len(one.up) else ():
                one.up.pop(uuid)
        if calls is None:
            return []
        if at - self._turned > _RECENT_US:
            self._recent, self._turned = (set(), self._recent[0]), at
        places = self._up[switch] = {}
        most: dict[tuple[_Rule, tuple[str, str]], tuple[int, Spent]] = {}
        for call in calls:
            if call.uuid in self._recent[0] or call.uuid in self._recent[1]:
                continue  # its record came while the switch told of it
            known = before.get(call.uuid)
            to = known[1] if known else tuple(one.destination(call) for one in self._rules)
            places[call.uuid] = (call.account, to)
            for one, where in zip(self._rules, to, strict=True):
                if where is None or not one.rule.counts_calls_up:
                    continue
                key = (call.account, where)
                left = one.up.put(call.uuid, key, one.amount(call), at)
                if left and left > most.get((one, key), (0, call))[0]:
                    most[one, key] = (left, call)
        return [hit for (one, key), (_, call) in most.items()
                for hit in self._judge_up(one, key, call, at)]  # fmt: skip

    def _judge_up(self, one: _Rule, key: tuple[str, str], most: Spent, at: int) -> list[Hit]:
        window = one.windows.get(key)
        total, count = one.up.sum(key)
        total += window.sum_at(at) if window is not None else 0
        if total <= one.most:
            return []
        floor = one.restart(*key, at)
        if floor:
            one.floors[key] = floor
        return _hits(one, most, key[1], at, _said(one, total, count), count)

    def feed(self, call: Spent, judge: bool = True) -> list[Hit]:
        """Count a call; return the rules that it breaks. Without ``judge`` it is only counted."""
        if self._turned:
            self._recent[0].add(call.uuid)
            if len(self._recent[0]) > _MOST_RECENT:
                self._recent = (set(), self._recent[0])
            for calls in self._up.values():
                calls.pop(call.uuid, None)
        if not call.account:
            return []
        self._newest = max(self._newest, call.ended)
        hits: list[Hit] = []
        for one in self._rules:
            to = one.destination(call)
            if to is None:
                continue
            one.up.pop(call.uuid)
            said, up = self._judged(one, call, to, judge)
            if said and judge:
                floor = one.restart(call.account, to, call.ended)
                one.floors[call.account, to] = max(floor, call.ended)
                hits += _hits(one, call, to, call.ended, said, up)
        self._remember(call)
        self._fed += 1
        if self._fed % _SWEEP == 0:
            self._sweep()
        return hits

    def _judged(self, one: _Rule, call: Spent, to: str, judge: bool) -> tuple[str, int]:
        """Count a call for a rule; return what is wrong with it, empty for nothing, and how many
        calls that are up counted.
        """
        rule = one.rule
        if rule.first:
            return self._first(one, call, to) if judge else "", 0
        amount = one.up.left(call.uuid, one.amount(call))
        window = one.window(call.account, to)
        counted = window.add(call.ended, amount) if amount else False
        if rule.share:
            return self._shared(one, call, to, window, counted and judge), 0
        if not counted:
            return "", 0
        total, up = one.up.sum((call.account, to))
        total += window.total
        return (_said(one, total, up) if total > one.most else ""), up

    def _first(self, one: _Rule, call: Spent, to: str) -> str:
        if call.ended <= one.floors.get((call.account, to), 0):
            return ""
        today = call.ended // _DAY
        called = self._usual.get(call.account, {}).get(to, {})
        if any(today - one.days <= day <= today for day in called):
            return ""
        made, _ = self._history(call.account, to, call.ended, one.days, today=True)
        if made < one.rule.least:
            return ""
        return f"the first call to {to} in {one.rule.history}, of {made} calls"

    def _shared(self, one: _Rule, call: Spent, to: str, window: Window, counted: bool) -> str:
        rule = one.rule
        whole = one.window(call.account, "")
        whole.add(call.ended, 1)
        if not counted or window.total < rule.least:
            return ""
        made, there = self._history(call.account, to, call.ended, one.days, today=False)
        if made < rule.least or 100 * window.total < rule.share * whole.total:
            return ""
        if window.total * made < _TIMES * there * whole.total:
            return ""
        usual = f"{there} of {made} in {rule.history}"
        return f"{window.total} of {whole.total} calls to {to} in {rule.window}, {usual}"

    def _history(
        self, account: str, to: str, ended: int, days: int, *, today: bool
    ) -> tuple[int, int]:
        """Return how many calls an account made in the days before a call's, and how many of them
        to a country; with ``today`` those before it on its own day as well.
        """
        last = ended // _DAY
        made = there = 0
        for country, counts in self._usual.get(account, {}).items():
            found = sum(
                count for day, count in counts.items()
                if last - days <= day < last + today
            )  # fmt: skip
            made += found
            there += found if country == to else 0
        return made, there

    def _remember(self, call: Spent) -> None:
        if not self._keeps or not call.to:
            return
        day, country = call.ended // _DAY, country_of(f"+{call.to}")
        counts = self._usual.setdefault(call.account, {}).setdefault(country, {})
        counts[day] = counts.get(day, 0) + 1

    def _sweep(self) -> None:
        """Forget what is too old to be asked for."""
        for one in self._rules:
            oldest = self._newest // one.step - STEPS
            for key in [key for key, window in one.windows.items() if window.newest <= oldest]:
                del one.windows[key]
            one.up.forget(oldest * one.step)
        first = self._newest // _DAY - self._keeps - 1
        for countries in self._usual.values():
            for country in list(countries):
                kept = {day: n for day, n in countries[country].items() if day >= first}
                if kept:
                    countries[country] = kept
                else:
                    del countries[country]


def _hits(one: _Rule, call: Spent, to: str, at: int, said: str, up: int) -> list[Hit]:
    return [
        Hit(rule=one.rule.id, account=call.account, to=against, call=call.id, uuid=call.uuid, at=at,
            said=said, then=one.rule.then, up=up)
        for against in one.blocks(to)
    ]  # fmt: skip


def _said(one: _Rule, total: int, up: int) -> str:
    """Return the sum and what is allowed, in words."""
    said = f"{_words(one, total)} in {one.rule.window}, {_words(one, one.most)} allowed"
    return f"{said}; {up} calls up" if up else said


def _words(one: _Rule, amount: int) -> str:
    if one.measure in ("spend", "cost"):
        return f"{money(amount) or '0'}{f' {one.currency}' if one.currency else ''} {one.measure}"
    if one.measure == "minutes":
        return f"{amount / 60_000:.1f} minutes"
    short = f" shorter than {one.rule.shorter} s" if one.rule.shorter else ""
    return f"{amount} calls{short}"
