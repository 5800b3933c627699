"""An outbound server that gives everybody the same answer, and the ways in which one may fail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from vnroute.simulator.load import Server

PLAN = (
    b"sendmsg\n"
    b"call-command: xferext\n"
    b"application: multiset ^^;vn_number=+18005551234;vn_account=acme;vn_plan=acme-main;"
    b"vn_generation=7;hangup_after_bridge=true;continue_on_fail=true;"
    b"effective_caller_id_number=+34911234567\n"
    b"application: bridge {ignore_early_media=true,originate_continue_on_timeout=true,"
    b"fail_on_single_reject=^^:USER_BUSY:CALL_REJECTED}"
    b"[leg_progress_timeout=5,leg_timeout=20]sofia/gateway/gwA/12125550100|"
    b"[leg_progress_timeout=5,leg_timeout=20]sofia/gateway/gwB/12125550100\n"
    b"application: hangup USER_BUSY\n"
    b"\n"
    b"exit\n"
    b"\n"
)


class CannedServer(asyncio.Protocol):
    """Sends ``opening``, waits for the call's data, sends ``answer`` and drains.

    ``hang_up_after`` closes (with a reset) once the answer is out; ``pieces`` sends it in pieces.
    ``calls`` collects what arrived on each connection.
    """

    def __init__(
        self,
        calls: list[bytes],
        answer: Callable[[bytes], bytes],
        opening: bytes,
        hang_up_after: bool,
        pieces: int,
    ) -> None:
        self.calls = calls
        self.answer = answer
        self.opening = opening
        self.hang_up_after = hang_up_after
        self.pieces = pieces
        self.received = b""
        self.answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast(asyncio.Transport, transport)
        if self.opening:
            self.transport.write(self.opening)
        elif self.hang_up_after:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.answered or not self.received.endswith(b"\n\n"):
            return
        self.answered = True
        answer = self.answer(self.received)
        step = self.pieces or len(answer) or 1
        for i in range(0, len(answer), step):
            self.transport.write(answer[i : i + step])
        if self.hang_up_after:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append(self.received)


@asynccontextmanager
async def canned_server(
    answer: bytes | Callable[[bytes], bytes] = PLAN,
    opening: bytes = b"connect\n\n",
    hang_up_after: bool = False,
    pieces: int = 0,
) -> AsyncIterator[tuple[Server, list[bytes]]]:
    """A server on a free port: its address, and what each closed connection had received."""
    calls: list[bytes] = []
    make = answer if callable(answer) else (lambda data: answer)
    server = await asyncio.get_running_loop().create_server(
        lambda: CannedServer(calls, make, opening, hang_up_after, pieces),
        "127.0.0.1",
        0,
        backlog=1024,
    )
    try:
        yield Server("127.0.0.1", server.sockets[0].getsockname()[1]), calls
    finally:
        server.close()


def refusing_server() -> Server:
    """An address at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Server("127.0.0.1", probe.getsockname()[1])
