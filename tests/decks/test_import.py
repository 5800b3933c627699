"""Files as carriers send them, into the store: layouts, full and partial, refusals, going back."""

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.decks.importing import DeckOptions, DeckReport, import_deck
from vnroute.decks.reading import ReadingOptions
from vnroute.decks.records import pack_records
from vnroute.decks.tables import opened_table
from vnroute.model import Account, CallerList, Carrier, Gateway, RoutingDataError
from vnroute.model.deck import NO_END, DeckRate
from vnroute.store import Store, StoreError, open_store

NOW = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())
DAY = 86400


def at(month: int, day: int) -> int:
    return int(datetime(2026, month, day, tzinfo=UTC).timestamp())


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: Store = open_store(folder / "home")
        with self.store.transaction("furnish") as writing:
            gateway = Gateway(id="g", gateway="g")
            writing.put_carriers([Carrier(id="alpha", gateways=(gateway,))])
            writing.put_accounts([Account(id="acme")])

    def take(
        self, content: bytes | str, now: int = NOW, name: str = "deck.csv", **given: Any
    ) -> DeckReport:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        reading = {k: given.pop(k) for k in list(given) if k in ReadingOptions.__slots__}
        options = DeckOptions(
            owner=given.pop("owner", "alpha"), reading=ReadingOptions(**reading), **given
        )
        table_options = {"delimiter": "", "encoding": "", "sheet": ""}
        with opened_table(str(path), **table_options) as table:
            return import_deck(self.store, table, options, now=now)

    def refused(self, content: bytes | str, **given: Any) -> list[str]:
        before = self.store.change_counter()
        with pytest.raises(RoutingDataError) as caught:
            self.take(content, **given)
        assert self.store.change_counter() == before
        return [str(p).replace(f"{self.folder}/", "") for p in caught.value.problems]

    def rows(self) -> list[tuple[Any, ...]]:
        return [
            (r.prefix, "blocked" if r.blocked else r.rate, r.effective, r.end)
            for r in self.store.deck_rows("carrier", "alpha")
        ]

    def rates(self) -> dict[str, str]:
        return {r.prefix: r.rate for r in self.store.deck_rows("carrier", "alpha")}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def xlsx(rows: list[list[object]], title: str = "Rates") -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


