"""What blocks of fraud rules and limits cost a decision: the same calls without and with them.

``none`` has neither. ``1,000 blocks`` is beside a state page with 500 blocks of the account at
hand, of six lengths of prefix, none of which is against these calls, and 500 of other accounts.
``1,000 blocks, limits`` bounds calls of each number and of the account besides: that writes more.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import vnroute_side
from bench.fake_switch import channel_data
from bench.rounds import Decide, RecordedClock, interleave, timed
from vnroute.compiler import compile_image
from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage
from vnroute.live.page import block_entries
from vnroute.matcher.decide import Matcher
from vnroute.matcher.image import RouteImage
from vnroute.model import Screen, ScreenRule
from vnroute.model.limits import Limits
from vnroute.model.override import Override

NUMBERS = 100_000
CALLS = 2_000
ROUNDS = 15
CLOCK = RecordedClock()
pytestmark = pytest.mark.benchmark(group="decide by blocks and limits", timer=CLOCK)

NAMES = ("none", "1,000 blocks", "1,000 blocks, limits")


class _Limited(vnroute_side._Routing):
    """Numbers that take so many calls, of an account that takes so many."""

    def screens(self) -> list[Any]:
        return [
            Screen(id=name, rules=(ScreenRule(limits=Limits(calls=calls)),))
            for name, calls in (("number", 30), ("account", 3000))
        ]

    def accounts(self) -> list[Any]:
        return [msgspec.structs.replace(one, screen="account") for one in super().accounts()]

    def assignments(self) -> list[Any]:
        return [replace(one, screen="number") for one in super().assignments()]


def blocks() -> list[Override]:
    """Return a thousand blocks, none of which is against calls to +44."""
    now = datetime.now(UTC)
    names = [f"bench:+{f'88{place:05}'[: 3 + place % 6]}{place:03}" for place in range(500)]
    names += [f"other-{place}:+44{place}" for place in range(500)]
    return [
        Override(kind="block", id=name, since=now, until=now + timedelta(days=1)) for name in names
    ]


@pytest.fixture(scope="module")
def seconds(workshop: Path, dids: list[str]) -> dict[str, list[float]]:
    """Measured once, for all tests."""
    now = time.time()
    numbers = dids[:NUMBERS]
    calls = [data for _, data in channel_data(numbers[:: NUMBERS // CALLS])]
    page = StatePage.open(workshop / "blocks.page", create=True)
    page.replace([Kind.BLOCK], block_entries(blocks()))
    subjects: dict[str, Decide] = {}
    for name, routing in zip(
        NAMES, (vnroute_side._Routing, vnroute_side._Routing, _Limited), strict=True
    ):
        path = workshop / f"fraud-{len(subjects)}.vnroute"
        compile_image(routing(numbers), path, generation=1, now=int(now))
        matcher = Matcher(RouteImage(path))
        matcher.use_page(
            page if "blocks" in name else StatePage.open(workshop / "none.page", create=True)
        )
        subjects[name] = matcher.decide
    replies = [subjects[name](calls[0], now) for name in NAMES]
    assert all(b"sofia/gateway/" in reply for reply in replies)
    assert [b"limit" in reply for reply in replies] == [False, False, True]
    return interleave(
        {name: timed(decide, calls, now) for name, decide in subjects.items()}, ROUNDS
    )


@pytest.mark.parametrize("name", NAMES)
def test_decide_by_blocks_and_limits(
    name: str, seconds: dict[str, list[float]], benchmark: BenchmarkFixture
) -> None:
    CLOCK.play(benchmark, seconds[name])
