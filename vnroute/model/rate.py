"""Rates: what a carrier asks for a minute to a destination prefix."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from vnroute.model.e164 import parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.text import check_text

__all__ = ["Rate", "parse_rate"]

_RATE = re.compile(r"\d{1,6}(\.\d{1,8})?", re.ASCII)


def parse_rate(text: str, field: str = "rate") -> Decimal:
    """Return a price a minute, exact; at most 8 decimals.

    Raises :class:`FieldError` for anything that is no plain decimal number from 0 to 999999.
    """
    if not _RATE.fullmatch(text.strip()):
        raise FieldError(field, repr(text), "a price a minute such as 0.0045, at most 8 decimals")
    return Decimal(text.strip())


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A row of a rate deck."""

    prefix: str
    carrier: str
    rate: str
    destination: str = ""

    def __post_init__(self) -> None:
        parse_prefix(self.prefix)
        check_id(self.carrier, "carrier")
        parse_rate(self.rate)
        check_text(self.destination, "destination")
