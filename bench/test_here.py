"""One decision of a stranger's call where a step hears phones: none, one phone, and fifty."""

from __future__ import annotations

import time
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
from vnroute.model import Account, Person, Plan, Step
from vnroute.model.here import Here

CALLS = 5_000
ROUNDS = 15
CLOCK = RecordedClock()
pytestmark = pytest.mark.benchmark(group="decide, steps that hear phones", timer=CLOCK)

PHONES = {"no step": 0, "one phone": 1, "fifty phones": 50}


class _Heard(vnroute_side._Routing):
    """A thousand numbers with one plan, before whose steps one hears phones, if there are any."""

    def __init__(self, phones: int) -> None:
        super().__init__([corpus.did(place) for place in range(1000)])
        self._phones = tuple(f"+4420794{place:05}" for place in range(phones))

    def accounts(self) -> list[Any]:
        return [Account(id=one.id, trust_ani=True) for one in super().accounts()]

    def persons(self) -> list[Any]:
        (account, *_) = super().accounts()
        return [
            Person(id="ana", account=account.id, place="desk", places={"desk": "user:1@p.example"},
                   phones=self._phones)
        ]  # fmt: skip

    def plans(self) -> list[Any]:
        steps = (Step(here=Here(person="ana", at="desk")),) if self._phones else ()
        return [
            Plan(id=plan.id, account=plan.account, steps=(*steps, *plan.steps))
            for plan in super().plans()
        ]


@pytest.fixture(scope="module")
def seconds(workshop: Path) -> dict[str, list[float]]:
    """Measured once, for all tests."""
    now = time.time()
    calls = [data for _, data in channel_data([corpus.did(n % 1000) for n in range(CALLS)])]
    subjects = {}
    for name, phones in PHONES.items():
        path = workshop / f"here-{phones}.vnroute"
        compile_image(_Heard(phones), path, generation=1, now=int(now))
        decide = Matcher(RouteImage(path)).decide
        assert b"application: bridge" in decide(calls[0], now)
        subjects[name] = timed(decide, calls, now)
    return interleave(subjects, ROUNDS)


@pytest.mark.parametrize("name", PHONES)
def test_decide_by_steps_that_hear_phones(
    name: str, seconds: dict[str, list[float]], benchmark: BenchmarkFixture
) -> None:
    CLOCK.play(benchmark, seconds[name])
