"""Calls that wait for dips in the outbound server, over real sockets on both sides."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from tests.dips.servers import DnsServer, HttpServer, ported
from tests.support.images import acme, compiled
from vnroute import log
from vnroute.dips.dipper import Dipper
from vnroute.dips.sources import open_source
from vnroute.eventsocket.outbound import OutboundServer
from vnroute.matcher.decide import Matcher
from vnroute.matcher.image import RouteImage
from vnroute.model.number import Number
from vnroute.model.plan import Plan, Step
from vnroute.settings import DipSettings
from vnroute.simulator.channel_data import Caller, Setup, encode_channel_data

TARGET, STAYED = 12_125_550_100, 12_125_550_101
TURNS = [12_125_550_200, 12_125_550_202, 12_125_550_204]
DID, STAYED_DID, TURNS_DID, BUSY_DID = (f"+180055500{n}" for n in (10, 11, 12, 13))

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> RouteImage:
    routing = acme()
    plans = {
        DID: (Step(ring=(f"+{TARGET}",)), Step(hangup="relay")),
        STAYED_DID: (Step(ring=(f"+{STAYED}",)), Step(hangup="relay")),
        TURNS_DID: (Step(ring=tuple(f"+{n}" for n in TURNS), how="rotate"), Step(hangup="relay")),
        BUSY_DID: (Step(hangup="USER_BUSY"),),
    }
    routing = replace(
        routing,
        plan_list=[
            Plan(id=f"p{number[-2:]}", account="acme", steps=steps)
            for number, steps in plans.items()
        ],
        number_list=[
            Number(number=number, account="acme", plan=f"p{number[-2:]}") for number in plans
        ],
        block_list=[],
    )
    return compiled(routing, tmp_path_factory.mktemp("image"))


class Running:
    """A server whose calls may wait."""

    def __init__(self, server: OutboundServer, port: int, dipper: Dipper) -> None:
        self.server = server
        self.port = port
        self.dipper = dipper

    async def connect(self, did: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Place a call up to its CHANNEL_DATA."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert await reader.readuntil(b"\n\n") == b"connect\n\n"
        writer.write(encode_channel_data(Setup("u", did, Caller("+34911234567"), 1)))
        return reader, writer

    async def call(self, did: str) -> list[str]:
        """Place a call; return the numbers dialled, as they are dialled, in order."""
        reader, writer = await self.connect(did)
        reply = await reader.readuntil(b"exit\n\n")
        writer.close()
        return [found.decode() for found in re.findall(rb"gateway/\w+/([+0-9]+)", reply)]


@asynccontextmanager
async def running(image: RouteImage, settings: DipSettings) -> AsyncIterator[Running]:
    source = open_source(settings)
    assert source is not None
    dipper = Dipper(source, settings, log.get_logger())
    matcher = Matcher(image, seed=1)
    matcher.dip(dipper.found)
    server = OutboundServer(matcher, lambda event, **fields: None, ["127.0.0.0/8"])
    server.dipper = dipper
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield Running(server, listening.sockets[0].getsockname()[1], dipper)
        for _ in range(500):
            if server.live == 0:
                break
            await asyncio.sleep(0.01)
        assert server.live == 0 and server.counts()["errors"] == 0
    finally:
        listening.close()
        await dipper.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await test()

    uvloop.run(whole())


# +1 212 is beta's first, by two gateways, all other +1 are alpha's.
BY_ITSELF = ["00{}", "+{}", "{}"]
BY_ROUTING = ["{}", "00{}", "+{}"]


def dialled(number: int, order: list[str]) -> list[str]:
    return [form.format(number) for form in order]


@pytest.mark.parametrize("server_of", [HttpServer, DnsServer])
def test_a_call_is_routed_by_the_answer_and_dials_the_number(
    image: RouteImage, server_of: Any
) -> None:
    async def test() -> None:
        async with server_of() as far, running(image, far.settings(deadline_ms=1000)) as near:
            assert ported(TARGET) and not ported(STAYED)
            for _ in range(3):
                assert await near.call(DID) == dialled(TARGET, BY_ROUTING)
                assert await near.call(STAYED_DID) == dialled(STAYED, BY_ITSELF)
            assert far.asked == [TARGET, STAYED]
            # Each call counts once, though the first two were decided twice.
            assert near.server.counts()["answered"] == 6
            assert near.server.matcher.counts()["routed"] == 6
            assert near.server.matcher.dip_hits >= 4

    run(test)


def test_a_silent_server_costs_the_deadline_and_the_call_is_routed_on_the_number(
    image: RouteImage,
) -> None:
    async def test() -> None:
        async with (
            HttpServer(says=lambda number: None) as far,
            running(image, far.settings(deadline_ms=60)) as near,
        ):
            began = time.monotonic()
            assert await near.call(DID) == dialled(TARGET, BY_ITSELF)
            assert time.monotonic() - began >= 0.06
            assert near.dipper.late == 1

    run(test)


def test_calls_that_ask_nothing_pass_those_that_wait(image: RouteImage) -> None:
    async def test() -> None:
        async with (
            HttpServer(delay=0.5) as far,
            running(image, far.settings(deadline_ms=1000)) as near,
        ):
            waiting = [asyncio.create_task(near.call(DID)) for _ in range(20)]
            while not far.asked:
                await asyncio.sleep(0.005)
            for _ in range(20):
                assert await near.call(BUSY_DID) == []
            assert not any(each.done() for each in waiting)
            assert await asyncio.gather(*waiting) == [dialled(TARGET, BY_ROUTING)] * 20
            assert far.asked == [TARGET]

    run(test)


def test_a_caller_who_hangs_up_while_he_waits_leaves_nothing(image: RouteImage) -> None:
    async def test() -> None:
        async with (
            HttpServer(delay=0.2) as far,
            running(image, far.settings(deadline_ms=1000)) as near,
        ):
            for _ in range(10):
                _, writer = await near.connect(DID)
                await writer.drain()
                writer.close()
            while near.server.live or not near.dipper.found:
                await asyncio.sleep(0.01)
            counts = near.server.counts()
            assert counts["answered"] == 0 and counts["hung_up_early"] == 10
            # What he waited for is there for the next.
            assert await near.call(DID) == dialled(TARGET, BY_ROUTING)
            assert far.asked == [TARGET]

    run(test)


def test_a_rotation_turns_once_for_a_call_that_waited(image: RouteImage) -> None:
    async def test() -> None:
        async with HttpServer() as far, running(image, far.settings(deadline_ms=1000)) as near:
            first = [int((await near.call(TURNS_DID))[0].lstrip("+0")) for _ in range(6)]
            at = TURNS.index(first[0])
            assert first == [TURNS[(at + n) % 3] for n in range(6)]
            assert sorted(far.asked) == TURNS

    run(test)


def test_what_is_kept_ends_and_is_asked_for_again(image: RouteImage) -> None:
    async def test() -> None:
        async with (
            HttpServer() as far,
            running(image, far.settings(deadline_ms=1000, ported_seconds=1)) as near,
        ):
            await near.call(DID)
            # As if the time had passed.
            near.dipper.found[TARGET] = (0, time.time() - 1)
            assert await near.call(DID) == dialled(TARGET, BY_ROUTING)
            assert far.asked == [TARGET, TARGET]

    run(test)
