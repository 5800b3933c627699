"""The words of a plan's program, and the numbers that stand for states and for nothing.

The first word of a step is ``op | step << 8``, where ``step`` is the place of the step in its plan;
operands follow (docs/route-image.md).
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["NO_CHOICES", "NO_RATE", "PICKS", "SERVICE_STATES", "SHOWS", "Op"]


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


PICKS = ("share", "rotate")
"""How a step picks the target that it begins with, by number in an image."""

SHOWS = ("caller", "did", "anonymous", "fixed")
"""Whose number a target sees, by number in an image."""

SERVICE_STATES = ("active", "suspended")
"""States of numbers and accounts by their number in an image."""

NO_CHOICES = (1 << 30) - 1
"""Stands for the row of choices of a target that no carrier takes."""

NO_RATE = 0xFFFFFFFF
"""Stands for the price of a carrier that has no rates."""
