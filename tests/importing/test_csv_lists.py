"""Number lists and rate decks: what is read, each kind of mistake, and what is stored."""

import csv
import gzip
import io
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.importing.inputs import Input, guess_kind, opened
from vnroute.importing.lists import load_list
from vnroute.importing.numbers import read_number
from vnroute.importing.rates import read_prefix, read_rate
from vnroute.model import FieldError, RoutingDataError, parse_rate
from vnroute.model.e164 import parse_number, parse_prefix
from vnroute.store import Tally
from vnroute.store.base import PreparedDeck
from vnroute.store.sqlite import SqliteStore
from vnroute.store.sqlite_staging import SqliteStaging

HEADER = "number,account,plan\n"
ROW = "+18005550000,acme,acme-main\n"


@given(st.text(alphabet="+0123456789 .-()x", max_size=18) | st.text(max_size=18))
def test_the_fast_path_reads_numbers_as_the_model_does(text: str) -> None:
    try:
        expected = parse_number(text)
    except FieldError:
        with pytest.raises(FieldError):
            read_number(text)
    else:
        assert read_number(text) == expected


@given(st.text(alphabet="+0123456789. ", max_size=18) | st.text(max_size=18))
def test_the_fast_path_reads_prefixes_and_rates_as_the_model_does(text: str) -> None:
    for fast, model in ((read_prefix, parse_prefix), (read_rate, parse_rate)):
        try:
            expected = model(text)
        except FieldError:
            with pytest.raises(FieldError):
                fast(text)
        else:
            found = fast(text)
            assert found == expected or parse_rate(found) == expected


CELLS = st.sampled_from(
    ["+18005550001", "+1 800 555 0002", "+1800555", "acme", "acme-main", "other", "other-main",
     "spring", "a b", "", "active", "suspended", "gone", "x\ny", 'say "hi"', "a,b", "\0", "é"]
)  # fmt: skip


@settings(deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=12))
def test_a_list_is_taken_just_when_the_model_takes_every_row(rows, tmp_path_factory) -> None:
    from tests.importing.conftest import BASE, Desk
    from vnroute.model import Number
    from vnroute.store import open_store

    columns = ["number", "account", "plan", "campaign", "state"]
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    good, seen = True, set()
    for row in rows:
        if row == [""]:
            continue  # written as an empty quoted field, which is one field too few
        try:
            fields = {k: v for k, v in zip(columns, row, strict=True) if v or k not in columns[3:]}
            entry = Number(**fields)
            if entry.state not in ("active", "suspended") or entry.plan != f"{entry.account}-main":
                raise ValueError
            if entry.account not in ("acme", "other") or parse_number(entry.number) in seen:
                raise ValueError
            seen.add(parse_number(entry.number))
        except ValueError:
            good = False
    good = good and [""] not in rows
    folder = tmp_path_factory.mktemp("desk")
    store = open_store(folder / "home")
    desk = Desk(store, folder)
    desk.load(("base.yaml", BASE))
    before = desk.state()
    try:
        report = desk.load(("n.csv", text.getvalue()), only="numbers")
    except RoutingDataError:
        assert not good
        assert desk.state() == before
    else:
        assert good
        assert report.counts["numbers"].added == len(seen)
    store.close()


def test_columns_in_any_order_and_optional_ones(furnished) -> None:
    text = (
        "state,plan,number,campaign,account\r\n"
        'suspended,acme-main,"+1 (800) 555-0000",,acme\r\n\r\n'
        ",acme-main,+18005550001,spring,acme\r\n"
    )
    report = furnished.load(("n.csv", b"\xef\xbb\xbf" + text.encode()), only="numbers")
    assert report.counts == {"numbers": Tally(added=2)}
    first, second = (furnished.store.find_number(n) for n in (18005550000, 18005550001))
    assert (first.state, first.campaign) == ("suspended", "")
    assert (second.state, second.campaign) == ("active", "spring")


