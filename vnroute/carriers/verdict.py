"""What a leg's end says of its carrier: that it did its part, that it failed, or nothing."""

from __future__ import annotations

from typing import Literal

from vnroute.calls.record import PERSON, Call, Leg

__all__ = ["NUMBER_CAUSES", "REFUSED_CODES", "Verdict", "verdict_of"]

Verdict = Literal["good", "bad", "nothing"]

NUMBER_CAUSES = frozenset(
    (
        "UNALLOCATED_NUMBER",
        "NO_ROUTE_DESTINATION",
        "NUMBER_CHANGED",
        "INVALID_NUMBER_FORMAT",
        "SUBSCRIBER_ABSENT",
        "NO_USER_RESPONSE",
        "USER_NOT_REGISTERED",
        "INCOMPATIBLE_DESTINATION",
        "EXCHANGE_ROUTING_ERROR",
        "MEDIA_TIMEOUT",
    )
)
"""Causes that speak of the number dialled or of the call, not of the carrier's being able to carry
calls (Q.850, 2.2.7; 480 becomes NO_USER_RESPONSE, 404 UNALLOCATED_NUMBER in mod_sofia)."""

REFUSED_CODES = frozenset((401, 402, 403, 407))
"""SIP codes by which a carrier refuses us. FreeSWITCH has one cause for these and for 603, the
person who declines; only the code tells."""


def verdict_of(call: Call, leg: Leg) -> Verdict:
    """Return what a leg says of its carrier.

    A PROGRESS_TIMEOUT of a leg that was rung together with others, in a call that was answered,
    says nothing: FreeSWITCH gives that cause to every later leg of a phone whose first one timed
    out, also to one that rang (switch_ivr_originate.c; docs/ringing.md).
    """
    if leg.outcome == "declined" and leg.sip in REFUSED_CODES:
        return "bad"
    if leg.outcome == "cancelled" and leg.cause not in ("LOSE_RACE", "PICKED_OFF"):
        # The caller gave up: before any sign of life or after, the record does not say.
        return "nothing"
    if leg.outcome in PERSON:
        return "good"
    if leg.cause in NUMBER_CAUSES or not leg.cause:
        return "nothing"
    if leg.cause == "NORMAL_CIRCUIT_CONGESTION" and not leg.sip:
        return "nothing"  # our own limit (vnroute.compiler.limits): the carrier was not asked
    if leg.cause == "PROGRESS_TIMEOUT" and leg.together and call.answered:
        return "nothing"
    return "bad"
