"""How a gateway wants numbers written: one notation, for those dialled and those shown.

A format is text with one hole for the number. ``{e164}`` is ``+442079460123``, ``{e164_digits}``
the same without the plus, ``{e164_digits:4}`` without its first four digits; ``{national}``,
where the format is one for a prefix, without its country code. Anything else stands as it is:
``00{e164_digits}``, ``9011*{e164_digits}`` (a tech prefix), ``0{national}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vnroute.model.e164 import parse_prefix
from vnroute.model.numbering import country_code
from vnroute.model.problem import FieldError

__all__ = ["Writing", "read_format", "read_formats"]

_TEXT = r"[A-Za-z0-9+*#._-]*"
_FORMAT = re.compile(
    rf"({_TEXT})\{{(?:(e164)|(national)|e164_digits(?::([1-9]|1[0-4]))?)\}}({_TEXT})", re.ASCII
)
_EXPECTED = (
    "one of {e164}, {e164_digits}, {e164_digits:N} (without its first N digits, 1 to 14) and"
    ' {national}, with letters, digits or "+*#._-" around it'
)


@dataclass(frozen=True, slots=True)
class Writing:
    """A format, read: what stands before the digits, how many of them are left off, what after.

    It is for numbers that begin with ``prefix`` (digits; none: for all).
    """

    prefix: str
    before: str
    strip: int
    after: str

    def write(self, digits: str) -> str:
        """Write a number, given as digits without ``+``. One too short is written whole."""
        kept = digits[self.strip :] if len(digits) > self.strip else digits
        return f"{self.before}{kept}{self.after}"


def read_format(text: str, field: str, prefix: str = "") -> Writing:
    """Return a format as it is for numbers that begin with ``prefix``.

    Raises :class:`FieldError` for a format that is none, or asks for the national number where
    the prefix does not tell the country.
    """
    match = _FORMAT.fullmatch(text)
    if match is None:
        raise FieldError(field, repr(text), _EXPECTED)
    before, plus, national, strip, after = match.groups()
    left_off = int(strip or 0)
    if national:
        left_off = len(country_code(prefix))
        if not left_off:
            expected = "{national} only for a prefix that begins with a country code"
            raise FieldError(field, repr(text), expected)
    return Writing(prefix, before + ("+" if plus else ""), left_off, after)


def read_formats(
    text: str, by_prefix: Mapping[str, str], field: str, fields: str
) -> tuple[Writing, ...]:
    """Return what a format, and others by prefix, say: the longest prefix first, ``text`` last.

    Raises :class:`FieldError` as :func:`read_format` does, and for prefixes that are none.
    """
    found = {}
    for prefix, other in by_prefix.items():
        digits = parse_prefix(prefix, f"{fields}.{prefix}")
        found[digits] = read_format(other, f"{fields}.{prefix}", digits)
    longest_first = sorted(found, key=lambda digits: (-len(digits), digits))
    return (*(found[digits] for digits in longest_first), read_format(text, field))
