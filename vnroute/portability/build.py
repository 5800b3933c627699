"""Building a table: from a list of ported numbers, or from the table in force and its changes.

A list is CSV with the header ``number,routing_number``, in any order. Memory is bounded whatever
its length: rows are sorted in stretches, which lie in one temporary file beside the table until
they are merged into it. All of a list is taken or none.
"""

from __future__ import annotations

import os
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from vnroute.image.generations import PORTABILITY, building, current_image, publish
from vnroute.portability.encode import BlockWriter, write_rows
from vnroute.portability.layout import HEADER_BYTES, Header, aligned, pack_header
from vnroute.portability.rows import CHUNK, ROOM, RoutingNumbers, RowReader, RowSorter, SortedRows
from vnroute.portability.table import PortabilityTable

__all__ = ["COLUMNS", "BadRow", "Built", "ListRefused", "Progress", "build_table"]

COLUMNS = ("number", "routing_number")
_MAX_PROBLEMS = 50
_EXPECTED = {
    "row": "two fields: number,routing_number",
    "number": '"+" and 7 to 15 digits (eleven after +1), such as "+15551234567"',
    "routing_number": '"+" and 1 to 15 digits, such as "+15557654321"',
    "header": "the columns number,routing_number",
}

Progress = Callable[[str, int, float | None], None]
"""Called with a stage, the rows so far, and which part of the whole that is, if it is known."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """What is wrong with a line of a list; line 0 is the list as a whole."""

    line: int
    field: str
    found: str
    expected: str


class ListRefused(Exception):
    """A list was refused; ``problems`` are the first fifty, ``more`` counts the others."""

    def __init__(self, problems: list[BadRow], more: int = 0) -> None:
        super().__init__("; ".join(f"line {bad.line}: {bad.field}" for bad in problems[:3]))
        self.problems = problems
        self.more = more


class Stream(Protocol):
    """Where a list comes from."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Built:
    """A table that was built: where it is, its size in bytes, and what differs from the one before.

    ``absent`` counts removals of numbers that were not there. ``generation`` is 0 where nothing
    was kept (a dry run).
    """

    path: Path
    generation: int
    rows: int
    routing_numbers: int
    size: int
    added: int
    changed: int
    unchanged: int
    removed: int
    absent: int
    seconds: float


def build_table(
    directory: Path,
    stream: Stream,
    *,
    changes: bool = False,
    dry_run: bool = False,
    fraction: Callable[[], float | None] = lambda: None,
    progress: Progress = lambda stage, rows, part: None,
    room: int = ROOM,
) -> Built:
    """Build the next generation of a directory's table from a list, and put it in force.

    With ``changes`` the list's rows are laid over the table in force, and a row with an empty
    routing number takes its number out; otherwise the list is the whole table. ``fraction`` tells
    how much of the stream has been read, ``room`` how many rows are sorted in memory at a time.
    Raises :class:`ListRefused` for bad rows and numbers that come twice, ``Busy`` where another
    process builds there, ImageError for a table in force that is damaged, OSError.
    """
    began = time.monotonic()
    directory.mkdir(parents=True, exist_ok=True)
    numbers = RoutingNumbers()
    problems = _Problems()
    with (
        building(directory, PORTABILITY) as generation,
        tempfile.TemporaryFile(dir=directory) as stretches,
    ):
        path = directory / PORTABILITY.name(generation)
        sorter = RowSorter(_Spilling(stretches), room)
        reader = RowReader(sorter, numbers, problems.add, 1, changes)
        _read(reader, stream, problems, lambda: progress("read", reader.rows, fraction()))
        before = _before(directory) if changes else None
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with open(temporary, "wb") as file:
                total = reader.rows + (len(before) if before is not None else 0)
                tally = _write(
                    file, sorter.merged(), numbers, before, problems, generation,
                    lambda rows: progress("write", rows, rows / max(1, total)),
                )  # fmt: skip
            problems.refuse()
            header, counts = tally
            if not dry_run:
                os.replace(temporary, path)
                _sync(directory)
                publish(directory, generation, PORTABILITY)
        finally:
            temporary.unlink(missing_ok=True)
    return Built(
        path, 0 if dry_run else generation, header.rows, header.routing_numbers, header.file_bytes,
        *counts, time.monotonic() - began,
    )  # fmt: skip


