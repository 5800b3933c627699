"""Sheets of XLSX workbooks as rows of text, by expat: what a rate deck needs, and no more of it.

Texts, numbers, booleans and dates by their cell's style come out; formulas as the values that were
saved with them. Nothing is held but the table of texts and the row at hand. A document type, which
may define entities that grow without bound, is refused.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, TypeVar
from xml.etree import ElementTree
from xml.parsers import expat

from vnroute.importing.inputs import refused

__all__ = ["MAX_COLUMNS", "Workbook"]

MAX_COLUMNS = 256
_MAX_UNPACKED = 4 << 30
"""Bytes of an XLSX, unpacked; a million rows of ten cells have some 400 MB."""
_MAX_SHARED = 256 << 20
"""Bytes of its table of texts, which is held whole."""
_MAX_STRINGS = 8 << 20
_MAX_RATIO = 300
"""Unpacked to packed, where it is large: sheets of numbers come to twenty, bombs to a thousand."""
_MAX_PART = 32 << 20
"""Bytes of a part that says what the others are."""
_MAX_TEXT = 32_767
"""Characters of a cell, as Excel has it."""
_MAX_ROW = 1_048_576
_MAX_REMEMBERED = 100_000
_MAX_TOKEN = 1 << 20
"""Bytes of a tag with its attributes, which expat holds until it is whole."""
_CHUNK = 1 << 17

_DIGITS = "0123456789"
_DATES = frozenset((*range(14, 23), 45, 46, 47))
"""Formats that every workbook knows and that show days or times; 46 is one of elapsed hours."""
_NOT_SHOWN = re.compile(r'".*?"|\[(?!(?:hh?|mm?|ss?)\])[^\]]*\]')
_OF_DATES = re.compile(r"(?<![_\\])[dmhysDMHYS]")
_OF_SPANS = re.compile(r"\[(?:hh?|mm?|ss?)\]", re.IGNORECASE)
_BROKEN = (
    zipfile.BadZipFile, zlib.error, expat.ExpatError, ElementTree.ParseError, KeyError, ValueError,
    IndexError, EOFError, NotImplementedError, OverflowError, RuntimeError, OSError,
)  # fmt: skip
_EXPECTED = "an XLSX workbook; save it anew, or as CSV"
_EXPECTED_SIZE = "an XLSX workbook of a rate deck's size; save it anew, or as CSV"

_Key = TypeVar("_Key")
Rows = tuple[list[int], list[list[str]]]
"""Rows of the sheet that are not empty: their numbers and cells."""


class Workbook:
    """A workbook's sheet. Raises RoutingDataError for what is none, or would unpack beyond measure.

    ``file`` must stay open. ``sheet`` is the name of one, the first if it is empty.
    """

    def __init__(self, file: IO[bytes], name: str, sheet: str = "") -> None:
        self._name = name
        self._read = 0.0
        try:
            self._archive = zipfile.ZipFile(file)
            self._check_size()
            sheets = self._parts()
            self.names = list(sheets)
            self.chosen = sheet or next(iter(sheets), "")
            if self.chosen not in sheets:
                listed = ", ".join(sheets)
                raise refused(name, 0, "--sheet", repr(sheet), f"one of the sheets {listed}")
            self._sheet = self._archive.getinfo(sheets[self.chosen])
        except _BROKEN as error:
            found = f"a broken workbook ({type(error).__name__}: {str(error)[:80]})"
            raise refused(name, 0, "file", found, _EXPECTED) from None

    @property
    def fraction(self) -> float:
        """How far the last reading is, 0 to 1."""
        return self._read

    def rows(self) -> Iterator[Rows]:
        """Read the sheet from its start, some rows at a time."""
        reader = _SheetReader(self._strings, self._dates, self._spans, self._epoch)
        size = max(1, self._sheet.file_size)
        done = 0
        try:
            with self._archive.open(self._sheet) as stream:
                while not reader.ended:
                    data = stream.read(_CHUNK)
                    reader.feed(data)
                    done += len(data)
                    self._read = min(1.0, done / size)
                    if reader.rows:
                        yield reader.taken()
                    if not data:
                        return
        except _BROKEN as error:
            found = f"a broken sheet ({type(error).__name__}: {str(error)[:80]})"
            raise refused(self._name, max(1, reader.line), "row", found, _EXPECTED) from None

    def _check_size(self) -> None:
        """Refuse an archive that would unpack beyond measure, before anything is unpacked."""
        entries = self._archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries) or 1
        shared = sum(
            e.file_size for e in entries if e.filename.lower().endswith("sharedstrings.xml")
        )
        if len(entries) > 10_000 or unpacked > _MAX_UNPACKED or shared > _MAX_SHARED:
            found = f"a workbook of {len(entries):,} parts, {unpacked:,} bytes unpacked"
            raise refused(self._name, 0, "file", found, _EXPECTED_SIZE)
        if unpacked > 64 << 20 and unpacked > _MAX_RATIO * packed:
            found = f"{packed:,} bytes that unpack to {unpacked:,}"
            raise refused(self._name, 0, "file", found, _EXPECTED_SIZE)

    def _parts(self) -> dict[str, str]:
        """Read what the workbook says of itself; return its sheets by name, and their parts."""
        main = next(iter(self._related("", "officeDocument").values()), "xl/workbook.xml")
        book = self._tree(main)
        sheets = self._related(main, "worksheet")
        found = {}
        for element in book.iter():
            match _local(element.tag):
                case "sheet":
                    key = next((v for k, v in element.items() if _local(k) == "id"), "")
                    if key in sheets:
                        found[element.get("name", "")] = sheets[key]
        properties = next((e for e in book if _local(e.tag) == "workbookPr"), None)
        since_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self._epoch = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)
        self._dates: set[str] = set()
        self._spans: set[str] = set()
        for part in self._related(main, "styles").values():
            self._read_styles(self._tree(part))
        self._strings: list[str] = []
        for part in self._related(main, "sharedStrings").values():
            self._read_strings(part)
        if not found:
            raise ValueError("no sheet in it")
        return found

    def _tree(self, part: str) -> ElementTree.Element:
        info = self._archive.getinfo(part)
        if info.file_size > _MAX_PART:
            raise ValueError(f"{part} has more than {_MAX_PART} bytes")
        data = self._archive.read(info)
        guard = _parser()
        guard.Parse(data, True)
        return ElementTree.fromstring(data)

    def _related(self, part: str, kind: str) -> dict[str, str]:
        """Return the parts of a kind that a part names, by their ids there."""
        folder, file = posixpath.split(part)
        try:
            tree = self._tree(posixpath.join(folder, "_rels", f"{file}.rels"))
        except KeyError:
            return {}
        return {
            each.get("Id", ""): posixpath.normpath(
                posixpath.join("/", folder, each.get("Target", ""))
            )[1:]
            for each in tree
            if each.get("Type", "").endswith(f"/{kind}")
        }

    def _read_styles(self, tree: ElementTree.Element) -> None:
        """Note the styles whose cells are dates, and of those the ones of elapsed time."""
        formats: dict[str, str] = {}
        styles: list[str] = []
        for group in tree:
            if _local(group.tag) == "numFmts":
                formats = {e.get("numFmtId", ""): e.get("formatCode", "") for e in group}
            elif _local(group.tag) == "cellXfs":
                styles = [e.get("numFmtId", "0") for e in group if _local(e.tag) == "xf"]
        for place, number in enumerate(styles):
            shown = formats.get(number)
            if shown is None:
                is_date, is_span = int(number) in _DATES, int(number) == 46
            else:
                first = shown.partition(";")[0]
                is_span = _OF_SPANS.search(first) is not None
                is_date = _OF_DATES.search(_NOT_SHOWN.sub("", first)) is not None
            if is_date:
                self._dates.add(str(place))
            if is_span:
                self._spans.add(str(place))

    def _read_strings(self, part: str) -> None:
        reader = _StringsReader(self._strings)
        with self._archive.open(part) as stream:
            while data := stream.read(_CHUNK):
                reader.feed(data)
        reader.feed(b"")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _parser() -> expat.XMLParserType:
    """Return a parser that refuses a document type. Names are ``NAMESPACE NAME``."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a document type, which a workbook has none of")


