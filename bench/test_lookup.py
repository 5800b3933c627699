"""Longest-prefix lookup among 1,000,000 phone prefixes: one thread, one call a lookup.

vnroute: ``PrefixTable.lookup(digits) -> value or -1`` (bench/vnroute_side.py holds its use).
Peers: cyac's trie, marisa-trie, and a dict probed from the longest length down. All give the
longest prefix's value for the same numbers; that they agree is checked before anything is timed.
"""

from __future__ import annotations

import array
import sys
import time
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import corpus, vnroute_side
from bench.conftest import TABLE_SIZE
from bench.rounds import RecordedClock, interleave

Lookup = Callable[[str], int]

CALLED = 100_000
ROUNDS = 9
CLOCK = RecordedClock()
pytestmark = pytest.mark.benchmark(group="longest prefix, 1 M prefixes", timer=CLOCK)


def by_vnroute(table: list[str]) -> tuple[Lookup, int]:
    """vnroute's table alone."""
    made = vnroute_side.prefix_table((digits, i) for i, digits in enumerate(table))
    return made.lookup, made.nbytes


def by_dict(table: list[str]) -> tuple[Lookup, int]:
    """A dict, probed from the longest length down."""
    values = {digits: i for i, digits in enumerate(table)}
    lengths = sorted({len(digits) for digits in table}, reverse=True)
    get = values.get

    def lookup(number: str) -> int:
        for length in lengths:
            value = get(number[:length])
            if value is not None:
                return value
        return -1

    # Keys are shared with the list they came from, but an application would have to keep them.
    return lookup, sys.getsizeof(values) + sum(map(sys.getsizeof, table))


def by_cyac(table: list[str]) -> tuple[Lookup, int]:
    """cyac's double-array trie; its values are the order of insertion."""
    cyac = pytest.importorskip("cyac", reason="cyac is not installed")
    trie = cyac.Trie()
    for digits in table:
        trie.insert(digits)
    prefix = trie.prefix

    def lookup(number: str) -> int:
        value = -1
        for value, _ in prefix(number):  # noqa: B007 - shortest first; the last one is wanted
            pass
        return value

    return lookup, trie.buff_size()


def by_marisa(table: list[str]) -> tuple[Lookup, int]:
    """marisa-trie; its keys are numbered in its own order, so an array leads to the values."""
    marisa_trie = pytest.importorskip("marisa_trie", reason="marisa-trie is not installed")
    trie = marisa_trie.Trie(table)
    values = array.array("q", bytes(8 * len(table)))
    for i, digits in enumerate(table):
        values[trie.key_id(digits)] = i
    prefixes = trie.iter_prefixes_with_ids

    def lookup(number: str) -> int:
        key = -1
        for _, key in prefixes(number):  # noqa: B007 - shortest first; the last one is wanted
            pass
        return values[key] if key >= 0 else -1

    return lookup, len(trie.tobytes()) + 8 * len(values)


#: vnroute again, all numbers in one call: how much of a lookup is the wait for memory.
MANY = "vnroute_many"
SUBJECTS = {"vnroute": by_vnroute, "cyac": by_cyac, "marisa_trie": by_marisa, "dict": by_dict}


class Measured:
    """All subjects' rounds; of one that could not be built, the reason."""

    def __init__(self) -> None:
        table = corpus.prefixes(TABLE_SIZE)
        called = corpus.called_numbers(CALLED, TABLE_SIZE)
        lookups: dict[str, Lookup] = {}
        self.size: dict[str, int] = {}
        self.missing: dict[str, str] = {}
        for name, build in SUBJECTS.items():
            try:
                lookups[name], self.size[name] = build(table)
            except (vnroute_side.NotBuilt, pytest.skip.Exception) as reason:
                self.missing[name] = str(reason)
        expected = [lookups["dict"](number) for number in called]
        for name, lookup in lookups.items():
            assert [lookup(number) for number in called] == expected, f"{name} disagrees"

        def timed(lookup: Lookup) -> Callable[[], float]:
            def run() -> float:
                start = time.perf_counter()
                for number in called:
                    lookup(number)
                return (time.perf_counter() - start) / len(called)

            return run

        def timed_together() -> float:
            start = time.perf_counter()
            many(called)
            return (time.perf_counter() - start) / len(called)

        rounds = {name: timed(one) for name, one in lookups.items()}
        if "vnroute" in lookups:
            many = lookups["vnroute"].__self__.lookup_many  # type: ignore[attr-defined]
            assert many(called) == expected
            rounds[MANY] = timed_together
            self.size[MANY] = self.size["vnroute"]
        else:
            self.missing[MANY] = self.missing["vnroute"]
        self.seconds = interleave(rounds, ROUNDS)


@pytest.fixture(scope="module")
def measured() -> Measured:
    """Measured once, for all the tests below."""
    return Measured()


@pytest.mark.parametrize("name", (*SUBJECTS, MANY))
def test_longest_prefix(name: str, measured: Measured, benchmark: BenchmarkFixture) -> None:
    if name in measured.missing:
        pytest.skip(measured.missing[name])
    benchmark.extra_info["bytes_per_prefix"] = round(measured.size[name] / TABLE_SIZE, 1)
    CLOCK.play(benchmark, measured.seconds[name])