def test_gzip_is_unpacked_whatever_its_name(furnished) -> None:
    data = gzip.compress((HEADER + ROW).encode(), mtime=0)
    assert furnished.load(("n.csv.gz", data), only="numbers").total.added == 1
    assert furnished.load(("n.csv", data), only="numbers").total.unchanged == 1
    assert furnished.load(("n.csv", data)).total.unchanged == 1


COLUMNS = "expected the columns number,account,plan, and as you like campaign, state, from, until,"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [f"n.csv: header: found nothing, {COLUMNS}"]),
        (
            "number;account;plan\n",
            [f"n.csv:1: header: found 'number;account;plan', {COLUMNS}"],
        ),
        (
            "number,account,plan,stat\n",
            [f"n.csv:1: header: found the unknown column 'stat', {COLUMNS}"],
        ),
        ("number,account\n", [f"n.csv:1: header: found no column 'plan', {COLUMNS}"]),
        (
            "number,account,plan,plan\n",
            ["n.csv:1: header: found the column 'plan' again, expected each column once"],
        ),
        (
            HEADER + ROW + "+18005550001,acme\n",
            ["n.csv:3: plan: found 2 fields, expected 3 fields: number,account,plan"],
        ),
        (
            HEADER + "+18005550001,acme,acme-main,x\n",
            ["n.csv:2: row: found 4 fields, expected 3 fields: number,account,plan"],
        ),
        (
            HEADER + "18005550001,acme,acme-main\n+1800555,acme,acme-main\n",
            [
                "n.csv:2: number: found '18005550001', expected an E.164 number",
                "n.csv:3: number: found '+1800555' with 6 digits after +1, expected ten digits",
            ],
        ),
        (
            HEADER + ROW + "\n" + ROW,
            [
                "n.csv:4: number: found the same number again, "
                "expected each number once; it is first on line 2"
            ],
        ),
        (
            HEADER + "+18005550001,acne,acme-main\n+18005550002,acme,x\n",
            [
                "n.csv:2: account: found 'acne', "
                "expected an account that is there or comes along; did you mean acme?",
                "n.csv:3: plan: found 'x', expected a plan that is there or comes along",
            ],
        ),
        (
            HEADER + "+18005550001,other,acme-main\n",
            ["n.csv:2: plan: found 'acme-main', a plan of the account 'acme', expected a plan of"],
        ),
        (
            "number,account,plan,campaign,state\n+18005550001,acme,acme-main,a b,gone\n",
            [
                "n.csv:2: campaign: found 'a b', expected 1 to 64 letters",
                "n.csv:2: state: found 'gone', expected active, suspended, reserved,",
            ],
        ),
        (
            HEADER + '+18005550001,"acme,acme-main\n' + ROW * 3,
            ["n.csv:2: row: found a quoted field that goes on to line 5, expected fields with"],
        ),
        (
            HEADER + '"+18005550001"x,acme,acme-main\n',
            ["n.csv:2: row: found broken CSV (',' expected after '\"'), expected fields"],
        ),
        (
            HEADER + "x" * 70000 + "\n",
            ["n.csv:2: row: found a line of more than 65536 characters, expected a row a line"],
        ),
        (
            (HEADER + "+18005550001,acm\xe9,acme-main\n").encode("latin-1"),
            ["n.csv:2: account: found 'acm\\udce9', expected 1 to 64 letters"],
        ),
        (
            (HEADER + ROW).encode("utf-16"),
            ["n.csv:1: file: found UTF-16 or UTF-32 text, expected UTF-8 text"],
        ),
        (
            HEADER + "+18005550001\0,acme,acme-main\n",
            ["n.csv:2: number: found '+18005550001\\x00', expected an E.164"],
        ),
        (
            gzip.compress((HEADER + ROW).encode(), mtime=0)[:30],
            ["n.csv: file: found a broken gzip"],
        ),
        (b"\x1f\x8bgarbage", ["n.csv: file: found a broken gzip"]),
    ],
)
def test_each_mistake_in_a_number_list(furnished, text, problems) -> None:
    found = furnished.refused(("n.csv", text), only="numbers")
    assert len(found) == len(problems)
    for said, expected in zip(found, problems, strict=True):
        assert said.startswith(expected)