class _Texts:
    """What readers of texts share: a parser, and the characters that it hands over."""

    def __init__(self) -> None:
        self.text = ""
        self.taking = False
        self._parser = _parser()
        self._fed = 0

    def feed(self, data: bytes) -> None:
        """Read on; nothing is the end."""
        self._fed += len(data)
        self._parser.Parse(data, not data)
        if data and self._fed - self._parser.CurrentByteIndex > _MAX_TOKEN:
            raise ValueError(f"a tag of more than {_MAX_TOKEN} bytes")

    def take(self, data: str) -> None:
        """Take characters, as the parser hands them over."""
        if self.taking:
            self.text += data
            if len(self.text) > _MAX_TEXT:
                raise ValueError(f"a text of more than {_MAX_TEXT} characters")


class _StringsReader(_Texts):
    """Reads the table of texts into a list."""

    def __init__(self, strings: list[str]) -> None:
        super().__init__()
        self._strings = strings
        self._phonetic = False
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self.take

    def _start(self, name: str, _: object) -> None:
        match name.rpartition(" ")[2]:
            case "t":
                self.taking = not self._phonetic
            case "si":
                self.text = ""
            case "rPh":
                self._phonetic = True

    def _end(self, name: str) -> None:
        match name.rpartition(" ")[2]:
            case "t":
                self.taking = False
            case "rPh":
                self._phonetic = False
            case "si":
                if len(self._strings) >= _MAX_STRINGS:
                    raise ValueError(f"more than {_MAX_STRINGS} texts")
                # An underline before what looks like an escape is escaped itself.
                self._strings.append(self.text.replace("x005F_", ""))


