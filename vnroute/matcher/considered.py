"""Which carriers a number's destination has at all, and why some are not tried: for people.

Read from the image as the matcher reads it. A list lies at the end of nodes that each ask one thing
of the call; what would be found had the answers been others says what a carrier waits for.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from vnroute.image.program import ORDERS, Node
from vnroute.matcher.decide import Matcher
from vnroute.matcher.diverted import set_state
from vnroute.matcher.image import RouteImage

__all__ = ["Considered", "asked_by", "by_legs", "considered", "jurisdiction", "price_of"]


@dataclass(frozen=True, slots=True)
class Considered:
    """A carrier of a destination: the prefix (digits) from which on its price holds, the price a
    minute (None: no deck), and ``why`` it is not tried, empty if it is.

    ``reason`` is that in a word: ``time``, ``moment``, ``origin``, ``denied``, ``blocked``,
    ``margin``, ``most``, ``capacity``, ``health`` or ``attempts``; None for one that is tried.
    """

    carrier: str
    prefix: str
    rate: Decimal | None
    reason: str | None = None
    why: str = ""
    share: int | None = None


@dataclass(frozen=True, slots=True)
class _Condition:
    """What a node asks, and one answer: ``holds`` where it is the call's."""

    reason: str
    says: str
    holds: bool


@dataclass(frozen=True, slots=True)
class _Call:
    """What nodes ask of a call: when it is, and the caller's digits."""

    matcher: Matcher
    now: float
    caller: str

    def leaf(self, at: int) -> list[int]:
        """Return the words of the list that the call comes to."""
        words = self.matcher.image.node(at)
        while words[0] >> 24 != Node.LIST:
            words = self.matcher.image.node(
                next(row for condition, row in self._answers(words) if condition.holds)
            )
        return words

    def jurisdiction(self, at: int) -> str:
        """Return what the call is by its states, empty where no rate asks."""
        image = self.matcher.image
        words = image.node(at)
        found = ""
        while words[0] >> 24 != Node.LIST:
            place = next(i for i, (one, _) in enumerate(self._answers(words)) if one.holds)
            if words[0] >> 24 == Node.BY_ORIGIN and " " in image.list_at(words[1]):
                inside = "intrastate" if not found else "interstate"
                found = inside if place == 0 else "indeterminate"
            rows = words[3::3] if words[0] >> 24 == Node.BY_MOMENT else words[2:]
            words = image.node(rows[place])
        return found

    def paths(self, at: int) -> Iterator[tuple[tuple[_Condition, ...], list[int]]]:
        """Yield each list that any call comes to, and what must be so of it."""
        words = self.matcher.image.node(at)
        if words[0] >> 24 == Node.LIST:
            yield (), words
            return
        for condition, row in self._answers(words):
            for more, found in self.paths(row):
                yield (condition, *more), found

    def _answers(self, words: list[int]) -> Iterator[tuple[_Condition, int]]:
        image = self.matcher.image
        kind = words[0] >> 24
        if kind == Node.BY_STATE:
            by_hand = set_state(image, self.matcher.page, words[1], self.now)
            state = by_hand[0] if by_hand else image.schedule(words[1], self.now)[1]
            name, _, states = image.schedule_about(words[1])
            for place, row in enumerate(words[2:]):
                says = f"only while {name} is {states[place]}"
                yield _Condition("time", says, place == state), row
        elif kind == Node.BY_ORIGIN:
            name = image.list_at(words[1])
            place = 2
            if self.caller:
                place = 0 if image.is_caller_on(self.caller, words[1]) else 1
            # Lists of area codes, which the compiler makes, have blanks in their names.
            who = f"callers in {name}" if " " in name else f"callers on {name}"
            told = (f"only for {who}", f"not for {who}", "")
            for other, row in enumerate(words[2:]):
                said = told[other] or "only for callers that are not known"
                yield _Condition("origin", said, other == place), row
        else:
            starts = [high << 32 | low for low, high in zip(words[1::3], words[2::3], strict=True)]
            current = max((i for i, start in enumerate(starts) if start <= self.now), default=0)
            for place, row in enumerate(words[3::3]):
                if place < current:
                    says = f"until {_moment(starts[place + 1])}"
                else:
                    says = f"from {_moment(starts[place])}"
                yield _Condition("moment", says, place == current), row


def _moment(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M} UTC"


def asked_by(image: RouteImage, at: int) -> tuple[set[int], set[int]]:
    """Return (Unix seconds, rows of schedules) that a row of choices depends on."""
    words = image.node(at)
    kind = words[0] >> 24
    if kind == Node.LIST:
        return set(), set()
    moments: set[int] = set()
    schedules: set[int] = set()
    rows = words[3::3] if kind == Node.BY_MOMENT else words[2:]
    if kind == Node.BY_MOMENT:
        moments.update(high << 32 | low for low, high in zip(words[1::3], words[2::3], strict=True))
    elif kind == Node.BY_STATE:
        schedules.add(words[1])
    for row in rows:
        inner = asked_by(image, row)
        moments |= inner[0]
        schedules |= inner[1]
    return moments, schedules


