"""The control connection to one FreeSWITCH: a process of its own, around python-ESL.

python-ESL is a C++ module that may block, crash or leak: so it has a process for itself, which
tells what it hears in lines of JSON on its standard output, and whose parent
(:mod:`vnroute.carriers.switches`) kills and restarts it as it likes. It subscribes to HEARTBEAT and
``CUSTOM sofia::gateway_state`` and asks ``sofia xmlstatus gateway``; never to events of channels,
which go to every listener and would slow each call down.

Calls that are up are asked for by a connection of their own (:mod:`vnroute.carriers.calls_link`):
an ``api`` that takes long keeps its connection waiting.

The socket is waited for with select, and ``recvEventTimed`` called only to take what is there.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
import warnings
from typing import Any, ClassVar, Literal, NoReturn, Protocol

import msgspec

from vnroute.calls.up import CallUp
from vnroute.carriers.gateway_report import BadReport, GatewayReport, read_gateways

__all__ = ["EVENTS", "Link", "LinkSettings", "Report", "main", "run_link"]

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

    kind: Literal["up", "gateways", "calls", "heartbeat", "event", "refused", "lost", "spent"]
    at: float
    text: str = ""
    gateways: tuple[GatewayReport, ...] = ()
    calls: tuple[CallUp, ...] = ()
    clock: float = 0.0
    sessions: int = 0
    idle_cpu: float = 0.0
    sessions_per_second: int = 0
    memory: int = 0


class _Event(Protocol):
    def getHeader(self, name: str) -> str | None: ...
    def getBody(self) -> str | None: ...


class Link:
    """One connection, from its beginning to its end."""

    events: ClassVar[str] = EVENTS
    longest_pause: ClassVar[float] = _LONGEST_PAUSE

    def __init__(self, settings: LinkSettings, connection: Any) -> None:
        self.settings = settings
        self.connection = connection
        self._encoder = msgspec.json.Encoder()
        self._said = b""

    def tell(self, kind: Any, text: str = "", **more: Any) -> None:
        """Write a :class:`Report` to the parent."""
        line = self._encoder.encode(Report(kind=kind, at=time.time(), text=text, **more))
        os.write(1, line + b"\n") if len(line) < 4096 else _write_all(line + b"\n")

    def api(self, command: str, arguments: str) -> str:
        """Return what the switch answers. Raises ConnectionError where it does not."""
        answer: _Event | None = self.connection.api(command, arguments)
        body = answer.getBody() if answer is not None else None
        if body is None:
            raise ConnectionError(f"no answer to {command} {arguments}"[:100])
        return body

    def told(self, line: bytes) -> None:
        """Do what the parent says; it says nothing to a link that asks for gateways."""

    def ask(self) -> float:
        """Ask for all gateways, tell them, and return the seconds it took."""
        began = time.monotonic()
        body = self.api("sofia", "xmlstatus gateway")
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
        if self.events:
            self.connection.events("plain", self.events)
        began, due = time.monotonic(), 0.0
        first = _memory()
        while True:
            now = time.monotonic()
            if now >= due:
                took = self.ask()
                pause = min(took / _BUSY_SHARE, self.longest_pause)
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
            if 0 in readable:
                said = os.read(0, 65536)
                if not said:
                    return _SPENT  # the parent is gone, or wants no more
                *lines, self._said = (self._said + said).split(b"\n")
                for line in lines:
                    self.told(line)
            # Events that came during an api call wait inside the library, unseen by select.
            self.take_events()


def _write_all(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _memory() -> int:
    """Return the most resident memory so far, in bytes."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _password() -> str:
    """Read the line of the password, and not a byte more: what comes behind it is for the link."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line.decode().rstrip("\n")


def run_link(kind: type[Link], arguments: list[str]) -> int:
    """Run one link; the argument is a :class:`LinkSettings` as JSON, the password a line on
    standard input. Exit status: 0 spent, 3 refused, 4 lost.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = msgspec.json.decode(arguments[0], type=LinkSettings)
    password = _password()
    import ESL

    link = kind(settings, None)
    try:
        link.connection = ESL.ESLconnection(settings.host, str(settings.port), password)
        return link.run()
    except ConnectionError as error:
        link.tell("lost", str(error))
        return _GONE


def main(kind: type[Link] = Link) -> NoReturn:
    """Be a link, and end without unwinding: a destructor of the library may hang on a half-closed
    socket.
    """
    warnings.simplefilter("ignore")
    os._exit(run_link(kind, sys.argv[1:]))


if __name__ == "__main__":
    main()
