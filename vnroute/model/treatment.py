"""Treatments: what becomes of a call that is not put through its number's plan.

Written as one text: a hangup cause (``CALL_REJECTED``); ``play:FILE``, a sound file that the caller
hears before he is hung up, or ``play:FILE CAUSE``; ``voicemail:BOX@DOMAIN``; ``plan:ID``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from vnroute.model.causes import parse_cause
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError

__all__ = ["Treatment", "check_file", "check_voicemail", "parse_treatment"]

# Nothing that FreeSWITCH gives a meaning to: a file's path, or a tone in its notation
# (mod_tone_stream, TGML), whose `%(on,off,hertz)` needs brackets and commas.
_FILE = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", re.ASCII)
_TONE = re.compile(r"(?:tone_stream|silence_stream)://[A-Za-z0-9%(),.;=+-]{1,150}", re.ASCII)
_BOX = re.compile(r"[A-Za-z0-9+][A-Za-z0-9+._-]{0,63}", re.ASCII)
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_EXPECTED = 'a hangup cause, "play:FILE", "play:FILE CAUSE", "voicemail:BOX@DOMAIN" or "plan:ID"'


def check_file(text: str, field: str = "play") -> str:
    """Return ``text`` if it may name a sound for FreeSWITCH to play, else raise FieldError.

    A relative path is looked for in FreeSWITCH's directory of sounds.
    """
    if len(text) > 200 or not (_FILE.fullmatch(text) or _TONE.fullmatch(text)):
        expected = (
            "the path of a sound file, of letters, digits, dots, dashes and underscores between"
            ' slashes, or "tone_stream://…"'
        )
        raise FieldError(field, repr(text), expected)
    return text


def check_voicemail(text: str, field: str = "voicemail") -> str:
    """Return ``text`` if it is a mailbox, ``BOX@DOMAIN``, else raise :class:`FieldError`."""
    box, _, domain = text.partition("@")
    if not _BOX.fullmatch(box) or not _DOMAIN.fullmatch(domain):
        raise FieldError(field, repr(text), 'a mailbox and its domain: "1001@pbx.example"')
    return text


class Treatment(NamedTuple):
    """One treatment; what is not part of it is empty. ``cause`` empty is that of the occasion."""

    cause: str = ""
    play: str = ""
    voicemail: str = ""
    plan: str = ""


def parse_treatment(text: str, field: str) -> Treatment:
    """Return what a text says; raise :class:`FieldError` for what is no treatment."""
    word, colon, rest = text.partition(":")
    if not colon:
        if not text.isupper():
            raise FieldError(field, repr(text), _EXPECTED)
        return Treatment(cause=parse_cause(text, field).name)
    if word == "play":
        file, _, cause = rest.partition(" ")
        check_file(file, field)
        return Treatment(cause=parse_cause(cause, field).name if cause else "", play=file)
    if word == "voicemail":
        return Treatment(voicemail=check_voicemail(rest, field))
    if word == "plan":
        return Treatment(plan=check_id(rest, field))
    raise FieldError(field, repr(text), _EXPECTED)
