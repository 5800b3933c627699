"""Outbound servers on loopback: CPU of the whole server for each call, and a burst of calls.

Every server answers calls of one fake switch (bench/fake_switch.py), 50 at a time, in rounds that
alternate. The clock is the CPU time of the server's whole process tree, user and system, so the
client's own speed does not count. vnroute is started as ``vnroute serve --port P --workers 1`` with
1,000,000 numbers loaded (bench/vnroute_side.py); the peers hold 1,000 and only bridge.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import corpus
from bench.fake_switch import FakeSwitch, Result, channel_data
from bench.process import Server, open_files, resident_mib
from bench.rounds import RecordedClock, interleave
from bench.servers import SERVERS, Unavailable, prepare

#: A round takes about ROUND_SECONDS, within these numbers of calls.
CALLS = (1_500, 8_000)
ROUND_SECONDS = 0.4
CONCURRENCY = 50
ROUNDS = 7
BURST = 1_000
CLOCK = RecordedClock()
CPU_GROUP = "server CPU for a call"
BURST_GROUP = "1,000 calls at once"


class Measured:
    """All servers' rounds and bursts; of one that could not be started, the reason."""

    def __init__(self, workshop: Path, dids: list[str]) -> None:
        self.missing: dict[str, str] = {}
        self.results: dict[str, list[Result]] = {name: [] for name in SERVERS}
        self.bursts: dict[str, Result] = {}
        self.memory: dict[str, float] = {}
        self.open_files: dict[str, int] = {}
        calls = channel_data([corpus.did(i) for i in range(1_000)])
        with contextlib.ExitStack() as running:
            switches: dict[str, tuple[Server, FakeSwitch]] = {}
            for name in SERVERS:
                server = prepare(name, workshop, dids)
                if isinstance(server, Unavailable):
                    self.missing[name] = server.reason
                    continue
                try:
                    running.enter_context(server)
                except RuntimeError as error:
                    self.missing[name] = str(error)
                    continue
                switches[name] = server, FakeSwitch(server.port, calls)
            self.seconds = interleave(
                {name: self._round(name, *pair) for name, pair in switches.items()}, ROUNDS
            )
            for name, (server, switch) in switches.items():
                self.memory[name] = resident_mib(server.pids)
                self.bursts[name] = switch.place(BURST, BURST)
                time.sleep(0.3)
                self.open_files[name] = open_files(server.pids)

    def _round(self, name: str, server: Server, switch: FakeSwitch) -> Callable[[], float]:
        # Imports, caches and the first connections; and how quick this server is.
        warming = switch.place(500, CONCURRENCY)
        fewest, most = CALLS
        calls = max(fewest, min(most, int(ROUND_SECONDS * warming.answered / warming.seconds)))

        def run() -> float:
            before = server.cpu_seconds()
            result = switch.place(calls, CONCURRENCY)
            time.sleep(0.05)  # the last calls' closing belongs to this round
            spent = server.cpu_seconds() - before
            self.results[name].append(result)
            return spent / max(1, result.answered)

        return run


@pytest.fixture(scope="module")
def measured(workshop: Path, dids: list[str]) -> Iterator[Measured]:
    """Measured once, for all the tests below."""
    yield Measured(workshop, dids)


@pytest.mark.benchmark(group=CPU_GROUP, timer=CLOCK)
@pytest.mark.parametrize("name", SERVERS)
def test_cpu_per_call(name: str, measured: Measured, benchmark: BenchmarkFixture) -> None:
    if name in measured.missing:
        pytest.skip(measured.missing[name])
    results = measured.results[name]
    benchmark.extra_info |= {
        "failed_calls": sum(result.failures.total() for result in results),
        "failures": dict(sum((result.failures for result in results), Counter())),
        "calls_per_s": round(
            statistics.median(result.answered / result.seconds for result in results)
        ),
        "p50_ms": round(1e3 * statistics.median(r.percentile(0.5) for r in results), 2),
        "p99_ms": round(1e3 * statistics.median(r.percentile(0.99) for r in results), 2),
        "memory_mib": round(measured.memory[name], 1),
    }
    CLOCK.play(benchmark, measured.seconds[name])


@pytest.mark.benchmark(group=BURST_GROUP, timer=CLOCK)
@pytest.mark.parametrize("name", SERVERS)
def test_burst(name: str, measured: Measured, benchmark: BenchmarkFixture) -> None:
    """The slowest one in a hundred of the answered calls; lost ones are counted beside it."""
    if name in measured.missing:
        pytest.skip(measured.missing[name])
    burst = measured.bursts[name]
    if not burst.answered:
        pytest.fail(f"no call was answered: {dict(burst.failures)}")
    benchmark.extra_info |= {
        "failed_calls": burst.failures.total(),
        "failures": dict(burst.failures),
        "open_files_after": measured.open_files[name],
    }
    CLOCK.play(benchmark, [burst.percentile(0.99)])
