"""Measuring several subjects in rounds that alternate, and handing the figures to pytest-benchmark.

On a machine that others share, ten runs of one subject and then ten of the next compare two
moments, not two subjects. Here each round runs every subject once, in an order that rotates.
pytest-benchmark runs a test to its end before the next, so the rounds are run beforehand, and its
clock plays them back: its statistics, JSON and comparisons are then those of the rounds.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


Decide = Callable[[bytes, float], bytes]
"""A decision: CHANNEL_DATA and a moment (Unix seconds) in, the reply out."""


def timed(decide: Decide, calls: Sequence[bytes], now: float) -> Callable[[], float]:
    """Return what decides all of these calls and returns the seconds of one."""

    def run() -> float:
        start = time.perf_counter()
        for data in calls:
            decide(data, now)
        return (time.perf_counter() - start) / len(calls)

    return run


def interleave(subjects: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run every subject once a round; each returns its seconds for one operation."""
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    names = list(subjects)
    gc.collect()
    gc.freeze()  # a collection would walk millions of keys that belong to another subject
    try:
        for turn in range(rounds):
            start = turn % max(1, len(names))
            for name in names[start:] + names[:start]:
                samples[name].append(subjects[name]())
    finally:
        gc.unfreeze()
    return samples


class RecordedClock:
    """A clock that stands still, but for ``tick``, which moves it by the next recorded time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._steps: list[float] = []

    def __call__(self) -> float:
        return self._now

    def tick(self) -> None:
        """Move on; without effect once all is played, as the runner calls once more at the end."""
        if self._steps:
            self._now += self._steps.pop(0)

    def play(self, benchmark: BenchmarkFixture, seconds: Sequence[float]) -> None:
        """Give ``seconds``, one a round, to a benchmark whose timer is this clock."""
        # From zero each time: differences of large sums would lose the last digits.
        self._now = 0.0
        self._steps = list(seconds)
        benchmark.pedantic(  # type: ignore[no-untyped-call]
            self.tick, rounds=len(seconds), iterations=1, warmup_rounds=0
        )