UK = {"4420": "0.0123", "4421": "0.02"}
LAYOUTS: dict[str, bytes] = {
    "plain": b"prefix,rate,destination\n4420,0.0123,UK London\n4421,0.02,UK\n",
    "semicolon, Latin-1, decimal comma": (
        "Zielland;Vorwahl;Preis;Takt;Gültig ab\n"
        "Großbritannien London;4420;0,0123;60/6;01.11.2026\n"
        "Großbritannien;4421;0,02;60/60;01.11.2026\n"
    ).encode("latin-1"),
    "byte-order mark, tabs": (
        "\ufeffDial Code\tDestination Name\tRate (USD/min)\n4420\tUK\t0.0123\n4421\tUK\t0.02\n"
    ).encode(),
    "UTF-16, quotes": 'Code,Price\r\n"4420","0.0123"\r\n"4421","0.02"\r\n'.encode("utf-16"),
    "country and area code": (
        b"Country,Country Code,Area Code,Rate,Effective Date\n"
        b"UK,44,20,USD 0.0123,2026-11-01\nUK,44,21,USD 0.02,2026-11-01\n"
    ),
    "list in one cell": b"Destination|Codes|Rate\nUK A|4420|0.0123\nUK B|44 (21)|0.02\n",
    "title rows": (
        b"ACME Telecom,,\nRate notification,,\n,,\nDestination,Dial codes,New Rate\n"
        b"UK London,4420,$0.0123\nUK,4421,$0.02\n"
    ),
    "cents": "Prefix;Tarif\n4420;1,23¢\n4421;2,00¢\n".encode(),
    "no header": b"United Kingdom London,4420,0.0123,1/1\nUnited Kingdom,4421,0.0200,1/1\n",
    "two columns of increments": (
        b"CODE,DESCRIPTION,RATE,INITIAL INCREMENT,NEXT INCREMENT,STATUS\n"
        b"4420,UK,0.0123,60,6,open\n4421,UK,0.02,60,6,open\n"
    ),
    "gzip": gzip.compress(b"Prefix,Rate\n4420,0.0123\n4421,0.02\n", mtime=0),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(desk, name) -> None:
    desk.take(LAYOUTS[name])
    assert {p: float(rate) for p, rate in desk.rates().items()} == {"4420": 0.0123, "4421": 0.02}


def test_what_layouts_say_beside_the_rate(desk) -> None:
    desk.take(LAYOUTS["semicolon, Latin-1, decimal comma"])
    row = next(iter(desk.store.deck_rows("carrier", "alpha")))
    assert (row.first, row.next, row.effective) == (60, 6, at(11, 1))
    assert row.destination == "Großbritannien London"
    assert desk.take(LAYOUTS["country and area code"]).currency == "USD"


def test_a_workbook_with_titles_dates_and_numbers(desk) -> None:
    book = xlsx(
        [
            ["ACME Telecom rate sheet"], [],
            ["Destination", "Dial Code", "Rate", "Effective Date"],
            ["UK London", 4420, 0.0123, datetime(2026, 12, 1)],
            ["UK", "4421, 4422", 0.1 + 0.2, datetime(2026, 12, 1)],
        ]
    )  # fmt: skip
    report = desk.take(book, name="deck.xlsx")
    assert report.mapped.line == 3
    assert desk.rows() == [
        ("4420", "0.0123", at(12, 1), NO_END),
        ("4421", "0.3", at(12, 1), NO_END),
        ("4422", "0.3", at(12, 1), NO_END),
    ]


def test_rates_by_origin_in_columns(desk) -> None:
    desk.take("NPANXX,Inter,Intra,Indeterminate\n1212555,0.01,0.02,0.03\n1213555,0.01,0.02,\n")
    said = {(r.prefix, r.origin): r.rate for r in desk.store.deck_rows("carrier", "alpha")}
    assert said == {
        ("1212555", "interstate"): "0.01", ("1212555", "intrastate"): "0.02",
        ("1212555", "indeterminate"): "0.03",
        ("1213555", "interstate"): "0.01", ("1213555", "intrastate"): "0.02",
    }  # fmt: skip


def test_an_origin_is_a_list_that_is_there_or_a_jurisdiction(desk) -> None:
    with desk.store.transaction("lists") as writing:
        writing.put_lists([CallerList(id="eu-callers", callers=("+33*", "+49*"))])
    desk.take("prefix,rate,origin\n44,0.01,EU callers\n44,0.05,\n1212555,0.01,Interstate\n")
    said = [(r.prefix, r.origin) for r in desk.store.deck_rows("carrier", "alpha")]
    assert said == [("1212555", "interstate"), ("44", ""), ("44", "eu-callers")]
    found = desk.refused("prefix,rate,origin\n44,0.01,\n45,0.01,eu-caller\n")
    assert found[0].startswith("deck.csv:3: origin: found 'eu-caller', expected a list of callers")
    assert found[0].endswith("did you mean eu-callers?")
    mapping = {"prefix": "A", "rate.eu": "B"}
    assert desk.refused("A,B\n44,0.01\n", mapping=mapping)[0].startswith(
        "deck.csv:1: rate.eu: found"
    )
    assert "deck.csv: --origin: found 'eu'" in desk.refused("prefix,rate\n44,1\n", origin="eu")[0]
    aside = desk.folder / "bad.csv"
    report = desk.take(
        "prefix,rate,origin\n44,0.01,\n45,0.01,nobody\n", skip_bad=True, bad_file=aside,
        accept_changes=True,
    )  # fmt: skip
    assert report.bad == 1


def test_rates_by_time_of_day_are_mapped(desk) -> None:
    mapping = {"prefix": "Code", "rate": "Off", "rate@peak-hours:open": "Peak"}
    desk.take("Code,Peak,Off\n44,0.02,0.01\n", mapping=mapping)
    said = {r.time: r.rate for r in desk.store.deck_rows("carrier", "alpha")}
    assert said == {"": "0.01", "peak-hours:open": "0.02"}


HEAD = "prefix,rate,effective,end,change\n"


def test_a_full_deck_ends_what_it_does_not_name(desk) -> None:
    desk.take("prefix,rate\n44,0.01\n49,0.02\n33,0.03\n")
    report = desk.take(HEAD + "44,0.011,2026-12-01,,\n49,0.02,2026-12-01,,\n")
    assert desk.rows() == [
        ("33", "0.03", NOW, at(12, 1)),
        ("44", "0.01", NOW, NO_END),
        ("44", "0.011", at(12, 1), NO_END),
        ("49", "0.02", NOW, NO_END),
    ]
    counts = {kind: n for kind, n in report.differences.counts.items() if n}
    assert counts == {"gone": 1, "dearer": 1, "same": 1}


def test_a_partial_deck_and_its_types_of_change(desk) -> None:
    desk.take("prefix,rate\n44,0.01\n49,0.02\n33,0.03\n")
    desk.take(
        HEAD + "44,0.009,2026-12-01,,Decrease\n49,,2026-12-01,,Deleted\n39,0.05,,,New\n"
        "33,blocked,2026-12-01,,Closed\n",
        full=False,
    )
    assert desk.rows() == [
        ("33", "0.03", NOW, NO_END),
        ("33", "blocked", at(12, 1), NO_END),
        ("39", "0.05", NOW, NO_END),
        ("44", "0.01", NOW, NO_END),
        ("44", "0.009", at(12, 1), NO_END),
        ("49", "0.02", NOW, at(12, 1)),
    ]


def test_a_later_notice_takes_the_place_of_what_was_to_come(desk) -> None:
    desk.take("prefix,rate\n44,0.01\n")
    desk.take(HEAD + "44,0.02,2026-12-15,,\n", full=False)
    desk.take(HEAD + "44,0.015,2026-12-01,,\n", full=False)
    assert [row[1:3] for row in desk.rows()] == [("0.01", NOW), ("0.015", at(12, 1))]


def test_rows_that_are_over_go_and_the_same_deck_again_changes_nothing(desk) -> None:
    text = HEAD + "44,0.01,2026-11-01,2026-12-01,\n49,0.02,2026-11-01,,\n"
    desk.take(text)
    assert desk.take(text).version == 1
    assert desk.store.change_counter() == 2
    desk.take(HEAD + "49,0.03,,,\n", full=False, now=at(12, 2))
    assert [row[:2] for row in desk.rows()] == [("49", "0.02"), ("49", "0.03")]


def test_a_bad_row_refuses_the_deck(desk) -> None:
    text = "prefix,rate,effective\n44,0.01,2026-12-01\n4x,0.01,\n45,abc,\n46,0.1,31.02.2026\n"
    assert desk.refused(text) == [
        'deck.csv:3: prefix: found \'4x\', expected prefixes such as "4420", "4420, 4421-4425" or '
        '"44 (20, 21)"',
        "deck.csv:4: rate: found 'abc', expected a price a minute such as \"0.0045\", at most 8 "
        "decimals",
        "deck.csv:5: effective: found '31.02.2026', expected a date such as \"2026-12-01\", "
        '"1 Dec 2026" or "01.12.2026"',
    ]


def test_bad_rows_are_left_out_and_written_aside(desk, tmp_path) -> None:
    aside = tmp_path / "bad.csv"
    text = "prefix,rate\n44,0.01\n4x,0.01\n45,abc\n44,0.02\n"
    report = desk.take(text, skip_bad=True, bad_file=aside)
    assert (report.bad, desk.rates()) == (3, {"44": "0.01"})
    lines = aside.read_text().splitlines()
    assert lines[0] == "prefix,rate,line,field,found,expected"
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["4x", "0.01", "3", "prefix"], ["45", "abc", "4", "rate"], ["44", "0.02", "5", "prefix"]
    ]  # fmt: skip


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_prefix_twice_alone_is_written_aside_too(desk, tmp_path, pack) -> None:
    aside = tmp_path / "bad.csv"
    text = "prefix,destination,rate\n44,UK,0.01\n\n45,DK,0.03\n44,UK again,0.02\n45,DK,0.04\n"
    report = desk.take(pack(text.encode()), skip_bad=True, bad_file=aside)
    assert (report.bad, report.bad_file) == (2, str(aside))
    assert desk.rates() == {"44": "0.01", "45": "0.03"}
    assert [line.split(",")[:5] for line in aside.read_text().splitlines()[1:]] == [
        ["44", "UK again", "0.02", "5", "prefix"], ["45", "DK", "0.04", "6", "prefix"]
    ]  # fmt: skip
    assert "it is first on line 2" in aside.read_text()