RATES = "prefix,carrier,rate\n"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "prefix,carrier\n",
            ["r.csv:1: header: found no column 'rate', expected the columns prefix,carrier,rate"],
        ),
        (
            RATES + "0,beta,x\n",
            [
                "r.csv:2: prefix: found '0', expected a prefix of 1 to 15 digits",
                "r.csv:2: rate: found 'x', expected a price a minute such as 0.0045",
                "r.csv:2: carrier: found 'beta', expected a carrier that is there or comes along",
            ],
        ),
        (RATES + "44,alpha\n", ["r.csv:2: rate: found 2 fields, expected 3 fields"]),
        (
            RATES + "44,alpha,0.1\n+44,alpha,0.2\n",
            [
                "r.csv:3: prefix: found the same prefix of a carrier again, "
                "expected each prefix of a carrier once; it is first on line 2"
            ],
        ),
        (
            b"prefix,carrier,rate,destination\n44,alpha,0.1,caf\xe9\n",
            ["r.csv:2: destination: found 'caf\\udce9', expected printable UTF-8 text"],
        ),
        (
            RATES + "44,alpha,0.123456789\n",
            ["r.csv:2: rate: found '0.123456789', expected a price"],
        ),
    ],
)
def test_each_mistake_in_a_rate_deck(furnished, text, problems) -> None:
    found = furnished.refused(("r.csv", text), only="rates")
    assert len(found) == len(problems)
    for said, expected in zip(found, problems, strict=True):
        assert said.startswith(expected)


def test_a_deck_replaces_that_of_its_carrier_alone(furnished) -> None:
    beta = "carriers: [{id: beta, gateways: [{id: beta-1, gateway: gwB}]}]"
    furnished.load(("c.yaml", beta), ("r.csv", RATES + "1,beta,0.5\n44,beta,0.5\n44,alpha,0.3\n"))
    report = furnished.load(("r.csv", RATES + "33,alpha,0.2\n"), only="rates", replace=True)
    assert report.counts == {"rates": Tally(added=1, removed=2)}
    assert [row[:3] for row in furnished.store.iter_rates()] == [
        ("1", "beta", "0.5"),
        ("33", "alpha", "0.2"),
        ("44", "beta", "0.5"),
    ]


def test_a_number_list_replaces_numbers_and_leaves_blocks(furnished) -> None:
    report = furnished.load(("n.csv", HEADER + ROW), only="numbers", replace=True)
    assert report.counts == {"numbers": Tally(added=1, removed=1)}
    assert furnished.store.counts().blocks == 1


def test_impossible_lengths_are_warned_of(furnished) -> None:
    text = HEADER + "+44123456789012,acme,acme-main\n+9991234567,acme,acme-main\n"
    report = furnished.load(("n.csv", text), only="numbers")
    assert [(w.line, w.expected) for w in report.warnings] == [
        (2, "7, 9 or 10 digits after +44"),
        (3, "a country code: none begins +999"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.csv", "number,account,plan\n", "numbers"),
        ("a", "plan,account,number\n", "numbers"),
        ("a", '"prefix","carrier","rate"\n', "rates"),
        ("a.yaml", "accounts:\n", "routing"),
        ("a", "{accounts: [], plans: []}\n", "routing"),
        ("a", "", "routing"),
        ("a.csv", "numbr,account,plan\n", "numbers"),
    ],
)
def test_kinds_are_guessed_by_header(desk, name, text, kind) -> None:
    with opened(desk.file(name, text)) as file:
        assert guess_kind(file) == kind
        assert file.stream.read() == text.encode()


def test_a_csv_without_a_known_header_is_refused(desk) -> None:
    problems = desk.refused(("x.csv", "a;b\n"))
    assert problems[0].startswith("x.csv:1: header: found 'a;b', expected the columns")


def test_a_file_that_is_not_there_and_one_that_is_no_file(desk, tmp_path) -> None:
    from vnroute.importing import load

    with pytest.raises(RoutingDataError) as caught:
        load(desk.store, [Input(str(tmp_path / "none.yaml")), Input(str(tmp_path))])
    assert [p.found for p in caught.value.problems] == [
        "no such file or directory",
        "is a directory",
    ]


