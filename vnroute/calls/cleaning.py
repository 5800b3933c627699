"""The gate for what a record says: numbers by a digit rule, ids by theirs, names made harmless.

A caller's display name is written by strangers. It is kept, for people want to read it, but
without what moves a terminal's cursor, turns text around or ends a line.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

__all__ = [
    "clean_id",
    "clean_label",
    "clean_name",
    "clean_number",
    "clean_uuid",
    "small_int",
    "text_of",
]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@:+-]{0,127}", re.ASCII)
_UUID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_E164 = re.compile(r"\+?([1-9][0-9]{6,14})", re.ASCII)
_LOCAL = re.compile(r"[0-9+*#]{1,32}", re.ASCII)
_INT = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NAME_CHARACTERS = 120
_COMMON = (("%3A", ":"), ("%3B", ";"), ("%7C", "|"), ("%20", " "), ("%2C", ","), ("%2B", "+"))


def text_of(value: Any) -> str:
    """Return a CDR's value as text, URL-decoded; mod_json_cdr encodes each (encode-values)."""
    if type(value) is str:
        text: str = value
        if "%" not in text:
            return text
        # The few that a list of legs is full of; what is left is rare, and dearer to decode. An
        # escaped percent sign must not be decoded twice.
        if "%25" not in text:
            for escape, mark in _COMMON:
                text = text.replace(escape, mark)
            if "%" not in text:
                return text
        return unquote(text, errors="replace")
    if isinstance(value, bool) or value is None:
        return ""
    return str(value) if isinstance(value, (int, float)) else ""


def small_int(value: Any, low: int = 0, high: int = 1 << 62) -> int:
    """Return a whole number, held between bounds; 0, or ``low``, for what is none."""
    if type(value) is str and len(value) <= 18 and value.isascii() and value.isdigit():
        number = int(value)
        return number if low <= number <= high else min(max(number, low), high)
    text = text_of(value).strip()
    if not _INT.fullmatch(text):
        return max(0, low)
    return min(max(int(text), low), high)


def clean_id(value: Any) -> str:
    """Return an id (account, plan, campaign, gateway, cause); empty for what is none."""
    # The same few come again and again; what is longer than any id with each byte escaped is none.
    text = value if type(value) is str else text_of(value)
    return _known_id(text) if len(text) <= 192 else ""


@lru_cache(maxsize=4096)
def _known_id(value: str) -> str:
    text = text_of(value)
    return text if _ID.fullmatch(text) else ""


def clean_label(value: Any) -> str:
    """Return a leg's label: a gateway's id, or the dial string of one of our own phones."""
    text = text_of(value)
    return text if _LABEL.fullmatch(text) else ""


def clean_uuid(value: Any) -> str:
    """Return a channel's uuid, lower case; empty for what is none."""
    text = text_of(value)
    return text.lower() if _UUID.fullmatch(text) else ""


def clean_number(value: Any) -> str:
    """Return a number: E.164 with ``+`` where it can be read so, other digits as they stand.

    Empty for names, ``anonymous``, and whatever else is no number. Eleven digits and more without
    a plus are taken for E.164, as carriers send them; fewer may be national and stay as they are.
    """
    text = text_of(value).strip()
    match = _E164.fullmatch(text)
    if match and (text.startswith("+") or len(match[1]) >= 11):
        return "+" + match[1]
    return text if _LOCAL.fullmatch(text) else ""


def clean_name(value: Any) -> str:
    """Return text that strangers wrote, on one line and without control characters.

    Unicode's categories Cc, Cf (bidirectional overrides among them), Co, Cs, Cn, Zl and Zp are left
    out; at most 120 characters are kept.
    """
    text = text_of(value)
    if text.isascii() and text.isprintable():
        return text[:_NAME_CHARACTERS].strip()
    kept = "".join(
        " " if mark in "\t\r\n" else mark
        for mark in text[: 4 * _NAME_CHARACTERS]
        if mark in "\t\r\n" or unicodedata.category(mark) not in _LEFT_OUT
    )
    return " ".join(kept.split())[:_NAME_CHARACTERS]


_LEFT_OUT = frozenset(("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"))
