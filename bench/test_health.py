"""What gateways' health costs a decision: the same calls with an empty state page and a full one.

``empty`` says nothing of any gateway. ``1,000 gateways, 10 open`` has an entry for each, the three
that these calls hunt over among them; they are well, so the replies are the same. ``of them one of
three`` is the same with the first of the three open: it is passed over (docs/carriers-health.md).
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import vnroute_side
from bench.fake_switch import channel_data
from bench.rounds import RecordedClock, interleave, timed

NUMBERS = 100_000
CALLS = 2_000
ROUNDS = 9
CLOCK = RecordedClock()
pytestmark = pytest.mark.benchmark(group="decide by gateways' health", timer=CLOCK)

NAMES = ("empty", "1,000 gateways, 10 open", "of them one of three")


@pytest.fixture(scope="module")
def seconds(workshop: Path, dids: list[str]) -> dict[str, list[float]]:
    """Measured once, for all tests."""
    home = workshop / "health"
    home.mkdir()
    now = time.time()
    step = NUMBERS // CALLS
    calls = [data for _, data in channel_data(dids[:NUMBERS:step])]

    mine, others = vnroute_side.CARRIERS, [f"other-{place}" for place in range(997)]
    far = dict.fromkeys((*mine, *others[10:]), True) | dict.fromkeys(others[:10], False)
    near = dict.fromkeys((*mine[1:], *others[9:]), True) | dict.fromkeys(
        (mine[0], *others[:9]), False
    )
    try:
        subjects = {
            name: vnroute_side.matcher_told(home, dids[:NUMBERS], name, told)
            for name, told in zip(NAMES, ({}, far, near), strict=True)
        }
    except vnroute_side.NotBuilt as reason:
        pytest.skip(str(reason))
    first = f"sofia/gateway/{vnroute_side.CARRIERS[0]}/".encode()
    assert [first in subjects[name](calls[0], now) for name in NAMES] == [True, True, False]
    return interleave(
        {name: timed(decide, calls, now) for name, decide in subjects.items()}, ROUNDS
    )


@pytest.mark.parametrize("name", NAMES)
def test_decide_by_health(
    name: str, seconds: dict[str, list[float]], benchmark: BenchmarkFixture
) -> None:
    CLOCK.play(benchmark, seconds[name])
