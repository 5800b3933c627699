"""One decision with 10,000 schedules and 100,000 plans loaded, beside one of each.

Both hold the same 100,000 numbers and are asked for the same calls, in random order over all of
them. With one of each all calls share what a call reads besides its number; with many, each has a
plan, targets and texts of its own, so the difference is waiting for memory.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import vnroute_side
from bench.corpus import did
from bench.fake_switch import channel_data
from bench.rounds import RecordedClock, interleave, timed

NUMBERS = PLANS = 100_000
SCHEDULES = 10_000
#: Different calls of a round: what they touch is larger than the second-level cache.
CALLS = 20_000
ROUNDS = 11
CLOCK = RecordedClock()
pytestmark = pytest.mark.benchmark(group="decide, by plans and schedules", timer=CLOCK)

#: (plans, schedules) of each subject; the first is what the others are measured by.
SUBJECTS = {"one of each": (1, 1), "100 k plans, 10 k schedules": (PLANS, SCHEDULES)}


@pytest.fixture(scope="module")
def measured(workshop: Path) -> dict[str, list[float]]:
    """Measured once, for all the tests below; skips where vnroute is not built."""
    numbers = [did(row) for row in range(NUMBERS)]
    drawn = random.Random(4).sample(numbers, CALLS)
    calls = [data for _, data in channel_data(drawn)]
    try:
        subjects = {
            name: vnroute_side.matcher(workshop, numbers, *sizes)
            for name, sizes in SUBJECTS.items()
        }
    except vnroute_side.NotBuilt as reason:
        pytest.skip(str(reason))
    now = time.time()
    plans = {
        name: {_plan(decide(data, now)) for data in calls} for name, decide in subjects.items()
    }
    assert [len(found) for found in plans.values()] == [1, CALLS]

    return interleave({name: timed(one, calls, now) for name, one in subjects.items()}, ROUNDS)


def _plan(reply: bytes) -> bytes:
    assert b"sofia/gateway/gw3/" in reply
    return reply.partition(b";vn_plan=")[2].partition(b";")[0]


@pytest.mark.parametrize("name", SUBJECTS)
def test_decide_by_plans(
    name: str, measured: dict[str, list[float]], benchmark: BenchmarkFixture
) -> None:
    CLOCK.play(benchmark, measured[name])
