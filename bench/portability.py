"""100,000,000 ported numbers: what a table of them costs, and what a lookup takes.

    python -m bench.portability [--rows 100000000] [--kind clustered|uniform] [--keep DIRECTORY]

`clustered` is what regulators' lists look like: numbers of exchanges of ten thousand, a tenth to a
half of each ported, in runs (companies, and blocks of a thousand), to the few dozen switches of
their region. `uniform` is the worst there can be: numbers anywhere among ten digits behind +1,
routing numbers anywhere among 30,000. A list is written as CSV, imported as `vnroute portability
import` does it, and numbers in it and beside it are looked up.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vnroute.portability.build import build_table
from vnroute.portability.table import PortabilityTable

ROUTING_NUMBERS = 30_000
_STRETCH = 1_000_000


def uniform(rows: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (numbers, routing numbers), numbers each once, all over +1 200… to 999…."""
    span = 8_000_000_000
    number, left = 11_999_999_999, rows
    while left > 0:
        # Gaps as between numbers that are drawn at random, without a set of all numbers to keep.
        numbers = number + np.cumsum(rng.geometric(rows / span, min(_STRETCH, left)))
        number = int(numbers[-1])
        left -= len(numbers)
        yield numbers, 19_990_000_000 + rng.integers(0, ROUTING_NUMBERS, len(numbers))


def clustered(rows: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (numbers, routing numbers) of exchanges, their switches by how large each is."""
    left = rows
    for exchange in rng.permutation(800 * 1000)[: 4 * rows // 10_000 + 1]:
        if left <= 0:
            return
        first = 12_000_000_000 + int(exchange) * 10_000
        # Runs: a company's hundred, a pool's thousand, single subscribers.
        taken = rng.random(10_000) < rng.uniform(0.1, 0.5)
        region = (int(exchange) // 1000) * 37 % ROUTING_NUMBERS
        switches = rng.zipf(1.4, 10_000) % 40
        for _ in range(rng.integers(0, 12)):
            start = int(rng.integers(0, 100)) * 100
            size = 100 if rng.random() < 0.7 else 1000
            taken[start : start + size] = True
            switches[start : start + size] = rng.integers(0, 40)
        offsets = np.flatnonzero(taken)[:left]
        left -= len(offsets)
        yield first + offsets, 19_990_000_000 + (region + switches[offsets]) % ROUTING_NUMBERS


class Lines(io.RawIOBase):
    """The list as CSV, made as it is read."""

    def __init__(self, parts: Iterator[tuple[np.ndarray, np.ndarray]]) -> None:
        self._parts = parts
        self._left = b"number,routing_number\n"
        self.seconds = 0.0
        self.bytes = 0
        self.sample: list[int] = []

    def read(self, size: int = -1) -> bytes:
        began = time.perf_counter()
        while len(self._left) < size:
            part = next(self._parts, None)
            if part is None:
                break
            self._left += _csv(*part)
            self.sample += part[0][::97].tolist()
        data, self._left = self._left[:size], self._left[size:]
        self.seconds += time.perf_counter() - began
        self.bytes += len(data)
        return data


def _csv(numbers: np.ndarray, routing: np.ndarray) -> bytes:
    """Write eleven digits, a comma, eleven digits, a line each."""
    lines = np.full((len(numbers), 26), ord("\n"), np.uint8)
    lines[:, 0] = lines[:, 13] = ord("+")
    lines[:, 12] = ord(",")
    for place, values in ((11, numbers.copy()), (24, routing.copy())):
        for digit in range(11):
            values, rest = np.divmod(values, 10)
            lines[:, place - digit] = rest + ord("0")
    return lines.tobytes()


def main() -> None:
    """Build, look up, tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--kind", choices=("clustered", "uniform"), default="clustered")
    parser.add_argument("--keep", type=Path, help="leave the table there")
    options = parser.parse_args()
    rng = np.random.default_rng(20261122)
    make = uniform if options.kind == "uniform" else clustered
    with tempfile.TemporaryDirectory() as scratch:
        directory = options.keep or Path(scratch)
        lines = Lines(make(options.rows, rng))
        built = build_table(directory, lines)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{options.kind}: {built.rows:,} numbers, {built.routing_numbers:,} routing numbers,"
            f" {lines.bytes:,} bytes of CSV; imported in {built.seconds - lines.seconds:.1f} s"
            f" (and {lines.seconds:.1f} s to make the list), peak {memory:,.0f} MiB\n"
            f"  {built.size:,} bytes, {built.size / built.rows:.3f} a number"
        )
        began = time.perf_counter()
        table = PortabilityTable(built.path)
        print(f"  opened and checked in {time.perf_counter() - began:.2f} s")
        # In no order, so that no block is in a cache when it is asked.
        ported = rng.permutation(np.array(lines.sample)).tolist()
        asked = rng.integers(12_000_000_000, 20_000_000_000, 1_000_000).tolist()
        for name, numbers in (("ported", ported), ("any number", asked)):
            # Of the CPU as well: where other programs share the machine, its clock says little.
            rounds = []
            for _ in range(3):
                began = time.process_time()
                rounds.append((table.seconds_of(numbers), time.process_time() - began))
            clock, cpu = (1e9 * min(side) / len(numbers) for side in zip(*rounds, strict=True))
            print(f"  {name}: {clock:.0f} ns a lookup, {cpu:.0f} of CPU ({len(numbers):,})")


if __name__ == "__main__":
    main()
