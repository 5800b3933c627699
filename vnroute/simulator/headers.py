"""FreeSWITCH's event headers: the container in which it keeps variables, of legs and of commands.

The rules are those of ``switch_event_base_add_header`` and its neighbours
(``src/switch_event.c``): names are matched without regard to case, an empty value removes the
header, ``name[3]`` addresses one element of a list, and a value beginning ``ARRAY::`` is taken
apart at ``|:`` into a list.  A container is either *unique* (``EF_UNIQ_HEADERS``: a second value
replaces the first and moves to the end), as channel variables and dial-string variables are, or it
keeps every header it is given, as the headers of a command are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ARRAY = "ARRAY::"
_HIGHEST_INDEX = 4000
_LEADING_INT = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")


def leading_int(text: str) -> int:
    """C's ``atoi``: the number ``text`` begins with, 0 if it begins with none.

    Very long digit strings are undefined in C; here they count as 0.
    """
    found = _LEADING_INT.match(text)
    return int(found.group(1)) if found and len(found.group(1)) < 19 else 0


def is_number(text: str) -> bool:
    """``switch_is_number`` (switch_utils.c): digits and dots after at most one sign.

    The empty string passes, as in FreeSWITCH.
    """
    if text[:1] in ("-", "+"):
        text = text[1:]
    return all(c == "." or "0" <= c <= "9" for c in text)


_TRUE_WORDS = frozenset(("yes", "on", "true", "t", "enabled", "active", "allow"))
_FALSE_WORDS = frozenset(("no", "off", "false", "f", "disabled", "inactive", "disallow"))


def is_true(text: str | None) -> bool:
    """``switch_true`` (switch_utils.h): one of seven words in any case, or a number not 0."""
    if text is None:
        return False
    return text.lower() in _TRUE_WORDS or (is_number(text) and leading_int(text) != 0)


def is_false(text: str | None) -> bool:
    """``switch_false`` (switch_utils.h): the opposite words, or a number that is 0."""
    if text is None:
        return False
    return text.lower() in _FALSE_WORDS or (is_number(text) and leading_int(text) == 0)


class _Header:
    __slots__ = ("elements", "name", "value")

    def __init__(self, name: str) -> None:
        self.name = name
        self.value: str | None = None
        self.elements: list[str] = []

    def redraw(self) -> None:
        """Write the list out as one value, as it appears in events."""
        if sum(len(element) + 2 for element in self.elements):
            joined = "|:".join(self.elements)
            self.value = _ARRAY + joined if len(self.elements) > 1 else joined


class Headers:
    """Named values with FreeSWITCH's rules.  ``unique``: one value a name, the last one wins."""

    __slots__ = ("_by_name", "_order", "unique")

    def __init__(self, unique: bool = True) -> None:
        self.unique = unique
        # Lower-cased name -> its headers, in order.  A unique container needs no other order than
        # the dictionary's own; one that repeats names keeps the order of arrival beside it.
        self._by_name: dict[str, list[_Header]] = {}
        self._order: list[_Header] = []

    def _append(self, header: _Header) -> None:
        self._by_name.setdefault(header.name.lower(), []).append(header)
        if not self.unique:
            self._order.append(header)

    def _first(self, name: str) -> _Header | None:
        found = self._by_name.get(name.lower())
        return found[0] if found else None

    def delete(self, name: str) -> None:
        """Forget every header called ``name``, in any case."""
        gone = self._by_name.pop(name.lower(), None)
        if gone and not self.unique:
            self._order = [header for header in self._order if header not in gone]

    def add(self, name: str, value: str, push: bool = False) -> None:
        """Add ``value`` under ``name``; with ``push``, as a further element of a list.

        ``switch_event_add_header_string`` with SWITCH_STACK_BOTTOM, or with SWITCH_STACK_PUSH.
        An empty value removes the name.
        """
        index: int | None = None
        bracket = name.find("[")
        if bracket >= 0:
            index = leading_int(name[bracket + 1 :])
            name = name[:bracket]

        header: _Header | None = None
        exists = False
        if index is not None:
            self._set_element(name, index, value)
            return
        if push:
            header = self._first(name)
            exists = header is not None
        if header is None:
            if not value:
                self.delete(name)
                return
            if self.unique:
                self.delete(name)
            if value.startswith(_ARRAY):
                if len(value) > len(_ARRAY):
                    for element in value[len(_ARRAY) :].split("|:"):
                        self.add(name, element, push=True)
                return
            header = _Header(name)
        if push:
            if header.value is not None and not header.elements:
                header.elements = [header.value]
            header.elements.append(value)
            header.redraw()
        else:
            header.value = value
        if not exists:
            self._append(header)

    def _set_element(self, name: str, index: int, value: str) -> None:
        header = self._first(name)
        is_new = header is None
        if not 0 <= index <= _HIGHEST_INDEX:
            return
        if header is None:
            header = _Header(name)
        if index < len(header.elements):
            # The element changes and the value written out does not: so FreeSWITCH has it.
            header.elements[index] = value
            return
        header.elements.extend([""] * (index - len(header.elements)))
        header.elements.append(value)
        header.redraw()
        if is_new:
            self._append(header)

    def get(self, name: str, index: int = -1) -> str | None:
        """The first value called ``name``, or the list element ``index``; None if there is none."""
        found = self._by_name.get(name.lower())
        if not found:
            return None
        if index > -1:
            elements = found[0].elements
            return elements[index] if index < len(elements) else None
        return found[0].value

    def items(self) -> Iterator[tuple[str, str]]:
        """Every header as (name, value), in order."""
        if self.unique:
            for headers in self._by_name.values():
                for header in headers:
                    yield header.name, header.value or ""
        else:
            for header in self._order:
                yield header.name, header.value or ""

    def all(self, name: str) -> list[str]:
        """Every value called ``name``, in order."""
        return [header.value or "" for header in self._by_name.get(name.lower(), ())]

    def merge(self, other: Headers) -> None:
        """Add all of ``other`` (``switch_event_merge``): its values win, its lists are appended."""
        for header in other._headers():
            if header.elements:
                for element in header.elements:
                    self.add(header.name, element, push=True)
            else:
                self.add(header.name, header.value or "")

    def copy(self) -> Headers:
        """An independent copy (``switch_event_dup``)."""
        twin = Headers(self.unique)
        twin.merge(self)
        return twin

    def _headers(self) -> list[_Header]:
        if self.unique:
            return [header for headers in self._by_name.values() for header in headers]
        return list(self._order)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def __len__(self) -> int:
        return len(self._headers())

    def to_dict(self) -> dict[str, str]:
        """The headers as a plain dictionary; for a repeated name the last value."""
        return dict(self.items())
