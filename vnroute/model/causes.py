"""Hangup causes: FreeSWITCH's names, their Q.850 numbers, and the SIP code a caller gets.

Names and numbers: ``switch_call_cause_t`` in FreeSWITCH's src/include/switch_types.h (up to 127
they are ITU-T Q.850's; above, FreeSWITCH's own). SIP codes: ``hangup_cause_to_sip`` in
mod_sofia.c; whatever it does not list becomes 480. Only causes that a plan may end with are here:
what FreeSWITCH keeps for its own bookkeeping (LOSE_RACE, CRASH…) is no answer for a caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from vnroute.model.problem import FieldError

__all__ = ["CAUSES", "SIP_CAUSES", "Cause", "parse_cause"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One hangup cause: its name in FreeSWITCH, its number there, the caller's SIP code."""

    name: str
    number: int
    sip: int


CAUSES: dict[str, Cause] = {
    name: Cause(name, number, sip)
    for name, number, sip in (
        ("UNALLOCATED_NUMBER", 1, 404),
        ("NO_ROUTE_TRANSIT_NET", 2, 404),
        ("NO_ROUTE_DESTINATION", 3, 404),
        ("NORMAL_CLEARING", 16, 480),
        ("USER_BUSY", 17, 486),
        ("NO_USER_RESPONSE", 18, 408),
        ("NO_ANSWER", 19, 480),
        ("SUBSCRIBER_ABSENT", 20, 480),
        ("CALL_REJECTED", 21, 603),
        ("NUMBER_CHANGED", 22, 410),
        ("EXCHANGE_ROUTING_ERROR", 25, 483),
        ("DESTINATION_OUT_OF_ORDER", 27, 502),
        ("INVALID_NUMBER_FORMAT", 28, 484),
        ("FACILITY_REJECTED", 29, 501),
        ("NORMAL_UNSPECIFIED", 31, 480),
        ("NORMAL_CIRCUIT_CONGESTION", 34, 503),
        ("NETWORK_OUT_OF_ORDER", 38, 503),
        ("NORMAL_TEMPORARY_FAILURE", 41, 503),
        ("SWITCH_CONGESTION", 42, 503),
        ("REQUESTED_CHAN_UNAVAIL", 44, 503),
        ("OUTGOING_CALL_BARRED", 52, 403),
        ("INCOMING_CALL_BARRED", 54, 403),
        ("BEARERCAPABILITY_NOTAUTH", 57, 403),
        ("BEARERCAPABILITY_NOTAVAIL", 58, 503),
        ("BEARERCAPABILITY_NOTIMPL", 65, 488),
        ("SERVICE_NOT_IMPLEMENTED", 79, 501),
        ("INCOMPATIBLE_DESTINATION", 88, 488),
        ("RECOVERY_ON_TIMER_EXPIRE", 102, 504),
        ("BUSY_EVERYWHERE", 815, 600),
        ("DECLINE", 816, 603),
        ("DOES_NOT_EXIST_ANYWHERE", 817, 604),
        ("NOT_ACCEPTABLE", 818, 606),
        ("UNWANTED", 819, 607),
    )
}
"""Every cause that a plan may name, by name."""

SIP_CAUSES: dict[int, str] = {
    code: cause
    for cause, codes in {
        "CALL_REJECTED": (401, 402, 403, 407, 603, 608),
        "UNWANTED": (607,),
        "UNALLOCATED_NUMBER": (404,),
        "NO_ROUTE_DESTINATION": (485, 604),
        "RECOVERY_ON_TIMER_EXPIRE": (408, 504),
        "NUMBER_CHANGED": (410,),
        "INTERWORKING": (413, 414, 416, 420, 421, 423, 505, 513),
        "NO_USER_RESPONSE": (480,),
        "NORMAL_TEMPORARY_FAILURE": (400, 481, 500, 503),
        "USER_BUSY": (486, 600),
        "INVALID_NUMBER_FORMAT": (484,),
        "INCOMPATIBLE_DESTINATION": (488, 606),
        "NETWORK_OUT_OF_ORDER": (502,),
        "SERVICE_UNAVAILABLE": (405,),
        "SERVICE_NOT_IMPLEMENTED": (406, 415, 501),
        "EXCHANGE_ROUTING_ERROR": (482, 483),
    }.items()
    for code in codes
}
"""What FreeSWITCH makes of a carrier's SIP code (``sofia_glue_sip_cause_to_freeswitch`` in
sofia_glue.c), several codes of one cause."""


def parse_cause(text: str, field: str = "hangup") -> Cause:
    """Return the cause of that name; raise :class:`FieldError` where there is none."""
    cause = CAUSES.get(text)
    if cause is None:
        near = get_close_matches(text.upper().replace(" ", "_"), CAUSES, n=2, cutoff=0.6)
        hint = " or ".join(near) if near else "USER_BUSY, NO_ANSWER or CALL_REJECTED"
        raise FieldError(field, repr(text), f"a hangup cause of FreeSWITCH's, such as {hint}")
    return cause
