"""Targets: who is rung, for how long, and whose number they see.

A target is written as one text: ``+12125550100`` (goes through the carriers, or on in the plan of
that number if it is ours), ``sip:ana@pbx.example`` (VoIP, through a SIP profile),
``gateway:pbx/1001`` (a user behind a gateway of FreeSWITCH's), ``user:1001@pbx.example``
(registered on the switch), ``plan:acme-night`` (another plan's steps), ``person:ana`` (where
that person is); or as a mapping with that
text under ``to``.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from vnroute.model.e164 import parse_number
from vnroute.model.ids import check_gateway_name, check_id
from vnroute.model.problem import FieldError

__all__ = ["SHOW_WORDS", "Target", "TargetKind", "check_confirm", "check_show"]

TargetKind = Literal["number", "sip", "gateway", "user", "plan", "person"]

SHOW_WORDS = ("caller", "did", "anonymous")
"""What a target may be shown: the caller's number, the DID that was called, or none; or a fixed
number, written as E.164."""

_USER = re.compile(r"[A-Za-z0-9+][A-Za-z0-9+._-]{0,63}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?", re.ASCII)
_KEY = re.compile(r"[0-9*#]", re.ASCII)
_EXPECTED = (
    'an E.164 number such as "+442079460123", "sip:USER@HOST", "gateway:NAME/USER",'
    ' "user:USER@DOMAIN", "plan:ID" or "person:ID"'
)


def check_show(text: str, field: str = "show") -> str:
    """Return ``text`` if it says what a target is shown, else raise :class:`FieldError`."""
    if text not in SHOW_WORDS and not text.startswith("+"):
        raise FieldError(field, repr(text), "caller, did, anonymous, or an E.164 number")
    if text.startswith("+"):
        parse_number(text, field)
    return text


def check_confirm(text: str, field: str = "confirm") -> str:
    """Return ``text`` if it is a key of a telephone, or nothing, else raise FieldError."""
    if text and not _KEY.fullmatch(text):
        raise FieldError(field, repr(text), "a key of a telephone: 0 to 9, * or #")
    return text


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One target of a step.

    ``seconds``, ``show`` and ``confirm`` are the step's where they are not given. ``delay``
    (seconds) holds it back where the step rings together; ``share`` is its weight where the step
    shares.
    """

    to: str
    seconds: int = 0
    delay: int = 0
    share: int = 1
    show: str = ""
    confirm: str = ""

    def __post_init__(self) -> None:
        kind, rest = self._split()
        if kind == "number":
            if not rest.startswith("+"):
                raise FieldError("to", repr(self.to), _EXPECTED)
            parse_number(rest, "to")
        elif kind in ("plan", "person"):
            check_id(rest, "to")
        elif kind == "gateway":
            name, slash, user = rest.partition("/")
            if not slash or not _USER.fullmatch(user):
                raise FieldError("to", repr(self.to), 'a gateway and a user: "gateway:NAME/USER"')
            check_gateway_name(name, "to")
        else:
            user, at, host = rest.partition("@")
            good = _USER.fullmatch(user) and (not at or _HOST.fullmatch(host))
            if not good or not at:
                raise FieldError("to", repr(self.to), _EXPECTED)
        if self.seconds and not 1 <= self.seconds <= 600:
            raise FieldError("seconds", str(self.seconds), "1 to 600 seconds")
        if not 0 <= self.delay <= 300:
            raise FieldError("delay", str(self.delay), "0 to 300 seconds")
        if not 1 <= self.share <= 10_000:
            raise FieldError("share", str(self.share), "1 to 10000")
        if self.show:
            check_show(self.show)
        check_confirm(self.confirm)

    def _split(self) -> tuple[TargetKind, str]:
        word, colon, rest = self.to.partition(":")
        if colon and word in ("sip", "gateway", "user", "plan", "person"):
            return word, rest  # type: ignore[return-value]
        return "number", self.to

    @property
    def kind(self) -> TargetKind:
        """What stands behind the text."""
        return self._split()[0]

    @property
    def name(self) -> str:
        """The text without the word for its kind: a number, USER@HOST, NAME/USER, a plan's id."""
        return self._split()[1]

    @property
    def number(self) -> int | None:
        """The number as an integer, None for other kinds."""
        return parse_number(self.to, "to") if self.kind == "number" else None
