"""The control connection against servers that misbehave: python-ESL in its own process."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from vnroute import log
from vnroute.carriers.gateway_report import GatewayReport
from vnroute.carriers.switches import SwitchAddress, Switches

pytest.importorskip("ESL")

PASSWORD = "open sesame"
REPORT = (
    "<gateways><gateway><name>gwA</name><status>{status}</status>"
    "<calls-out>{made}</calls-out><failed-calls-out>1</failed-calls-out></gateway></gateways>"
)


class Fake:
    """An inbound Event Socket server; ``how`` says what is wrong with it."""

    def __init__(self, how: str = "") -> None:
        self.how = how
        self.asked = self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.how == "mute":
                await reader.read()
            writer.write(b"Content-Type: auth/request\n\n")
            while True:
                line = (await reader.readuntil(b"\n\n")).decode().strip()
                if line.startswith("auth "):
                    good = line == f"auth {PASSWORD}"
                    said = "+OK accepted" if good else "-ERR invalid"
                    writer.write(f"Content-Type: command/reply\nReply-Text: {said}\n\n".encode())
                elif line.startswith("event"):
                    writer.write(b"Content-Type: command/reply\nReply-Text: +OK\n\n")
                    if self.how == "flood":
                        for _ in range(3_000):
                            writer.write(event("Event-Name: HEARTBEAT\nSession-Count: 5\n\n"))
                        await writer.drain()
                elif line.startswith("api"):
                    self.asked += 1
                    body = REPORT.format(status="UP", made=self.asked)
                    if self.how == "no sofia":
                        body = "-ERR sofia Command not found!\n"
                    frame = f"Content-Type: api/response\nContent-Length: {len(body)}\n\n{body}"
                    if self.how == "slow":
                        await asyncio.sleep(1.0)
                    if self.how == "dies" and self.asked % 3 == 0:
                        writer.write(frame[: len(frame) // 2].encode())
                        await writer.drain()
                        return
                    if self.how == "half" and self.asked == 3:
                        writer.write(frame[:40].encode())
                        await asyncio.sleep(3600)
                    if self.how == "torn":
                        for byte in frame.encode():
                            writer.write(bytes([byte]))
                            await writer.drain()
                    else:
                        writer.write(frame.encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


def event(body: str) -> bytes:
    return f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n{body}".encode()


@contextlib.asynccontextmanager
async def linked(
    fake: Fake, password: str = PASSWORD, **options: float
) -> AsyncIterator[tuple[Switches, list[tuple[GatewayReport, ...]]]]:
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    heard: list[tuple[GatewayReport, ...]] = []
    switches = Switches(
        [SwitchAddress("fs1", "127.0.0.1", fake.port, password)],
        lambda name, at, gateways: heard.append(gateways),
        log.get_logger(),
        poll_seconds=0.1,
        **options,  # type: ignore[arg-type]
    )
    task = asyncio.create_task(switches.run())
    try:
        yield switches, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()


async def until(ready: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not ready():
            await asyncio.sleep(0.02)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["", "torn"])
def test_it_reports_gateways(how: str) -> None:
    async def story() -> None:
        async with linked(Fake(how)) as (switches, heard):
            await until(lambda: len(heard) > 5)
            assert heard[0][0] == GatewayReport("gwA", True, False, "", 0.0, 1, 1)
            assert switches.states["fs1"].connected

    run(story)


def test_a_wrong_password_is_told_and_tried_again_later() -> None:
    async def story() -> None:
        fake = Fake()
        async with linked(fake, "wrong") as (switches, heard):
            await until(lambda: fake.connections >= 2)
            state = switches.states["fs1"]
            assert not heard and not state.connected and state.why

    run(story)


@pytest.mark.parametrize("how", ["dies", "half", "mute"])
def test_it_comes_back(how: str) -> None:
    """From a switch that dies in mid-reply, that hangs in one, that says nothing at all."""

    async def story() -> None:
        fake = Fake(how)
        async with linked(fake, silence_seconds=1.0) as (switches, _):
            await until(lambda: fake.connections >= 2)
            assert switches.states["fs1"].restarts >= 1
            fake.how = ""
            await until(lambda: switches.states["fs1"].connected)

    run(story)


def test_a_switch_that_answers_late_is_still_asked() -> None:
    async def story() -> None:
        fake = Fake("slow")
        async with linked(fake, silence_seconds=5.0) as (switches, heard):
            # Each answer takes a second: none comes more than three after the one before.
            await until(lambda: len(heard) > 3)
            assert switches.states["fs1"].restarts == 0 and fake.connections == 1

    run(story)


def test_a_flood_of_events_starves_nothing() -> None:
    async def story() -> None:
        async with linked(Fake("flood")) as (switches, heard):
            await until(lambda: len(heard) > 5 and switches.states["fs1"].sessions == 5)
            assert switches.states["fs1"].restarts == 0

    run(story)


def test_a_switch_without_sofia_is_up_and_has_no_gateways() -> None:
    async def story() -> None:
        fake = Fake("no sofia")
        async with linked(fake) as (_, heard):
            await until(lambda: fake.asked > 3)
            assert not heard
            fake.how = ""
            await until(lambda: bool(heard))

    run(story)


def test_its_process_is_renewed() -> None:
    async def story() -> None:
        fake = Fake()
        async with linked(fake, recycle_seconds=0.5) as (switches, heard):
            await until(lambda: fake.connections >= 3)
            assert switches.states["fs1"].link_memory > 0
            count = len(heard)
            await until(lambda: len(heard) > count)

    run(story)


def test_no_process_stays_behind() -> None:
    async def story() -> None:
        async with linked(Fake()) as (_, heard):
            await until(lambda: bool(heard))

    run(story)
    children = os.popen(f"ps --ppid {os.getpid()} -o args=").read()
    assert "switch_link" not in children
