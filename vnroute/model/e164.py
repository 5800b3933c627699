"""Telephone numbers as ITU-T E.164 writes them, and blocks and prefixes of them.

A number is written ``+`` and up to 15 digits, the first not 0 (E.164, 6.1 and 6.2). Spaces, dots,
dashes and brackets between digits are how people write, and are dropped. Inside vnroute a number
is the integer of its digits: no E.164 number starts with 0, so the integer says digits and length.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vnroute.model.problem import FieldError

__all__ = [
    "MAX_DIGITS",
    "MIN_DIGITS",
    "digits_of",
    "format_number",
    "parse_block",
    "parse_number",
    "parse_prefix",
]

MAX_DIGITS = 15
"""E.164, 6.1: at most 15 digits."""
MIN_DIGITS = 7
"""Shorter is no international number in service (Saint Helena's +290 xxxx has 7)."""

_WRITING = str.maketrans("", "", " .-()\u00a0")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_PREFIX = re.compile(r"\+?[1-9][0-9]{0,14}", re.ASCII)
_BLOCK = re.compile(r"\+([1-9][0-9]*)(x+)", re.ASCII)
_EXPECTED = 'an E.164 number: "+" and 7 to 15 digits, the first not 0, such as "+442079460123"'


def parse_number(text: str, field: str = "number") -> int:
    """Return the digits of an E.164 number as an integer.

    Raises :class:`FieldError` where ``text`` is no E.164 number, or has ``+1`` and not eleven
    digits (every number of the North American Numbering Plan has ten after the 1; ATIS-0300051).
    """
    plain = text.translate(_WRITING)
    if not _NUMBER.fullmatch(plain):
        raise FieldError(field, repr(text), _EXPECTED)
    if plain[1] == "1" and len(plain) != 12:
        raise FieldError(
            field,
            f"{text!r} with {len(plain) - 2} digits after +1",
            "ten digits after +1, as the North American Numbering Plan has them",
        )
    return int(plain[1:])


def format_number(number: int) -> str:
    """Write a number as ``+`` and its digits."""
    return f"+{number}"


def digits_of(text: str) -> str:
    """Return the digits of a number or prefix already checked, without the ``+``."""
    return text.translate(_WRITING).removeprefix("+")


@lru_cache(maxsize=65536)
def parse_prefix(text: str, field: str = "prefix") -> str:
    """Return the digits of a destination prefix, 1 to 15, with or without ``+``.

    Raises :class:`FieldError` for anything else.
    """
    plain = text.translate(_WRITING)
    if not _PREFIX.fullmatch(plain):
        raise FieldError(field, repr(text), 'a prefix of 1 to 15 digits, the first not 0, "+4420"')
    return plain.removeprefix("+")


def parse_block(text: str, field: str = "block") -> tuple[int, int]:
    """Return the first and last number of a block, both inclusive, of equal length.

    Notations: ``+1800555xxxx`` (each x any digit), ``+18005550000-+18005554999`` (first and last).
    Raises :class:`FieldError` for anything else.
    """
    expected = 'a block: "+1800555xxxx", or first and last as "+18005550000-+18005554999"'
    first_text, dash, last_text = text.partition("-+")
    if dash:
        first, last = parse_number(first_text, field), parse_number("+" + last_text, field)
        if len(str(first)) != len(str(last)):
            raise FieldError(field, repr(text), "first and last number of equal length")
        if first > last:
            raise FieldError(field, repr(text), "a first number that is not above the last")
        return first, last
    match = _BLOCK.fullmatch(text.translate(_WRITING).replace("X", "x"))
    if match is None:
        raise FieldError(field, repr(text), expected)
    stem, wild = match.group(1), len(match.group(2))
    try:
        first = parse_number("+" + stem + "0" * wild, field)
    except FieldError as error:
        raise FieldError(field, repr(text), error.expected) from None
    return first, first + 10**wild - 1