def test_a_prefix_twice(desk) -> None:
    found = desk.refused("prefix,rate\n44,0.01\n45,0.01\n44,0.02\n")
    assert found[0].startswith("deck.csv:4: prefix: found the same prefix again")
    assert found[0].endswith("it is first on line 2")
    desk.take("prefix,rate\n44,0.01\n44,0.01\n")


def test_dates_that_may_be_two_are_settled_by_other_rows(desk) -> None:
    ambiguous = "prefix,rate,effective\n44,0.01,03/12/2026\n45,0.01,04/12/2026\n"
    assert "--dates dmy" in desk.refused(ambiguous)[0]
    desk.take(ambiguous + "46,0.01,25/12/2026\n")
    assert [row[2] for row in desk.rows()] == [at(12, 3), at(12, 4), at(12, 25)]
    assert (
        "dates in one order" in desk.refused(ambiguous + "46,0.01,25/12/2026\n47,1,12/25/2026\n")[0]
    )


def test_jumps_and_half_a_deck_are_refused_unless_accepted(desk) -> None:
    rows = "".join(f"44{n},0.01\n" for n in range(20, 60))
    desk.take("prefix,rate\n" + rows)
    dearer = "prefix,rate\n" + rows.replace("4420,0.01", "4420,0.11")
    assert "more than 10 times, such as +4420 from 0.01 to 0.11" in desk.refused(dearer)[0]
    half = "prefix,rate\n" + rows[: len("4420,0.01\n") * 12]
    assert "a full deck without" in desk.refused(half)[0]
    desk.take(half, full=False)
    assert desk.take(dearer, accept_changes=True).version == 2