class _Problems:
    def __init__(self) -> None:
        self.kept: list[BadRow] = []
        self.more = 0

    def add(self, line: int, field: str, found: str) -> None:
        shown = repr(found[:80]) if field != "row" and found else found or "nothing"
        self.take(BadRow(line, field, shown, _EXPECTED[field]))

    def take(self, bad: BadRow) -> None:
        if len(self.kept) < _MAX_PROBLEMS:
            self.kept.append(bad)
        else:
            self.more += 1

    def again(self, number: int, line: int, first: int) -> None:
        self.take(
            BadRow(
                line, "number", f"'+{number}' again", f"each number once; it is first on {first}"
            )
        )

    def refuse(self) -> None:
        if self.kept:
            raise ListRefused(self.kept, self.more)


class _Spilling:
    """Keeps sorted stretches one behind the other in a file, and reads each back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __call__(self, rows: bytes) -> Callable[[int], bytes]:
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(rows)
        end = start + len(rows)

        def read(size: int, state: list[int] = [start]) -> bytes:  # noqa: B006 - its own place
            self._file.seek(state[0])
            data = self._file.read(min(size, end - state[0]))
            state[0] += len(data)
            return data

        return read


def _read(reader: RowReader, stream: Stream, problems: _Problems, tell: Callable[[], None]) -> None:
    """Read a list into the sorter, its header first."""
    left = b""
    header = True
    while True:
        data = stream.read(CHUNK)
        if not data and left:
            data, left = left + b"\n", b""
        elif data:
            data = left + data
        else:
            break
        if header:
            line, end, data = data.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
            if not end and len(line) < CHUNK:
                left = line
                continue
            found = line.decode("utf-8", "replace").strip()
            if [name.strip('" ') for name in found.split(",")] != list(COLUMNS):
                problems.add(1, "header", found)
                problems.refuse()
            header = False
        kept = reader.feed(data)
        left = data[len(data) - kept :] if kept else b""
        if len(left) > CHUNK:
            problems.take(BadRow(reader.line + 1, "row", "a line of a megabyte", "a row a line"))
            problems.refuse()
        tell()
    if header:
        problems.take(BadRow(0, "header", "nothing", _EXPECTED["header"]))
    # What is wrong is told before a minute goes into writing what will be refused.
    problems.refuse()


def _before(directory: Path) -> PortabilityTable | None:
    path = current_image(directory, PORTABILITY)
    return None if path is None else PortabilityTable(path)


def _write(
    file: BinaryIO,
    rows: SortedRows,
    numbers: RoutingNumbers,
    before: PortabilityTable | None,
    problems: _Problems,
    generation: int,
    tell: Callable[[int], None],
) -> tuple[Header, tuple[int, int, int, int, int]]:
    """Write a table's file from sorted rows, and sync it."""
    crc = size = 0

    def write(data: bytes) -> None:
        nonlocal crc, size
        crc = zlib.crc32(data, crc)
        size += file.write(data)

    file.write(bytes(HEADER_BYTES))
    writer = BlockWriter(write)
    counts = write_rows(rows, numbers, writer, before, problems.again, tell)
    firsts, places = writer.finish()
    block_bytes = size
    for part in (firsts, places, numbers.data()):
        # Each section begins on a multiple of 64 from the file's beginning.
        write(bytes(aligned(HEADER_BYTES + size) - HEADER_BYTES - size))
        write(part)
    write(bytes(aligned(HEADER_BYTES + size) - HEADER_BYTES - size))
    header = Header(
        HEADER_BYTES + size, generation, int(time.time()), writer.rows, writer.blocks,
        len(numbers), block_bytes, crc,
    )  # fmt: skip
    file.seek(0)
    file.write(pack_header(header))
    file.flush()
    os.fsync(file.fileno())
    return header, counts


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
