"""The API ``regex``: ``m:~TEXT~PATTERN~SUBSTITUTE~FLAGS``, by which plans read their legs' causes.

``regex_function`` (mod_commands.c) with ``switch_regex_perform`` and
``switch_perform_substitution`` (``src/switch_regex.c``).  FreeSWITCH matches with PCRE2, here it is
Python's ``re``; the one thing of PCRE's that plans use and ``re`` has not is the branch reset group
``(?|a(x)|b(y))``, whose alternatives all number their groups from the same start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from .cstring import decode, encode, memory, separate, string_at

_ERROR = "-ERR"
_REFERENCE = re.compile(r"[%$](?:\{([0-9]+)\}|([0-9]{1,9}))")


class _Pattern:
    """A PCRE pattern as Python understands it: any of ``groups[n]`` may be PCRE's group n."""

    def __init__(self, pattern: str) -> None:
        self.groups: list[list[int]] = [[0]]
        self._pattern = pattern
        self._made = 0
        self.compiled = re.compile(self._translate())

    def _translate(self) -> str:
        """Write every group as Python's own, and note which number of PCRE's it stands for."""
        text, out = self._pattern, []
        # One entry an open group: (branch reset?, first number of PCRE's in it, highest so far).
        opened: list[tuple[bool, int, int]] = []
        number, p, in_class = 0, 0, False
        while p < len(text):
            c = text[p]
            if c == "\\" and p + 1 < len(text):
                following = text[p + 1]
                if following in "123456789" and not in_class:
                    n = int(following)
                    known = self.groups[n] if n < len(self.groups) else []
                    if any(reset and first < n for reset, first, _ in opened):
                        # The group opened last under this number is that of the same branch.
                        known = known[-1:]
                    out.append(_backreference(known))
                else:
                    out.append(c + following)
                p += 2
                continue
            if in_class:
                in_class = c != "]"
                # "[" in a class is plain to PCRE, and a coming set operation to Python.
                out.append("\\[" if c == "[" else c)
                p += 1
                continue
            if c == "[":
                in_class = True
                out.append(c)
                p += 1
                # "[]abc]" and "[^]abc]" hold a bracket.
                if text[p : p + 1] == "^":
                    out.append("^")
                    p += 1
                if text[p : p + 1] == "]":
                    out.append("\\]")
                    p += 1
                continue
            if c == "(":
                if text.startswith("(?|", p):
                    opened.append((True, number, number))
                    out.append("(?:")
                    p += 3
                    continue
                opened.append((False, number, number))
                if text[p + 1 : p + 2] not in ("?", "*"):
                    number += 1
                    self._made += 1
                    while len(self.groups) <= number:
                        self.groups.append([])
                    self.groups[number].append(self._made)
            elif c == "|" and opened and opened[-1][0]:
                _, first, highest = opened[-1]
                opened[-1] = (True, first, max(highest, number))
                number = first
            elif c == ")" and opened:
                reset, _, highest = opened.pop()
                number = max(highest, number) if reset else number
            out.append(c)
            p += 1
        return "".join(out)

    def group(self, match: re.Match[str], number: int) -> str:
        """PCRE's group ``number``; empty where it took no part."""
        if number >= len(self.groups):
            return ""
        return next((found for g in self.groups[number] if (found := match[g]) is not None), "")


def _backreference(groups: Sequence[int]) -> str:
    """Return what matches the text of that one of Python's groups which took part."""
    if not groups:
        return "(?!)"
    pattern = f"(?:\\{groups[-1]})"
    for group in reversed(groups[:-1]):
        pattern = f"(?({group})\\{group}|{pattern})"
    return pattern


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> _Pattern | None:
    try:
        return _Pattern(pattern)
    except re.error:
        # switch_regex_perform logs the error and matches nothing.
        return None


def _fields(argument: str) -> Sequence[str]:
    delimiter, begin = "|", 0
    if argument[:2] == "m:" and argument[2:3] in ("|", "~", "/"):
        delimiter, begin = argument[2], 3
    m = memory(encode(argument[begin:]))
    return [decode(string_at(m, p)) for p in separate(m, 0, ord(delimiter), 4)]


def run_regex(argument: str) -> str:
    """What ``${regex(argument)}`` becomes.

    Without a substitute ``true`` or ``false``.  With one, the substitute with ``%1`` and the like
    filled in; where nothing matches the text itself, or nothing at all with the flag ``n``, or
    ``false`` with ``b``.
    """
    fields = _fields(argument)
    if len(fields) < 2:
        return _ERROR
    pattern = _compiled(fields[1])
    match = pattern.compiled.search(fields[0]) if pattern is not None else None
    if len(fields) < 3:
        return "true" if match is not None else "false"
    if match is None or pattern is None:
        flags = fields[3] if len(fields) > 3 else ""
        return "" if "n" in flags else "false" if "b" in flags else fields[0]
    found, read = match, pattern
    return _REFERENCE.sub(lambda m: read.group(found, int(m[1] or m[2])), fields[2])
