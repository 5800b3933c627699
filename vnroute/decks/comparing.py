"""What changes between two decks: new, dearer, cheaper, gone, with the largest changes first."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Literal, NamedTuple

from vnroute.model.deck import DeckRate, settled

__all__ = ["KINDS", "Difference", "Differences", "compare"]

Kind = Literal["new", "dearer", "cheaper", "terms", "blocked", "unblocked", "gone", "same"]
KINDS: tuple[Kind, ...] = (
    "new", "dearer", "cheaper", "terms", "blocked", "unblocked", "gone", "same"
)  # fmt: skip
"""``terms``: the same rate with another connect fee, increments, end or name."""
_KEPT = 20


class Difference(NamedTuple):
    """What becomes of one key. Rates are decimal text in their decks' currencies, empty for none.

    ``when`` is Unix seconds: from when on it holds.
    """

    kind: Kind
    prefix: str
    origin: str
    time: str
    destination: str
    before: str
    after: str
    when: int


@lru_cache(maxsize=100_000)
def _value(rate: str) -> Decimal:
    return Decimal(rate)


class Differences:
    """Counts of each kind, and the largest changes.

    ``factor`` is what one unit of the new deck's currency is worth in the old one's. ``each`` is
    called with every difference but those that are ``same``.
    """

    def __init__(
        self, factor: Decimal = Decimal(1), each: Callable[[Difference], None] | None = None
    ) -> None:
        self.counts: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self.factor = factor
        self.jumps = 0
        """Rates that change by more than :attr:`jump`."""
        self.jump = Decimal(10)
        self._each = each
        self._largest: dict[Kind, list[tuple[Decimal, int, Difference]]] = {}

    def note(self, before: DeckRate | None, after: DeckRate | None, when: int) -> None:
        """Count what becomes of one key; at least one of the two is a row."""
        kind: Kind
        ratio = Decimal(1)
        if before is None:
            kind = "new"
            if self._each is None and self.counts["new"] >= _KEPT:
                self.counts["new"] += 1  # a first deck has a million of them, none the largest
                return
        elif after is None:
            kind = "gone"
        elif before[5:] == after[5:] and before[4] == after[4] and self.factor == 1:
            self.counts["same"] += 1
            return
        elif after.blocked or before.blocked:
            kind = "blocked" if after.blocked else "unblocked"
            if after.blocked and before.blocked:
                kind = "same"
        else:
            old, new = _value(before.rate), _value(after.rate) * self.factor
            kind = "dearer" if new > old else "cheaper" if new < old else "terms"
            if new != old:
                ratio = max(new, old) / min(new, old) if new and old else Decimal("Infinity")
                self.jumps += ratio > self.jump and bool(new and old)
        self.counts[kind] += 1
        if kind == "same":
            return
        row = after or before
        assert row is not None
        said = Difference(
            kind, row.prefix, row.origin, row.time, row.destination,
            before.rate if before and not before.blocked else "",
            after.rate if after and not after.blocked else "", when,
        )  # fmt: skip
        if self._each is not None:
            self._each(said)
        kept = self._largest.setdefault(kind, [])
        entry = (ratio, -self.counts[kind], said)
        if len(kept) < _KEPT:
            heapq.heappush(kept, entry)
        elif entry > kept[0]:
            heapq.heapreplace(kept, entry)

    def largest(self, kind: Kind) -> list[tuple[Decimal, Difference]]:
        """Return up to twenty of a kind with new to old, or old to new, the largest first."""
        kept = sorted(self._largest.get(kind, []), reverse=True)
        return [(ratio, said) for ratio, _, said in kept]

    @property
    def changed(self) -> int:
        """How many keys differ."""
        return sum(self.counts.values()) - self.counts["same"]


def _at(rows: list[DeckRate], when: int) -> DeckRate | None:
    """Return the row of one key that holds at a moment, else the first that will."""
    rows = list(settled(rows, when))
    return rows[0] if rows else None


def compare(
    old: Iterable[DeckRate], new: Iterable[DeckRate], when: int, differences: Differences
) -> None:
    """Compare two versions, sorted, as they are at a moment; fill ``differences``."""
    key = itemgetter(0, 1, 2)
    olds, news = groupby(old, key), groupby(new, key)
    here, there = next(olds, None), next(news, None)
    while here is not None or there is not None:
        before = after = None
        if there is None or (here is not None and here[0] <= there[0]):
            assert here is not None
            same = there is not None and here[0] == there[0]
            before = _at(list(here[1]), when)
            if same:
                assert there is not None
                after = _at(list(there[1]), when)
                there = next(news, None)
            here = next(olds, None)
        else:
            after = _at(list(there[1]), when)
            there = next(news, None)
        if before is not None or after is not None:
            differences.note(before, after, when)
