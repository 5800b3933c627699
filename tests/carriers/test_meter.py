"""The meter against simulated traffic: it must see a death soon, and never cry at a healthy one."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest

from vnroute.carriers.meter import Meter

POLL = 0.25


class Traffic:
    """Legs with Poisson arrivals; each ends after ``fate`` says, or never (answered)."""

    def __init__(self, seed: int, rate: Callable[[float], float],
                 fate: Callable[[random.Random, float], float | None]) -> None:  # fmt: skip
        self.random = random.Random(seed)
        self.rate, self.fate = rate, fate
        self.now, self.made, self.failed = 0.0, 0, 0
        self.ends: list[float] = []
        self.due = 0.0

    def until(self, moment: float) -> tuple[int, int]:
        while self.due <= moment:
            self.now = self.due
            rate = self.rate(self.now)
            self.due += self.random.expovariate(max(rate, 1e-3))
            if self.random.random() < min(1.0, rate / max(rate, 1e-3)):
                self.made += 1
                after = self.fate(self.random, self.now)
                if after is not None:
                    heapq.heappush(self.ends, self.now + after)
        while self.ends and self.ends[0] <= moment:
            heapq.heappop(self.ends)
            self.failed += 1
        return self.made, self.failed


def healthy(asr: float) -> Callable[[random.Random, float], float | None]:
    def fate(noise: random.Random, now: float) -> float | None:
        if noise.random() < asr:
            return None
        # Busy at once, a wrong number in a second, nobody there after 20 to 30 seconds.
        return noise.choice((0.2, 1.0, 20.0, 25.0, 30.0))

    return fate


def dies(
    at: float, after: float, asr: float = 0.6
) -> Callable[[random.Random, float], float | None]:
    well = healthy(asr)
    return lambda noise, now: after if now >= at else well(noise, now)


def first_alarm(traffic: Traffic, seconds: float, progress: float = 5.0) -> float | None:
    meter, now = Meter(progress), 0.0
    while now < seconds:
        now += POLL
        meter.sample(now, *traffic.until(now))
        if meter.alarm():
            return now
    return None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rate", [0.2, 3.0, 33.0])
@pytest.mark.parametrize("asr", [0.2, 0.6, 1.0])
def test_a_healthy_gateway_never_alarms(seed: int, rate: float, asr: float) -> None:
    assert first_alarm(Traffic(seed, lambda now: rate, healthy(asr)), 600) is None


@pytest.mark.parametrize("seed", range(4))
def test_bursts_and_their_ends_do_not_alarm(seed: int) -> None:
    def rate(now: float) -> float:
        return 60.0 if now % 90 < 15 else 0.5

    assert first_alarm(Traffic(seed, rate, healthy(0.5)), 900) is None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("rate", "after", "within"),
    [(33.0, 0.05, 3.0), (33.0, 2.0, 5.0), (33.0, 5.0, 8.0), (3.0, 0.05, 36.0), (100.0, 2.0, 3.5)],
)
def test_a_dead_one_is_seen_soon(seed: int, rate: float, after: float, within: float) -> None:
    """From its death: what it takes to fail, and what it takes to be sure."""
    found = first_alarm(Traffic(seed, lambda now: rate, dies(300.0, after)), 360, after)
    assert found is not None and 300 < found <= 300 + within


def test_counters_that_go_back_begin_anew() -> None:
    meter = Meter()
    meter.sample(0, 1000, 900)
    meter.sample(1, 1030, 930)
    meter.sample(2, 3, 3)
    assert not meter.alarm() and meter.rate() == 0.0


def test_trials_count_what_has_not_failed_in_time() -> None:
    meter = Meter(progress_seconds=2)
    meter.sample(0, 10, 5)
    meter.mark()
    meter.sample(1, 14, 6)
    assert meter.trials() == (0, 1), "four more legs, too young to be well"
    meter.sample(5.1, 14, 6)
    assert meter.trials() == (3, 1)
