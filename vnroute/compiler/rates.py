"""Rates become rows of choices: for each stretch of destinations, the carriers in order.

For each carrier its own longest prefix counts, not the longest over all: a carrier that quotes
+4420 does not hide another that quotes +44. Walking all prefixes in dialling order, what holds
inside a prefix is what held around it, with this prefix's own rates put in place.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from decimal import Decimal
from heapq import merge
from typing import Protocol

from vnroute.compiler.prefixes import MAX_VALUE, PrefixSpans
from vnroute.image.program import NO_RATE
from vnroute.model.deck import RateInForce
from vnroute.model.rate import parse_rate

__all__ = ["Choices", "plain_rates"]

BLOCKED = "blocked"
"""In place of a price: the carrier does not take that destination."""

_SCALE = 10**8
_DEAREST = 1 << 62
"""Stands for the price of a carrier without a deck: it is tried after all that have one."""


class Choices:
    """The CHOICES and RATES sections, and the prefixes that lead to them.

    ``carriers`` are the ids in the order of the image's carriers; ``rates`` come as (prefix
    digits, carrier id, price a minute), by prefix as text. Carriers of equal price are tried in
    the order of ``carriers``. One that is in ``unrated`` takes every destination, after the others.
    """

    def __init__(
        self, carriers: list[str], unrated: Iterable[str], rates: Iterable[tuple[str, str, str]]
    ) -> None:
        self.words = array("I")
        self.prices = array("Q")
        self.spans = PrefixSpans()
        self.rows = 0
        self._price_rows: dict[str, tuple[int, int]] = {"": (_DEAREST, NO_RATE)}
        self._lists: dict[bytes, int] = {}
        row_of = {name: row for row, name in enumerate(carriers)}
        everywhere = [(digit, name, "") for digit in "123456789" for name in sorted(unrated)]
        self._walk(merge(rates, everywhere, key=lambda row: row[0]), row_of)

    def _price(self, text: str) -> tuple[int, int]:
        """Return (price in 1e-8, its row) for a price as written."""
        known = self._price_rows.get(text)
        if known is None:
            known = (int(parse_rate(text) * _SCALE), len(self.prices))
            self._price_rows[text] = known
            self.prices.append(known[0])
        return known

    def _list(self, choices: Iterable[tuple[int, int, int]]) -> int:
        """Return where a list of (price, carrier, price row), cheapest first, lies."""
        flat = array("I", [0])
        for _, carrier, price_row in sorted(choices):
            flat.append(carrier)
            flat.append(price_row)
        flat[0] = len(flat) // 2
        key = flat.tobytes()
        at = self._lists.get(key)
        if at is None:
            at = self._lists[key] = len(self.words)
            if at + len(flat) > MAX_VALUE:
                raise OverflowError("more choices of carriers than an image can hold")
            self.words.extend(flat)
        return at

    def _walk(self, rows: Iterable[tuple[str, str, str]], row_of: dict[str, int]) -> None:
        # Open prefixes, outermost first, each with what holds inside it by carrier.
        around: list[tuple[str, dict[int, tuple[int, int, int]]]] = []
        prefix, inside = "", dict[int, tuple[int, int, int]]()
        for row_prefix, carrier, text in rows:
            if row_prefix != prefix:
                if prefix:
                    self.spans.add(prefix, self._list(inside.values()))
                    around.append((prefix, inside))
                while around and not row_prefix.startswith(around[-1][0]):
                    around.pop()
                prefix, inside = row_prefix, dict(around[-1][1]) if around else {}
            if text == BLOCKED:
                inside.pop(row_of[carrier], None)
                continue
            price, price_row = self._price(text)
            inside[row_of[carrier]] = (price, row_of[carrier], price_row)
            self.rows += bool(text)
        if prefix:
            self.spans.add(prefix, self._list(inside.values()))


class Exchange(Protocol):
    """Where exchange rates are known."""

    def currencies(self) -> dict[str, str]:
        """What one unit of each currency is worth in the system's own."""
        ...


def plain_rates(
    rates: Iterable[RateInForce], now: int, exchange: Exchange
) -> Iterator[tuple[str, str, str]]:
    """Yield (prefix, carrier, price in the system's currency) of the rates that hold at ``now``.

    Those for some origins or times of day only are left out.
    """
    worth = {name: Decimal(text) for name, text in exchange.currencies().items()}
    for row in rates:
        if row.effective > now or row.end <= now or row.origin or row.time:
            continue
        price = BLOCKED if row.blocked else row.rate
        factor = worth.get(row.currency)
        if factor is not None and factor != 1 and not row.blocked:
            price = f"{(Decimal(price) * factor).quantize(Decimal('0.00000001')):f}"
        yield row.prefix, row.owner, price
