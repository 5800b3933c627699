"""FreeSWITCH's string splitting, on memory as C sees it.

FreeSWITCH splits dial strings in place: it writes NUL bytes into one buffer and hands out pointers
into it.  Some of what it accepts can only be told by doing the same, because a backslash at the
end of a piece makes the scanner step over the NUL and read on in the piece behind.  So these
functions take a ``bytearray`` (from :func:`memory`) and offsets into it, and follow
``src/switch_utils.c`` of FreeSWITCH step by step.
"""

from __future__ import annotations

import re

NUL = 0
SPACE = 0x20
QUOTE = 0x27
BACKSLASH = 0x5C
CARET = 0x5E

#: Zero bytes behind every string.  What FreeSWITCH finds behind the end of its own buffer is
#: chance; the simulator finds a NUL there, always.
_SLACK = bytes(16)

_UNESCAPED = {ord("n"): 0x0A, ord("r"): 0x0D, ord("t"): 0x09, ord("s"): SPACE}


def encode(text: str) -> bytes:
    """``text`` as the bytes FreeSWITCH would hold; bytes that are no UTF-8 survive the round."""
    return text.encode("utf-8", "surrogateescape")


def decode(raw: bytes | bytearray) -> str:
    """The reverse of :func:`encode`."""
    return raw.decode("utf-8", "surrogateescape")


def memory(raw: bytes) -> bytearray:
    """A C string holding ``raw`` up to its first NUL, with room behind it."""
    end = raw.find(NUL)
    return bytearray((raw if end < 0 else raw[:end]) + _SLACK)


def string_at(m: bytearray, p: int) -> bytes:
    """The C string that begins at offset ``p``."""
    return bytes(m[p : m.index(NUL, p)])


def find_end_paren(m: bytearray, s: int, opening: int, closing: int) -> int:
    """``switch_find_end_paren``: where the bracket at ``s`` (after spaces) closes.

    -1 if it never does or if there is no bracket.
    """
    while m[s] == SPACE:
        s += 1
    if m[s] != opening:
        return -1
    depth = 1
    e = s + 1
    while m[e]:
        if m[e] == opening and opening != closing:
            depth += 1
        elif m[e] == closing:
            depth -= 1
            if not depth:
                return e
        e += 1
    return -1


def find_after_spaces(m: bytearray, p: int, wanted: int) -> int:
    """``switch_strchr_strict(p, wanted, " ")``: ``wanted``'s offset if only spaces stand before it.

    -1 if not.  A string of nothing but spaces yields its end, as in FreeSWITCH.
    """
    if not m[p]:
        return -1
    while m[p]:
        if m[p] == wanted:
            break
        if m[p] != SPACE:
            return -1
        p += 1
    return p


def _quote_ahead(m: bytearray, p: int) -> bool:
    found = m.find(QUOTE, p)
    return found >= 0 and found < m.index(NUL, p)


def clean_up(m: bytearray, p: int, delimiter: int) -> int:
    """``cleanup_separated_string``: take quotes, outer spaces and escapes out of a string.

    The string at ``p`` is changed in place; returns where it now begins.

    Escapes: backslash before a quote, a double quote, the delimiter or a backslash stands for that
    character, and ``n r t s`` for newline, return, tab and space; before anything else it stays.
    """
    while m[p] == SPACE:
        p += 1
    start = target = p
    end = -1
    quoted = False
    while m[p]:
        c = m[p]
        escaped = -1
        if c == BACKSLASH:
            follower = m[p + 1]
            if follower in (QUOTE, 0x22, BACKSLASH) or (delimiter and follower == delimiter):
                escaped = follower
            elif follower in _UNESCAPED:
                escaped = _UNESCAPED[follower]
        if escaped >= 0:
            p += 1
            m[target] = escaped
            target += 1
            end = target
        elif c == QUOTE and (quoted or _quote_ahead(m, p + 1)):
            quoted = not quoted
            if quoted:
                end = target
        else:
            m[target] = c
            target += 1
            if c != SPACE or quoted:
                end = target
        p += 1
    if end >= 0:
        m[end] = NUL
    return start


def _split_at_character(m: bytearray, p: int, delimiter: int, limit: int) -> list[int]:
    pieces: list[int] = []
    searching = False
    quoted = False
    while m[p] and len(pieces) < limit:
        if not searching:
            pieces.append(p)
            searching = True
            continue
        if m[p] == BACKSLASH:
            p += 1
        elif m[p] == QUOTE and (quoted or _quote_ahead(m, p + 1)):
            quoted = not quoted
        elif m[p] == delimiter and not quoted:
            m[p] = NUL
            searching = False
        p += 1
    return pieces


def _split_at_spaces(m: bytearray, p: int, limit: int) -> list[int]:
    pieces: list[int] = []
    state = "start"
    quoted = False
    while m[p] and len(pieces) < limit:
        if state == "start":
            pieces.append(p)
            state = "leading"
        elif state == "leading":
            if m[p] == SPACE:
                p += 1
            else:
                state = "piece"
        elif state == "piece":
            if m[p] == BACKSLASH:
                p += 1
            elif m[p] == QUOTE:
                quoted = not quoted
            elif m[p] == SPACE and not quoted:
                m[p] = NUL
                state = "trailing"
            p += 1
        elif m[p] == SPACE:
            p += 1
        else:
            state = "start"
    return pieces


def separate(m: bytearray, p: int, delimiter: int, limit: int) -> list[int]:
    """``switch_separate_string``: split the string at ``p`` into at most ``limit`` pieces.

    ``^^X`` at its very beginning makes X the delimiter.  Quotes hide delimiters, and the pieces
    come back cleaned (:func:`clean_up`): each level of splitting takes one level of quoting away.
    The last piece of a full list keeps everything that is left.
    """
    if m[p] == CARET and m[p + 1] == CARET and m[p + 2] and m[p + 3]:
        delimiter = m[p + 2]
        p += 3
    if delimiter == SPACE:
        return [clean_up(m, piece, NUL) for piece in _split_at_spaces(m, p, limit)]
    pieces = _split_at_character(m, p, delimiter, limit)
    return [clean_up(m, piece, delimiter) for piece in pieces]


def separate_text(text: str, delimiter: str, limit: int) -> list[str]:
    """:func:`separate` for those who want strings and no offsets."""
    m = memory(encode(text))
    return [decode(string_at(m, p)) for p in separate(m, 0, ord(delimiter), limit)]


_VARIABLE = re.compile(rb"\$\\*\{")


def holds_variable(raw: bytes) -> bool:
    """``switch_string_var_check_const``: is there a ``${``, even with backslashes in between?"""
    return _VARIABLE.search(raw) is not None


def holds_escapes(raw: bytes) -> bool:
    """``switch_string_has_escaped_data``: is there a backslash before ``\\ n s t '``?"""
    i = raw.find(BACKSLASH)
    while 0 <= i < len(raw):
        i += 1
        if raw[i : i + 1] in (b"\\", b"n", b"s", b"t", b"'") and i < len(raw):
            return True
        i = raw.find(BACKSLASH, i)
    return False
