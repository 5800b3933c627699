"""A service of number portability for a run: it answers, is late, says nothing, or is gone.

It runs in a thread of its own and speaks HTTP as docs/portability.md has it. What it was asked for
and when it answered is kept: by that, calls are judged.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from vnroute.loadtest.errors import RunBroken
from vnroute.loadtest.timing import duration
from vnroute.model.problem import FieldError

__all__ = ["GONE", "SILENT", "DipService", "Dips", "Says", "check_says"]

GONE = "closed"
"""Nobody listens on its port, and connections are reset."""
SILENT = "silent"
"""It takes questions and never answers."""
_START_SECONDS = 10.0


class Dips(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service that vnroute asks for routing numbers (``[dips] http``) during a run.

    Every second number of the generated targets is ported, to one of another carrier order.
    """

    answer: str = "5ms"
    """After how long it answers."""
    deadline: str = "100ms"
    """How long a call waits at most (``[dips] deadline_ms``)."""
    kept: str = "1s"
    """How long an answer is kept (``[dips] ported_seconds``, ``unported_seconds``)."""

    def __post_init__(self) -> None:
        duration(self.answer, "answer")
        if not 0.001 <= duration(self.deadline, "deadline") <= 1:
            raise FieldError("deadline", repr(self.deadline), "1ms to 1s")
        if duration(self.kept, "kept") < 1:
            raise FieldError("kept", repr(self.kept), "1s or more")

    def environ(self, address: str) -> dict[str, str]:
        """Return the settings by which vnroute asks the service at an address."""
        kept = str(duration(self.kept, "kept"))
        return {
            "VNROUTE_DIPS_HTTP": f"http://{address}/{{number}}",
            "VNROUTE_DIPS_DEADLINE_MS": str(round(1000 * duration(self.deadline, "deadline"))),
            "VNROUTE_DIPS_PORTED_SECONDS": kept,
            "VNROUTE_DIPS_UNPORTED_SECONDS": kept,
        }


def check_says(text: str, field: str) -> None:
    """Raise FieldError for what a service cannot become."""
    if text not in (GONE, SILENT):
        try:
            duration(text, field)
        except FieldError as error:
            raise FieldError(field, error.found, f"{GONE}, {SILENT}, {error.expected}") from None


@dataclass(frozen=True, slots=True)
class Says:
    """What the service does from a moment on: the seconds until it answers, or why it does not."""

    since: float
    word: str

    @property
    def seconds(self) -> float:
        """After how long it answers, for ever where it does not."""
        return float("inf") if self.word in (GONE, SILENT) else duration(self.word, "dips")


@dataclass
class DipService:
    """The service. ``routing`` gives a number's routing number, 0 for one that is not ported."""

    host: str
    port: int
    dips: Dips
    routing: Callable[[int], int]
    history: list[Says] = field(default_factory=list)
    asked: list[tuple[float, int]] = field(default_factory=list)
    answered: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dips", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def start(self) -> None:
        """Listen, and answer as the profile begins."""
        self._thread.start()
        self.become(self.dips.answer)

    def become(self, word: str) -> None:
        """Answer after another while, or be silent, or be gone, from now on."""
        try:
            change = asyncio.run_coroutine_threadsafe(self._become(word), self._loop)
            change.result(_START_SECONDS)
        except (OSError, TimeoutError) as error:
            raise RunBroken(f"the service of dips does not start: {error}") from None

    def stop(self) -> None:
        """Be gone for good."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)
        self._loop.close()

    async def _become(self, word: str) -> None:
        if word == GONE:
            await self._close()
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.history.append(Says(time.time(), word))

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                number = int(head.split()[1].decode().removeprefix("/%2B"))
                self.asked.append((time.time(), number))
                seconds = self.history[-1].seconds
                await asyncio.sleep(min(seconds, 3600.0))
                routing = self.routing(number)
                said = json.dumps({"routing_number": f"+{routing}" if routing else None}).encode()
                self.answered.append((time.time(), number))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # vnroute has let go of it, or the service is gone
        finally:
            self._writers.discard(writer)
            writer.close()
