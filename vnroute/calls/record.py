"""A call and its legs, as a CDR tells of them."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

__all__ = ["OUTCOMES", "PERSON", "Call", "Leg", "LegRecord", "Outcome"]

Outcome = Literal["answered", "busy", "no_answer", "declined", "cancelled", "failed", "refused"]
"""What became of a call or a leg. ``refused`` is a call that vnroute itself refused (vn_refused);
``cancelled`` one whose caller hung up first."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

PERSON: frozenset[Outcome] = frozenset(("answered", "busy", "no_answer", "declined", "cancelled"))
"""Outcomes in which the network did its part: what the network effectiveness ratio (NER) counts
(ITU-T E.425: answers, user busy, ring no answer, and terminal rejects)."""


class Leg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to reach a target through a gateway.

    ``attempt`` counts from 1 over all bridges of the plan, in the order FreeSWITCH made the legs.
    A leg that was never made (gateway down) is in no CDR. ``sip`` is 0 and ``pdd_ms`` None where
    the A leg's record does not tell. ``together`` is whether it was rung with others.
    """

    attempt: int
    uuid: str
    gateway: str = ""
    dialled: str = ""
    outcome: Outcome = "failed"
    cause: str = ""
    sip: int = 0
    pdd_ms: int | None = None
    talk_ms: int = 0
    together: bool = False


class LegRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a leg's own record tells (``log-b-leg``), besides that of its call.

    ``started`` is Unix microseconds, ``up_ms`` the time from its answer to its end, ``pdd_ms`` from
    its INVITE to its ringing, media or answer. ``in`` is what the far end sent to the switch,
    ``missed`` how often a packet was due and none was there, ``jitter_ms`` the largest standard
    deviation of the time between them. None for what is not told, or cannot be without a packet.
    """

    uuid: str
    started: int = 0
    cause: str = ""
    sip: int = 0
    pdd_ms: int | None = None
    up_ms: int = 0
    read_codec: str = ""
    write_codec: str = ""
    packets_in: int | None = None
    packets_missed: int | None = None
    packets_out: int | None = None
    mos: float | None = None
    jitter_ms: float | None = None
    loss_percent: float | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call from a carrier to one of our numbers, answered or not.

    Times are Unix microseconds, 0 for what did not happen. ``routed`` is whether vnroute answered
    it; a call that ran into FreeSWITCH's own fallback has no decision in its record.
    ``clock_off`` marks a record whose own start was not believable; ``started`` is then reckoned
    from when the record came.
    """

    uuid: str
    started: int
    answered: int = 0
    ended: int = 0
    received: int = 0
    switch: str = ""
    number: str = ""
    account: str = ""
    plan: str = ""
    campaign: str = ""
    generation: int = 0
    hops: int = 0
    routed: bool = False
    outcome: Outcome = "failed"
    refused: str = ""
    cause: str = ""
    q850: int = 0
    sip: int = 0
    caller: str = ""
    caller_name: str = ""
    pdd_ms: int | None = None
    duration_ms: int = 0
    talk_ms: int = 0
    clock_off: bool = False
    legs: tuple[Leg, ...] = ()
