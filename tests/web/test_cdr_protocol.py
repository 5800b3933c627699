"""Records read without uvicorn: what is plain is read alike, and all else is uvicorn's."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calls.support import record
from tests.web.support import Home
from vnroute.web.cdr_protocol import plain_head


class _Parsed:
    """What httptools reads."""

    def __init__(self, data: bytes) -> None:
        self.url, self.body, self.done = b"", b"", False
        self.headers: list[tuple[bytes, bytes]] = []
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.done = True


_NAMES = st.sampled_from(
    ["Content-Length", "content-length", "Content-Type", "Host", "Connection", "Expect", "Origin",
     "Transfer-Encoding", "User-Agent", "X-A", "Content-Length ", " Content-Length", "", "A:B", "é"]
)  # fmt: skip
_VALUES = st.one_of(
    st.sampled_from(
        ["5", "0", "05", "+5", "5, 5", "-1", "close", "keep-alive", "chunked", "identity", "x",
         "application/json", "a\tb", "a\0b", "a\nb", "a\rb", "a\r\n b", "99999999999999999999", ""]
    ),
    st.text(st.characters(codec="latin-1"), max_size=8),
)  # fmt: skip
_LINES = st.sampled_from(
    ["POST /cdr HTTP/1.1", "POST /cdr HTTP/1.0", "GET /cdr HTTP/1.1", "POST /cdr?x HTTP/1.1",
     "post /cdr HTTP/1.1", "POST  /cdr HTTP/1.1", "POST /cdr/ HTTP/1.1"]
)  # fmt: skip


@given(
    _LINES,
    st.lists(st.tuples(_NAMES, st.sampled_from([": ", ":", ":\t"]), _VALUES), max_size=6),
    st.sampled_from(["\r\n", "\n"]),
    st.binary(max_size=12),
)
def test_what_is_read_as_plain_is_what_an_http_parser_reads(
    line: str, headers: list[tuple[str, str, str]], end: str, body: bytes
) -> None:
    rows = [line, "Host: x", *("".join(header) for header in headers)]
    data = (end.join(rows) + end + end).encode("latin-1") + body
    head = plain_head(data)
    if head is None:
        return
    parsed = _Parsed(data[: head.end + head.length])
    assert (parsed.parser.get_method(), parsed.url) == (b"POST", b"/cdr")
    assert parsed.parser.get_http_version() == "1.1"
    assert parsed.body == data[head.end : head.end + head.length]
    assert parsed.done == (len(body) >= head.length)
    assert parsed.parser.should_keep_alive() != head.close
    lengths = [value for name, value in parsed.headers if name == b"content-length"]
    assert [int(value) for value in lengths] == [head.length]


@pytest.mark.parametrize(
    "headers, plain",
    [
        ("Host: x\r\nContent-Length: 3", True),
        ("Host: x\r\nContent-Length: 3\r\nContent-Type: application/json\r\nAccept: */*", True),
        ("Host: x", False),
        ("Content-Length: 3", False),
        ("Host: x\r\nHost: y\r\nContent-Length: 3", False),
        ("Host: x\r\nContent-Length: 3\r\nContent-Length: 3", False),
        ("Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", False),
        ("Host: x\r\nContent-Length: 3\r\nExpect: 100-continue", False),
        ("Host: x\r\nContent-Length: 3\r\nOrigin: http://evil.example", False),
        ("Host: x\r\nContent-Length: 3\r\n folded", False),
        ("Host: x\r\nContent-Length : 3", False),
        ("Host: x\r\nContent-Length: 3\nX: y", False),
        ("Host: x\r\nContent-Length: 3\r\nConnection: upgrade", False),
    ],
)
def test_only_plain_heads_are_read(headers: str, plain: bool) -> None:
    head = plain_head(f"POST /cdr HTTP/1.1\r\n{headers}\r\n\r\nabc".encode())
    assert (head is not None) == plain
    if head is not None:
        assert (head.length, head.close) == (3, False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(Path(tmp_path_factory.mktemp("plain")) / "home")
    made.load()
    made.serve()
    made.until(lambda: made.post(record(direction="outbound"))[0] == 200)
    yield made
    made.close()


class _Peer:
    """A switch's side of a connection."""

    def __init__(self, home: Home) -> None:
        self.socket = socket.create_connection(("127.0.0.1", home.control_port), timeout=10)
        self.file = self.socket.makefile("rb")

    def reply(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def ended(self) -> bool:
        return self.file.read(1) == b""

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def peer(shared: Home) -> Iterator[_Peer]:
    made = _Peer(shared)
    yield made
    made.close()


def _post(body: bytes, *more: str) -> bytes:
    lines = ["POST /cdr HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _kept(home: Home) -> float:
    for line in home.get("/metrics")[1].splitlines():
        if line.startswith('vnroute_cdr_requests_total{result="kept"}'):
            return float(line.split()[1])
    raise AssertionError("no count of records kept")


def test_records_one_after_the_other_in_pieces_and_ahead(shared: Home, peer: _Peer) -> None:
    before = _kept(shared)
    data = _post(record())
    for at in range(0, 200):
        peer.socket.sendall(data[at : at + 1])
    peer.socket.sendall(data[200:])
    assert peer.reply()[::2] == (200, b"kept\n")
    peer.socket.sendall(b"".join(_post(record()) for _ in range(5)) + _post(b"{"))
    assert [peer.reply()[0] for _ in range(6)] == [200] * 5 + [400]
    peer.socket.sendall(_post(record(), "Connection: close"))
    assert peer.reply()[:2][0] == 200
    assert peer.ended()
    assert _kept(shared) == before + 7


@pytest.mark.parametrize("first", [True, False])
def test_other_requests_are_answered_on_the_same_connection(peer: _Peer, first: bool) -> None:
    if first:
        peer.socket.sendall(_post(record()))
        assert peer.reply()[0] == 200
    peer.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert peer.reply()[0] == 200
    peer.socket.sendall(_post(record()))
    assert peer.reply()[0] == 200


def test_odd_requests_are_judged_by_the_application(peer: _Peer) -> None:
    body = record()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    peer.socket.sendall(
        b"POST /cdr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked
    )
    assert peer.reply()[0] == 200
    peer.socket.sendall(_post(b"", "Expect: 100-continue").replace(b"h: 0", b"h: %d" % len(body)))
    assert peer.reply()[0] == 100
    peer.socket.sendall(body)
    assert peer.reply()[0] == 200
    peer.socket.sendall(_post(body, "Origin: http://evil.example"))
    status, headers, _ = peer.reply()
    assert (status, headers["connection"]) == (403, "close")


def test_two_lengths_are_no_request(peer: _Peer) -> None:
    peer.socket.sendall(_post(b"{}", "Content-Length: 3"))
    assert peer.reply()[0] == 400
    assert peer.ended()


def test_a_control_process_that_stops_answers_what_it_has(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.load()
    home.serve()
    home.until(lambda: home.post(record(direction="outbound"))[0] == 200)
    idle, half, calls = _Peer(home), _Peer(home), [str(uuid.uuid4()) for _ in range(3)]
    try:
        half.socket.sendall(_post(record())[:300])
        peers: list[Any] = [_Peer(home) for _ in calls]
        for each, call in zip(peers, calls, strict=True):
            each.socket.sendall(_post(record(call=call)))
        assert [each.reply()[0] for each in peers] == [200, 200, 200]
        home.close()
        assert idle.ended() and half.ended() and all(each.ended() for each in peers)
        told = home.run("cdr", "tail", "-n", "9", "--json").stdout.splitlines()
        assert set(calls) <= {json.loads(line)["uuid"] for line in told}
    finally:
        for each in (idle, half, *peers):
            each.close()
        home.close()
