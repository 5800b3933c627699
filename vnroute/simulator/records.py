"""What a simulated call leaves behind: one record a call, one entry a leg."""

from __future__ import annotations

import msgspec


class LegRecord(msgspec.Struct, omit_defaults=True):
    """One attempt at an endpoint.

    Times are seconds after the plan began, on the simulation's clock.  ``gateway`` is the profile's
    name or the kind of endpoint for a leg that goes through no gateway.  ``cause`` is ``NONE`` for
    the leg that won.  ``sip`` is the final status it got, 0 without one.  ``created`` is false for
    a leg refused before there was a channel (gateway down or unknown): CDRs do not list those.
    """

    endpoint: str
    gateway: str
    number: str
    cause: str
    sip: int = 0
    t_start: float = 0.0
    t_end: float = 0.0
    uuid: str = ""
    caller: str = ""
    created: bool = True
    answered: bool = False


class CallRecord(msgspec.Struct, omit_defaults=True):
    """One simulated call.

    ``plan`` are the applications of the extension, as ``name argument`` lines, before expansion.
    ``final_cause`` and ``final_sip`` are what the caller got: the SIP status of an answered call is
    200.  ``pdd`` is the post-dial delay in seconds, from the INVITE to the first 180, 183 or 200
    the caller heard of (clock of the plan plus the real delay of the answer), None when there was
    none.  ``connect_seconds`` is the real time until the server's first command, ``plan_seconds``
    until its plan was complete (None: no plan).  ``servers`` are the hosts tried, in order;
    ``error`` says why there was no plan, or what was wrong beside one.  ``cdr`` is what became of
    the call's CDR: ``taken``, ``kept`` on disk, or ``lost``; empty where none is posted.
    """

    uuid: str
    did: str
    caller: str
    started: float
    plan: list[str] = []
    legs: list[LegRecord] = []
    answered_by: str | None = None
    final_cause: str = ""
    final_sip: int = 0
    pdd: float | None = None
    duration: float = 0.0
    connect_seconds: float | None = None
    plan_seconds: float | None = None
    servers: list[str] = []
    failovers: int = 0
    fallback: bool = False
    variables: dict[str, str] = {}
    mismatch: str | None = None
    error: str | None = None
    cdr: str = ""

    @property
    def got_plan(self) -> bool:
        """Did any server hand over an extension?"""
        return self.plan_seconds is not None

    @property
    def gateways_tried(self) -> list[str]:
        """The gateway of every leg, in order."""
        return [leg.gateway for leg in self.legs]
