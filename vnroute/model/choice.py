"""How carriers are chosen for an account's or a plan's calls."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

import msgspec

from vnroute.model.e164 import parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.rate import parse_rate

__all__ = ["MAX_CARRIERS", "Choice", "Order"]

Order = Literal["cost", "quality", "share", "fixed"]
"""By price; by class of quality, then price; one picked by its share of the calls first, the others
by price; as ``carriers`` says, those it does not name behind them by price."""

MAX_CARRIERS = 32
"""Carriers that are looked at for one destination, the first in order."""

_PERCENT = re.compile(r"(\d{1,2}(?:\.\d{1,2})?)\s*%", re.ASCII)


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which carriers, and in which order.

    ``deny`` leaves carriers out, ``allow`` all but those it names; ``block`` are destination
    prefixes that are not dialled. ``margin`` is the least that a minute must bring: a price, or a
    part of the account's price (``5%``); a carrier that asks more than the account's deck leaves
    for it is left out, and so are all where that deck has no price. ``within`` is the worst class
    of quality that comes before price does: carriers of a worse one stand behind all others.
    ``most`` is how many carriers are tried at most, 0 for as many as ``routing.max_attempts``.
    """

    order: Order = "cost"
    carriers: tuple[str, ...] = ()
    shares: dict[str, int] = {}
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    margin: str = ""
    within: int | None = None
    most: int = 0

    def __post_init__(self) -> None:
        for field in ("carriers", "allow", "deny"):
            names = getattr(self, field)
            for place, name in enumerate(names):
                check_id(name, f"{field}[{place}]")
                if name in names[:place]:
                    raise FieldError(f"{field}[{place}]", f"{name!r} again", "each carrier once")
        for name, share in self.shares.items():
            check_id(name, "shares")
            if not 1 <= share <= 10_000:
                raise FieldError(f"shares.{name}", str(share), "1 to 10000")
        for place, prefix in enumerate(self.block):
            parse_prefix(prefix, f"block[{place}]")
        if bool(self.carriers) != (self.order == "fixed"):
            found = f"order {self.order} with{'' if self.carriers else 'out'} carriers"
            raise FieldError("carriers", found, "carriers beside order: fixed, and only there")
        if bool(self.shares) != (self.order == "share"):
            found = f"order {self.order} with{'' if self.shares else 'out'} shares"
            raise FieldError("shares", found, "shares beside order: share, and only there")
        if self.within is not None and not 0 <= self.within <= 255:
            raise FieldError("within", str(self.within), "a class of quality, 0 (best) to 255")
        if not 0 <= self.most <= MAX_CARRIERS:
            raise FieldError("most", str(self.most), f"0 to {MAX_CARRIERS}")
        if self.margin:
            self.cost_limit(Decimal(1))

    def named(self) -> list[tuple[str, str]]:
        """Return (field, carrier) for every carrier that is named."""
        found = [(f, name) for f in ("carriers", "allow", "deny") for name in getattr(self, f)]
        return [*found, *(("shares", name) for name in self.shares)]

    def cost_limit(self, price: Decimal) -> Decimal:
        """Return what a carrier may ask at most where the account pays ``price``.

        Raises :class:`FieldError` for a margin that is none.
        """
        part = _PERCENT.fullmatch(self.margin.strip())
        if part:
            return price * (1 - Decimal(part[1]) / 100)
        try:
            return price - parse_rate(self.margin, "margin")
        except FieldError:
            expected = "a price a minute (0.002), or a part of the account's price (5%)"
            raise FieldError("margin", repr(self.margin), expected) from None
