"""What was seen of a call, in one form for the real switch and for the simulator.

All moments are Unix seconds; None is what was not seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vnroute.loadtest.traffic import PlannedCall
from vnroute.simulator.gateways import Script

__all__ = ["Evidence", "SeenCall", "SeenLeg", "Stray"]


@dataclass(slots=True)
class SeenLeg:
    """A leg that was tried.

    ``place`` is where it stands in the plan (from 0), which its uuid tells; ``cause`` is
    FreeSWITCH's, NONE for the leg that won. ``gateway``, ``dialled`` and ``script`` (what the
    carrier set out to do) are the carrier's word, empty and None where none saw the leg.
    """

    place: int
    gateway: str
    dialled: str
    cause: str = ""
    uuid: str = ""
    invited_at: float | None = None
    script: Script | None = None
    answered: bool = False
    cancelled: bool = False
    ended_at: float | None = None


@dataclass(slots=True)
class SeenCall:
    """A call, from all sides. ``records`` counts its call records, which should be one."""

    planned: PlannedCall
    sent_at: float | None = None
    ringing_at: float | None = None
    final_at: float | None = None
    code: int | None = None
    cancelled_at: float | None = None
    hung_up_at: float | None = None
    reinvited: bool = False
    sent: int = 0
    finals: int = 0
    records: int = 0
    generation: int | None = None
    refused: str = ""
    labels: int = 0
    hangup_cause: str = ""
    billed: float | None = None
    record_ended_at: float | None = None
    legs: list[SeenLeg] = field(default_factory=list)
    plan_seconds: float | None = None
    error: str = ""

    @property
    def got_plan(self) -> bool:
        """Whether vnroute's answer reached the switch."""
        return self.generation is not None

    @property
    def answered(self) -> bool:
        """Whether the caller got an answer."""
        return self.code == 200

    @property
    def waited(self) -> float | None:
        """Seconds from the INVITE to the final answer."""
        if self.sent_at is None or self.final_at is None:
            return None
        return self.final_at - self.sent_at

    @property
    def pdd(self) -> float | None:
        """Post-dial delay: seconds from the INVITE to the first ringing, or to the answer."""
        heard = self.ringing_at if self.ringing_at is not None else None
        if heard is None and self.code == 200:
            heard = self.final_at
        if self.sent_at is None or heard is None:
            return None
        return heard - self.sent_at

    @property
    def through(self) -> float | None:
        """Seconds from the caller's INVITE to the first carrier's: switch and vnroute together."""
        first = min((leg.invited_at for leg in self.legs if leg.invited_at), default=None)
        if first is None or self.sent_at is None or (self.legs and self.legs[0].place != 0):
            return None
        return first - self.sent_at


@dataclass(slots=True)
class Stray:
    """Something that belongs to no call: an INVITE at a carrier, or a call record."""

    what: str
    detail: str


@dataclass(slots=True)
class Evidence:
    """All that was seen in a run."""

    calls: list[SeenCall]
    strays: list[Stray] = field(default_factory=list)
    records: int = 0
    invites: int = 0
    simulated: bool = False
