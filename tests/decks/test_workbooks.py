"""Sheets of workbooks: what openpyxl reads is read, whoever wrote it; what grows is refused."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vnroute.decks import workbooks
from vnroute.decks.tables import opened_table
from vnroute.model.problem import RoutingDataError

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

Rows = list[tuple[int, list[str]]]

# What openpyxl says of dates beyond its own, and of workbooks without styles.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")


def text_of(value: object) -> str:
    """What a cell is as text, by the value that openpyxl gives it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        text = f"{value:.15g}"
        return f"{value:.12f}".rstrip("0") if "e" in text and abs(value) < 1 else text
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def by_openpyxl(data: bytes, sheet: str = "") -> Rows:
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    page = book[sheet or book.sheetnames[0]]
    page.reset_dimensions()
    found = []
    for line, row in enumerate(page.iter_rows(max_col=257, values_only=True), 1):
        texts = [text_of(value) for value in row]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            found.append((line, texts))
    return found


def by_us(data: bytes, sheet: str = "") -> Rows:
    book = workbooks.Workbook(io.BytesIO(data), "a.xlsx", sheet)
    return [pair for lines, rows in book.rows() for pair in zip(lines, rows, strict=True)]


def refusal(data: bytes, sheet: str = "") -> str:
    with pytest.raises(RoutingDataError) as caught:
        by_us(data, sheet)
    return str(caught.value.problems[0])


values = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**17), 10**17), st.integers(0, 10**9),
    st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 2, width=32),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.dates(date(1900, 1, 1)),
    st.times(), st.timedeltas(timedelta(0), timedelta(days=900)),
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"],
                          exclude_characters="\ufffe\uffff"), max_size=20),
    st.sampled_from(["=A1+1", "#N/A", "_x000D_", "_x005F_x", " two  blanks ", "4420, 4421"]),
)  # fmt: skip
formats = st.sampled_from(
    ["General", "0.00", "@", "yyyy-mm-dd", "dd/mm/yy", '"day" 0', "[Red]0.0", "[h]:mm:ss", "mm:ss",
     "[$-409]d mmm yyyy", "0.00;[Red]d", "h:mm AM/PM", "\\d0", "0.00E+00"]
)  # fmt: skip


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(st.tuples(values, st.none() | formats), max_size=6), max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_workbooks_are_read_as_openpyxl_reads_them(
    rows: list[list[tuple[Any, str | None]]], shared: bool, since_1904: bool
) -> None:
    book = openpyxl.Workbook(write_only=not shared)
    page = book.create_sheet("Rates", 0)
    if since_1904:
        book.epoch = openpyxl.utils.datetime.MAC_EPOCH
    for row in rows:
        cells = []
        for value, number_format in row:
            cell = openpyxl.cell.WriteOnlyCell(page, value=value)
            if number_format is not None:
                cell.number_format = number_format
            cells.append(cell)
        page.append(cells)
    file = io.BytesIO()
    book.save(file)
    assert by_us(file.getvalue()) == by_openpyxl(file.getvalue())


