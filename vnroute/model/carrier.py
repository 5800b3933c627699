"""Carriers, their gateways on FreeSWITCH, and how each wants numbers dialled."""

from __future__ import annotations

import re

import msgspec

from vnroute.model.ids import check_gateway_name, check_id
from vnroute.model.limits import Limits
from vnroute.model.problem import FieldError

__all__ = ["Carrier", "Gateway"]

_FORMAT = re.compile(r"(?:[A-Za-z0-9+*#._-]|\{e164_digits\}|\{e164\})+", re.ASCII)
_HOLE = re.compile(r"\{e164_digits\}|\{e164\}")


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way into a carrier: a gateway that FreeSWITCH's sofia profile knows by ``gateway``.

    ``format`` writes the dialled number: ``{e164}`` is ``+442079460123``, ``{e164_digits}`` the
    same without the plus, anything else stands as it is (``00{e164_digits}``,
    ``9011*{e164_digits}``). ``progress_seconds`` is how long it may take at most to the first
    ringing or early media, before the next carrier is tried. ``limits`` are how many calls it
    takes.
    """

    id: str
    gateway: str
    format: str = "{e164_digits}"
    progress_seconds: int = 5
    limits: Limits | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        check_gateway_name(self.gateway)
        if not _FORMAT.fullmatch(self.format) or len(_HOLE.findall(self.format)) != 1:
            raise FieldError(
                "format",
                repr(self.format),
                'one of {e164} and {e164_digits}, with letters, digits or "+*#._-" around it',
            )
        if not 1 <= self.progress_seconds <= 60:
            raise FieldError("progress_seconds", str(self.progress_seconds), "1 to 60 seconds")

    def dial(self, digits: str) -> str:
        """Return FreeSWITCH's dial string for a number, given as digits without ``+``."""
        number = self.format.replace("{e164_digits}", digits).replace("{e164}", "+" + digits)
        return f"sofia/gateway/{self.gateway}/{number}"


class Carrier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A company that takes calls for us, with its gateways in the order they are tried.

    A carrier for which no rate at all is loaded takes every destination, after all carriers that
    have a rate for it. ``limits`` are how many calls it takes over all its gateways.
    """

    id: str
    gateways: tuple[Gateway, ...]
    limits: Limits | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        if not self.gateways:
            raise FieldError("gateways", "no gateways", "at least one gateway")
