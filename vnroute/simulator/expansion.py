"""Variable expansion: what ``${name}`` and ``${api(arguments)}`` become before an application runs.

A port of the rules of ``switch_channel_expand_variables_check`` (``src/switch_channel.c``), which
FreeSWITCH applies to the whole argument of every application, dial strings included, before
anything else reads it.  ``$${name}`` is the same as ``${name}`` here: the preprocessor which knows
it by another meaning has long finished when a call runs.

The APIs that plans use are built in: ``cond`` (mod_commands.c, ``cond_function``) and ``regex``.
Any other is looked up in what the caller provides; an unknown API expands to nothing.  Every API
called is noted, so that a test may insist that none was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from .cstring import (
    BACKSLASH,
    QUOTE,
    decode,
    encode,
    holds_escapes,
    holds_variable,
    memory,
    separate,
    string_at,
)
from .headers import is_number, leading_int
from .regex import run_regex

#: FreeSWITCH stops at this depth and takes the text as it stands (switch_channel.c, ``recur``).
_DEEPEST = 100

#: Most substitutions in one argument.  FreeSWITCH has no such bound and hangs on variables which
#: name themselves twice over; the simulator leaves the rest unexpanded.
_MOST_SUBSTITUTIONS = 10_000

_DOLLAR = 0x24
_OPEN = 0x7B
_CLOSE = 0x7D
_SPACE = 0x20
_LPAREN = 0x28
_RPAREN = 0x29
_BLANK = b" \t\n\v\f\r"

Api = Callable[[str], str]


class VariableSource(Protocol):
    """Where ``${name}`` is looked up: a channel, or an adapter round a dictionary."""

    def get(self, name: str, index: int = -1) -> str | None:
        """The value of ``name``, or its list element ``index``; None when it is not set."""


class DictionaryVariables:
    """A plain mapping as a source of variables; names match in any case, no lists."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def get(self, name: str, index: int = -1) -> str | None:
        """The value of ``name`` in any case; a list element is never there."""
        return None if index > -1 else self._values.get(name.lower())


def _number(text: str) -> float:
    digits = text.lstrip("+-")
    head, _, tail = digits.partition(".")
    tail = tail.partition(".")[0]
    try:
        value = float(f"{head or '0'}.{tail or '0'}")
    except (ValueError, OverflowError):
        return 0.0
    return -value if text.startswith("-") else value


def _cond_operand(m: bytearray, p: int) -> tuple[bytes, bool, int] | None:
    """One side of a comparison: (text, was it quoted, where the rest begins)."""
    quoted = m[p] == QUOTE
    if quoted:
        p += 1
        e = p
        while m[e] and m[e] != QUOTE:
            if m[e] == BACKSLASH and m[e + 1] in (BACKSLASH, QUOTE):
                e += 1
            e += 1
        if not m[e] or not m[e + 1] or m[e + 1] not in _BLANK:
            return None
    else:
        e = m.find(_SPACE, p)
        if e < 0 or e > m.index(0, p):
            return None
    value = bytes(m[p:e])
    e += 1
    while m[e] and m[e] in _BLANK:
        e += 1
    return value, quoted, e


def run_cond(argument: str) -> str:
    """The API ``cond``: ``A op B ? yes : no``; ``-ERR`` when it cannot be read.

    ``cond_function`` of mod_commands.c, with its habits: a space must follow each operand, the
    character behind the operator is skipped unseen, two words are compared as text only by ``==``
    and ``!=``, and a word against a number compares the word's length.
    """
    m = memory(encode(argument))
    left = _cond_operand(m, 0)
    if left is None:
        return "-ERR"
    a, a_quoted, p = left
    two = bytes(m[p : p + 2])
    if two in (b"==", b"!=", b">=", b"<="):
        operator = two
    elif two[:1] in (b">", b"<"):
        operator = two[:1]
    else:
        return "-ERR"
    p += len(operator)
    if not m[p]:
        return "-ERR"
    p += 1
    while m[p] and m[p] in _BLANK:
        p += 1
    right = _cond_operand(m, p)
    if right is None:
        return "-ERR"
    b, b_quoted, p = right
    if m[p] != ord("?"):
        return "-ERR"
    m[p] = ord(":")
    pieces = [decode(string_at(m, piece)) for piece in separate(m, p, ord(":"), 3)]
    if not 2 <= len(pieces) <= 3:
        return "-ERR"

    a_text, b_text = decode(a), decode(b)
    a_is_number = is_number(a_text) and not a_quoted
    b_is_number = is_number(b_text) and not b_quoted
    a_size = _number(a_text) if a_is_number else float(len(a))
    b_size = _number(b_text) if b_is_number else float(len(b))
    if operator in (b"==", b"!="):
        same = a_size == b_size if a_is_number or b_is_number else a == b
        true = same if operator == b"==" else not same
    elif operator == b">":
        true = a_size > b_size
    elif operator == b">=":
        true = a_size >= b_size
    elif operator == b"<":
        true = a_size < b_size
    else:
        true = a_size <= b_size
    if true:
        return pieces[1]
    return pieces[2] if len(pieces) == 3 else ""


