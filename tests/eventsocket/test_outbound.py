"""The outbound server over real sockets: pieces, limits, floods, and what it leaves behind."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.support.images import acme, compiled
from vnroute.eventsocket.outbound import OutboundServer
from vnroute.matcher.decide import FAILED_REPLY, Matcher

CAPTURES = Path(__file__).parents[1] / "data/captures"
PLAIN = (CAPTURES / "plain.channel_data").read_bytes()
REPLIES = (CAPTURES / "plain.replies").read_bytes()


class Running:
    """A server that listens, and what it logged."""

    def __init__(self, server: OutboundServer, port: int, logged: list[dict[str, Any]]) -> None:
        self.server = server
        self.port = port
        self.logged = logged

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def settled(self) -> None:
        """Wait until no connection lives."""
        for _ in range(500):
            if self.server.live == 0:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.server.live} connections still live")


@pytest.fixture(scope="module")
def image_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("image")


@asynccontextmanager
async def running(directory: Path, **limits: Any) -> AsyncIterator[Running]:
    logged: list[dict[str, Any]] = []
    server = OutboundServer(
        Matcher(compiled(acme(), directory)),
        lambda event, **fields: logged.append({"event": event, **fields}),
        limits.pop("allowed", ["127.0.0.0/8"]),
        **limits,
    )
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, backlog=4096)
    try:
        yield Running(server, listening.sockets[0].getsockname()[1], logged)
    finally:
        listening.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    uvloop.run(test())


async def talk(port: Running, pieces: list[bytes], pause: float = 0.0) -> bytes:
    """Play FreeSWITCH: say CHANNEL_DATA in pieces, answer, close; return what was said to us."""
    reader, writer = await port.connect()
    heard = await reader.readuntil(b"\n\n")
    assert heard == b"connect\n\n"
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        if pause:
            await asyncio.sleep(pause)
    reply = await reader.readuntil(b"exit\n\n")
    writer.write(REPLIES)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    return reply


def without_uuids(reply: bytes) -> bytes:
    return re.sub(rb"origination_uuid=[0-9a-f-]+", b"", reply)


@pytest.mark.parametrize("size", [1, 2, 7, 100, 1460, 5000, 100_000])
def test_channel_data_may_come_in_pieces_of_any_size(size: int, image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory) as port:
            whole = await talk(port, [PLAIN])
            pieces = [PLAIN[at : at + size] for at in range(0, len(PLAIN), size)]
            assert without_uuids(await talk(port, pieces)) == without_uuids(whole)
            await port.settled()
            assert port.server.counts()["answered"] == 2
            assert port.logged == []

    run(test)


def test_the_last_line_break_may_come_alone(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory) as port:
            reply = await talk(port, [PLAIN[:-1], PLAIN[-1:]], pause=0.02)
            assert b"vn_number=+18005551234" in reply

    run(test)


def test_ten_megabytes_of_channel_data_are_read_whole(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory) as port:
            big = PLAIN[:-1] + b"variable_sip_h_X-Big: " + b"a" * 10_000_000 + b"\n\n"
            assert b"vn_number=+18005551234" in await talk(port, [big])
            await port.settled()

    run(test)


def test_more_bytes_than_allowed_close_the_connection_with_a_line(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory, max_bytes=20_000) as port:
            reader, writer = await port.connect()
            await reader.readuntil(b"\n\n")
            writer.write(b"variable_x: " + b"a" * 30_000)
            assert await reader.read() == b""
            await port.settled()
            assert port.server.counts()["too_long"] == 1
            assert port.logged[0]["why"] == "too many bytes"
            writer.close()

    run(test)


def test_a_peer_that_says_nothing_is_closed_in_time(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory, max_seconds=0.2) as port:
            reader, writer = await port.connect()
            await reader.readuntil(b"\n\n")
            port.server.close_overdue()
            assert port.server.live == 1
            await asyncio.sleep(0.3)
            port.server.close_overdue()
            assert await reader.read() == b""
            await port.settled()
            assert port.server.counts()["too_slow"] == 1
            assert port.logged[0]["why"] == "no CHANNEL_DATA in time"
            writer.close()

    run(test)


def test_an_answered_peer_that_never_closes_is_closed_in_time(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory, max_seconds=0.2) as port:
            reader, writer = await port.connect()
            await reader.readuntil(b"\n\n")
            writer.write(PLAIN)
            await reader.readuntil(b"exit\n\n")
            await asyncio.sleep(0.3)
            port.server.close_overdue()
            await port.settled()
            assert port.server.counts()["too_slow"] == 0
            assert port.logged == []
            writer.close()

    run(test)


def test_peers_from_elsewhere_are_refused_with_a_line(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory, allowed=["10.0.0.0/8", "2001:db8::/32"]) as port:
            reader, writer = await port.connect()
            assert await reader.read() == b""
            assert port.server.counts()["refused_peers"] == 1
            assert "127.0.0.1" in port.logged[0]["peer"]
            await port.settled()
            writer.close()
            allows = port.server.allows
            assert allows("10.1.2.3")
            assert allows("::ffff:10.1.2.3")
            assert allows("2001:db8::1%eth0")
            assert not allows("11.0.0.1")

    run(test)


def test_more_connections_than_allowed_are_closed_with_a_line(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory, max_connections=3) as port:
            held = [await port.connect() for _ in range(3)]
            for reader, _ in held:
                await reader.readuntil(b"\n\n")
            reader, writer = await port.connect()
            assert await reader.read() == b""
            assert port.server.counts()["refused_full"] == 1
            assert port.logged[0]["why"] == "too many connections"
            for _, other in [*held, (reader, writer)]:
                other.close()
            await port.settled()
            assert b"exit" in await talk(port, [PLAIN])

    run(test)


def test_a_peer_that_hangs_up_at_any_moment_leaves_nothing(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory) as port:
            for size in (0, 1, 100, len(PLAIN) - 1):
                _, writer = await port.connect()
                writer.write(PLAIN[:size])
                writer.close()
            reader, writer = await port.connect()
            writer.write(PLAIN)
            await reader.readuntil(b"exit\n\n")
            writer.transport.abort()
            await port.settled()
            counts = port.server.counts()
            assert (counts["accepted"], counts["answered"]) == (5, 1)
            assert counts["hung_up_early"] == 4

    run(test)


def test_a_caller_who_hung_up_before_connect_was_read_is_no_call(image_directory: Path) -> None:
    notice = (
        b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: 0\n"
        b"Content-Disposition: disconnect\nContent-Length: 67\n\n"
        b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
    )

    async def test() -> None:
        async with running(image_directory) as port:
            for pieces in ([notice], [notice[:20], notice[20:140], notice[140:]]):
                reader, writer = await port.connect()
                await reader.readuntil(b"\n\n")
                for piece in pieces:
                    writer.write(piece)
                    await asyncio.sleep(0.01)
                assert await reader.read() == b""
                writer.close()
            await port.settled()
            counts = port.server.counts()
            assert (counts["answered"], counts["hung_up_early"]) == (0, 2)
            assert sum(port.server.matcher.counts().values()) == 0

    run(test)


def test_a_thousand_calls_at_once_are_all_answered(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory) as port:
            replies = await asyncio.gather(*(talk(port, [PLAIN]) for _ in range(1000)))
            assert all(b"vn_plan=acme-main" in reply for reply in replies)
            await port.settled()
            counts = port.server.counts()
            assert counts["answered"] == counts["accepted"] == 1000
            assert sum(port.server.delays_us()) == 1000

    run(test)


def test_a_reply_that_freeswitch_rejects_is_counted_and_logged(image_directory: Path) -> None:
    async def test() -> None:
        async with running(image_directory) as port:
            reader, writer = await port.connect()
            writer.write(PLAIN)
            await reader.readuntil(b"exit\n\n")
            writer.write(b"Content-Type: command/reply\nReply-Text: -ERR invalid session\n\n")
            writer.close()
            await port.settled()
            assert port.server.counts()["rejected_replies"] == 1
            assert b"-ERR invalid session" in port.logged[0]["said"]

    run(test)


def test_the_reply_to_an_inner_failure_says_503() -> None:
    assert b"application: hangup NORMAL_TEMPORARY_FAILURE\n\nexit\n\n" in FAILED_REPLY