def test_currencies(desk) -> None:
    assert desk.take("prefix,rate\n44,USD 0.01\n").currency == "USD"
    with desk.store.transaction("x") as writing:
        writing.put_currencies({"USD": "1", "EUR": "1.10"})
    report = desk.take("prefix,rate,currency\n44,0.01,EUR\n")
    assert report.differences.counts["dearer"] == 1
    assert "found 'GBP'" in desk.refused("prefix,rate\n44,£0.01\n")[0]
    assert "one currency" in desk.refused("prefix,rate\n44,$0.01\n45,€0.01\n")[0]


def test_an_account_has_a_deck_too_and_strangers_have_none(desk) -> None:
    assert desk.take("prefix,rate\n44,0.05\n", kind="account", owner="acme").version == 1
    assert list(desk.store.iter_rates()) == []
    assert [r.owner for r in desk.store.iter_rates(0, "account")] == ["acme"]
    assert "did you mean alpha?" in desk.refused("prefix,rate\n44,1\n", owner="alpah")[0]


def test_a_dry_run_keeps_nothing_and_a_mapping_is_kept(desk, tmp_path) -> None:
    out = tmp_path / "diff.csv"
    report = desk.take("prefix,rate\n44,0.01\n", dry_run=True, differences_file=out)
    assert (report.applied, desk.store.change_counter()) == (False, 1)
    assert out.read_text().splitlines()[1].startswith("new,44,,,,,0.01,")
    desk.take("A,B\n44,0.01\n", mapping={"prefix": "A", "rate": "B"}, save_mapping=True)
    assert desk.store.deck_mapping("carrier", "alpha") == '{"prefix":"A","rate":"B"}'


def test_another_import_that_comes_between_is_not_run_over(desk, monkeypatch) -> None:
    import vnroute.decks.importing as importing

    real = importing.read_deck

    def slow(*args: Any, **given: Any) -> Any:
        monkeypatch.setattr(importing, "read_deck", real)
        desk.take("prefix,rate\n44,0.01\n", name="other.csv")
        return real(*args, **given)

    monkeypatch.setattr(importing, "read_deck", slow)
    with pytest.raises(StoreError, match="changed meanwhile"):
        desk.take("prefix,rate\n45,0.01\n")
    assert desk.rates() == {"44": "0.01"}


def bomb(name: str = "xl/sharedStrings.xml", size: int = 300 << 20) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as part,
    ):
        for _ in range(size >> 20):
            part.write(bytes(1 << 20))
    return out.getvalue()