class _SheetReader(_Texts):
    """Reads a sheet's rows, chunk by chunk. ``line`` is the number of the last row that began."""

    def __init__(
        self, strings: list[str], dates: set[str], spans: set[str], epoch: datetime
    ) -> None:
        super().__init__()
        self.lines: list[int] = []
        self.rows: list[list[str]] = []
        self.line = 0
        self.ended = False
        self._strings = strings
        self._dates = dates
        self._spans = spans
        self._epoch = epoch
        self._numbers: dict[str, str] = {}
        self._moments: dict[tuple[str, bool], str] = {}
        self._columns: dict[str, int] = {}
        self._parser.StartElementHandler = self._start_outside

    def taken(self) -> Rows:
        """Return the rows since the last time."""
        found = self.lines, self.rows
        self.lines, self.rows = [], []
        return found

    def _start_outside(self, name: str, _: object) -> None:
        namespace, _, local = name.rpartition(" ")
        if local == "sheetData":
            self._read_rows(f"{namespace} " if namespace else "")

    def _read_rows(self, namespace: str) -> None:
        """Take what follows as rows, until the sheet's data ends."""
        row, cell, inline, value, phonetic = (
            namespace + local for local in ("row", "c", "t", "v", "rPh")
        )
        data = namespace + "sheetData"
        cells: list[str] = []
        columns = self._columns
        kind = style = ""
        column = 0
        silent = False

        # These run for each of a million cells: what they share is in their closure.
        def start(name: str, given: dict[str, str]) -> None:
            nonlocal kind, style, column, silent
            if name == cell:
                place = given.get("r")
                if place:
                    letters = place.rstrip(_DIGITS)
                    column = columns.get(letters) or self._column(letters)
                else:
                    column += 1
                kind = given.get("t", "n")
                style = given.get("s", "")
                self.text = ""
            elif name == value:
                self.taking = kind != "inlineStr"
            elif name == inline:
                self.taking = kind == "inlineStr" and not silent
            elif name == row:
                self._begin_row(given.get("r"))
                cells.clear()
                column = 0
            elif name == phonetic:
                silent = True

        def end(name: str) -> None:
            nonlocal silent
            if name == cell:
                text = self.text
                if text and column <= MAX_COLUMNS + 1:
                    if kind == "n":
                        if style in self._dates:
                            text = self._moment(text, style in self._spans)
                        elif not (text.isdecimal() and text.isascii() and text[0] != "0"):
                            text = self._numbers.get(text) or self._number(text)
                    elif kind == "s":
                        text = self._shared(text)
                    elif kind not in ("inlineStr", "str"):
                        text = _other(kind, text)
                    missing = column - len(cells) - 1
                    if missing < 0:
                        cells[column - 1] = text
                    else:
                        if missing:
                            cells.extend([""] * missing)
                        cells.append(text)
            elif name in (value, inline):
                self.taking = False
            elif name == row:
                while cells and not cells[-1]:
                    cells.pop()
                if cells:
                    self.lines.append(self.line)
                    self.rows.append(cells.copy())
            elif name == phonetic:
                silent = False
            elif name == data:
                self.ended = True
                self._parser.StartElementHandler = None
                self._parser.EndElementHandler = None
                self._parser.CharacterDataHandler = None

        self._parser.StartElementHandler = start
        self._parser.EndElementHandler = end
        self._parser.CharacterDataHandler = self.take

    def _begin_row(self, number: str | None) -> None:
        line = int(number) if number else self.line + 1
        if not self.line < line <= _MAX_ROW:
            raise ValueError(f"row {line} behind row {self.line}")
        self.line = line

    def _column(self, letters: str) -> int:
        """Return the number of a column, from 1."""
        column = 0
        for letter in letters:
            if not "A" <= letter.upper() <= "Z" or len(letters) > 3:
                raise ValueError(f"a cell in column {letters[:20]!r}")
            column = 26 * column + ord(letter.upper()) - 64
        if not column:
            raise ValueError("a cell without a column")
        self._columns[letters] = column
        return column

    def _shared(self, text: str) -> str:
        place = int(text)
        if place < 0:
            raise IndexError("a text before the first")
        return self._strings[place]

    def _number(self, text: str) -> str:
        """Return a number as text, without the noise beyond the 15 digits that Excel keeps."""
        value = float(text) if any(mark in text for mark in ".eE") else int(text)
        return _remember(self._numbers, text, _number_text(value))

    def _moment(self, text: str, is_span: bool) -> str:
        """Return a date, a time, or both, of a serial number."""
        known = self._moments.get((text, is_span))
        if known is not None:
            return known
        value = float(text)
        try:
            found = _span_text(value) if is_span else _moment_text(value, self._epoch)
        except (OverflowError, ValueError):
            found = "#VALUE!"
        return _remember(self._moments, (text, is_span), found)


