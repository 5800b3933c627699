"""Money: exact, as whole units of 1e-8, which is as fine as a rate can be written."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

__all__ = ["margin", "money"]

_UNIT = Decimal("0.00000001")
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


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
