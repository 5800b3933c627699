"""Files as tables of text: CSV in whatever delimiter and encoding, and XLSX.

Rows come one at a time, so memory does not grow with them. A file may be read more than once.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, cast

from vnroute.importing.inputs import STDIN, reading, refused

__all__ = ["MAX_COLUMNS", "Table", "opened_table"]

MAX_COLUMNS = 256
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
_MAX_UNPACKED = 4 << 30
"""Bytes of an XLSX, unpacked; a million rows of ten cells have some 400 MB."""
_MAX_SHARED = 256 << 20
"""Bytes of its table of texts, which openpyxl holds whole."""
_MAX_RATIO = 300
"""Unpacked to packed, where it is large: sheets of numbers come to twenty, bombs to a thousand."""

Row = tuple[int, list[str]]
"""Line in the file (row of the sheet), cells as text."""


@dataclass(frozen=True, slots=True)
class Table:
    """One file. ``rows`` reads it from the start; ``fraction`` says how far that is, 0 to 1."""

    name: str
    rows: Callable[[], Iterator[Row]]
    fraction: Callable[[], float | None]
    layout: str
    """What it was taken for, for people: ``CSV, ";" between, cp1252``."""


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
        text = codecs.getincrementaldecoder(coding)("replace").decode(start)
    except LookupError:
        raise refused(name, 0, "--encoding", repr(encoding), "an encoding: utf-8, cp1252") from None
    between = delimiter or _delimiter(text)

    def rows() -> Iterator[Row]:
        # Bytes that are none of the encoding come through as lone surrogates, which no check lets
        # pass; wide encodings have no such form.
        errors = "replace" if coding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        plain: Any = unpacked()
        if packed:
            plain = io.BufferedReader(plain, 1 << 18)
        stream = io.TextIOWrapper(plain, coding, errors=errors, newline="")
        reader = csv.reader(_lines(stream, name), delimiter=between)
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            expected = "fields with quotes, if any, around the whole of each"
            raise refused(name, reader.line_num, "row", f"broken CSV ({error})", expected) from None
        finally:
            stream.detach()

    def fraction() -> float | None:
        return min(1.0, file.tell() / size) if size else None

    shown = {"\t": "tabs"}.get(between, f'"{between}"')
    return Table(name, rows, fraction, f"CSV, {shown} between, {coding}")


def _lines(stream: io.TextIOWrapper, name: str) -> Iterator[str]:
    read, number = stream.readline, 0
    while line := read(_MAX_LINE):
        number += 1
        if len(line) == _MAX_LINE and not line.endswith("\n"):
            found = f"a line of more than {_MAX_LINE} characters"
            raise refused(name, number, "row", found, "a row a line")
        yield line


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
    try:
        import openpyxl
    except ImportError:
        expected = "openpyxl to read it with: pip install 'vnroute[xlsx]'"
        raise refused(name, 0, "file", "an XLSX workbook", expected) from None
    _check_workbook(file, name)
    broken = (
        zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError, AttributeError, OSError,
        SyntaxError, EOFError, AssertionError, NotImplementedError, OverflowError,
    )  # fmt: skip
    expected = "an XLSX workbook; save it anew, or as CSV"
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        names = list(book.sheetnames)
        chosen = sheet or next((n for n in names if hasattr(book[n], "iter_rows")), "")
    except broken as error:
        found = f"a broken workbook ({type(error).__name__}: {str(error)[:80]})"
        raise refused(name, 0, "file", found, expected) from None
    if chosen not in names:
        raise refused(name, 0, "--sheet", repr(sheet), f"one of the sheets {', '.join(names)}")
    page = book[chosen]
    last = max(1, page.max_row or 1)
    read = [0]

    def rows() -> Iterator[Row]:
        try:
            # Without the dimensions that the file claims, which may be anything.
            page.reset_dimensions()
            cells = page.iter_rows(max_col=MAX_COLUMNS + 1, values_only=True)
            for line, row in enumerate(cells, 1):
                read[0] = line
                texts = [_text(value) for value in row]
                while texts and not texts[-1]:
                    texts.pop()
                if texts:
                    yield line, texts
        except broken as error:
            found = f"a broken sheet ({type(error).__name__}: {str(error)[:80]})"
            raise refused(name, read[0] + 1, "row", found, expected) from None

    return Table(
        name, rows, lambda: min(1.0, read[0] / last) if last > 1 else None,
        f"XLSX, the sheet {chosen!r}" + (f" of {len(names)}" if len(names) > 1 else ""),
    )  # fmt: skip


def _check_workbook(file: IO[bytes], name: str) -> None:
    """Refuse an archive that would unpack beyond measure, before anything is unpacked."""
    expected = "an XLSX workbook of a rate deck's size; save it anew, or as CSV"
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise refused(name, 0, "file", f"a broken workbook ({error})", expected) from None
    finally:
        file.seek(0)
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    shared = sum(e.file_size for e in entries if e.filename.lower().endswith("sharedstrings.xml"))
    if len(entries) > 10_000 or unpacked > _MAX_UNPACKED or shared > _MAX_SHARED:
        found = f"a workbook of {len(entries):,} parts, {unpacked:,} bytes unpacked"
        raise refused(name, 0, "file", found, expected)
    if unpacked > 64 << 20 and unpacked > _MAX_RATIO * packed:
        found = f"{packed:,} bytes that unpack to {unpacked:,}"
        raise refused(name, 0, "file", found, expected)


def _text(value: object) -> str:
    """Return a cell as text. Floats lose the noise beyond 15 digits, which Excel does not keep."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else _plain(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _plain(value: float) -> str:
    text = f"{value:.15g}"
    return f"{value:.12f}".rstrip("0") if "e" in text and abs(value) < 1 else text


def bad_file_of(path: str) -> Path:
    """Return where the bad rows of a file are written aside if nothing else is said."""
    return Path("stdin.bad.csv") if path == STDIN else Path(path + ".bad.csv")
