"""The state page's gateways in the decision: passed over, tried by a share, the least bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.images import compiled
from tests.support.memory import MemoryRouting
from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data, explain
from vnroute.model import Account, Carrier, Choice, Gateway, Number, Plan, Rate, Step

NUMBER, NOW = "+18005551234", 1795453200.0
GATEWAYS = ("a1", "a2", "b1", "c1")


def routing() -> MemoryRouting:
    def carrier(name: str, *gateways: str) -> Carrier:
        return Carrier(id=name, gateways=tuple(Gateway(id=g, gateway=f"gw-{g}") for g in gateways))

    return MemoryRouting(
        account_list=[Account(id="acme")],
        plan_list=[
            Plan(
                id="p", account="acme", steps=(Step(ring=("+12125550100",)), Step(hangup="relay"))
            )
        ],
        number_list=[Number(number=NUMBER, account="acme", plan="p")],
        carrier_list=[carrier("a", "a1", "a2"), carrier("b", "b1"), carrier("c", "c1")],
        rate_list=[Rate(prefix="+1", carrier=name, rate=rate)
                   for name, rate in (("a", "0.01"), ("b", "0.02"), ("c", "0.03"))],
    )  # fmt: skip


@pytest.fixture
def matcher(tmp_path: Path) -> Matcher:
    matcher = Matcher(compiled(routing(), tmp_path), seed=1)
    matcher.use_page(StatePage.open(tmp_path / "state.page", create=True))
    return matcher


def variables(matcher: Matcher, now: float = NOW) -> dict[str, str]:
    (name, argument), *_ = applications_of(matcher.decide(channel_data(NUMBER), now))
    assert name == "multiset"
    return dict(pair.partition("=")[::2] for pair in argument.removeprefix("^^;").split(";"))


def gateways(matcher: Matcher, now: float = NOW) -> list[str]:
    return [gateway for gateway in variables(matcher, now).get("vn_legs", "").split(",") if gateway]


def put(matcher: Matcher, gateway: str, share: int, badness: int, until: int = 0) -> None:
    assert matcher.page is not None
    matcher.page.put(Kind.GATEWAY, gateway, share, badness, until)


def test_a_gateway_that_is_not_well_is_passed_over_first_and_later(matcher: Matcher) -> None:
    assert gateways(matcher) == list(GATEWAYS)
    put(matcher, "a1", 0, 2)
    put(matcher, "b1", 0, 3)
    assert gateways(matcher) == ["a2", "c1"]
    assert "vn_least_bad" not in variables(matcher)


def test_what_it_says_ends_by_itself(matcher: Matcher) -> None:
    put(matcher, "a1", 0, 2, until=int(NOW) + 10)
    assert gateways(matcher, NOW + 9) == ["a2", "b1", "c1"]
    assert gateways(matcher, NOW + 10) == list(GATEWAYS)


def test_a_carrier_that_is_shut_is_none_of_those_tried_at_most(tmp_path: Path) -> None:
    wanted = routing()
    wanted.account_list = [Account(id="acme", choice=Choice(most=2))]
    matcher = Matcher(compiled(wanted, tmp_path), seed=1)
    matcher.use_page(StatePage.open(tmp_path / "state.page", create=True))
    assert gateways(matcher) == ["a1", "a2", "b1"]
    put(matcher, "a1", 0, 2)
    assert gateways(matcher) == ["a2", "b1"]
    put(matcher, "a2", 0, 2)
    assert gateways(matcher) == ["b1", "c1"]
    explanation = explain(matcher, NUMBER, "", NOW)
    legs = [leg.gateway for step in explanation.steps for t in step.targets for leg in t.legs]
    assert legs == ["b1", "c1"]
    put(matcher, "b1", 0, 3)
    put(matcher, "c1", 0, 3)
    assert gateways(matcher) == ["a1", "a2"]


def test_half_open_takes_its_share(matcher: Matcher) -> None:
    put(matcher, "a1", 100, 1)
    seen = Counter("a1" in gateways(matcher) for _ in range(5000))
    assert 350 < seen[True] < 650, "a tenth of 5000, give or take seven deviations"


def test_all_are_unwell_the_least_bad_are_tried_and_it_is_said(matcher: Matcher) -> None:
    for gateway, badness in zip(GATEWAYS, (3, 2, 2, 4), strict=True):
        put(matcher, gateway, 0, badness)
    before = matcher.least_bad
    assert gateways(matcher) == ["a2", "b1"]
    assert variables(matcher)["vn_least_bad"] == "1"
    assert matcher.least_bad == before + 2


def test_what_somebody_took_out_is_never_tried(matcher: Matcher) -> None:
    for gateway in GATEWAYS:
        put(matcher, gateway, 0, 4)
    assert variables(matcher)["vn_refused"] == "no_carrier"
    why = explain(matcher, NUMBER, "", NOW).refused
    assert why is not None and why.why.endswith("drained: a1, a2, b1, c1")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from((0, 1000)), st.integers(0, 4)), min_size=4, max_size=4))
def test_against_a_plain_reading(matcher: Matcher, said: Sequence[tuple[int, int]]) -> None:
    for gateway, (share, badness) in zip(GATEWAYS, said, strict=True):
        put(matcher, gateway, share, badness)
    expected = [g for g, (share, _) in zip(GATEWAYS, said, strict=True) if share]
    if not expected:
        least = min(badness for _, badness in said)
        expected = [g for g, (_, bad) in zip(GATEWAYS, said, strict=True) if bad == least < 4]
    assert gateways(matcher) == expected
    explanation = explain(matcher, NUMBER, "", NOW)
    legs = [leg.gateway for step in explanation.steps for t in step.targets for leg in t.legs]
    assert legs == expected
