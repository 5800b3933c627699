"""A SIP caller and a SIP phone over plain UDP that keep every message they get, as it came.

SIPp's logs hold what the load tests need; whether a number leaks is seen only in whole messages.
"""

from __future__ import annotations

import re
import socket
import threading
import types
from collections.abc import Sequence
from typing import Self

__all__ = ["LOOPBACK", "RawCaller", "RawPhone", "Udp", "header", "headers", "sdp"]

LOOPBACK = "127.0.0.1"


def headers(message: str, name: str) -> list[str]:
    """Return the values of a header, in order; Identity also by its compact form."""
    names = {name.lower(), *(["y"] if name == "Identity" else [])}
    lines = message.partition("\r\n\r\n")[0].split("\r\n")[1:]
    return [
        value.strip()
        for key, _, value in (line.partition(":") for line in lines)
        if key.lower() in names
    ]


def header(message: str, name: str) -> str:
    """Return the one value of a header, empty where there is none."""
    found = headers(message, name)
    assert len(found) < 2, found
    return found[0] if found else ""


def sdp(port: int) -> str:
    """Return an offer or answer of PCMU and PCMA at a port."""
    return (
        f"v=0\r\no=- 1 1 IN IP4 {LOOPBACK}\r\ns=-\r\nc=IN IP4 {LOOPBACK}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    )


def _message(first: str, lines: Sequence[str], body: str = "") -> bytes:
    kind = ["Content-Type: application/sdp"] if body else []
    text = "\r\n".join([first, *lines, *kind, f"Content-Length: {len(body)}"])
    return f"{text}\r\n\r\n{body}".encode()


class Udp:
    """A socket on loopback, and a thread that serves it for as long as it is entered."""

    def __init__(self, port: int = 0, *, timeout: float = 0.1) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, port))
        self._socket.settimeout(timeout)
        self.port = self._socket.getsockname()[1]
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        """Serve until the end is set."""
        raise NotImplementedError


class _Endpoint(Udp):
    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.messages: list[str] = []

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                data, sender = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            message = data.decode()
            self.messages.append(message)
            self.take(message, sender)

    def take(self, message: str, sender: tuple[str, int]) -> None:
        raise NotImplementedError

    def reply(
        self, request: str, status: str, sender: tuple[str, int], more: Sequence[str] = (),
        body: str = "",
    ) -> None:  # fmt: skip
        """Answer a request."""
        to = header(request, "To")
        lines = [f"Via: {via}" for via in headers(request, "Via")]
        lines += [
            f"From: {header(request, 'From')}",
            f"To: {to if ';tag=' in to else to + ';tag=raw'}",
            f"Call-ID: {header(request, 'Call-ID')}",
            f"CSeq: {header(request, 'CSeq')}",
            f"Contact: <sip:{LOOPBACK}:{self.port}>",
            *more,
        ]
        self._socket.sendto(_message(f"SIP/2.0 {status}", lines, body), sender)


class RawPhone(_Endpoint):
    """A phone that rings and answers, or refuses with ``status``; ``more`` are header lines of its
    180 and its final answer. ``pings`` is what it answers to OPTIONS.
    """

    def __init__(
        self, port: int, status: str = "200 OK", more: Sequence[str] = (), pings: str = "200 OK"
    ) -> None:
        super().__init__(port)
        self._status = status
        self._more = more
        self._pings = pings

    def take(self, message: str, sender: tuple[str, int]) -> None:
        method = message.partition(" ")[0]
        if method == "INVITE":
            self.reply(message, "100 Trying", sender)
            if self._status.startswith("200"):
                self.reply(message, "180 Ringing", sender, self._more)
                self.reply(message, self._status, sender, self._more, sdp(self.port))
            else:
                self.reply(message, self._status, sender, self._more)
        elif method not in ("ACK", "SIP/2.0"):
            self.reply(message, self._pings if method == "OPTIONS" else "200 OK", sender)

    @property
    def invites(self) -> list[str]:
        """Every INVITE so far, each call once."""
        found = {header(m, "Call-ID"): m for m in self.messages if m.startswith("INVITE")}
        return list(found.values())


class RawCaller(_Endpoint):
    """Calls one number; ``final`` is set with the final answer, and the call is hung up in the end.

    ``headers`` are more lines of the INVITE, ``media`` is the port for RTP, if somebody listens.
    """

    def __init__(
        self,
        address: str,
        number: str,
        caller: str,
        headers: Sequence[str] = (),
        forwards: int = 70,
        media: int = 0,
    ) -> None:
        super().__init__()
        host, _, port = address.partition(":")
        self._switch = (host, int(port))
        self._address = address
        self._media = media or self.port
        self._number = number
        self._lines = [
            f"From: {caller};tag=a",
            f"Call-ID: raw-{self.port}-{number}",
            f"Contact: <sip:{LOOPBACK}:{self.port}>",
            f"Max-Forwards: {forwards}",
        ]
        self._more = list(headers)
        self._to = f"<sip:{number}@{address}>"
        self.final = threading.Event()
        self.code = 0

    def _send(self, method: str, number: int, more: Sequence[str] = (), body: str = "") -> None:
        via = f"Via: SIP/2.0/UDP {LOOPBACK}:{self.port};branch=z9hG4bK{method}{number}"
        lines = [via, f"To: {self._to}", f"CSeq: {number} {method}", *self._lines, *more]
        first = f"{method} sip:{self._number}@{self._address} SIP/2.0"
        self._socket.sendto(_message(first, lines, body), self._switch)

    def __enter__(self) -> Self:
        super().__enter__()
        self._send("INVITE", 1, self._more, sdp(self._media))
        return self

    def take(self, message: str, sender: tuple[str, int]) -> None:
        if not message.startswith("SIP/2.0"):
            self.reply(message, "200 OK", sender)
            return
        code = int(message.split()[1])
        if code >= 200 and header(message, "CSeq") == "1 INVITE":
            self._to = header(message, "To")
            self._send("ACK", 1)
            if not self.final.is_set():
                self.code = code
                self.final.set()

    def hang_up(self) -> None:
        """End the call."""
        self._send("BYE", 2)

    @property
    def heard(self) -> str:
        """All that came, as one text."""
        return re.sub(r"(?m)^(Call-ID|Via|CSeq):.*\r\n", "", "\r\n".join(self.messages))
