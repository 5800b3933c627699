"""Rate decks drawn at random, the same each time, and what calls find in them by plain reading.

A prefix's rows are drawn anew whenever they are asked for, from the prefix itself: five million
rates take no memory, and the plain reading shares nothing with the compiler but those rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache

from vnroute.model import Choice
from vnroute.model.charge import row_in_force
from vnroute.model.choice import MAX_CARRIERS
from vnroute.model.deck import DeckRate

__all__ = ["PEAK_HOURS", "Decks"]

PEAK_HOURS = range(8, 20)
"""Hours of the day, UTC, in which the schedule ``peak`` is open."""


class Decks:
    """Decks of ``carriers`` (ids in order) with about ``rates`` rates in all.

    Each prefix is quoted by a carrier with a chance of ``quoted``. One prefix of ten has rows that
    do not always hold: they begin or end at one of ``moments``, are for a time of day, or block.
    """

    def __init__(
        self, carriers: list[str], rates: int, quoted: float, moments: list[int], seed: int = 5
    ) -> None:
        self.carriers = carriers
        self._quoted = quoted
        self._moments = moments
        self._seed = seed
        draw = random.Random(seed)
        countries = [
            str(draw.randrange(1, 10)),
            *(str(draw.randrange(20, 999)) for _ in range(230)),
        ]
        pool = set(countries)
        while len(pool) < rates / len(carriers) / quoted:
            digits = draw.choice(countries)
            pool.add(digits + "".join(str(draw.randrange(10)) for _ in range(draw.randrange(1, 7))))
        self.prefixes = sorted(pool)
        self._known = frozenset(pool)
        self.rows_of = lru_cache(20_000)(self._rows_of)

    def _rows_of(self, prefix: str) -> list[tuple[str, list[DeckRate]]]:
        """Return (carrier, its rows by time class and moment) of a prefix, by carrier."""
        draw = random.Random(f"{self._seed} {prefix}")
        usual = draw.uniform(0.002, 0.3)
        odd = draw.random() < 0.1
        found = []
        for carrier in self.carriers:
            if draw.random() >= self._quoted:
                continue
            rate = f"{usual * draw.uniform(0.8, 1.6):.4f}"
            rows = [DeckRate(prefix, rate=rate)]
            if odd and draw.random() < 0.3:
                rows = self._odd(draw, rows[0])
            found.append((carrier, rows))
        return found

    def _odd(self, draw: random.Random, row: DeckRate) -> list[DeckRate]:
        moment = draw.choice(self._moments)
        other = f"{draw.uniform(0.002, 0.3):.4f}"
        return draw.choice(
            (
                [row._replace(end=moment), row._replace(effective=moment, rate=other)],
                [row._replace(end=moment)],
                [row._replace(effective=moment)],
                [row, row._replace(time=draw.choice(("peak:open", "peak:closed")), rate=other)],
                [row._replace(blocked=True, rate="0")],
            )
        )

    def rows(self) -> Iterator[tuple[str, DeckRate]]:
        """Yield (carrier, row) of all decks: by prefix as text, then carrier, time and moment."""
        for prefix in self.prefixes:
            for carrier, rows in self._rows_of(prefix):
                for row in rows:
                    yield carrier, row

    def called(self, draw: random.Random) -> str:
        """Return a number to call: most are under one of the prefixes."""
        if draw.random() < 0.1:
            return str(draw.randrange(10**9, 10**15))
        prefix = draw.choice(self.prefixes)
        size = max(len(prefix), draw.randrange(9, 16))
        return prefix + "".join(str(draw.randrange(10)) for _ in range(size - len(prefix)))

    def read(
        self,
        called: str,
        moment: int,
        choice: Choice,
        limit: Decimal | None = None,
        classes: Mapping[str, int] | None = None,
    ) -> list[tuple[str, Decimal]]:
        """Return (carrier, price) of those that a call is tried by, by plain reading of each deck.

        ``limit`` is what a carrier may ask at most, ``classes`` the carriers' classes of quality.
        """
        times = ("peak:open" if moment // 3600 % 24 in PEAK_HOURS else "peak:closed",)
        if any(called.startswith(prefix.removeprefix("+")) for prefix in choice.block):
            return []
        decks: dict[str, list[DeckRate]] = {}
        for size in range(1, len(called) + 1):
            if called[:size] in self._known:
                for carrier, rows in self.rows_of(called[:size]):
                    decks.setdefault(carrier, []).extend(rows)
        places = {name: place for place, name in enumerate(choice.carriers)}
        found = []
        for place, carrier in enumerate(self.carriers):
            if carrier in choice.deny or (choice.allow and carrier not in choice.allow):
                continue
            row = row_in_force(decks.get(carrier, ()), moment, times=times)
            if row is not None and not row.blocked:
                rank = places.get(carrier, len(places))
                found.append((rank, Decimal(row.rate), place, carrier))
        found = sorted(found)[:MAX_CARRIERS]
        if limit is not None:
            found = [row for row in found if row[1] <= limit]
        if choice.order == "quality" or choice.within is not None:

            def rank_of(carrier: str) -> int:
                value = (classes or {}).get(carrier, 0)
                if choice.within is not None and value > choice.within:
                    return 1 << 32
                return value if choice.order == "quality" else 0

            found.sort(key=lambda row: rank_of(row[3]))
        return [(row[3], row[1]) for row in found][: choice.most or None]
