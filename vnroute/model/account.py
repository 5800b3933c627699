"""Accounts: who owns numbers, where they are, and where their calls may be sent."""

from __future__ import annotations

from typing import Literal

import msgspec

from vnroute.model.choice import Choice
from vnroute.model.e164 import parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.text import check_text
from vnroute.model.zone import check_zone

__all__ = ["Account"]


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One customer.

    ``allow`` lists the destination prefixes that its plans may forward to; empty means every
    ordinary number. Premium-rate and personal numbers (see :mod:`vnroute.model.numbering`) need
    ``allow_premium`` as well, since they are what toll fraud dials. A suspended account's numbers
    are treated as suspended numbers. ``answers`` names the set of answers that callers get of its
    numbers where they are not in service, ``screen`` the rules for those who call them, ``choice``
    how carriers are chosen for its calls. ``trust_ani`` says that the numbers that its callers show
    are theirs, so that its plans may let known phones say where somebody is.
    """

    id: str
    name: str = ""
    time_zone: str = "UTC"
    allow: tuple[str, ...] = ()
    allow_premium: bool = False
    state: Literal["active", "suspended"] = "active"
    answers: str = ""
    screen: str = ""
    trust_ani: bool = False
    choice: Choice | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        check_text(self.name, "name")
        check_zone(self.time_zone)
        for position, prefix in enumerate(self.allow):
            parse_prefix(prefix, f"allow[{position}]")
        if self.answers:
            check_id(self.answers, "answers")
        if self.screen:
            check_id(self.screen, "screen")

    def allows(self, digits: str) -> bool:
        """Whether ``allow`` covers a destination, given as digits without ``+``."""
        return not self.allow or any(digits.startswith(parse_prefix(p)) for p in self.allow)