def considered(
    matcher: Matcher,
    digits: str,
    chosen: Sequence[tuple[int, str, int | None]],
    order: int,
    limit: int | None,
    now: float,
    caller: str,
) -> tuple[Considered, ...]:
    """Return the carriers of a destination: those ``chosen`` (Matcher.candidates), then the others.

    ``digits`` is what carriers are chosen by; ``order`` and ``limit`` are the target's
    (RouteImage.order_of_target); ``caller`` is digits, empty where nobody knows them.
    """
    image = matcher.image
    call = _Call(matcher, now, caller)
    at, everyone_at = image.choices_for(digits, order), image.choices_for(digits, 0)
    if at is None or everyone_at is None:
        return ()
    _, how, _, _, shares, allowed = image.order(order)
    here = image.carriers_in(call.leaf(at))
    everyone = {row: (name, rate) for row, name, rate in image.carriers_in(call.leaf(everyone_at))}
    prefixes = _Prefixes(call, digits)
    taken = {row for row, _, _ in chosen}
    found = [
        Considered(
            name, prefixes.of(row, rate), price_of(rate),
            share=shares[row] if ORDERS[how] == "share" else None,
        )
        for row, name, rate in chosen
    ]  # fmt: skip
    for row, name, rate in here:
        if row not in taken:
            why = f"margin: only below {price_of(limit):f}" if limit else "margin: nothing is left"
            found.append(Considered(name, prefixes.of(row, rate), price_of(rate), "margin", why))
    known = {row for row, _, _ in here}
    for row, (name, rate) in everyone.items():
        if row in known:
            continue
        if not allowed[row]:
            reason, why = "denied", "left out by the choice of the account or plan"
        elif not here:
            reason, why = "blocked", "the choice blocks this destination"
        else:
            reason, why = "capacity", f"behind the first {len(here)} of this destination"
        found.append(Considered(name, prefixes.of(row, rate), price_of(rate), reason, why))
    found += _waiting(call, everyone_at, set(everyone) | known)
    return tuple(found)


def jurisdiction(matcher: Matcher, digits: str, order: int, now: float, caller: str) -> str:
    """Return ``interstate``, ``intrastate`` or ``indeterminate`` where rates of the destination ask
    for the caller's state, else nothing. Arguments are as in :func:`considered`.
    """
    at = matcher.image.choices_for(digits, order)
    return "" if at is None else _Call(matcher, now, caller).jurisdiction(at)


def by_legs(
    carriers: Iterable[Considered], tried: Container[str], passed_over: Container[str], most: int
) -> tuple[Considered, ...]:
    """Return carriers with the reasons that a hunt had: ``tried`` are those that have a leg,
    ``passed_over`` those with a gateway that is not well, ``most`` how many may be tried.
    """
    found = []
    count = 0
    for one in carriers:
        if one.reason is not None:
            found.append(one)
        elif one.carrier in tried:
            count += 1
            found.append(one)
        else:
            if most and count == most:
                reason, why = "most", f"carriers tried at most: {most}"
            elif one.carrier in passed_over:
                reason, why = "health", "no gateway of it is well"
            else:
                reason, why = "attempts", "there are attempts enough before it"
            # Written out: dataclasses.replace() takes four times as long, for each of the carriers.
            made = Considered(one.carrier, one.prefix, one.rate, reason, why, one.share)
            found.append(made)
    return tuple(found)


def _waiting(call: _Call, at: int, known: set[int]) -> Iterator[Considered]:
    """Yield carriers that calls of another moment, time of day or origin have."""
    nearest: dict[int, tuple[list[_Condition], str, int | None]] = {}
    for conditions, words in call.paths(at):
        others = [condition for condition in conditions if not condition.holds]
        for row, name, rate in call.matcher.image.carriers_in(words):
            if row not in known and (row not in nearest or len(others) < len(nearest[row][0])):
                nearest[row] = (others, name, rate)
    for others, name, rate in nearest.values():
        why = " and ".join(condition.says for condition in others)
        yield Considered(name, "", price_of(rate), others[0].reason, why)


class _Prefixes:
    """From which prefix of a number on a carrier's price holds."""

    def __init__(self, call: _Call, digits: str) -> None:
        self._lists: list[dict[int, int | None]] = []
        self._digits = digits
        image = call.matcher.image
        before: int | None = None
        for size in range(1, len(digits) + 1):
            at = image.choices_for(digits[:size], 0)
            if not self._lists or at != before:
                rows = [] if at is None else image.carriers_in(call.leaf(at))
                prices = {row: rate for row, _, rate in rows}
            self._lists.append(prices)  # the same one where a digit more changes nothing
            before = at

    def of(self, carrier: int, rate: int | None) -> str:
        """Return the shortest prefix from which on all have this price; empty for no deck, and
        for a carrier that is not among the first of all.
        """
        size = len(self._digits)
        while size and carrier in self._lists[size - 1] and self._lists[size - 1][carrier] == rate:
            size -= 1
        return self._digits[: size + 1] if rate is not None and size < len(self._digits) else ""


@lru_cache(maxsize=4096)
def price_of(rate: int | None) -> Decimal | None:
    """Return a price a minute, given in units of 1e-8; None for none."""
    return None if rate is None else Decimal(rate).scaleb(-8).normalize()
