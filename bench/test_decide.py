"""One decision: CHANNEL_DATA in, reply bytes out, without a socket, 1,000,000 numbers loaded.

vnroute: ``Matcher(image).decide(channel_data, now) -> bytes`` (bench/vnroute_side.py).
Beside it, what Python does at its plainest: ``needle`` finds the called number's header and looks
into a dict, which is the least that any server must do; ``parsed`` reads every header first, as
every Event Socket library does. Neither has schedules, carriers, failover or checks.
"""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import vnroute_side
from bench.fake_switch import channel_data
from bench.rounds import Decide, RecordedClock, interleave, timed

#: Different calls that a round walks through, spread over all numbers.
CALLS = 2_000
ROUNDS = 9
CLOCK = RecordedClock()
pytestmark = pytest.mark.benchmark(group="decide, 1 M numbers", timer=CLOCK)

NAMES = ("vnroute", "needle", "parsed")
NEEDLE = b"\nCaller-Destination-Number: "
ANSWER = (
    "sendmsg\ncall-command: execute\nexecute-app-name: bridge\n"
    "execute-app-arg: sofia/gateway/gw1/{0}|sofia/gateway/gw2/{0}|sofia/gateway/gw3/{0}\n\n"
)


def needle(numbers: list[str]) -> Decide:
    """One header found, one dict asked."""
    routes = {number.encode(): f"44161{number[-7:]}" for number in numbers}

    def decide(data: bytes, now: float) -> bytes:
        start = data.find(NEEDLE) + len(NEEDLE)
        return ANSWER.format(routes[data[start : data.find(b"\n", start)]]).encode()

    return decide


def parsed(numbers: list[str]) -> Decide:
    """Every header read and decoded, one dict asked."""
    routes = {number: f"44161{number[-7:]}" for number in numbers}

    def decide(data: bytes, now: float) -> bytes:
        headers = {}
        for line in data.decode().splitlines():
            name, _, value = line.partition(": ")
            headers[name] = unquote(value) if "%" in value else value
        return ANSWER.format(routes[headers["Caller-Destination-Number"]]).encode()

    return decide


class Measured:
    """All subjects' rounds; of one that could not be built, the reason."""

    def __init__(self, workshop: Path, dids: list[str]) -> None:
        self.missing: dict[str, str] = {}
        subjects: dict[str, Decide] = {"needle": needle(dids), "parsed": parsed(dids)}
        try:
            subjects["vnroute"] = vnroute_side.matcher(workshop, dids)
        except vnroute_side.NotBuilt as reason:
            self.missing["vnroute"] = str(reason)
        step = len(dids) // CALLS
        calls = [data for _, data in channel_data(dids[::step])]
        now = time.time()
        for name, decide in subjects.items():
            assert b"sofia/gateway/" in decide(calls[0], now), f"{name} routes nothing"

        self.seconds = interleave(
            {name: timed(one, calls, now) for name, one in subjects.items()}, ROUNDS
        )


@pytest.fixture(scope="module")
def measured(workshop: Path, dids: list[str]) -> Measured:
    """Measured once, for all the tests below."""
    return Measured(workshop, dids)


@pytest.mark.parametrize("name", NAMES)
def test_decide(name: str, measured: Measured, benchmark: BenchmarkFixture) -> None:
    if name in measured.missing:
        pytest.skip(measured.missing[name])
    CLOCK.play(benchmark, measured.seconds[name])
