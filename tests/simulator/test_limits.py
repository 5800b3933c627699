"""Limits in the simulator: the calls that a real FreeSWITCH was seen to place (freeswitch/)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.limits_table import Answers
from vnroute.matcher.explain import applications_of
from vnroute.model.limits import Limits
from vnroute.simulator.applications import split_application
from vnroute.simulator.callers import Caller
from vnroute.simulator.channel_data import Setup
from vnroute.simulator.gateways import Gateways
from vnroute.simulator.limits import Limits as Counts
from vnroute.simulator.switch import Session

GATEWAYS = ("gw0", "gw1", "gw2")


def call(answers: Answers, gateways: dict[str, Any], counts: Counts, at: float) -> Session:
    """Place a call and leave it up, or let it end by itself."""
    setup = Setup(f"{int(at * 10):08x}-aaaa", "18005551234", Caller("+34911234567", "Ana"), 1)
    written = Gateways.from_mapping({"gateways": gateways})
    session = Session(setup, written, 1795364836 + at, random.Random(1), limits=counts)
    lines = [f"{name} {argument}" for name, argument in applications_of(answers.reply())]
    steps = session.steps([split_application(line) for line in lines])
    for _ in steps:
        if session.answered_by is not None:
            break
    held.append(steps)
    return session


held: list[Any] = []


@pytest.mark.parametrize("of_carrier", [False, True])
def test_five_calls_at_once_overflow_and_leave_no_count(tmp_path: Path, of_carrier: bool) -> None:
    answers, counts = Answers(GATEWAYS, tmp_path, of_carrier=of_carrier), Counts()
    held.clear()
    far = {name: {"answer": "0ms", "talk": "60s"} for name in GATEWAYS}
    calls = [call(answers, far, counts, place / 10) for place in range(5)]
    assert [c.answered_by and c.answered_by.gateway for c in calls] == [
        "gw0", "gw0", "gw1", "gw2", "gw2",
    ]  # fmt: skip
    realm = "vn_carrier_c" if of_carrier else "vn_gateway_g"
    assert [counts.usage(f"{realm}{place}")[0] for place in range(2)] == [2, 1]
    for steps in held:
        for _ in steps:
            pass
    assert [counts.usage(f"{realm}{place}")[0] for place in range(2)] == [0, 0]


def test_busy_stops_and_503_goes_on(tmp_path: Path) -> None:
    answers, counts = Answers(GATEWAYS, tmp_path), Counts()
    far: dict[str, Any] = {"gw0": {"refuse": 486}, "gw1": {"answer": "0ms"}, "gw2": "silent"}
    for place in range(3):
        session = call(answers, far, counts, place)
        assert session.final_sip == 486
        assert [attempt.gateway for attempt in session.attempts] == ["gw0"]
    far["gw0"] = {"refuse": 503}
    session = call(answers, far, counts, 9)
    assert [attempt.gateway for attempt in session.attempts] == ["gw0", "gw1"]
    assert counts.usage("vn_gateway_g0")[0] == 0


def test_calls_a_second(tmp_path: Path) -> None:
    answers, counts = Answers(GATEWAYS, tmp_path, (Limits(cps=2), None, None)), Counts()
    far = {name: {"answer": "0ms"} for name in GATEWAYS}
    calls = [call(answers, far, counts, place / 4) for place in range(8)]
    first = [c.answered_by is not None and c.answered_by.gateway == "gw0" for c in calls]
    assert first == [True, True, False, False] * 2