def _remember(known: dict[_Key, str], key: _Key, text: str) -> str:
    if len(known) >= _MAX_REMEMBERED:
        known.clear()
    known[key] = text
    return text


def _number_text(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = f"{value:.15g}"
    return f"{value:.12f}".rstrip("0") if "e" in text and abs(value) < 1 else text


def _moment_text(value: float, epoch: datetime) -> str:
    day, fraction = divmod(value, 1)
    within = timedelta(milliseconds=round(fraction * 86_400_000))
    if 0 <= value < 1 and within.days == 0:
        return str((datetime.min + within).time())
    if 0 < value < 60 and epoch.year == 1899:
        day += 1  # Excel takes 1900 for a leap year
    return (epoch + timedelta(days=day) + within).isoformat(sep=" ", timespec="seconds")


def _span_text(value: float) -> str:
    span = timedelta(days=value)
    if span.microseconds:
        whole = span.total_seconds() // 1
        span = timedelta(seconds=whole, microseconds=round(span.microseconds, -3))
    return str(span)


def _other(kind: str, text: str) -> str:
    if kind == "b":
        return "yes" if int(text) else "no"
    if kind == "d":
        return _iso_text(text.removesuffix("Z"))
    return text


def _iso_text(text: str) -> str:
    readers: tuple[Callable[[str], date | time], ...] = (
        date.fromisoformat, datetime.fromisoformat, time.fromisoformat,
    )  # fmt: skip
    for read in readers:
        try:
            found = read(text)
        except ValueError:
            continue
        if isinstance(found, datetime):
            return found.isoformat(sep=" ", timespec="seconds")
        return found.isoformat()
    raise ValueError(f"a date such as {text[:40]!r}")
