from __future__ import annotations

import itertools
import random
import statistics
from typing import Any

import pytest

from vnroute.loadtest.timing import arrivals, duration, holding, peak_rate
from vnroute.model.problem import FieldError


def rng() -> random.Random:
    return random.Random(7)


@pytest.mark.parametrize(
    ("text", "seconds"), [("200ms", 0.2), ("1.5s", 1.5), ("2m", 120.0), ("1h", 3600.0), ("0", 0.0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text, "x") == seconds


@pytest.mark.parametrize("text", ["", "5", "-1s", "1 s", "s", None, 3, "1e3s"])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(FieldError, match="a duration such as"):
        duration(text, "x")


def test_steady_arrivals_are_even() -> None:
    assert arrivals({"steady": 4, "seconds": 1}, rng()) == [0.0, 0.25, 0.5, 0.75]


def test_poisson_arrivals_have_the_rate_and_the_spread() -> None:
    moments = arrivals({"poisson": 50, "seconds": 200}, rng())
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    assert len(moments) == pytest.approx(10_000, rel=0.05)
    # Of exponential gaps the deviation is the mean.
    assert statistics.pstdev(gaps) == pytest.approx(statistics.fmean(gaps), rel=0.05)


def test_a_ramp_goes_from_rate_to_rate() -> None:
    moments = arrivals({"ramp": [10, 30], "seconds": 20}, rng())
    assert len(moments) == 400
    first = sum(at < 2 for at in moments)
    last = sum(at >= 18 for at in moments)
    assert (first, last) == (pytest.approx(22, abs=2), pytest.approx(58, abs=2))
    down = arrivals({"ramp": [30, 10], "seconds": 20}, rng())
    assert len(down) == 400 and max(down) < 20 and down == sorted(down)


def test_steps_and_bursts() -> None:
    moments = arrivals({"steps": [10, 20], "seconds": 2}, rng())
    assert (sum(at < 2 for at in moments), sum(at >= 2 for at in moments)) == (20, 40)
    burst = arrivals({"burst": 1000, "within": "1s"}, rng())
    assert len(burst) == 1000 and max(burst) < 1.0
    assert peak_rate({"burst": 1000, "within": "500ms"}) == 2000


def test_a_scale_multiplies_rates() -> None:
    assert len(arrivals({"steady": 10, "seconds": 3}, rng(), scale=2)) == 60


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "arrivals"),
        ({"steady": 1, "poisson": 1, "seconds": 1}, "arrivals"),
        ({"steady": 0, "seconds": 1}, "arrivals.steady"),
        ({"steady": 1}, "arrivals.seconds"),
        ({"ramp": [1], "seconds": 1}, "arrivals.ramp"),
        ({"steps": [1, "x"], "seconds": 1}, "arrivals.steps[1]"),
        ({"burst": 1.5}, "arrivals.burst"),
        ({"steady": 1, "seconds": 1, "for": 2}, "arrivals.for"),
    ],
)
def test_arrivals_that_cannot_be_understood(given: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as error:
        arrivals(given, rng())
    assert error.value.field == field


def test_holding_times_have_the_mean_asked_for() -> None:
    for kind in ("exponential", "lognormal"):
        draw, source = holding({kind: "30s"}), rng()
        drawn = [draw(source) for _ in range(20_000)]
        assert statistics.fmean(drawn) == pytest.approx(30, rel=0.05)
        assert max(drawn) <= 300
    low = holding(["1s", "2s"])
    assert all(1 <= low(rng()) <= 2 for _ in range(100))


@pytest.mark.parametrize("given", [{"uniform": "1s"}, ["2s", "1s"], ["1s"], "soon", {}])
def test_holding_times_that_cannot_be_understood(given: Any) -> None:
    with pytest.raises(FieldError):
        holding(given)
