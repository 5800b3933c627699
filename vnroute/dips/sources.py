"""Where a dip asks: a service over HTTP, or the DNS (ENUM)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from vnroute import __version__
from vnroute.dips.answers import NOT_PORTED, BadAnswer, Naptr, from_json, from_naptrs
from vnroute.settings import DipSettings

__all__ = ["DipFailed", "EnumSource", "HttpSource", "Source", "Told", "open_source"]

_MOST_BYTES = 16_384
_MOST_CONNECTIONS = 64


class DipFailed(Exception):
    """Nobody answered, or nothing that is an answer; the message says what."""


class Told(NamedTuple):
    """An answer: the routing number (0: not ported), and for how many seconds it holds, if said."""

    routing: int
    seconds: float | None = None


class Source(Protocol):
    """Somebody who can be asked."""

    async def ask(self, number: int) -> Told:
        """Return what is told of a number; raises :class:`DipFailed`. May take for ever."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class HttpSource:
    """GET of an address with ``{number}`` in it: 200 with JSON, or 404 for a number not ported."""

    def __init__(self, address: str) -> None:
        import httpx

        self._address = address
        self._errors = (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError, ValueError)
        # No proxy and no certificates from the environment, no redirect to anywhere else.
        self._client = httpx.AsyncClient(
            timeout=None, trust_env=False, follow_redirects=False,
            limits=httpx.Limits(max_connections=_MOST_CONNECTIONS),
            headers={"Accept": "application/json", "User-Agent": f"vnroute/{__version__}"},
        )  # fmt: skip

    async def ask(self, number: int) -> Told:
        """Ask; see :class:`Source`."""
        body = b""
        try:
            address = self._address.replace("{number}", f"%2B{number}")
            async with self._client.stream("GET", address) as response:
                if response.status_code == 404:
                    return Told(NOT_PORTED)
                if response.status_code != 200:
                    raise DipFailed(f"HTTP status {response.status_code}")
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise DipFailed(f"an answer of more than {_MOST_BYTES} bytes")
            return Told(from_json(body))
        except BadAnswer as error:
            raise DipFailed(str(error)) from None
        except self._errors as error:
            raise DipFailed(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class EnumSource:
    """NAPTR records below an apex such as ``e164.arpa``, asked of one resolver."""

    def __init__(self, apex: str, resolver: str) -> None:
        import dns.asyncquery
        import dns.exception
        import dns.message
        import dns.name
        import dns.rcode
        import dns.rdatatype

        self._dns = dns
        self._apex = dns.name.from_text(apex)
        host, _, port = resolver.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)

    async def ask(self, number: int) -> Told:
        """Ask; see :class:`Source`. Answers that do not belong to the question are passed over."""
        dns = self._dns
        name = dns.name.from_text(".".join(reversed(str(number))), self._apex)
        question = dns.message.make_query(name, dns.rdatatype.NAPTR, use_edns=0, payload=1232)
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(
                question, self._host, port=self._port, ignore_unexpected=True, ignore_errors=True
            )
            rcode = answer.rcode()
            if rcode == dns.rcode.NXDOMAIN:
                return Told(NOT_PORTED)
            if rcode != dns.rcode.NOERROR:
                raise DipFailed(f"DNS says {dns.rcode.to_text(rcode)}")
            chain = answer.resolve_chaining()
            if chain.answer is None:
                return Told(NOT_PORTED)
            records = [
                Naptr(each.order, each.preference, each.flags, each.service, each.regexp)
                for each in chain.answer
            ]
            return Told(from_naptrs(records, number), float(chain.minimum_ttl))
        except BadAnswer as error:
            raise DipFailed(str(error)) from None
        except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
            raise DipFailed(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """Nothing is kept between two questions."""


def open_source(settings: DipSettings) -> Source | None:
    """Return who is to be asked, None where nobody is. Raises ImportError where what it needs is
    not installed (``pip install vnroute[dips]``).
    """
    if settings.http:
        return HttpSource(settings.http)
    if settings.enum:
        return EnumSource(settings.enum, settings.resolver)
    return None
