"""The policy table on the real switch: vnroute's own answers, SIPp carriers behind them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.freeswitch.harness import Gateway, SippCarrier, free_port, wait_until
from tests.freeswitch.lab import Lab
from tests.freeswitch.raw_sip import RawPhone
from tests.freeswitch.test_ring import carrier
from tests.policy_table import CASES, Case, lines
from tests.ringing_table import answers, refuses

pytestmark = pytest.mark.freeswitch


@dataclasses.dataclass(frozen=True)
class TcpGateway(Gateway):
    """A gateway that is spoken to over TCP."""

    def xml(self, host: str) -> str:
        proxy = f"{host}:{self.port}"
        return super().xml(host).replace(f'"{proxy}"', f'"{proxy};transport=tcp"')


@pytest.fixture(scope="module")
def pinged() -> Iterator[RawPhone]:
    """Return a carrier that the switch pings, as often as it may: it answers 503 to that, which is
    the same to the switch as no answer, and sooner.
    """
    with RawPhone(free_port(), "486 Busy Here", pings="503 Down") as phone:
        yield phone


@pytest.fixture(scope="module")
def lab(pinged: RawPhone) -> Iterator[Lab]:
    lab = Lab(gateways=260)
    lab._all += [TcpGateway("gwTcp", free_port()), Gateway("gwDown", pinged.port, ping=5)]
    with lab:
        yield lab


FIXED = {"tcp refused": "gwTcp", "unknown": "gwNowhere", "down": "gwDown"}
"""Gateways that are not one test's own."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_policy(
    lab: Lab,
    pinged: RawPhone,
    case: Case,
    tmp_path: Path,
    note: Callable[[Mapping[str, Any]], None],
) -> None:
    if "down" in case.carriers:
        wait_until("gwDown is down", lambda: lab.switch.gateway_is_down("gwDown"), 30, 0.2)
    names: list[str] = []
    listening: dict[int, SippCarrier] = {}
    for far in (*case.carriers, *((answers(0.1),) if case.then else ())):
        if isinstance(far, str) and far in FIXED:
            names.append(FIXED[far])
            continue
        at = lab.gateway()
        if not isinstance(far, str):
            listening[len(names)] = carrier(at, far)
        names.append(at.name)
    complaints = len(lab.switch.complaints())
    outcome = lab.call(lines(case, names, tmp_path), *listening.values())
    rung = tuple(
        outcome.count(listening[place]) if place in listening else 0 for place in range(len(names))
    )
    note({"name": case.name, "code": outcome.code, "rung": rung, "seconds": outcome.seconds})
    assert (outcome.code, rung) == (case.code, case.rung)
    assert case.least - 0.1 <= outcome.seconds <= case.most + 0.3
    found = lab.switch.complaints()[complaints:]
    assert [line for line in found if not any(name in line for name in FIXED.values())] == []
    assert pinged.invites == []


@pytest.mark.parametrize("reason", ["Q.850;cause=17", "Q.850;cause=21", "SIP;cause=486"])
def test_a_reason_header_does_not_change_what_the_code_means(
    lab: Lab, tmp_path: Path, reason: str
) -> None:
    """Yeti's table, too: a carrier's 503 goes on, whatever else it says."""
    case = Case("", (refuses(503), answers(0.1)), 200, (1, 1))
    first, second = lab.gateway(), lab.gateway()
    carriers = (SippCarrier.refuses(first, 503, reason), carrier(second, answers(0.1)))
    outcome = lab.call(lines(case, [first.name, second.name], tmp_path), *carriers)
    assert outcome.code == 200
    assert [outcome.count(one) for one in carriers] == [1, 1]
