"""Numbers and blocks of numbers that belong to accounts."""

from __future__ import annotations

from typing import Literal

import msgspec

from vnroute.model.e164 import parse_block, parse_number, parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.model.text import check_text
from vnroute.model.validity import check_validity

__all__ = ["Number", "NumberBlock", "NumberState", "check_service"]

NumberState = Literal["active", "suspended", "reserved", "quarantined", "ported-out"]
"""All but active answer with a cause of their own (:mod:`vnroute.model.answers`); the plan is kept.
Reserved is for an account, quarantined after an account had it, ported-out gone to an operator."""


def check_service(state: NumberState, since: str, until: str, ported_to: str) -> None:
    """Check what is said of a number's life; raise :class:`FieldError`."""
    check_validity(since, until)
    check_text(ported_to, "ported_to")
    if ported_to and state != "ported-out":
        raise FieldError("ported_to", repr(ported_to), '"state: ported-out" beside it')
    if state == "quarantined" and not until:
        raise FieldError("until", "nothing", "the last day of its quarantine")


class Number(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"since": "from"},
):
    """One DID: whose it is, which plan answers it, which campaign it is printed in.

    It is in service ``from`` and ``until`` (:mod:`vnroute.model.validity`). Of a quarantined number
    the account is the one that had it, and ``until`` is when another may have it.
    """

    number: str
    account: str
    plan: str
    campaign: str = ""
    state: NumberState = "active"
    since: str = ""
    until: str = ""
    ported_to: str = ""
    screen: str = ""

    def __post_init__(self) -> None:
        parse_number(self.number)
        check_id(self.account, "account")
        check_id(self.plan, "plan")
        if self.campaign:
            check_id(self.campaign, "campaign")
        check_service(self.state, self.since, self.until, self.ported_to)
        if self.screen:
            check_id(self.screen, "screen")


class NumberBlock(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"since": "from"},
):
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
    since: str = ""
    until: str = ""
    ported_to: str = ""
    screen: str = ""

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
        check_service(self.state, self.since, self.until, self.ported_to)
        if self.screen:
            check_id(self.screen, "screen")

    def spans(self) -> list[tuple[int, int]]:
        """Return the numbers covered as (first, last), both inclusive, a span a length."""
        if self.block:
            return [parse_block(self.block)]
        digits = parse_prefix(self.prefix)
        return [
            (int(digits) * 10**more, (int(digits) + 1) * 10**more - 1)
            for more in range(15 - len(digits) + 1)
        ]
