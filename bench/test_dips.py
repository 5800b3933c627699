"""What dips cost a decision that waits for none: off, and on with every answer kept.

``off`` is how vnroute comes; ``on, kept`` finds the answer for each target among 100,000 that are
kept (docs/portability.md). The replies are the same, since no number is ported.
"""

from __future__ import annotations

import re
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
pytestmark = pytest.mark.benchmark(group="decide by dips", timer=CLOCK)

NAMES = ("off", "on, kept")


@pytest.fixture(scope="module")
def seconds(workshop: Path, dids: list[str]) -> dict[str, list[float]]:
    """Measured once, for all tests."""
    home = workshop / "dips"
    home.mkdir()
    now = time.time()
    calls = [data for _, data in channel_data(dids[: NUMBERS : NUMBERS // CALLS])]

    kept = {number: (0, now + 3600.0) for number in range(10**14, 10**14 + NUMBERS)}
    kept.update((number, (0, now + 3600.0)) for number in vnroute_side.targets_of(1))
    try:
        subjects = {
            name: vnroute_side.matcher_dipping(home, dids[:NUMBERS], found)
            for name, found in zip(NAMES, (None, kept), strict=True)
        }
    except vnroute_side.NotBuilt as reason:
        pytest.skip(str(reason))
    one, other = (re.sub(rb"origination_uuid=[0-9a-f-]+", b"", subjects[name](calls[0], now))
                  for name in NAMES)  # fmt: skip
    assert one == other
    return interleave(
        {name: timed(decide, calls, now) for name, decide in subjects.items()}, ROUNDS
    )


@pytest.mark.parametrize("name", NAMES)
def test_decide_by_dips(
    name: str, seconds: dict[str, list[float]], benchmark: BenchmarkFixture
) -> None:
    CLOCK.play(benchmark, seconds[name])
