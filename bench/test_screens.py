"""One decision beside lists of callers: none, an empty one, and one of a million entries.

Callers differ from call to call, so that a table of a million is as cold as it is in a day's work;
they are on no list, or on the one that is blocked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import corpus, vnroute_side
from bench.fake_switch import channel_data
from bench.rounds import RecordedClock, interleave, timed
from vnroute.compiler import compile_image
from vnroute.matcher.decide import Matcher
from vnroute.matcher.image import RouteImage
from vnroute.model import CallerList, Screen, ScreenRule

ENTRIES = 1_000_000
CALLS = 20_000
ROUNDS = 7
CLOCK = RecordedClock()
pytestmark = pytest.mark.benchmark(group="decide, lists of callers", timer=CLOCK)

NAMES = ("no screen", "empty list", "1 M entries, not on it", "1 M entries, blocked")
PREFIXES = (("1900", 4), ("44909", 5), ("881612", 6))


def listed(place: int) -> int:
    """Return a caller on the list."""
    return 34_900_000_000 + place * 7


class _Screened(vnroute_side._Routing):
    """A thousand numbers whose account blocks a list."""

    def __init__(self, entries: int) -> None:
        super().__init__([corpus.did(place) for place in range(1000)])
        self._entries = entries

    def lists(self) -> list[Any]:
        return [CallerList(id="nuisance")]

    def screens(self) -> list[Any]:
        return [Screen(id="house", system=True, rules=(ScreenRule(block="nuisance"),))]

    def iter_callers(self) -> Iterator[tuple[int, str]]:
        keys = [listed(place) << 4 for place in range(self._entries)]
        if self._entries:
            keys += [int(digits) << 4 | size for digits, size in PREFIXES]
        return ((key, "nuisance") for key in sorted(keys))


def _calls(caller: Callable[[int], int]) -> list[bytes]:
    dids = [corpus.did(place % 1000) for place in range(CALLS)]
    step = ENTRIES // CALLS
    made = []
    for place, (_, data) in enumerate(channel_data(dids)):
        head, name, rest = data.partition(b"\nCaller-Caller-ID-Number: ")
        number = str(caller(place * step)).encode()
        made.append(head + name + number + rest[rest.index(b"\n") :])
    return made


@pytest.fixture(scope="module")
def measured(workshop: Path) -> dict[str, list[float]]:
    """Measured once, for all the tests below."""
    now = time.time()
    plain = vnroute_side._Routing([corpus.did(place) for place in range(1000)])
    matchers: dict[str, Matcher] = {}
    for name, routing in (
        ("no screen", plain), ("empty list", _Screened(0)), ("1 M", _Screened(ENTRIES))
    ):  # fmt: skip
        path = workshop / f"screens-{len(matchers)}.vnroute"
        began = time.perf_counter()
        compile_image(routing, path, generation=1, now=int(now))
        took = time.perf_counter() - began
        print(f"{name}: an image of {path.stat().st_size:,} bytes in {took:.1f} s")
        matchers[name] = Matcher(RouteImage(path))
    strangers, nuisances = _calls(lambda place: listed(place) + 1), _calls(listed)
    subjects = dict(
        zip(
            NAMES,
            (
                (matchers["no screen"], strangers),
                (matchers["empty list"], strangers),
                (matchers["1 M"], strangers),
                (matchers["1 M"], nuisances),
            ),
            strict=True,
        )
    )
    for name, (matcher, calls) in subjects.items():
        blocked = b"vn_refused=screened" in matcher.decide(calls[-1], now)
        assert blocked is name.endswith("blocked"), name

    return interleave(
        {name: timed(matcher.decide, calls, now) for name, (matcher, calls) in subjects.items()},
        ROUNDS,
    )


@pytest.mark.parametrize("name", NAMES)
def test_decide(name: str, measured: dict[str, list[float]], benchmark: BenchmarkFixture) -> None:
    CLOCK.play(benchmark, measured[name])
