"""Carriers, their gateways on FreeSWITCH, and what each wants to be told of a call."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from vnroute.model.causes import SIP_CAUSES
from vnroute.model.dialling import Writing, read_formats
from vnroute.model.ids import check_gateway_name, check_id
from vnroute.model.limits import Limits
from vnroute.model.policy import Hunt, check_key
from vnroute.model.problem import FieldError
from vnroute.model.target import check_show

__all__ = ["HEADERS", "Carrier", "Gateway"]

HEADERS = (
    "Accept-Language",
    "Alert-Info",
    "Call-Info",
    "P-Access-Network-Info",
    "P-Charge-Info",
    "P-Charging-Vector",
    "Priority",
    "Resource-Priority",
    "Subject",
    "User-to-User",
)
"""Headers that a gateway may add besides ``X-…``: none that routes a call, says who calls, or that
FreeSWITCH writes itself."""

_EXTENSION = re.compile(r"X-[A-Za-z0-9-]{1,40}", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9 ._:;@/+<>=*!?-]{1,128}", re.ASCII)
_CODEC = re.compile(r"[A-Za-z0-9.]{1,16}(?:@[0-9]{1,6}[hib]){0,3}", re.ASCII)


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way into a carrier: a gateway that FreeSWITCH's sofia profile knows by ``gateway``.

    ``format`` writes the dialled number (vnroute.model.dialling), ``formats`` those that begin
    with a prefix. ``caller_format`` and ``caller_formats`` do the same for the number shown;
    without them it goes as it came. ``progress_seconds`` is how long it may take at most to the
    first ringing or early media, before the next carrier is tried.

    ``show`` is whose number the carrier wants to see, whatever the target says; ``trusted``, that
    it may have a number that is withheld, with Privacy (RFC 3323, 3325); ``asserted``, the header
    for it where it is not as FreeSWITCH's gateway has it; ``diversion``, how it is told that a
    call was diverted (RFC 5806, RFC 7044). ``codecs`` are offered in that order, ``headers``
    added.
    ``limits`` are how many calls it takes.
    """

    id: str
    gateway: str
    format: str = "{e164_digits}"
    formats: dict[str, str] = {}
    progress_seconds: int = 5
    limits: Limits | None = None
    codecs: tuple[str, ...] = ()
    show: str = ""
    caller_format: str = ""
    caller_formats: dict[str, str] = {}
    trusted: bool = False
    asserted: Literal["", "pai", "rpid", "none"] = ""
    diversion: Literal["none", "diversion", "history-info"] = "none"
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        check_id(self.id)
        check_gateway_name(self.gateway)
        self.dials()
        self.callers()
        if not 1 <= self.progress_seconds <= 60:
            raise FieldError("progress_seconds", str(self.progress_seconds), "1 to 60 seconds")
        for position, codec in enumerate(self.codecs):
            if not _CODEC.fullmatch(codec):
                expected = 'a codec as FreeSWITCH writes it: PCMA, "opus@48000h@20i"'
                raise FieldError(f"codecs[{position}]", repr(codec), expected)
        if self.show:
            check_show(self.show)
        for name, value in self.headers.items():
            if not _EXTENSION.fullmatch(name) and name not in HEADERS:
                expected = f"X-… (letters, digits, dashes) or one of {', '.join(HEADERS)}"
                raise FieldError(f"headers.{name}", f"the header {name!r}", expected)
            if not _VALUE.fullmatch(value):
                expected = '1 to 128 letters, digits, blanks and "._:;@/+<>=*!?-"'
                raise FieldError(f"headers.{name}", repr(value), expected)

    def dials(self) -> tuple[Writing, ...]:
        """Return how numbers are dialled: the longest prefix first, what is for all others last."""
        return read_formats(self.format, self.formats, "format", "formats")

    def callers(self) -> tuple[Writing, ...]:
        """Return how numbers are shown; nothing where they go as they came."""
        if not self.caller_format and not self.caller_formats:
            return ()
        whole = self.caller_format or "{e164}"
        return read_formats(whole, self.caller_formats, "caller_format", "caller_formats")

    def dial(self, digits: str) -> str:
        """Return FreeSWITCH's dial string for a number, given as digits without ``+``."""
        writing = next(way for way in self.dials() if digits.startswith(way.prefix))
        return f"sofia/gateway/{self.gateway}/{writing.write(digits)}"


class Carrier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A company that takes calls for us, with its gateways in the order they are tried.

    A carrier for which no rate at all is loaded takes every destination, after all carriers that
    have a rate for it. ``limits`` are how many calls it takes over all its gateways. ``hunt`` is
    what follows after its failures, by cause and SIP code, whatever the policy says.
    """

    id: str
    gateways: tuple[Gateway, ...]
    limits: Limits | None = None
    hunt: dict[str, Hunt] = {}

    def __post_init__(self) -> None:
        check_id(self.id)
        if not self.gateways:
            raise FieldError("gateways", "no gateways", "at least one gateway")
        for key, action in self.hunt.items():
            check_key(key, f"hunt.{key}")
            cause = SIP_CAUSES[int(key)] if key.isdecimal() else key
            if cause == "EXCHANGE_ROUTING_ERROR" and action != "stop":
                # FreeSWITCH ends the call there, before a carrier's table is read.
                expected = "stop, or a policy's hunt: any other carrier leads round again"
                raise FieldError(f"hunt.{key}", f"{action} after a loop", expected)