_BUILT_IN: dict[str, Api] = {"cond": run_cond, "regex": run_regex}


class Expander:
    """Expands arguments against one source of variables, and notes which APIs were called.

    ``apis`` adds to the built-in ones; names are matched in any case.  ``api_calls`` lists
    (name, argument) of every call, unknown APIs included.
    """

    def __init__(self, variables: VariableSource, apis: Mapping[str, Api] | None = None) -> None:
        self._variables = variables
        self._apis = dict(_BUILT_IN)
        for name, api in (apis or {}).items():
            self._apis[name.lower()] = api
        self._left = _MOST_SUBSTITUTIONS
        self.api_calls: list[tuple[str, str]] = []

    def expand(self, text: str) -> str:
        """``text`` as the application will see it."""
        if "$" not in text and "\\" not in text:
            return text
        self._left = _MOST_SUBSTITUTIONS
        return decode(self._expand(encode(text), 0))

    def _expand(self, given: bytes, depth: int) -> bytes:
        if depth > _DEEPEST or not (holds_variable(given) or holds_escapes(given)):
            return given
        m = memory(given)
        end = m.index(0)
        out = bytearray()
        literal = False
        p = 0
        while p < end and m[p]:
            name_begins = -1
            if m[p] == BACKSLASH:
                follower = m[p + 1]
                if follower == _DOLLAR:
                    literal = True
                    p += 1
                    if m[p + 1] == _DOLLAR:
                        p += 1
                elif follower == QUOTE:
                    p += 2
                    continue
                elif follower == BACKSLASH:
                    out.append(BACKSLASH)
                    p += 2
                    continue
            if m[p] == _DOLLAR and not literal:
                if m[p + 1] == _DOLLAR:
                    p += 1
                if m[p + 1] == _OPEN:
                    name_begins = p + 2
                else:
                    literal = True
            if literal:
                out.append(m[p])
                literal = False
                p += 1
                continue
            if name_begins >= 0:
                value, p = self._substitute(m, name_begins, depth)
                out += value
                # The character behind the brace is taken as it is, unless it begins a variable.
                if m[p] == _DOLLAR:
                    continue
            if m[p]:
                out.append(m[p])
            p += 1
        return bytes(out)

    def _substitute(self, m: bytearray, s: int, depth: int) -> tuple[bytes, int]:
        """The value of the ``${`` whose inside begins at ``s``, and where the text goes on."""
        e = s
        braces = 1
        closed = False
        while m[e]:
            if braces == 1 and m[e] == _CLOSE:
                closed = True
                break
            if e != s and m[e] == _OPEN:
                braces += 1
            elif braces > 1 and m[e] == _CLOSE:
                braces -= 1
            e += 1
        inside = bytes(m[s:e])
        follows = e + 1 if closed else e
        if self._left <= 0:
            return b"", follows
        self._left -= 1

        space, paren = inside.find(b" "), inside.find(b"(")
        if space < 0 and paren < 0:
            return self._variable(inside, depth), follows
        depth_of_parens = 0 if closed else braces
        if paren >= 0 and (space < 0 or paren < space):
            split = paren
            depth_of_parens = 1
        else:
            split = space
        argument = inside[split + 1 :]
        for i, c in enumerate(argument):
            if c == _LPAREN:
                depth_of_parens += 1
            elif depth_of_parens > 1 and c == _RPAREN:
                depth_of_parens -= 1
            elif depth_of_parens == 1 and c == _RPAREN:
                argument = argument[:i]
                break
        return self._api(inside[:split], argument, depth), follows

    def _variable(self, name: bytes, depth: int) -> bytes:
        name = self._expand(name, depth + 1)
        offset = length = 0
        if b":" in name:
            name, _, numbers = name.partition(b":")
            offset = leading_int(decode(numbers))
            if b":" in numbers:
                length = leading_int(decode(numbers.partition(b":")[2]))
        index = -1
        bracket = name.find(b"[")
        if bracket >= 0 and name.find(b"]", bracket) >= 0:
            index = leading_int(decode(name[bracket + 1 :]))
            name = name[:bracket]
        found = self._variables.get(decode(name), index) if name else None
        if found is None:
            return b""
        value = self._expand(encode(found), depth + 1)
        if offset >= 0 or -offset <= len(value):
            value = value[offset:]
        if 0 < length < len(value):
            value = value[:length]
        return value

    def _api(self, name: bytes, argument: bytes, depth: int) -> bytes:
        # switch_api_execute strips white space off both before it looks the name up.
        api_name = decode(self._expand(name, depth + 1)).strip(" \t\n\v\r")
        api_argument = decode(self._expand(argument, depth + 1)).strip(" \t\n\v\r")
        self.api_calls.append((api_name, api_argument))
        api = self._apis.get(api_name.lower())
        return encode(api(api_argument)) if api is not None else b""
