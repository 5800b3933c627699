"""The control connection to one FreeSWITCH: a process of its own, around python-ESL.

python-ESL is a C++ module that may block, crash or leak: so it has a process for itself, which
tells what it hears in lines of JSON on its standard output, and whose parent
(:mod:`vnroute.carriers.switches`) kills and restarts it as it likes. It subscribes to HEARTBEAT and
``CUSTOM sofia::gateway_state`` and asks ``sofia xmlstatus gateway``; never to events of channels,
which go to every listener and would slow each call down.

The socket is waited for with select, and ``recvEventTimed`` called only to take what is there.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
from typing import Any, Literal, Protocol

import msgspec

from vnroute.carriers.gateway_report import BadReport, GatewayReport, read_gateways

__all__ = ["EVENTS", "LinkSettings", "Report", "main"]

EVENTS = "HEARTBEAT CUSTOM sofia::gateway_state"
_BUSY_SHARE = 0.05
# A switch that answers late has no time, or much to tell: breakers must hear of it all the same.
_LONGEST_PAUSE = 2.0
_SPENT, _REFUSED, _GONE = 0, 3, 4
_MOST_EVENTS = 1000


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a link is told: which switch, and how often to ask it. Its password comes by itself,
    on standard input: arguments can be read by everyone on the machine.
    """

    name: str
    host: str
    port: int
    poll_seconds: float = 0.25
    recycle_seconds: float = 3600.0
    memory_bytes: int = 200_000_000


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line from a link to its parent. ``text`` says more, for people."""

    kind: Literal["up", "gateways", "heartbeat", "event", "refused", "lost", "spent"]
    at: float
    text: str = ""
    gateways: tuple[GatewayReport, ...] = ()
    sessions: int = 0
    idle_cpu: float = 0.0
    sessions_per_second: int = 0
    memory: int = 0


class _Event(Protocol):
    def getHeader(self, name: str) -> str | None: ...
    def getBody(self) -> str | None: ...


class _Link:
    """One connection, from its beginning to its end."""

    def __init__(self, settings: LinkSettings, connection: Any) -> None:
        self.settings = settings
        self.connection = connection
        self._encoder = msgspec.json.Encoder()

    def tell(self, kind: Any, text: str = "", **more: Any) -> None:
        line = self._encoder.encode(Report(kind=kind, at=time.time(), text=text, **more))
        os.write(1, line + b"\n") if len(line) < 4096 else _write_all(line + b"\n")

    def ask(self) -> float:
        """Ask for all gateways, tell them, and return the seconds it took."""
        began = time.monotonic()
        answer: _Event | None = self.connection.api("sofia", "xmlstatus gateway")
        body = answer.getBody() if answer is not None else None
        if body is None:
            raise ConnectionError("no answer to sofia xmlstatus gateway")
        try:
            gateways = tuple(read_gateways(body))
        except BadReport as error:
            # Where mod_sofia is not loaded (yet) it says so: the connection is sound.
            self.tell("event", f"no report of gateways: {error}")
        else:
            self.tell("gateways", gateways=gateways)
        return time.monotonic() - began

    def take_events(self) -> None:
        """Take what has come, as long as something has."""
        for _ in range(_MOST_EVENTS):
            event: _Event | None = self.connection.recvEventTimed(1)
            if event is None:
                return
            name = event.getHeader("Event-Name")
            if name == "HEARTBEAT":
                self.tell(
                    "heartbeat",
                    sessions=int(event.getHeader("Session-Count") or 0),
                    sessions_per_second=int(event.getHeader("Session-Per-Sec") or 0),
                    idle_cpu=float(event.getHeader("Idle-CPU") or 0.0),
                    memory=_memory(),
                )
            elif name == "CUSTOM":
                self.tell("event", f"{event.getHeader('Gateway')} {event.getHeader('State')}")
                self.ask()
            elif name == "SERVER_DISCONNECTED":
                raise ConnectionError("the switch closed the connection")

    def run(self) -> int:
        """Serve until the connection or this process's time is over; return an exit status."""
        settings = self.settings
        if not self.connection.connected():
            said = self.connection.getInfo()
            self.tell("refused", "password refused" if said is not None else "cannot connect")
            return _REFUSED
        self.tell("up")
        self.connection.events("plain", EVENTS)
        began, due = time.monotonic(), 0.0
        first = _memory()
        while True:
            now = time.monotonic()
            if now >= due:
                took = self.ask()
                pause = min(took / _BUSY_SHARE, _LONGEST_PAUSE)
                due = time.monotonic() + max(settings.poll_seconds, pause)
            if now - began > settings.recycle_seconds or (
                _memory() - first > settings.memory_bytes
            ):
                self.tell("spent", memory=_memory())
                return _SPENT
            handle = self.connection.socketDescriptor()
            if handle < 0 or not self.connection.connected():
                raise ConnectionError("the connection is gone")
            wait = max(0.0, due - time.monotonic())
            readable, _, _ = select.select([handle, 0], [], [], wait)
            if 0 in readable and not os.read(0, 4096):
                return _SPENT  # the parent is gone, or wants no more
            # Events that came during an api call wait inside the library, unseen by select.
            self.take_events()


def _write_all(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _memory() -> int:
    """Return the most resident memory so far, in bytes."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def main(arguments: list[str]) -> int:
    """Run one link; the argument is a :class:`LinkSettings` as JSON, the password a line on
    standard input. Exit status: 0 spent, 3 refused, 4 lost.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = msgspec.json.decode(arguments[0], type=LinkSettings)
    password = sys.stdin.buffer.readline().decode().rstrip("\n")
    import ESL

    link = _Link(settings, None)
    try:
        link.connection = ESL.ESLconnection(settings.host, str(settings.port), password)
        return link.run()
    except ConnectionError as error:
        link.tell("lost", str(error))
        return _GONE


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    # Without unwinding: a destructor of the library may hang on a half-closed socket.
    status = main(sys.argv[1:])
    os._exit(status)
