"""Calls that are up, as a switch tells of them: what of a record is known before it comes."""

from __future__ import annotations

import msgspec

__all__ = ["CallUp"]


class CallUp(msgspec.Struct, frozen=True, array_like=True):
    """A call that is bridged now. ``started`` and ``bridged`` are Unix microseconds by the switch's
    clock; ``number`` was called, ``dialled`` on the leg that was picked up, through ``gateway``.
    """

    uuid: str
    account: str
    number: str
    caller: str
    gateway: str
    dialled: str
    started: int
    bridged: int
