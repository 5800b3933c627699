"""A canned outbound server: reads CHANNEL_DATA, answers with bytes that a function makes of it.

It proves the form of a plan on the real switch without vnroute, and misbehaves on demand. As a
command it is a process that a test can kill while it stalls:

    python canned.py --port 8084 --reply FILE [--stall accept|connect|middle|before-exit]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import pathlib
import threading
import types
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Literal, Self, get_args

Stage = Literal["accept", "connect", "middle", "before-plan", "before-exit"]
"""How far a server that misbehaves gets: it accepted, it read CHANNEL_DATA, it sent half of the
variables, all of them, or all but ``exit``."""

EXIT = b"exit\n\n"


def xferext(applications: Sequence[str]) -> bytes:
    """Return the one answer vnroute gives: variables, a whole plan, then ``exit``."""
    first, *others = applications
    sets = b""
    if first.startswith("multiset "):
        body = first.removeprefix("multiset ").encode()
        sets = (
            b"sendmsg\ncall-command: execute\nexecute-app-name: multiset\n"
            b"content-type: text/plain\ncontent-length: %d\n\n%b" % (len(body), body)
        )
    else:
        others = [first, *others]
    lines = "".join(f"application: {application}\n" for application in others)
    return sets + f"sendmsg\ncall-command: xferext\n{lines}\n".encode() + EXIT


def headers(channel_data: bytes) -> dict[str, str]:
    """Return the header block of CHANNEL_DATA, values decoded."""
    pairs = (line.partition(": ") for line in channel_data.decode(errors="replace").splitlines())
    return {name: urllib.parse.unquote(value) for name, _, value in pairs if name}


class Canned:
    """An outbound server in a thread of its own, on a loopback port.

    Args:
        answer: CHANNEL_DATA in, the whole reply out.
        port: 0 for any.
        fails_at: go so far with every call, and no further.
        stalls: say nothing from there on, instead of closing.
    """

    def __init__(
        self,
        answer: Callable[[bytes], bytes],
        port: int = 0,
        fails_at: Stage | None = None,
        stalls: bool = False,
    ) -> None:
        self.answer = answer
        self.fails_at = fails_at
        self.stalls = stalls
        self.port = port
        self.calls: list[bytes] = []
        self.replies: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    @property
    def node(self) -> str:
        """``host:port`` for FreeSWITCH's ``socket`` application."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the canned server did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.start())
        self._ready.set()
        self._loop.run_forever()

    async def start(self) -> None:
        """Listen. A backlog of 4096: a burst of calls must queue, not be refused."""
        self._server = await asyncio.start_server(
            self._call, "127.0.0.1", self.port, backlog=4096, limit=1 << 24
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fails_at == "accept":
            return await self._fail()
        writer.write(b"connect\n\n")
        data = await reader.readuntil(b"\n\n")
        self.calls.append(data)
        if self.fails_at == "connect":
            return await self._fail()
        reply = self.answer(data)
        if self.fails_at is not None:
            plan = reply.index(b"sendmsg\ncall-command: xferext")
            cuts = {"middle": plan // 2, "before-plan": plan, "before-exit": len(reply) - len(EXIT)}
            writer.write(reply[: cuts[self.fails_at]])
            await writer.drain()
            return await self._fail()
        # One write. Then read on until FreeSWITCH closes: unread bytes would turn our close into a
        # reset, which can take from FreeSWITCH what it has not read yet.
        writer.write(reply)
        self.replies.append(await reader.read())

    async def _fail(self) -> None:
        if self.stalls:
            await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--reply", type=pathlib.Path, required=True)
    parser.add_argument("--stall", choices=get_args(Stage))
    options = parser.parse_args()
    reply: bytes = options.reply.read_bytes()
    server = Canned(lambda _: reply, options.port, options.stall, stalls=True)

    async def serve() -> None:
        await server.start()
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
