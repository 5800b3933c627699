"""Policies: after which failures the next carrier is tried, and what the caller gets in the end.

Two tables are kept apart. *Hunting* is the same target through the next carrier, *advancing* the
next target or step of the plan. Both are keyed on a hangup cause of FreeSWITCH's or, hunting only,
on the SIP code that a carrier answered with, which wins over the cause that FreeSWITCH makes of it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from vnroute.model.causes import CAUSES, SIP_CAUSES, parse_cause
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError

__all__ = [
    "ADVANCE",
    "DEFAULT_POLICY",
    "HUNT",
    "RELAY_CAUSES",
    "RING_SECONDS",
    "Advance",
    "Hunt",
    "Policy",
    "check_key",
]

Hunt = Literal["next", "stop", "once"]
"""The next carrier; none, the hunt for this target is over; one more, if none was tried by this."""

Advance = Literal["next", "stop"]
"""The next target or step; none, the caller gets this cause at once."""

HUNT: dict[str, Hunt] = {
    # What the person did.
    "USER_BUSY": "stop",
    "CALL_REJECTED": "stop",
    "UNWANTED": "stop",
    "NO_ANSWER": "stop",
    # The call came round to a switch where it had been, or was passed on too often (SIP 482, 483).
    # Any other way leads round again: two of them at each pass are 2 to the 70th calls (RFC 5393).
    "EXCHANGE_ROUTING_ERROR": "stop",
    # FreeSWITCH has one cause for these and for 603, but here it is the carrier who refuses us.
    "401": "next",
    "402": "next",
    "403": "next",
    "407": "next",
    # One carrier may be wrong about a number; two that say the same are believed.
    "404": "once",
    "480": "once",
    "484": "once",
    "488": "once",
}
"""What hunting does where a policy says nothing else; what is not here goes on (408, 5xx, no route,
congestion, gateway down, no progress in time)."""

ADVANCE: dict[str, Advance] = {"EXCHANGE_ROUTING_ERROR": "stop"}
"""What advancing does where a policy says nothing else: every cause goes on but that of a loop."""

RELAY_CAUSES = (
    "USER_BUSY",
    "CALL_REJECTED",
    "UNWANTED",
    "NO_ANSWER",
    "NO_USER_RESPONSE",
    "EXCHANGE_ROUTING_ERROR",
    "NUMBER_CHANGED",
    "UNALLOCATED_NUMBER",
    "INVALID_NUMBER_FORMAT",
    "INCOMPATIBLE_DESTINATION",
)
"""What matters of all that was rung, first to last, where a plan ends with ``relay``; else 503."""

MAX_ATTEMPTS = 32

RING_SECONDS = 25
"""How long a target rings where neither it, its step nor a policy says so."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How targets are hunted and plans go on, for the plans and steps that name it.

    ``hunt``, ``advance`` and ``relay`` say what differs from HUNT, ADVANCE and RELAY_CAUSES.
    ``max_attempts`` bounds the carriers' gateways tried for one target (0: the setting's),
    ``progress_seconds`` how long each may take to ring (0: its own), ``ring_seconds`` how long a
    target rings of which neither it nor its step says how long (0: RING_SECONDS), ``total_seconds``
    how long a call may ring in all, over every target (0: as long as its steps take).
    """

    id: str
    hunt: dict[str, Hunt] = {}
    advance: dict[str, Advance] = {}
    relay: tuple[str, ...] = ()
    max_attempts: int = 0
    progress_seconds: int = 0
    ring_seconds: int = 0
    total_seconds: int = 0

    def __post_init__(self) -> None:
        check_id(self.id)
        for key in self.hunt:
            check_key(key, f"hunt.{key}")
        for table, causes in (("advance", self.advance), ("relay", self.relay)):
            for position, cause in enumerate(causes):
                place = cause if table == "advance" else str(position)
                parse_cause(cause, f"{table}.{place}")
        if not 0 <= self.max_attempts <= MAX_ATTEMPTS:
            raise FieldError("max_attempts", str(self.max_attempts), f"1 to {MAX_ATTEMPTS}")
        if not 0 <= self.progress_seconds <= 60:
            raise FieldError("progress_seconds", str(self.progress_seconds), "1 to 60 seconds")
        if not 0 <= self.ring_seconds <= 600:
            raise FieldError("ring_seconds", str(self.ring_seconds), "1 to 600 seconds")
        if not 0 <= self.total_seconds <= 600:
            raise FieldError("total_seconds", str(self.total_seconds), "1 to 600 seconds")


def check_key(key: str, field: str) -> None:
    """Check that a key of a hunting table is a SIP code or a cause."""
    if key.isdecimal() and key.isascii():
        if int(key) not in SIP_CAUSES:
            raise FieldError(field, repr(key), "a SIP code from 400 to 699 that FreeSWITCH knows")
    elif key not in CAUSES and key not in SIP_CAUSES.values():
        parse_cause(key, field)


DEFAULT_POLICY = Policy(id="default")
"""What holds where nothing else is said."""
