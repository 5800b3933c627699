"""Rows of a CSV file with a header, a row at a time.

RFC 4180 with commas: quotes only around whole fields, CRLF or LF, a byte-order mark allowed.
Bytes that are no UTF-8 come through as lone surrogates, which no check lets pass, so the row they
are in is named.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from vnroute.importing.findings import hint, shown
from vnroute.importing.inputs import Opened
from vnroute.model import Problem, RoutingDataError

__all__ = ["CsvRows"]

_MAX_LINE = 65536
"""Characters; a line of ours has a hundred. A file without line ends must not fill the memory."""


class _OverlongLine(Exception):
    pass


class CsvRows:
    """The rows of one CSV file. ``positions`` says where each column that is present stands."""

    def __init__(self, file: Opened, required: Sequence[str], optional: Sequence[str]) -> None:
        """Read the header. Raises :class:`RoutingDataError` with all that is wrong with it."""
        self.file = file
        self._required, self._optional = required, optional
        text = io.TextIOWrapper(file.stream, "utf-8-sig", errors="surrogateescape", newline="")
        # Kept from closing the stream, which is the opener's, when it is collected.
        self._text = text
        self._reader = csv.reader(self._lines(text), strict=True)
        self.columns = self._header()
        self.positions = {name: place for place, name in enumerate(self.columns)}

    @property
    def line(self) -> int:
        """The line of the row last read (its last line, where a quoted field has several)."""
        return self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        """Yield rows; raises :class:`RoutingDataError` where the file cannot be read on."""
        start = self._reader.line_num
        try:
            for row in self._reader:
                start = self._reader.line_num
                if row:
                    yield row
        except csv.Error as error:
            found = f"broken CSV ({error})"
            if self._reader.line_num > start + 1:
                found = f"a quoted field that goes on to line {self._reader.line_num}"
            expected = 'fields with commas between, and quotes only around whole fields ("a, b")'
            raise self._refused(start + 1, "row", found, expected) from None
        except _OverlongLine:
            found, expected = f"a line of more than {_MAX_LINE} characters", "a row a line"
            raise self._refused(self._reader.line_num + 1, "row", found, expected) from None

    def wrong_width(self, row: list[str]) -> tuple[str, str, str]:
        """Return field, found and expected for a row with too few or too many fields."""
        width = len(self.columns)
        field = self.columns[len(row)] if len(row) < width else "row"
        count = f"{len(row)} field" + ("" if len(row) == 1 else "s")
        return field, count, f"{width} fields: {','.join(self.columns)}"

    def release(self) -> None:
        """Let go of the stream without closing it."""
        self._text.detach()

    @staticmethod
    def _lines(text: io.TextIOWrapper) -> Iterator[str]:
        read = text.readline
        while line := read(_MAX_LINE):
            if len(line) == _MAX_LINE and not line.endswith("\n"):
                raise _OverlongLine
            yield line

    def _header(self) -> list[str]:
        columns = next(iter(self), None)
        wanted = ",".join(self._required)
        expected = f"the columns {wanted}" + (
            f", and as you like {', '.join(self._optional)}" if self._optional else ""
        )
        if columns is None:
            raise self._refused(0, "header", "nothing", expected)
        line = self.line
        if len(columns) == 1 and len(self._required) > 1:
            expected += ", with commas between"
            raise self._refused(line, "header", shown(columns[0]), expected)
        known = (*self._required, *self._optional)
        problems = []
        for place, name in enumerate(columns):
            if name not in known:
                wrong = f"the unknown column {shown(name)}", expected + hint(name, known)
                problems.append(Problem(self.file.name, line, "header", *wrong))
            elif name in columns[:place]:
                wrong = f"the column {shown(name)} again", "each column once"
                problems.append(Problem(self.file.name, line, "header", *wrong))
        for name in self._required:
            if name not in columns:
                wrong = f"no column {shown(name)}", expected
                problems.append(Problem(self.file.name, line, "header", *wrong))
        if problems:
            raise RoutingDataError(problems)
        return columns

    def _refused(self, line: int, field: str, found: str, expected: str) -> RoutingDataError:
        return RoutingDataError([Problem(self.file.name, line, field, found, expected)])
