"""What a connection to the control process begins as: a plain ``POST /cdr`` is answered here.

mod_json_cdr makes a connection for each record. Of some thousands a second, most of what uvicorn
makes for a request (a parser, a scope, a task, its queues) would be made for nothing. So a
connection is read here as long as it says what a switch says: ``POST /cdr HTTP/1.1`` with a
Content-Length and no more than plain headers. Whatever is not plainly that is uvicorn's, with every
byte that came, for good; so there is one place, the application, that judges odd requests.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple, Protocol

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from vnroute.calls.intake import Verdict

__all__ = ["CdrConnections", "Head", "Taker", "plain_head", "reply_of"]

_LINE = b"POST /cdr HTTP/1.1\r\n"
_MOST_HEAD_BYTES = 8192
_IDLE_SECONDS = 20.0
_SWEEP_SECONDS = 5.0
_REASONS = {200: b"OK", 400: b"Bad Request", 503: b"Service Unavailable"}
_ELSEWHERE = frozenset(
    (b"transfer-encoding", b"expect", b"upgrade", b"origin", b"sec-fetch-site", b"trailer")
)
"""Headers whose meaning the application judges."""


class Taker(Protocol):
    """What takes records: :class:`vnroute.web.cdr.CdrService`."""

    max_bytes: int

    def allows(self, address: str) -> bool:
        """Whether that peer may post."""
        ...

    def put(self, body: bytes, content_type: str, done: Any) -> None:
        """Keep a record; ``done`` is called with the verdict."""
        ...


class Head(NamedTuple):
    """What the head of a plain request says."""

    length: int
    content_type: str
    close: bool
    end: int
    """Where its body begins."""


def plain_head(data: bytes) -> Head | None:
    """Return the head of a plain ``POST /cdr`` that ``data`` begins with, None for all else.

    All of the head must be there. RFC 9112: what a head may hold beyond this (folded lines, a
    length twice, a bare line feed, other encodings) is not plain.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0 or not data.startswith(_LINE):
        return None
    length, content_type, close, hosts = -1, b"", False, 0
    for line in data[len(_LINE) : end].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if not colon or not _is_token(name) or name in _ELSEWHERE or not _is_text(value):
            return None
        if name == b"content-length":
            if length >= 0 or not value.isdigit() or len(value) > 12:
                return None
            length = int(value)
        elif name == b"content-type":
            if content_type:
                return None
            content_type = value
        elif name == b"connection":
            if value.lower() not in (b"close", b"keep-alive"):
                return None
            close = close or value.lower() == b"close"
        elif name == b"host":
            hosts += 1
    if length < 0 or hosts != 1:
        return None
    return Head(length, content_type.decode("latin-1"), close, end + 4)


_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_CONTROLS = bytes((*range(9), *range(10, 32), 127))


def _is_token(name: bytes) -> bool:
    return bool(name) and not name.translate(None, _TOKEN)


def _is_text(value: bytes) -> bool:
    return len(value.translate(None, _CONTROLS)) == len(value)


def reply_of(verdict: Verdict, close: bool) -> bytes:
    """Return the whole reply that tells a verdict."""
    body = verdict.text.encode() + b"\n"
    return b"HTTP/1.1 %d %s\r\n%s%scontent-type: text/plain; charset=utf-8\r\n" % (
        verdict.status,
        _REASONS.get(verdict.status, b""),
        b"retry-after: 5\r\n" if verdict.status == 503 else b"",
        b"connection: close\r\n" if close else b"",
    ) + b"x-content-type-options: nosniff\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


class CdrConnections:
    """Makes the protocol of each connection; given to uvicorn as its ``http``.

    One timer for all of them closes those on which nothing comes.
    """

    def __init__(self, taker: Taker) -> None:
        self.taker = taker
        self._open: set[_Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """Return a connection's protocol, as uvicorn asks for it."""
        return _Connection(self, config, server_state, app_state)

    def opened(self, connection: _Connection) -> None:
        """Watch a connection."""
        self._open.add(connection)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)

    def closed(self, connection: _Connection) -> None:
        """Watch it no longer."""
        self._open.discard(connection)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        before = loop.time() - _IDLE_SECONDS
        for connection in list(self._open):
            connection.close_if_idle(before)
        if self._open:
            self._timer = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)


class _Connection(asyncio.Protocol):
    def __init__(self, owner: CdrConnections, config: Config, state: ServerState, app: Any) -> None:
        self._owner, self._config, self._state, self._app_state = owner, config, state, app
        self._data = b""
        self._head: Head | None = None
        self._waiting = self._ending = False
        self._heard = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._heard = asyncio.get_running_loop().time()
        self._state.connections.add(self)  # type: ignore[arg-type]
        self._owner.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._leave()

    def _leave(self) -> None:
        self._state.connections.discard(self)
        self._owner.closed(self)

    def shutdown(self) -> None:
        """End after the record at hand, as uvicorn asks when it stops."""
        self._ending = True
        if not self._waiting:
            self._transport.close()

    def close_if_idle(self, before: float) -> None:
        """Close it where nothing has come since a moment, and nothing waits for the disk."""
        if not self._waiting and self._heard < before:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data
        if self._waiting:
            # Sent ahead of the answer; one record a time is kept of a connection.
            self._transport.pause_reading()
            return
        self._heard = asyncio.get_running_loop().time()
        self._look()

    def _look(self) -> None:
        """Take the record that has come whole; hand all else over."""
        data, head = self._data, self._head
        if head is None:
            if b"\r\n\r\n" not in data:
                begins = _LINE.startswith(data[: len(_LINE)]) or data.startswith(_LINE)
                if not begins or len(data) > _MOST_HEAD_BYTES:
                    self._hand_over()
                return
            head = plain_head(data)
            taker = self._owner.taker
            if head is None or head.length > taker.max_bytes or not taker.allows(self._peer()):
                self._hand_over()
                return
            self._head = head
        end = head.end + head.length
        if len(data) < end:
            return
        self._head, self._data, self._waiting = None, data[end:], True
        self._owner.taker.put(
            data[head.end : end], head.content_type, lambda verdict: self._answer(verdict, head)
        )

    def _peer(self) -> str:
        peer = self._transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else ""

    def _answer(self, verdict: Verdict, head: Head) -> None:
        self._waiting = False
        if self._transport.is_closing():
            return  # the switch has gone; it will post the record again, which is known by its uuid
        close = head.close or self._ending
        self._transport.write(reply_of(verdict, close))
        if close:
            self._transport.close()
        elif self._data:
            # Not from here: a record refused at once is answered within _look.
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._waiting or self._transport.is_closing():
            return
        self._heard = asyncio.get_running_loop().time()
        self._transport.resume_reading()
        self._look()

    def _hand_over(self) -> None:
        self._leave()
        protocol = HttpToolsProtocol(
            config=self._config, server_state=self._state, app_state=self._app_state
        )
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._data)
        self._data = b""
