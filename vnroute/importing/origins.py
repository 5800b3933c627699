"""Where a staged row came from, as one integer that the store gives back."""

from __future__ import annotations

from vnroute.importing.findings import Findings
from vnroute.importing.routing_file import RoutingDocument
from vnroute.store.base import Repeat

__all__ = ["Origins"]

_SHIFT = 40
"""Bits for the row: a file of 10**12 lines is none of ours."""


class Origins:
    """The files of a load, numbered in the order they are read.

    In a CSV file the row of an origin is its line, in a routing file the position in its section.
    """

    def __init__(self) -> None:
        self._files: list[tuple[str, RoutingDocument | None, str]] = []

    def add_csv(self, file: str) -> int:
        """Add a CSV file; return the origin to which its lines are added."""
        self._files.append((file, None, ""))
        return (len(self._files) - 1) << _SHIFT

    def add_section(self, document: RoutingDocument, section: str) -> int:
        """Add a section of a routing file; return the origin to which positions are added."""
        self._files.append((document.file, document, section))
        return (len(self._files) - 1) << _SHIFT

    def place(self, origin: int, field: str) -> tuple[str, int, str]:
        """Return the file, line and field of a row's field."""
        file, document, section = self._files[origin >> _SHIFT]
        row = origin & ((1 << _SHIFT) - 1)
        if document is None:
            return file, row, field
        path = f"{section}[{row}].{field}"
        return file, document.line_of(path), path

    def add_repeats(self, repeats: list[Repeat], field: str, one: str, problems: Findings) -> None:
        """Add a problem for each row that came before."""
        for first, second in repeats:
            first_file, first_line, _ = self.place(first, field)
            file, line, path = self.place(second, field)
            place = f"line {first_line}"
            if first_file != file:
                place = f"{first_file}, {place}"
            expected = f"each {one} once; it is first on {place}"
            problems.add(file, line, path, f"the same {one} again", expected)