def made(
    sheet: str | bytes,
    *,
    strings: str = "",
    styles: str = "",
    main: str = MAIN,
    book: str = "",
    more: dict[str, str | bytes] | None = None,
) -> bytes:
    """Return a workbook of these parts, as small as one may be."""
    book = book or (
        f'<workbook xmlns="{main}" xmlns:r="{LINKS}"><sheets>'
        '<sheet name="Rates" sheetId="1" r:id="a"/></sheets></workbook>'
    )
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
            'officedocument.spreadsheetml.sheet.main+xml"/>'
            '<Override PartName="/xl/strings.xml" ContentType="application/vnd.openxmlformats-'
            'officedocument.spreadsheetml.sharedStrings+xml"/>'
            '<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-'
            'officedocument.spreadsheetml.styles+xml"/></Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="b" Type="{LINKS}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{PACKAGE}">'
            f'<Relationship Id="a" Type="{LINKS}/worksheet" Target="sheets/one.xml"/>'
            f'<Relationship Id="c" Type="{LINKS}/sharedStrings" Target="/xl/strings.xml"/>'
            f'<Relationship Id="d" Type="{LINKS}/styles" Target="styles.xml"/></Relationships>'
        ),
        "xl/sheets/one.xml": sheet,
        "xl/strings.xml": strings or f'<sst xmlns="{main}"/>',
        "xl/styles.xml": styles or f'<styleSheet xmlns="{main}"/>',
        **(more or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def page(rows: str, main: str = MAIN) -> str:
    return f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'


STRINGS = (
    f'<sst xmlns="{MAIN}"><si><t>plain</t></si><si><r><rPr/><t>rich </t></r><r><t>text</t></r>'
    "<rPh sb='0' eb='1'><t>phonetic</t></rPh></si><si/></sst>"
)
ODD = {
    "cells and rows without a place": (
        "<row><c><v>1</v></c><c t='s'><v>1</v></c></row><row/><row><c t='s'><v>0</v></c></row>"
    ),
    "rows and cells left out": (
        "<row r='3'><c r='B3'><v>1.50</v></c><c r='E3' t='b'><v>1</v></c></row>"
        "<row r='9'><c r='A9' t='str'><f>B1</f><v>said</v></c><c r='AA9'><v>007</v></c></row>"
    ),
    "cells out of order, and twice": (
        "<row r='1'><c r='C1'><v>3</v></c><c r='A1'><v>1</v></c><c r='C1'><v>4</v></c></row>"
    ),
    "inline text in runs": (
        "<row r='1'><c r='A1' t='inlineStr'><is><r><t>a</t></r>"
        "<r><t xml:space='preserve'> b</t></r>"
        "<rPh sb='0' eb='1'><t>no</t></rPh></is></c><c r='B1' t='inlineStr'><v>9</v></c></row>"
    ),
    "errors, dates by ISO, blanks": (
        "<row r='1'><c r='A1' t='e'><v>#REF!</v></c><c r='B1' t='d'><v>2026-12-01</v></c>"
        "<c r='C1' t='d'><v>2026-12-01T10:20:30Z</v></c><c r='D1'/><c r='E1'><v/></c>"
        "<c r='F1' t='n'><v>1e-7</v></c><c r='G1'><v>12E3</v></c></row>"
    ),
    "references": "<row r='1'><c r='A1' t='str'><v>a &amp; &lt;b&gt; &#233;</v></c></row>",
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_sheets_are_read_as_openpyxl_reads_them(name: str) -> None:
    data = made(page(ODD[name]), strings=STRINGS)
    assert by_us(data) == by_openpyxl(data) != []


def test_names_may_have_any_prefix_and_the_strict_names() -> None:
    prefixed = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1"><x:c r="A1"><x:v>5</x:v></x:c>'
        "</x:row></x:sheetData></x:worksheet>"
    )
    assert by_us(made(prefixed)) == by_openpyxl(made(prefixed)) == [(1, ["5"])]
    strict = made(page("<row r='1'><c r='A1'><v>5</v></c></row>", STRICT), main=STRICT)
    assert by_us(strict) == [(1, ["5"])]


def test_what_follows_the_rows_is_not_read_and_a_sheet_is_chosen(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "First"
    book.create_chartsheet("Chart", 0)
    other = book.create_sheet("Other")
    other.append(["prefix", "rate"])
    other.append([44, 0.25])
    other.conditional_formatting.add(
        "A1:A9", openpyxl.formatting.rule.CellIsRule(operator="lessThan", formula=["1"])
    )
    path = tmp_path / "a.xlsx"
    book.save(path)
    assert by_us(path.read_bytes(), "Other") == [(1, ["prefix", "rate"]), (2, ["44", "0.25"])]
    assert by_us(path.read_bytes()) == []
    assert "one of the sheets First, Other" in refusal(path.read_bytes(), "Chart")
    with opened_table(str(path), sheet="Other") as table:
        for _ in range(2):
            assert len(list(table.rows())) == 2
            assert table.fraction() == 1.0
        assert table.layout == "XLSX, the sheet 'Other' of 2"


LAUGHS = (
    '<!DOCTYPE worksheet [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
EXTERNAL = '<!DOCTYPE worksheet [<!ENTITY c SYSTEM "file:///etc/passwd">]>'
CELL = "<row r='1'><c r='A1' t='str'><v>&c;</v></c></row>"


@pytest.mark.parametrize("doctype", [LAUGHS, EXTERNAL, "<!DOCTYPE worksheet>"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_every_part(doctype: str, coding: str) -> None:
    def typed(text: str) -> bytes:
        head = f'<?xml version="1.0" encoding="{coding}"?>'
        return (head + doctype + text.replace("&c;", "x")).encode(coding)

    sound = page("<row r='1'><c r='A1' t='s'><v>0</v></c></row>")
    assert by_us(made(sound, strings=STRINGS)) == [(1, ["plain"])]
    for data in (
        made(typed(page(CELL))),
        made(sound, more={"xl/strings.xml": typed(STRINGS)}),
        made(
            sound, strings=STRINGS, more={"xl/styles.xml": typed(f'<styleSheet xmlns="{MAIN}"/>')}
        ),
        made(sound, strings=STRINGS, more={"_rels/.rels": typed("<Relationships/>")}),
    ):
        assert "a document type" in refusal(data)


def test_what_grows_is_refused_before_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    def most(data: bytes) -> tuple[str, int]:
        tracemalloc.start()
        try:
            return refusal(data), tracemalloc.get_traced_memory()[1] >> 20
        finally:
            tracemalloc.stop()

    long = "x" * (20 << 20)
    for rows, found in (
        (f"<row r='1'><c r='A1' t='str'><v>{long}</v></c></row>", "a text of more than"),
        (f"<row r='1'><c r='A1' z='{long}'/></row>", "a tag of more than"),
        (f"<row r='1'><{long}/></row>", "a tag of more than"),
        (f"<row r='1'><!--{long}--></row>", "a tag of more than"),
        ("<row r='9000000'/>", "row 9000000"), ("<row r='2'/><row r='2'/>", "row 2"),
        ("<row r='1'><c r='A1' t='s'><v>-1</v></c></row>", "IndexError"),
        ("<row r='1'><c r='A1' t='s'><v>7</v></c></row>", "IndexError"),
        ("<row r='1'><c r='ZZZZ1'><v>7</v></c></row>", "in column 'ZZZZ'"),
        ("<row r='1'><c r='A1'><v>seven</v></c></row>", "ValueError"),
        ("<row r='1'><c r='A1'>", "ExpatError"),
    ):  # fmt: skip
        said, held = most(made(page(rows), strings=STRINGS))
        assert found in said and said.startswith("a.xlsx:"), said
        # Of the part that is zipped, and no more of what it unpacks to than a chunk and a tag.
        assert held < 12, (found, held)
    # A million cells in a row, and a million rows of nothing, hold next to nothing.
    wide = made(page(f"<row r='1'>{'<c><v>1</v></c>' * 1_000_000}</row>"))
    assert len(by_us(wide)[0][1]) == workbooks.MAX_COLUMNS + 1
    monkeypatch.setattr(workbooks, "_MAX_STRINGS", 2)
    assert "more than 2 texts" in refusal(made(page(CELL), strings=STRINGS))
    monkeypatch.setattr(workbooks, "_MAX_PART", 100)
    assert "more than 100 bytes" in refusal(made(page(CELL)))


def test_an_archive_that_lies_of_its_sizes_is_refused() -> None:
    data = made(page("<row r='1'><c r='A1'><v>1</v></c></row>" + " " * 100_000))
    at = data.index(b"PK\x01\x02", data.index(b"xl/sheets/one.xml") + 1)
    while data[at + 46 : at + 46 + 17] != b"xl/sheets/one.xml":
        at = data.index(b"PK\x01\x02", at + 4)
    for size in (10, 5_000_000_000 & 0xFFFFFFFF):
        lying = data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]
        assert "broken" in refusal(lying) or "unpack" in refusal(lying)


@settings(deadline=None, max_examples=150)
@given(place=st.integers(0, 1 << 20), junk=st.binary(min_size=1, max_size=12), inside=st.booleans())
def test_no_bytes_break_it(place: int, junk: bytes, inside: bool) -> None:
    sheet = page(ODD["rows and cells left out"]).encode()
    if inside:
        at = place % len(sheet)
        data = made(sheet[:at] + junk + sheet[at + len(junk) :], strings=STRINGS)
    else:
        sound = made(sheet, strings=STRINGS)
        at = place % len(sound)
        data = sound[:at] + junk + sound[at + len(junk) :]
    try:
        by_us(data)
    except RoutingDataError as error:
        assert error.problems
