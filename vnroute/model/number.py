"""Numbers and blocks of numbers that belong to accounts."""

from __future__ import annotations

from typing import Literal

import msgspec

from vnroute.model.e164 import parse_block, parse_number, parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError

__all__ = ["Number", "NumberBlock", "NumberState"]

NumberState = Literal["active", "suspended"]
"""A suspended number is refused with INCOMING_CALL_BARRED (SIP 403); its plan is kept."""


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One DID: whose it is, which plan answers it, which campaign it is printed in."""

    number: str
    account: str
    plan: str
    campaign: str = ""
    state: NumberState = "active"

    def __post_init__(self) -> None:
        parse_number(self.number)
        check_id(self.account, "account")
        check_id(self.plan, "plan")
        if self.campaign:
            check_id(self.campaign, "campaign")


class NumberBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run of DIDs under one plan.

    Exactly one of ``block`` (``+1800555xxxx``, or ``+18005550000-+18005554999``: that length only)
    and ``prefix`` (``+1800555``: every longer number too) is given. A number inside a block, or a
    smaller block inside a larger, wins over what is around it.
    """

    block: str = ""
    prefix: str = ""
    account: str
    plan: str
    campaign: str = ""
    state: NumberState = "active"

    def __post_init__(self) -> None:
        if bool(self.block) == bool(self.prefix):
            found = "both" if self.block else "neither"
            raise FieldError("block", f"{found} of block and prefix", "one of block and prefix")
        if self.block:
            parse_block(self.block)
        else:
            parse_prefix(self.prefix)
        check_id(self.account, "account")
        check_id(self.plan, "plan")
        if self.campaign:
            check_id(self.campaign, "campaign")

    def spans(self) -> list[tuple[int, int]]:
        """Return the numbers covered as (first, last), both inclusive, a span a length."""
        if self.block:
            return [parse_block(self.block)]
        digits = parse_prefix(self.prefix)
        return [
            (int(digits) * 10**more, (int(digits) + 1) * 10**more - 1)
            for more in range(15 - len(digits) + 1)
        ]
