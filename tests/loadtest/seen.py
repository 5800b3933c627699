"""Decisions and calls made by hand, for the tests of the checks."""

from __future__ import annotations

from typing import Any

from vnroute.loadtest.observed import SeenCall, SeenLeg
from vnroute.loadtest.predict import Decision, PlannedLeg
from vnroute.loadtest.traffic import PlannedCall
from vnroute.simulator.gateways import Script

ANSWERS = Script(((0.0, 100), (0.1, 200)))
SILENT = Script(())
RINGS = Script(((0.0, 100), (0.1, 180)))


def refuses(status: int, after: float = 0.0) -> Script:
    return Script(((0.0, 100), (after, status)))


def decision(*gateways: str, relays: bool = True, cause: str = "", targets: Any = None) -> Decision:
    """Return a decision of one target, or of those given, over gateways."""
    places = targets or [0] * len(gateways)
    legs = tuple(
        PlannedLeg(target, "carrier", gateway, "12125550100", 1, 6)
        for gateway, target in zip(gateways, places, strict=True)
    )
    return Decision("+18005551234", "plan", legs, relays, cause, "")


def leg(place: int, gateway: str, cause: str, script: Script, at: float = 0.0) -> SeenLeg:
    return SeenLeg(
        place, gateway, "12125550100", cause, f"{place:02x}", 1000.0 + at, script, cause == "NONE"
    )


def call(code: int | None, *legs: SeenLeg, waited: float = 0.15, **more: Any) -> SeenCall:
    """Return a call that went well but for what is given."""
    planned = PlannedCall("group", 1, 0.0, "+18005551234", "+34911234567", "", 0.3, 60.0)
    made = SeenCall(planned, sent_at=1000.0, sent=1, finals=1, records=1, code=code, generation=1)
    made.final_at = 1000.0 + waited
    made.legs = list(legs)
    made.labels = 3
    for name, value in more.items():
        setattr(made, name, value)
    return made
