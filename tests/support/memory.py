"""Routing data in memory, read by the compiler as it reads a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from vnroute.model import (
    Account,
    Answers,
    CallerList,
    Carrier,
    Number,
    NumberBlock,
    Person,
    Plan,
    Policy,
    Rate,
    Schedule,
    Screen,
)
from vnroute.model.deck import NO_END, RateInForce
from vnroute.model.e164 import digits_of, parse_number


@dataclass(frozen=True)
class MemoryAssignment:
    id: int
    account: str
    plan: str
    campaign: str
    state: str
    since: str
    until: str
    screen: str


@dataclass(frozen=True)
class MemorySpan:
    first: int
    last: int
    assignment: int


@dataclass(frozen=True)
class MemoryCounts:
    numbers: int


@dataclass
class MemoryRouting:
    """The compiler's view of plain lists of the model's Structs."""

    account_list: list[Account] = field(default_factory=list)
    schedule_list: list[Schedule] = field(default_factory=list)
    person_list: list[Person] = field(default_factory=list)
    plan_list: list[Plan] = field(default_factory=list)
    number_list: list[Number] = field(default_factory=list)
    block_list: list[NumberBlock] = field(default_factory=list)
    carrier_list: list[Carrier] = field(default_factory=list)
    rate_list: list[Rate] = field(default_factory=list)
    deck_list: list[RateInForce] = field(default_factory=list)
    price_list: list[RateInForce] = field(default_factory=list)
    answer_list: list[Answers] = field(default_factory=list)
    policy_list: list[Policy] = field(default_factory=list)
    caller_lists: list[CallerList] = field(default_factory=list)
    imported: list[tuple[int, str]] = field(default_factory=list)
    screen_list: list[Screen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ids: dict[tuple[str, ...], int] = {}
        for number in self.number_list:
            self._id(number)
        for block in self.block_list:
            self._id(block)

    def _id(self, row: Number | NumberBlock) -> int:
        key = (
            row.account, row.plan, row.campaign, row.state, row.since, row.until, row.screen
        )  # fmt: skip
        return self._ids.setdefault(key, len(self._ids) + 10)

    def change_counter(self) -> int:
        return 1

    def accounts(self) -> list[Account]:
        return self.account_list

    def answers(self) -> list[Answers]:
        return self.answer_list

    def lists(self) -> list[CallerList]:
        return self.caller_lists

    def iter_callers(self) -> Iterator[tuple[int, str]]:
        return iter(sorted(self.imported))

    def screens(self) -> list[Screen]:
        return self.screen_list

    def schedules(self) -> list[Schedule]:
        return self.schedule_list

    def persons(self) -> list[Person]:
        return self.person_list

    def policies(self) -> list[Policy]:
        return self.policy_list

    def plans(self) -> list[Plan]:
        return self.plan_list

    def carriers(self) -> list[Carrier]:
        return self.carrier_list

    def assignments(self) -> list[MemoryAssignment]:
        return [MemoryAssignment(row, *key) for key, row in self._ids.items()]

    def iter_numbers(self) -> Iterator[list[tuple[int, int]]]:
        yield sorted((parse_number(row.number), self._id(row)) for row in self.number_list)

    def iter_blocks(self) -> Iterator[MemorySpan]:
        spans = [(*span, self._id(row)) for row in self.block_list for span in row.spans()]
        for first, last, row in sorted(spans, key=lambda span: (span[0], -span[1])):
            yield MemorySpan(first, last, row)

    def iter_rates(self, now: int = 0, kind: str = "carrier") -> Iterator[RateInForce]:
        if kind == "account":
            yield from sorted(self.price_list)
            return
        plain = [
            RateInForce(
                digits_of(r.prefix), r.carrier, r.rate, "", "", 0, NO_END, "0", 1, 1, False,
                r.destination, "",
            )
            for r in self.rate_list
        ]  # fmt: skip
        yield from sorted(
            [*plain, *self.deck_list], key=lambda r: (r.prefix, r.owner, r.origin, r.time, r[5])
        )

    def currencies(self) -> dict[str, str]:
        return {}

    def rated_carriers(self) -> set[str]:
        return {rate.carrier for rate in self.rate_list} | {r.owner for r in self.deck_list}

    def find_numbers(self, numbers: list[int]) -> dict[int, int]:
        exact = dict(next(self.iter_numbers()))
        found = {}
        for number in numbers:
            if number in exact:
                found[number] = exact[number]
                continue
            around = [s for s in self.iter_blocks() if s.first <= number <= s.last]
            if around:
                found[number] = min(around, key=lambda s: s.last - s.first).assignment
        return found

    def counts(self) -> MemoryCounts:
        return MemoryCounts(len(self.number_list))
