"""Files as tables of text: CSV in whatever delimiter and encoding, and XLSX.

Rows come some thousands at a time, so memory does not grow with them, and whoever reads them can go
over a column of them at once. A file may be read more than once.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, cast

from vnroute.decks.workbooks import MAX_COLUMNS, Workbook
from vnroute.importing.inputs import STDIN, reading, refused

__all__ = ["MAX_COLUMNS", "Table", "opened_table"]

_MAX_LINE = 65536
_SAMPLE = 262_144
_DELIMITERS = ",;\t|"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ROWS = 4096
"""In a block."""
_BYTES = 1 << 18
_BREAK = re.compile("\r\n|\r|\n")

Row = tuple[int, list[str]]
"""Line in the file (row of the sheet), cells as text."""
Block = tuple[Sequence[int], list[list[str]]]
"""The lines of some rows, and their cells. A row has at least one cell."""


@dataclass(frozen=True, slots=True)
class Table:
    """One file. ``blocks`` reads it from the start; ``fraction`` says how far that is, 0 to 1."""

    name: str
    blocks: Callable[[], Iterator[Block]]
    fraction: Callable[[], float | None]
    layout: str
    """What it was taken for, for people: ``CSV, ";" between, cp1252``."""

    def rows(self) -> Iterator[Row]:
        """Read it from the start, a row at a time."""
        for lines, rows in self.blocks():
            yield from zip(lines, rows, strict=True)


@contextmanager
def opened_table(
    path: str, *, delimiter: str = "", encoding: str = "", sheet: str = ""
) -> Iterator[Table]:
    """Open a rate deck. What is not given is told from the file.

    ``path`` may be ``-``; a file may be gzip'ed. Raises :class:`RoutingDataError` for what is no
    table, or one that would unpack beyond measure.
    """
    name = "<stdin>" if path == STDIN else path
    with reading(name), _kept(path) as file:
        start = file.read(4)
        file.seek(0)
        if start[:2] == b"PK":
            yield _xlsx(file, name, sheet)
        elif start == b"\xd0\xcf\x11\xe0":
            raise refused(
                name, 0, "file", "an old Excel workbook (.xls)", "CSV or XLSX: save it so"
            )
        else:
            yield _csv(file, name, delimiter, encoding)


@contextmanager
def _kept(path: str) -> Iterator[IO[bytes]]:
    """Open a file that can be read twice: standard input is written to a temporary one."""
    if path != STDIN:
        with open(path, "rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.seek(0)
        yield file


def _csv(file: IO[bytes], name: str, delimiter: str, encoding: str) -> Table:
    packed = file.read(2) == b"\x1f\x8b"
    size = os.fstat(file.fileno()).st_size

    def unpacked() -> IO[bytes]:
        file.seek(0)
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file

    start = unpacked().read(_SAMPLE)
    if not start:
        raise refused(name, 0, "file", "nothing", "a rate deck: CSV or XLSX")
    coding = encoding or _encoding(start)
    try:
        "".encode(coding)  # refuses codecs that are none of text, such as hex
        text = codecs.getincrementaldecoder(coding)("replace").decode(start)
    except (LookupError, ValueError):
        raise refused(name, 0, "--encoding", repr(encoding), "an encoding: utf-8, cp1252") from None
    between = delimiter or _delimiter(text)

    def blocks() -> Iterator[Block]:
        # Bytes that are none of the encoding come through as lone surrogates, which no check lets
        # pass; wide encodings have no such form.
        errors = "replace" if coding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        lines = _lines(unpacked(), codecs.getincrementaldecoder(coding)(errors), name)
        reader = csv.reader(chain.from_iterable(lines), delimiter=between)
        try:
            before = 0
            while rows := list(islice(reader, _ROWS)):
                yield _numbered(rows, before, reader.line_num)
                before = reader.line_num
        except csv.Error as error:
            expected = "fields with quotes, if any, around the whole of each"
            raise refused(name, reader.line_num, "row", f"broken CSV ({error})", expected) from None

    def fraction() -> float | None:
        return min(1.0, file.tell() / size) if size else None

    shown = {"\t": "tabs"}.get(between, f'"{between}"')
    return Table(name, blocks, fraction, f"CSV, {shown} between, {coding}")


def _lines(stream: IO[bytes], decoder: codecs.IncrementalDecoder, name: str) -> Iterator[list[str]]:
    """Yield the lines of a stream, some thousands at a time."""
    number, rest = 0, ""
    while True:
        data = stream.read(_BYTES)
        try:
            text = rest + decoder.decode(data, not data)
        except UnicodeDecodeError as error:
            found, expected = f"bytes that are no {error.encoding}", "another --encoding"
            raise refused(name, number + 1, "file", found, expected) from None
        lines = io.StringIO(text, newline="").readlines()
        # The last is not whole, or the other half of its end is still to come.
        rest = lines.pop() if data and lines and not lines[-1].endswith("\n") else ""
        if len(max((*lines, rest), key=len)) >= _MAX_LINE:
            place = next(at for at, line in enumerate((*lines, rest)) if len(line) >= _MAX_LINE)
            found = f"a line of more than {_MAX_LINE} characters"
            raise refused(name, number + place + 1, "row", found, "a row a line")
        number += len(lines)
        yield lines
        if not data:
            return


def _numbered(rows: list[list[str]], before: int, last: int) -> Block:
    """Return rows without empty ones and their lines; ``before`` is the line before the first."""
    if last - before == len(rows):
        lines: Sequence[int] = range(before + 1, last + 1)
    else:
        # A quoted field with line ends in it: a row is told by its last line, as csv has it.
        lines, line = [], before
        for row in rows:
            line += 1 + sum(len(_BREAK.findall(cell)) for cell in row)
            lines.append(line)
    if [] in rows:
        lines = [line for line, row in zip(lines, rows, strict=True) if row]
        rows = [row for row in rows if row]
    return lines, rows


def _encoding(start: bytes) -> str:
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    if len(start) > 3 and start[1] == 0 and start[3] == 0:
        return "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _delimiter(text: str) -> str:
    """Return the delimiter that most rows have equally often, the more of them the better."""
    lines = text.splitlines()[:200]
    best, score = ",", 0.0
    for mark in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        except csv.Error:
            continue
        usual = max(set(widths), key=lambda width: (widths.count(width), width), default=1)
        share = widths.count(usual) / len(widths) if widths else 0
        # A decimal comma splits as regularly as a delimiter, but fewer columns than that does.
        if usual > 1 and share * min(usual, 12) > score:
            best, score = mark, share * min(usual, 12)
    return best


def _xlsx(file: IO[bytes], name: str, sheet: str) -> Table:
    book = Workbook(file, name, sheet)
    many = f" of {len(book.names)}" if len(book.names) > 1 else ""
    layout = f"XLSX, the sheet {book.chosen!r}{many}"
    return Table(name, book.rows, lambda: book.fraction, layout)


def bad_file_of(path: str) -> Path:
    """Return where the bad rows of a file are written aside if nothing else is said."""
    return Path("stdin.bad.csv") if path == STDIN else Path(path + ".bad.csv")
