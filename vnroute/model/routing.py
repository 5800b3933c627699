"""A set of routing data as one thing: what a routing file holds, and what a compiler reads."""

from __future__ import annotations

import msgspec

from vnroute.model.account import Account
from vnroute.model.answers import Answers
from vnroute.model.carrier import Carrier
from vnroute.model.number import Number, NumberBlock
from vnroute.model.person import Person
from vnroute.model.plan import Plan
from vnroute.model.policy import Policy
from vnroute.model.rate import Rate
from vnroute.model.schedule import Schedule
from vnroute.model.screen import CallerList, Screen

__all__ = ["RoutingFile"]


class RoutingFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The sections of a routing file, each optional."""

    accounts: tuple[Account, ...] = ()
    answers: tuple[Answers, ...] = ()
    lists: tuple[CallerList, ...] = ()
    screens: tuple[Screen, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    persons: tuple[Person, ...] = ()
    policies: tuple[Policy, ...] = ()
    plans: tuple[Plan, ...] = ()
    numbers: tuple[Number, ...] = ()
    blocks: tuple[NumberBlock, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    rates: tuple[Rate, ...] = ()
