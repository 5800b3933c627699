"""Screening in the simulator: the cases that were seen on a real FreeSWITCH."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eventsocket.test_serve import Home
from tests.screening_table import CALLS, CASES, COUNTED, IMPORTED, ROUTING, SECONDS, STRANGER, Case
from vnroute.image.generations import current_image
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.matcher.image import RouteImage
from vnroute.simulator.applications import Application
from vnroute.simulator.channel_data import Caller, Setup
from vnroute.simulator.gateways import Gateways
from vnroute.simulator.limits import Limits
from vnroute.simulator.switch import Session, Wait

MOMENT = 1795453200.0
BEHIND = Gateways.from_mapping({"gateways": {"gwA": {"answer": "0"}, "gwB": {"answer": "0"}}})


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    home = Home(tmp_path_factory.mktemp("screens") / "home")
    home.load(ROUTING)
    (home.path / "imported.csv").write_text(IMPORTED)
    home.run("import", "list", "imported", str(home.path / "imported.csv"))
    home.run("compile")
    path = current_image(home.path / "images")
    assert path is not None
    return Matcher(RouteImage(path))


def session(plan: Sequence[tuple[str, str]], limits: Limits, at: float = 0.0) -> Session:
    setup = Setup(uuid="a", did="18005551234", caller=Caller("1", ""), microseconds=1)
    made = Session(setup, BEHIND, MOMENT + at, random.Random(1), limits=limits)
    for request in made.steps([Application(*line) for line in plan]):
        assert isinstance(request, Wait)
    return made


def call(matcher: Matcher, number: str, caller: str, limits: Limits, **more: object) -> Session:
    block = channel_data(number, caller)
    if more.pop("withheld", False):
        block = block.replace(b"\n\n", b"\nCaller-Privacy-Hide-Number: true\n\n")
    return session(applications_of(matcher.decide(block, MOMENT)), limits, **more)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_screens(matcher: Matcher, case: Case) -> None:
    made = call(matcher, case.number, case.caller, Limits(), withheld=case.withheld)
    assert made.final_sip == case.code
    tried = [attempt.gateway for attempt in made.attempts]
    assert (tried.count("gwA"), tried.count("gwB")) == case.rung


def test_a_rate_of_calls(matcher: Matcher) -> None:
    limits = Limits()
    codes = [call(matcher, COUNTED, STRANGER, limits, at=n / 10).final_sip for n in range(8)]
    assert codes == [200] * CALLS + [486] * (8 - CALLS)
    assert call(matcher, COUNTED, "442079460123", limits).final_sip == 200
    assert all(
        call(matcher, COUNTED, "anonymous", limits).final_sip == 200 for _ in range(CALLS + 1)
    )
    later = [call(matcher, COUNTED, STRANGER, limits, at=SECONDS).final_sip for _ in range(4)]
    assert later == [200] * CALLS + [486]
    gone = Limits(backends=frozenset())
    assert call(matcher, COUNTED, STRANGER, gone).final_sip == 486


def test_what_is_in_use_at_a_time_comes_back() -> None:
    limits = Limits()
    plan = [("limit", "hash r a 1 !USER_BUSY"), ("limit", "hash r a 1 !USER_BUSY"), ("answer", "")]
    assert [session(plan, limits).final_sip for _ in range(2)] == [200, 200]
    assert limits.usage("r_a") == (0, 0)


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 4), st.integers(1, 5))
def test_the_count_begins_anew_after_each_window(gaps: list[int], most: int, seconds: int) -> None:
    limits, now, began, count = Limits(), 0, -10, 0
    for gap in gaps:
        now += gap
        if now - began >= seconds:
            began, count = now, 0
        count += 1
        taken = limits.take(set(), "hash", "r_a", most, seconds, 1000 + now)
        assert taken is (count <= most)
