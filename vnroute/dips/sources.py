"""Where a dip asks: a service over HTTP, or the DNS (ENUM)."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import NamedTuple, Protocol

from vnroute import __version__
from vnroute.dips.answers import NOT_PORTED, BadAnswer, Naptr, from_json, from_naptrs
from vnroute.settings import DipSettings

__all__ = ["DipFailed", "EnumSource", "HttpSource", "Source", "Told", "open_source"]

_MOST_BYTES = 16_384
_MOST_CONNECTIONS = 64
_MOST_SECRET = 8192
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


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


def _authorization(kind: str, secret_file: str) -> dict[str, str]:
    """Return the header that tells who asks (RFC 6750, RFC 7617); nothing of kind ``""``.

    Raises :class:`DipFailed` where the file holds no such secret, without a word of what it holds.
    """
    if not kind:
        return {}
    try:
        with Path(secret_file).open("rb") as file:
            secret = file.read(_MOST_SECRET + 1).strip()
    except OSError as error:
        raise DipFailed(f"{secret_file}: {error.strerror}") from None
    if len(secret) > _MOST_SECRET:
        raise DipFailed(f"{secret_file}: more than {_MOST_SECRET} bytes of secret")
    if kind == "bearer":
        if not _TOKEN.fullmatch(secret):
            raise DipFailed(f"{secret_file}: no bearer's token (RFC 6750)")
        return {"Authorization": f"Bearer {secret.decode()}"}
    if b":" not in secret or any(byte < 32 or byte == 127 for byte in secret):
        raise DipFailed(f"{secret_file}: not one line of NAME:PASSWORD")
    return {"Authorization": f"Basic {base64.b64encode(secret).decode()}"}


class HttpSource:
    """GET of an address with ``{number}`` in it: 200 with JSON, or 404 for a number not ported.

    ``authorization`` is ``bearer`` or ``basic`` with the secret in ``secret_file``, which is read
    for each question, so a new one needs no restart.
    """

    def __init__(self, address: str, authorization: str = "", secret_file: str = "") -> None:
        import httpx

        self._address = address
        self._authorization = authorization, secret_file
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
            headers = _authorization(*self._authorization)
            async with self._client.stream("GET", address, headers=headers) as response:
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
        return HttpSource(settings.http, settings.authorization, settings.secret_file)
    if settings.enum:
        return EnumSource(settings.enum, settings.resolver)
    return None
