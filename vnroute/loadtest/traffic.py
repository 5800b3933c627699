"""The calls of a run, drawn before it begins: who calls which number when, and for how long."""

from __future__ import annotations

import random
from dataclasses import dataclass

from vnroute.loadtest.errors import LoadTestError
from vnroute.loadtest.profile import Callers, Profile
from vnroute.loadtest.routes import Routes
from vnroute.loadtest.timing import arrivals, duration, holding, peak_rate
from vnroute.simulator.callers import HOSTILE_NAMES, made_up_callers

__all__ = ["PlannedCall", "plan_traffic", "quoted_name"]


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call to place. ``at`` is seconds after the callers begin; ``hold`` and ``patience`` too.

    ``group`` and ``place`` (from 1) name it; so does its SIP Call-ID.
    """

    group: str
    place: int
    at: float
    called: str
    caller: str
    name: str
    hold: float
    patience: float
    withheld: bool = False
    lossy: bool = False

    @property
    def id(self) -> str:
        """What its Call-ID begins with."""
        return f"{self.group}-{self.place}"


def plan_traffic(
    profile: Profile, routes: Routes, *, seed: int, rate: float | None = None
) -> dict[str, list[PlannedCall]]:
    """Draw all calls, by group. ``rate`` is calls a second that all groups together begin with.

    Where it is given, each group's arrivals are scaled so that their peaks add up to it.
    """
    scale = 1.0
    if rate is not None:
        scale = rate / sum(peak_rate(group.arrivals) for group in profile.callers)
    planned = {}
    for place, group in enumerate(profile.callers):
        rng = random.Random(f"{seed}/{place}/{group.name}")
        calls = _group(group, routes, rng, scale)
        if not calls:
            raise LoadTestError(f"callers: {group.name} places no call at this rate")
        planned[group.name] = calls
    return planned


def _group(group: Callers, routes: Routes, rng: random.Random, scale: float) -> list[PlannedCall]:
    numbers = routes.called(group.to)
    draw = holding(group.hold)
    patience = duration(group.patience, "patience")
    who = made_up_callers(rng)
    calls = []
    order: list[str] = []
    for place, at in enumerate(arrivals(group.arrivals, rng, scale=scale), 1):
        if not order:
            # Each number once before any comes again, in an order of its own each time.
            order = rng.sample(numbers, len(numbers))
        caller = next(who)
        name = caller.name
        if group.names == "hostile":
            name = HOSTILE_NAMES[place % len(HOSTILE_NAMES)]
        calls.append(
            PlannedCall(
                group.name,
                place,
                at,
                order.pop(),
                caller.number,
                name,
                draw(rng),
                patience,
                group.withheld,
                group.loses > 0,
            )
        )
    return calls


def quoted_name(name: str) -> str:
    """Return a display name as SIP's quoted-string with a blank behind it; empty for none.

    What a line of SIPp's injection file cannot hold is sent as %XX: FreeSWITCH hands it to vnroute
    decoded. A quoted-string cannot hold control characters at all (RFC 3261, 25.1).
    """
    if not name:
        return ""
    kept = "".join(f"%{ord(c):02X}" if c < " " or c in ";\x7f" else c for c in name)
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '" '