def test_hostile_workbooks_are_refused(desk) -> None:
    assert "unpack" in desk.refused(bomb(), name="a.xlsx")[0]
    assert "unpack to" in desk.refused(bomb("xl/worksheets/sheet1.xml", 80 << 20), name="a.xlsx")[0]
    assert "broken workbook" in desk.refused(b"PK\x03\x04junk", name="a.xlsx")[0]
    good = xlsx([["prefix", "rate"], [44, 0.1]])
    assert "broken" in desk.refused(good[: len(good) // 2], name="a.xlsx")[0]
    assert "found '=A1'" not in desk.refused(
        xlsx([["prefix", "rate"], [44, "=B9*2"]]), name="a.xlsx"
    )
    wide = xlsx([["prefix", "rate", *[f"c{n}" for n in range(400)]], [44, 0.1]])
    assert "more than 256 columns" in desk.refused(wide, name="a.xlsx")[0]
    assert "old Excel" in desk.refused(b"\xd0\xcf\x11\xe0" + bytes(600), name="a.xls")[0]


@settings(deadline=None, max_examples=60)
@given(data=st.binary(max_size=300), position=st.integers(0, 10_000))
def test_no_bytes_break_the_import(data, position, tmp_path_factory) -> None:
    desk = Desk(tmp_path_factory.mktemp("fuzz"))
    good = LAYOUTS["semicolon, Latin-1, decimal comma"]
    place = position % len(good)
    for content in (data, good[:place] + data + good[place:], b"PK\x03\x04" + data):
        try:
            desk.take(content)
        except RoutingDataError as error:
            assert error.problems
    desk.store.close()


def test_rows_come_out_sorted_however_many_values_are_held(monkeypatch) -> None:
    import random

    import vnroute.decks.sorting as sorting

    monkeypatch.setattr(sorting, "HELD", 40)
    draw = random.Random(5)
    rows = sorting.SortedRows()
    everything = []
    for start in range(0, 5000, 70):
        columns: list[list[Any]] = [[], [], [], [], []]
        for line in range(start, start + 70):
            prefix = str(draw.randrange(1, 10 ** draw.randrange(1, 16)))
            origin, effective, name = draw.choice(["", "x"]), draw.randrange(3), f"to {line % 90}"
            change = draw.choice(["", "delete"])
            term = (origin, "", effective, NO_END, "0", 1, 1, change, False)
            price = (f"0.{line}", bool(line % 7))
            values = (
                prefix, line, rows.terms.add(term), rows.prices.add(price), rows.names.add(name)
            )  # fmt: skip
            for column, value in zip(columns, values, strict=True):
                column.append(value)
            row = DeckRate(prefix, origin, "", effective, rate=price[0], blocked=price[1],
                           destination=name)  # fmt: skip
            everything.append((row, line, change))
        rows.add(*columns)
    everything.sort(key=lambda one: (one[0][:4], one[1]))
    found = list(rows)
    assert found == everything
    assert all(type(row) is DeckRate for row, _, _ in found)
    assert list(rows) == everything
    rows.close()


@pytest.mark.parametrize("text", ["", "0", "04", "4x", "\u0664", "1" * 16])
def test_what_is_no_prefix_is_no_record(text) -> None:
    with pytest.raises(ValueError):
        pack_records([text], [1], [0], [0], [0])


WAYS = ["44", "+44", "44 20", "4420-4423", "0044", "4x", "", "1" * 15, "1" * 16, "7 (1,2)"]
PRICES = ["0.01", "0.1", "$0.02", "blocked", "", "x", "1,5", "\u20ac3", " 0.01 "]
DATES = ["", "2026-12-01", "01.12.2026", "2026-13-01"]
CHANGES = ["", "new", "deleted", "blocked", "what"]
CELLS = st.tuples(*(st.sampled_from(cells) for cells in (WAYS, PRICES, DATES, CHANGES)))


@settings(deadline=None, max_examples=150)
@given(rows=st.lists(CELLS, min_size=1, max_size=25), size=st.sampled_from([1, 3, 4096]))
def test_rows_read_together_are_read_as_each_by_itself(rows, size, tmp_path_factory) -> None:
    """However the rows fall into blocks, and whatever was read before, each is read the same."""
    from vnroute.decks import tables
    from vnroute.decks.reading import read_deck

    path = tmp_path_factory.mktemp("rows") / "deck.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file).writerow
        write(["prefix", "rate", "effective", "change"])
        write(["999", "0.5", "", ""])
        for row in rows:
            write(row)
    mapping = {name: name for name in ("prefix", "rate", "effective", "change")}

    def read(rows_together: int, remembered: int) -> Any:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(tables, "_ROWS", rows_together)
            patched.setattr("vnroute.decks.reading._MOST_REMEMBERED", remembered)
            with opened_table(str(path)) as table:
                deck = read_deck(table, ReadingOptions(mapping=mapping, currency="USD"), now=NOW)
            found = list(deck.rows), deck.problems.kept, deck.count, deck.bad
            deck.rows.close()
            return found

    assert read(size, 200_000) == read(1, 0)


def test_lines_are_counted_through_quoted_line_ends_and_blank_lines(desk) -> None:
    text = 'prefix,rate,destination\r\n44,0.01,"a\r\nb"\r\n\r\n4x,0.01,c\r45,"0.1\n",d\n4y,1,e\n'
    lines = [found.split(":")[1] for found in desk.refused(text)]
    assert lines == ["5", "8"]


def test_a_line_that_does_not_end_is_refused(desk) -> None:
    text = "prefix,rate\n44,0.01\n45," + "1" * 300_000 + "\n46,0.1\n"
    assert desk.refused(text)[0].startswith("deck.csv:3: row: found a line of more than 65536")
