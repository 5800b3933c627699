"""Money: exact, as whole units of 1e-8, which is as fine as a rate can be written."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

__all__ = ["cost_units", "margin", "money"]

_UNIT = Decimal("0.00000001")
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def cost_units(rate: str, seconds: int) -> int:
    """Return what seconds cost at a price a minute, in units of 1e-8.

    Billed by the second. The product is exact and rounded once, half to even, to a whole unit; sums
    of calls are sums of those, so every report of the same calls shows the same total.
    """
    exact = _CONTEXT.divide(
        _CONTEXT.multiply(_CONTEXT.multiply(Decimal(rate), Decimal(seconds)), Decimal(100_000_000)),
        Decimal(60),
    )
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def money(units: int | None) -> str:
    """Return an amount as plain decimal text without trailing zeros; empty where unknown."""
    if units is None:
        return ""
    text = f"{_CONTEXT.multiply(Decimal(units), _UNIT):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def margin(call: dict[str, Any]) -> int | None:
    """Return price less cost less the cost to receive, of a stored call, in units of 1e-8.

    None where price or cost is unknown, or where they are in different currencies.
    """
    price, cost, receive = call["price"], call["cost"], call["receive_cost"]
    if price is None or cost is None:
        return None
    for amount, currency in ((cost, "cost_currency"), (receive, "receive_currency")):
        if amount and call[currency] != call["price_currency"]:
            return None
    return int(price - cost - (receive or 0))
