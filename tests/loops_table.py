"""A loop that only carriers close: they send back to us what we send to them.

A plan rings two targets through two carriers, and each way leads back. ``passes`` counts how often
vnroute is asked for one call, by the simulator: every pass is a session of its own, whose carriers
answer what the pass behind them came to.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from tests.simulator.test_ringing import run
from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Policy, Step

NUMBER: Final = "+12025550100"
TARGET: Final = "+2025550100"
FORMAT: Final = "1{e164_digits}"
"""What is dialled for TARGET is NUMBER: a loop that no load can see."""

LINEAR: Final = {
    "built in": Policy(id="loops"),
    "by SIP code": Policy(id="loops", hunt={"482": "stop", "483": "stop"}),
    "by cause": Policy(
        id="loops",
        hunt={"EXCHANGE_ROUTING_ERROR": "stop"},
        advance={"EXCHANGE_ROUTING_ERROR": "stop"},
    ),
    "one SIP code": Policy(id="loops", hunt={"482": "next"}),
}
"""Policies under which each pass makes one call."""

DOUBLING: Final = {
    "hunting goes on": Policy(id="loops", hunt={"EXCHANGE_ROUTING_ERROR": "next"}),
    "the plan goes on": Policy(id="loops", advance={"EXCHANGE_ROUTING_ERROR": "next"}),
}
"""Policies under which each makes two: what a call with Max-Forwards 70 must not meet."""


def passes(policy: Policy, directory: Path, forwards: int = 70) -> tuple[int, int]:
    """Return how often vnroute is asked for one call, and the SIP code its caller gets."""
    routing = MemoryRouting(
        account_list=[Account(id="acme")],
        policy_list=[policy],
        plan_list=[
            Plan(
                id="round",
                account="acme",
                policy=policy.id,
                steps=(Step(ring=(TARGET, TARGET)), Step(hangup="relay")),
            )
        ],
        number_list=[Number(number=NUMBER, account="acme", plan="round")],
        carrier_list=[
            Carrier(id=name, gateways=(Gateway(id=name, gateway=name, format=FORMAT),))
            for name in ("back", "again")
        ],
    )
    matcher = Matcher(compiled(routing, directory))

    @functools.cache
    def once(left: int) -> tuple[int, int]:
        block = channel_data(NUMBER, "+34911234567").decode()
        assert "max_forwards: 70" in block
        block = block.replace("max_forwards: 70", f"max_forwards: {left}")
        reply = matcher.decide(block.encode(), MONDAY_NOON_IN_NEW_YORK)
        lines = [f"{name} {argument}" for name, argument in applications_of(reply)]
        if b"vn_refused=too_many_hops" in reply:
            return 1, run(lines, {"gateways": {}}).final_sip
        behind, code = once(left - 1)
        far = {"refuse": code}
        session = run(lines, {"gateways": {"back": far, "again": far}})
        made = sum(attempt.created for attempt in session.attempts)
        return 1 + made * behind, session.final_sip

    return once(forwards)
