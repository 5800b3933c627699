"""What a call costs by a deck: which row counts, which seconds are billed, how it is rounded."""

from __future__ import annotations

from collections.abc import Container, Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from vnroute.model.deck import DeckRate, settled

__all__ = ["UNIT", "Charge", "billed_seconds", "rate_call", "row_in_force"]

UNIT = Decimal("0.00000001")
"""To which a charge is rounded: as fine as a rate can be written."""

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class Charge(NamedTuple):
    """What a call costs: ``amount`` of ``currency`` (empty: the system's own), and by what.

    ``row`` is the row that counted, ``seconds`` what is billed after the increments. ``amount`` has
    eight decimals.
    """

    amount: Decimal
    currency: str
    seconds: int
    row: DeckRate

    @property
    def units(self) -> int:
        """The amount in whole units of 1e-8."""
        return int(self.amount.scaleb(8))


def billed_seconds(row: DeckRate, seconds: int) -> int:
    """Return the seconds that are billed for a call of so many: 60/6 makes 61 into 66.

    The first increment is billed whole, then each further one begun. A call that was not picked up
    (0 seconds) is not billed.
    """
    if seconds <= 0:
        return 0
    begun = max(0, -(-(seconds - row.first) // row.next))
    return row.first + begun * row.next


def row_in_force(
    deck_rows: Iterable[DeckRate], start: int, *, origin: str = "", times: Container[str] = ()
) -> DeckRate | None:
    """Return the row that counts at ``start`` (Unix seconds) of those that fit a number dialled.

    ``deck_rows`` are rows whose prefixes the number begins with, of one deck, in any order. A row
    with an origin counts only where it is ``origin``, one with a time class only where that is in
    ``times``. Of the rows that count at that moment the longest prefix wins; then one for this
    origin before one for all; then one for this time before one for all.
    """
    best: DeckRate | None = None
    for row in settled(sorted(deck_rows)):
        if not row.effective <= start < row.end:
            continue
        if (row.origin and row.origin != origin) or (row.time and row.time not in times):
            continue
        if best is None or _rank(row) > _rank(best):
            best = row
    return best


def _rank(row: DeckRate) -> tuple[int, bool, bool]:
    return len(row.prefix), bool(row.origin), bool(row.time)


def rate_call(
    deck_rows: Iterable[DeckRate],
    start: int,
    seconds: int,
    *,
    origin: str = "",
    times: Container[str] = (),
    currency: str = "",
) -> Charge | None:
    """Return what a call costs that began at ``start`` (Unix seconds) and was up for ``seconds``.

    ``seconds`` are whole ones, a second begun counted. ``deck_rows``, ``origin`` and ``times`` are
    as in :func:`row_in_force`; ``currency`` is the deck's. None where no row counts, or one that
    is blocked: then the cost is not known.

    The rule: ``fee + rate * billed / 60``, exact in decimals, rounded once, to 1e-8, half to even.
    The connect fee is due once for each call that was picked up. Sums of calls are sums of rounded
    charges, so that every report of the same calls shows the same total.
    """
    row = row_in_force(deck_rows, start, origin=origin, times=times)
    if row is None or row.blocked:
        return None
    billed = billed_seconds(row, seconds)
    amount = Decimal(0)
    if billed:
        # One division, so that the sum is rounded once: (60 fee + rate billed) / 60.
        whole = _CONTEXT.add(
            _CONTEXT.multiply(Decimal(row.fee), Decimal(60)),
            _CONTEXT.multiply(Decimal(row.rate), Decimal(billed)),
        )
        amount = _CONTEXT.divide(whole, Decimal(60))
    return Charge(amount.quantize(UNIT, ROUND_HALF_EVEN, _CONTEXT), currency, billed, row)
