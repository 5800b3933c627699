"""Calls for minutes or hours, watching what must not grow: ``make soak``.

One server takes calls from the fake switch in slices of a few seconds; after each, its memory
(PSS), descriptors, CPU a call and slowest calls are read. It fails if a call was lost, or if memory
or descriptors grew after the first third of the time, in which caches may fill.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import corpus
from bench.fake_switch import FakeSwitch, channel_data
from bench.process import open_files, resident_mib
from bench.servers import SERVERS, Unavailable, prepare

SLICE_CALLS = 10_000
#: What memory may gain between the middle and the last third: an allocator's breathing.
ALLOWED_GROWTH_MIB = 4.0


def main() -> int:
    """Run for the given time; 0 if nothing grew and no call was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--server", choices=SERVERS, default="vnroute")
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--numbers", type=int, default=100_000, help="numbers that are loaded")
    given = parser.parse_args()

    calls = channel_data([corpus.did(i) for i in range(1_000)])
    with tempfile.TemporaryDirectory() as directory:
        server = prepare(
            given.server, Path(directory), [corpus.did(i) for i in range(given.numbers)]
        )
        if isinstance(server, Unavailable):
            print(f"{given.server}: {server.reason}", file=sys.stderr)
            return 1
        memory: list[float] = []
        handles: list[int] = []
        lost = total = 0
        with server:
            switch = FakeSwitch(server.port, calls)
            started = time.monotonic()
            print("   time     calls  lost  µs/call  p99 ms  memory MiB  descriptors")
            while (passed := time.monotonic() - started) < given.seconds:
                before = server.cpu_seconds()
                left = given.seconds - passed
                result = switch.place(SLICE_CALLS, given.concurrency, min(30.0, left))
                time.sleep(0.2)
                spent = 1e6 * (server.cpu_seconds() - before) / max(1, result.answered)
                memory.append(resident_mib(server.pids))
                handles.append(open_files(server.pids))
                total += result.answered
                lost += result.failures.total()
                print(
                    f"{time.monotonic() - started:6.0f} s {total:9,d} {lost:5d} {spent:8.1f}"
                    f" {1e3 * result.percentile(0.99):7.2f} {memory[-1]:11.1f} {handles[-1]:12d}",
                    flush=True,
                )
    third = max(1, len(memory) // 3)
    middle, last = slice(third, 2 * third) if len(memory) >= 3 else slice(0, 1), slice(-third, None)
    grown = statistics.median(memory[last]) - statistics.median(memory[middle])
    more = statistics.median(handles[last]) - statistics.median(handles[middle])
    print(f"memory grew by {grown:+.1f} MiB, descriptors by {more:+.0f}, {lost} calls lost")
    return 1 if lost or grown > ALLOWED_GROWTH_MIB or more > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
