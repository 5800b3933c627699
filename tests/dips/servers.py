"""A small HTTP service and a small DNS server for dips, over real sockets, that behave as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from vnroute.settings import DipSettings

__all__ = ["DnsServer", "HttpServer", "ported"]


def ported(number: int) -> int:
    """Return the routing number that the servers tell of a number, 0 for not ported."""
    return 0 if number % 2 else 19_175_550_000 + number % 1000


@dataclass
class HttpServer:
    """Answers ``GET /+NUMBER``. ``says`` makes the bytes of a whole response, or None for silence;
    ``delay`` is how late. ``asked`` are the numbers, in order, ``heads`` what was sent for each.
    """

    delay: float = 0.0
    says: Callable[[int], bytes | None] | None = None
    asked: list[int] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    most_at_once: int = 0

    async def __aenter__(self) -> HttpServer:
        self._live = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()

    def settings(self, **more: Any) -> DipSettings:
        """Return the settings by which this server is asked."""
        return DipSettings(http=f"http://127.0.0.1:{self.port}/{{number}}", **more)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                number = int(head.split()[1].decode().removeprefix("/%2B"))
                self.asked.append(number)
                self.heads.append(head)
                self._live += 1
                self.most_at_once = max(self.most_at_once, self._live)
                await asyncio.sleep(self.delay)
                said = (self.says or self.answer)(number)
                self._live -= 1
                if said is None:
                    await asyncio.sleep(60)
                    return
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return  # the test is over
        finally:
            self._writers.discard(writer)
            writer.close()

    @staticmethod
    def answer(number: int) -> bytes:
        """Return the response with what :func:`ported` says."""
        routing = ported(number)
        body = json.dumps({"routing_number": f"+{routing}" if routing else None}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class DnsServer(asyncio.DatagramProtocol):
    """Answers NAPTR questions below ``numbers.test``; ``says`` makes the datagrams of an answer out
    of the question's bytes and the number, none for silence.
    """

    def __init__(self, says: Callable[[bytes, int], list[bytes]] | None = None) -> None:
        self._says = says or (lambda question, number: [self.answer(question, number)])
        self.asked: list[int] = []

    async def __aenter__(self) -> DnsServer:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._transport.close()

    def settings(self, **more: Any) -> DipSettings:
        """Return the settings by which this server is asked."""
        return DipSettings(enum="numbers.test", resolver=f"127.0.0.1:{self.port}", **more)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        labels = dns.message.from_wire(data).question[0].name.labels
        number = int(b"".join(reversed([label for label in labels if label.isdigit()])))
        self.asked.append(number)
        for datagram in self._says(data, number):
            self._transport.sendto(datagram, address)

    @staticmethod
    def answer(question: bytes, number: int, text: str | None = None, ttl: int = 300) -> bytes:
        """Return an answer with what :func:`ported` says, or with a record of another text."""
        asked = dns.message.from_wire(question)
        reply = dns.message.make_response(asked)
        routing = ported(number)
        if text is None:
            said = f"npdi;rn=+{routing}" if routing else "npdi"
            text = f'100 10 "u" "E2U+pstn:tel" "!^.*$!tel:+{number};{said}!" .'
        reply.answer.append(dns.rrset.from_text(asked.question[0].name, ttl, "IN", "NAPTR", text))
        return reply.to_wire()

    @staticmethod
    def refusal(question: bytes, rcode: dns.rcode.Rcode) -> bytes:
        """Return an answer that has nothing but a code."""
        reply = dns.message.make_response(dns.message.from_wire(question))
        reply.set_rcode(rcode)
        return reply.to_wire()
