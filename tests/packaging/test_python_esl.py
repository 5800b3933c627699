"""The python-ESL that the set-up built works: inbound with a password, and outbound on a socket."""

from __future__ import annotations

import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

Replies = Callable[[list[str]], bytes]

OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
EVENT = b"Event-Name: HEARTBEAT\nCore-UUID: 6d2375b0\n\n"
CHANNEL_DATA = (
    b"Event-Name: CHANNEL_DATA\nCaller-Destination-Number: 442012345678\n"
    b"Caller-Caller-ID-Name: Ana%20Alvarez\nContent-Type: command/reply\nReply-Text: %2BOK%0A\n\n"
)


@pytest.fixture(scope="module")
def esl() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # SWIG's types have no __module__
        module: ModuleType = pytest.importorskip(
            "ESL", reason="python-ESL is not installed: make venv builds it"
        )
    return module


def commands(sock: socket.socket) -> Iterator[list[str]]:
    """The commands that arrive, each as its lines, until the other side closes."""
    lines: list[str] = []
    with sock.makefile("rb") as stream:
        for raw in stream:
            line = raw.decode().rstrip("\n")
            if line:
                lines.append(line)
            elif lines:
                yield lines
                lines = []


class Switch(threading.Thread):
    """FreeSWITCH's end of one connection; keeps what it was told."""

    def __init__(self, sock: socket.socket, replies: Replies, greeting: bytes = b"") -> None:
        super().__init__(daemon=True)
        self.sock, self.replies, self.greeting = sock, replies, greeting
        self.told: list[list[str]] = []
        self.start()

    def run(self) -> None:
        with self.sock:
            self.sock.sendall(self.greeting)
            for command in commands(self.sock):
                self.told.append(command)
                try:
                    self.sock.sendall(self.replies(command))
                except OSError:
                    return


def control_replies(command: list[str]) -> bytes:
    match command[0].split():
        case ["auth", "ClueCon"]:
            return b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
        case ["auth", *_]:
            return b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n"
        case ["api", "status"]:
            return b"Content-Type: api/response\nContent-Length: 5\n\nUP 1d"
        case ["event", *_]:
            head = b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(EVENT)
            return OK + head + EVENT
        case _:
            return OK


@pytest.fixture
def control_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            connection, _ = server.accept()
            Switch(connection, control_replies, b"Content-Type: auth/request\n\n")

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]


def test_inbound(esl: ModuleType, control_port: int) -> None:
    connection = esl.ESLconnection("127.0.0.1", str(control_port), "ClueCon")
    try:
        assert connection.connected() == 1
        assert connection.api("status").getBody() == "UP 1d"
        connection.events("plain", "HEARTBEAT")
        assert connection.recvEventTimed(2000).getHeader("Event-Name") == "HEARTBEAT"
    finally:
        connection.disconnect()


def test_inbound_with_a_wrong_password(esl: ModuleType, control_port: int) -> None:
    connection = esl.ESLconnection("127.0.0.1", str(control_port), "wrong")
    assert connection.connected() == 0


def test_outbound(esl: ModuleType) -> None:
    ours, theirs = socket.socketpair()
    switch = Switch(theirs, lambda command: CHANNEL_DATA if command == ["connect"] else OK)
    connection = esl.ESLconnection(ours.detach())  # ESL closes the descriptor
    try:
        info = connection.getInfo()
        assert info.getHeader("Caller-Destination-Number") == "442012345678"
        assert info.getHeader("Caller-Caller-ID-Name") == "Ana Alvarez"
        reply = connection.execute("bridge", "sofia/gateway/gw1/442012345678")
        assert reply.getHeader("Reply-Text").startswith("+OK")
        assert switch.told[0] == ["connect"]
        assert "execute-app-name: bridge" in switch.told[1]
        assert "execute-app-arg: sofia/gateway/gw1/442012345678" in switch.told[1]
    finally:
        connection.disconnect()