def test_memory_does_not_grow_with_the_rows_and_progress_is_told(furnished) -> None:
    text = HEADER + "".join(f"+1800{i:07},acme,acme-main\n" for i in range(150_000))
    file = furnished.file("big.csv", text)
    del text
    from vnroute.importing import load

    told = []
    start = time.monotonic()
    tracemalloc.start()
    report = load(furnished.store, [file], only="numbers", progress=lambda *a: told.append(a[1:]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.counts["numbers"].added == 150_000
    assert peak < 40_000_000
    assert [rows for rows, _ in told][-1] == 150_000
    assert [part for _, part in told] == sorted(part for _, part in told)
    assert told[-1][1] == 1.0
    assert time.monotonic() - start < 60


def test_others_write_while_a_file_is_read(furnished, tmp_path, monkeypatch) -> None:
    """The write lock is held to write: a second writer who waits for nobody gets through."""
    monkeypatch.setattr("vnroute.store.sqlite_connection.BUSY_SECONDS", 0.05)
    monkeypatch.setattr("vnroute.importing.numbers._BATCH", 2)
    monkeypatch.setattr("vnroute.importing.rates._BATCH", 2)
    monkeypatch.setattr("vnroute.importing.lists._BATCH", 2)
    place = Path(furnished.store.location)
    furnished.load(("l.yaml", "lists: [{id: nuisance}]"))
    wrote: list[str] = []

    def between(file: str, rows: int, part: float | None) -> None:
        other = SqliteStore(place)
        with other.transaction("meanwhile") as writing:
            writing.put_currencies({"EUR": f"1.{len(wrote) + 1}"})
        other.close()
        wrote.append(file)

    numbers = HEADER + "".join(f"+1800555000{digit},acme,acme-main\n" for digit in range(6))
    furnished.load(("n.csv", numbers), only="numbers", progress=between)
    furnished.load(("m.csv", numbers.replace("555", "556")), progress=between)
    assert furnished.store.counts().numbers == 13
    rates = RATES + "".join(f"44{digit},alpha,0.1\n" for digit in range(6))
    furnished.load(("r.csv", rates), only="rates", progress=between)
    callers = furnished.file("c.csv", "caller\n" + "".join(f"+4420794601{n}*\n" for n in range(6)))
    load_list(furnished.store, "nuisance", [callers], progress=between)
    assert {name.rpartition("/")[2] for name in wrote} == {"n.csv", "m.csv", "r.csv", "c.csv"}
    assert len(wrote) >= 12
    assert furnished.store.currencies() == {"EUR": f"1.{len(wrote)}"}
    assert len(list(furnished.store.iter_callers())) == 6


def test_a_deck_that_changes_while_rates_are_prepared_is_merged_anew(
    furnished, monkeypatch
) -> None:
    real = SqliteStaging.prepare_rates

    def prepared(self: SqliteStaging, replace: bool) -> list[PreparedDeck]:
        found = real(self, replace)
        other = SqliteStore(Path(furnished.store.location))
        with other.transaction("meanwhile") as writing:
            writing.stage_rates([("7", "alpha", "0.7", "", 0), ("44", "alpha", "0.9", "", 1)])
            writing.apply_rates()
        other.close()
        return found

    monkeypatch.setattr(SqliteStaging, "prepare_rates", prepared)
    report = furnished.load(("r.csv", RATES + "44,alpha,0.2\n33,alpha,0.3\n"), only="rates")
    assert report.counts == {"rates": Tally(added=1, changed=1)}
    found = {row.prefix: row.rate for row in furnished.store.iter_rates()}
    assert found == {"1": "0.01", "33": "0.3", "44": "0.2", "7": "0.7"}


def test_a_row_tells_all_that_is_wrong_with_it(furnished) -> None:
    found = furnished.refused(
        ("n.csv", HEADER + "12,acme,nowhere\n+18005550009,acme,nowhere\n"), only="numbers"
    )
    assert [said.split(": found")[0] for said in found] == [
        "n.csv:2: number", "n.csv:2: plan", "n.csv:3: plan"
    ]  # fmt: skip
