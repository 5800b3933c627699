"""The words of a plan's program, and the numbers that stand for states and for nothing.

The first word of a step is ``op | step << 8``, where ``step`` is the place of the step in its plan;
operands follow (docs/route-image.md).
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "ALWAYS",
    "LEVELS",
    "NO_ASSIGNMENT",
    "NO_CHOICES",
    "NO_LIMIT",
    "NO_RATE",
    "NO_SCREEN",
    "ORDERS",
    "PICKS",
    "REASONS",
    "SERVICE_STATES",
    "SHOWS",
    "Node",
    "Op",
    "ScreenOp",
]


class Op(IntEnum):
    """What a step does."""

    END = 0
    WHEN = 1
    RING = 2
    FORWARD = 3
    HANGUP = 4
    TOGETHER = 5
    PICK = 6
    FROM = 7
    RELAY = 8
    APPLY = 9
    TAKE = 10
    CAMPAIGN = 11
    LANGUAGE = 12
    HERE = 13


class ScreenOp(IntEnum):
    """What a rule of a screen does."""

    ALLOW = 0
    BLOCK = 1
    RATE = 2
    CALLS = 3
    CPS = 4


LEVELS = ("number", "account", "system")
"""Whose screen a rule is in, by number in an image."""


class Node(IntEnum):
    """What stands at a row of choices, by the upper byte of its head."""

    LIST = 0
    BY_MOMENT = 1
    BY_STATE = 2
    BY_ORIGIN = 3


ORDERS = ("cost", "quality", "share", "fixed")
"""How carriers are ordered, by number in an image."""

NO_LIMIT = (1 << 64) - 1
"""Stands for what a carrier must stay below where no margin is asked."""

PICKS = ("share", "rotate")
"""How a step picks the target that it begins with, by number in an image."""

SHOWS = ("caller", "did", "anonymous", "fixed")
"""Whose number a target sees, by number in an image."""

SERVICE_STATES = ("active", "suspended", "reserved", "quarantined", "ported-out")
"""States of numbers, and with the first two of accounts, by their number in an image."""

REASONS = (*SERVICE_STATES[1:], "not-yet", "expired")
"""Why a number is not in service, in the order of an account's treatments."""

NO_CHOICES = (1 << 30) - 1
"""Stands for the row of choices of a target that no carrier takes."""

ALWAYS = (-(1 << 62), 1 << 62)
"""Stands for the moments of an assignment that is in service always."""

NO_ASSIGNMENT = 0xFFFFFFFF
"""Stands for the assignment where a call is forwarded to a plan and to no number."""

NO_SCREEN = 0xFFFFFFFF
"""Stands for the rules of numbers that nobody screens."""

NO_RATE = 0xFFFFFFFF
"""Stands for the price of a carrier that has no rates."""
