from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vnroute.loadtest.errors import LoadTestError
from vnroute.loadtest.profile import Callers, Profile, read_profile
from vnroute.loadtest.routes import Routes
from vnroute.loadtest.traffic import plan_traffic

ROUTES = Routes(
    Path(), Path(), {"direct": ["+1800555000" + d for d in "0123"], "unknown": ["+19995550000"]},
    ("gwA",), True,
)  # fmt: skip
SMOKE = read_profile("smoke")


def profile(**group: object) -> Profile:
    given = {"name": "some", "arrivals": {"poisson": 20, "seconds": 5}, **group}
    return msgspec.structs.replace(SMOKE, callers=(msgspec.convert(given, Callers),))


def test_the_same_seed_makes_the_same_calls_and_another_does_not() -> None:
    one = plan_traffic(profile(), ROUTES, seed=1)
    assert one == plan_traffic(profile(), ROUTES, seed=1)
    assert one != plan_traffic(profile(), ROUTES, seed=2)


def test_each_number_is_called_before_any_comes_again() -> None:
    calls = plan_traffic(profile(to=["direct"]), ROUTES, seed=1)["some"]
    for place in range(0, len(calls) - 4, 4):
        assert len({call.called for call in calls[place : place + 4]}) == 4


def test_callers_come_from_several_countries() -> None:
    calls = plan_traffic(profile(), ROUTES, seed=1)["some"]
    assert len({call.caller[:3] for call in calls}) >= 4


def test_a_rate_scales_all_groups_together() -> None:
    calls = plan_traffic(profile(), ROUTES, seed=1, rate=60.0)["some"]
    assert 250 < len(calls) < 350


def test_kinds_that_given_routing_data_does_not_have() -> None:
    with pytest.raises(LoadTestError, match="no numbers of the kind follow; there are direct"):
        plan_traffic(profile(to=["follow"]), ROUTES, seed=1)
