"""Rows of a file, put aside as they are read and given back sorted.

What is held in memory does not grow with the rows: records of 24 bytes lie in a temporary file, and
of what the rows say beside their prefixes, the first two hundred thousand different ones of a kind.
"""

from __future__ import annotations

import marshal
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from mmap import mmap
from typing import IO, Any

from vnroute.decks.records import pack_records, read_records, sort_records
from vnroute.model.deck import DeckRate

__all__ = ["HELD", "Kept", "SortedRows", "Staged"]

HELD = 200_000
"""Values of a kind that are held in memory; those that come after lie in a file."""

Staged = tuple[DeckRate, int, str]
"""A row that comes, the line it came from, and the type of its change."""


class Kept:
    """Values under numbers, in the order in which they were added."""

    def __init__(self) -> None:
        self._held: list[Any] = []
        self._places = array("Q")
        self._file: IO[bytes] | None = None

    def add(self, value: Any) -> int:
        """Keep a value; return its number."""
        if len(self._held) < HELD:
            self._held.append(value)
            return len(self._held) - 1
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
            self._file.write(b"\0")
        self._places.append(self._file.seek(0, 2))
        marshal.dump(value, self._file)
        return HELD + len(self._places) - 1

    def get(self, number: int) -> Any:
        """Return a value."""
        if number < len(self._held):
            return self._held[number]
        assert self._file is not None
        self._file.seek(self._places[number - HELD])
        return marshal.load(self._file)

    def close(self) -> None:
        """Give back disk and memory."""
        self._held.clear()
        if self._file is not None:
            self._file.close()


class SortedRows:
    """Takes rows in any order and gives them back sorted."""

    def __init__(self) -> None:
        self.terms = Kept()
        """(origin, time, effective, end, fee, first, next, change, blocked)."""
        self.prices = Kept()
        """(rate, blocked)."""
        self.names = Kept()
        """Destinations' names."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._sorted = True

    def add(
        self,
        prefixes: list[str],
        lines: Sequence[int],
        terms: list[int],
        prices: list[int],
        names: list[int],
    ) -> None:
        """Add rows, given by column: digits, lines, and the numbers of what is kept."""
        self._file.write(pack_records(prefixes, lines, terms, prices, names))
        self._sorted = False

    def __iter__(self) -> Iterator[Staged]:
        """Yield all rows, sorted as rows of a deck are, those of one key and time by line."""
        self._file.flush()
        if not self._file.seek(0, 2):
            return
        records = mmap(self._file.fileno(), 0)
        if not self._sorted:
            sort_records(records)
            self._sorted = True
        yield from read_records(records, self.terms, self.prices, self.names)

    def close(self) -> None:
        """Give back disk and memory."""
        self._file.close()
        for kept in (self.terms, self.prices, self.names):
            kept.close()
