"""Cells of rate decks: prefixes, prices, dates, increments."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.decks.columns import FIELDS, guess
from vnroute.decks.fields import (
    Dates,
    read_change,
    read_increments,
    read_prefixes,
    read_price,
)
from vnroute.model import FieldError

CODES = st.integers(1, 999_999).map(str)


@pytest.mark.parametrize(
    ("text", "country", "prefixes"),
    [
        ("4420", "", "4420"),
        ("4420, 4421-4425", "", "4420 4421 4422 4423 4424 4425"),
        ("44 (20,21)", "", "4420 4421"),
        ("44(20-22; 7)", "", "4420 4421 4422 447"),
        ("1 (212), 33", "", "1212 33"),
        ("4420;4421", "", "4420 4421"),
        ("4421-25", "", "4421 4422 4423 4424 4425"),
        ("+44 20", "", "4420"),
        ("004420", "", "4420"),
        ("01144", "", "44"),
        ("4420,4420", "", "4420"),
        ("20, 21-23", "44", "4420 4421 4422 4423"),
        ("08-10", "49", "4908 4909 4910"),
        ("", "44", "44"),
        ("-", "+44", "44"),
    ],
)
def test_prefixes(text, country, prefixes) -> None:
    assert read_prefixes(text, country) == prefixes.split()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0",
        "44-20",
        "4425-4421",
        "1-20000",
        "4420 4421",
        "4.42E+10",
        "44--20",
        "1" * 16,
        "()",
    ],
)
def test_what_is_no_prefix(text) -> None:
    with pytest.raises(FieldError):
        read_prefixes(text)


@given(st.lists(CODES, min_size=1, max_size=6), st.sampled_from([",", ", ", ";", " / ", "|"]))
def test_any_list_of_codes_is_read(codes, between) -> None:
    assert read_prefixes(between.join(codes)) == list(dict.fromkeys(codes))


@given(st.integers(10, 99_999), st.integers(0, 300), st.booleans())
def test_any_range_is_the_codes_in_it(first, more, short) -> None:
    last = first + more
    if len(str(last)) != len(str(first)):
        return
    end = str(last)
    if short:  # only what differs is written
        end = end[next((i for i in range(len(end)) if str(first)[i] != end[i]), 0) :]
    expected = [str(code) for code in range(first, last + 1)]
    assert read_prefixes(f"{first}-{end}") == expected


@given(st.text(alphabet="0123456789+-,;() ./x", max_size=25) | st.text(max_size=15))
def test_no_text_breaks_the_readers(text) -> None:
    for read in (read_prefixes, read_price, read_increments, read_change):
        try:
            read(text)
        except FieldError as error:
            assert error.expected
    for order in ("", "dmy"):
        try:
            Dates(order).read(text, "effective")
        except FieldError as error:
            assert error.expected


@pytest.mark.parametrize(
    ("text", "mark", "price", "currency"),
    [
        ("0.012", "", "0.012", ""), ("0,012", "", "0.012", ""), ("USD 0.012", "", "0.012", "USD"),
        ("$0.012", "", "0.012", "USD"), ("€ 0,05", "", "0.05", "EUR"), ("1.2¢", ".", "0.012", ""),
        ("0.05 EUR", ".", "0.05", "EUR"), ("1,234.5", "", "1234.5", ""), (".5", ".", "0.5", ""),
        ("1.234,5", "", "1234.5", ""), ("1,234", ".", "1234", ""), ("1,234", ",", "1.234", ""),
        ("1.234", ".", "1.234", ""), ("1 234,5", ",", "1234.5", ""), ("0.0120", ".", "0.0120", ""),
        ("0.0123/min", ".", "0.0123", ""), ("00.5", ".", "0.5", ""),
        ("0.012300000000001", ".", "0.01230000", ""),
    ],
)  # fmt: skip
def test_prices(text, mark, price, currency) -> None:
    assert read_price(text, mark) == (price, currency)


@pytest.mark.parametrize(
    ("text", "mark"),
    [("", "."), ("x", "."), ("-1", "."), ("1,234", ""), ("0,12", "."), ("1.2.3", "."),
     ("0.123456789", "."), ("1e5", "."), ("9999999", "."), ("=A1", ".")],
)  # fmt: skip
def test_what_is_no_price(text, mark) -> None:
    with pytest.raises(FieldError):
        read_price(text, mark)


DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(DAYS, st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d %b %Y", "%d-%B-%y",
                              "%b %d, %Y", "%Y-%m-%dT00:00:00Z", "%Y-%m-%d 00:00"]))  # fmt: skip
def test_dates_that_are_one_day(day, form) -> None:
    expected = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    dates = Dates()
    assert dates.read(day.strftime(form), "effective") == expected
    assert not dates.undecided


@given(DAYS)
def test_a_serial_number_of_a_spreadsheet(day) -> None:
    serial = (day - date(1899, 12, 30)).days
    expected = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    assert Dates().read(str(serial), "effective") == expected


@given(DAYS, st.sampled_from("/-"))
def test_a_date_that_may_be_two_days_is_not_guessed(day, mark) -> None:
    text = day.strftime(f"%d{mark}%m{mark}%Y")
    dates = Dates()
    dates.read(text, "effective")
    assert bool(dates.undecided) == (day.day <= 12 and day.day != day.month)
    given_order = Dates("mdy")
    if day.day <= 12:
        swapped = datetime(day.year, day.day, day.month, tzinfo=UTC)
        assert given_order.read(text, "effective") == int(swapped.timestamp())
    else:
        with pytest.raises(FieldError):
            given_order.read(text, "effective")


def test_clocks_and_zones() -> None:
    noon = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
    for text in ("2026-12-01 12:00", "2026-12-01T13:00+01:00", "01.12.2026 12:00:00",
                 "2026-12-01 12:00 PM", "2026-12-01 12:00 GMT"):  # fmt: skip
        assert Dates().read(text, "effective") == noon
    ahead = Dates(zone=datetime.now().astimezone(UTC).tzinfo or UTC)
    assert ahead.read("2026-12-01", "effective") == noon - int(timedelta(hours=12).total_seconds())
    assert Dates(form="%y|%d|%m").read("26|01|12", "effective") == noon - 43200


def test_increments_and_changes() -> None:
    cases = {"60/6": (60, 6), "1+1": (1, 1), "60": (60, 60), "30 / 6": (30, 6), "0/60": (60, 60)}
    assert {text: read_increments(text) for text in cases} == cases
    assert read_change("Rate Increase") == ("", False)
    assert read_change("Deleted") == read_change("code withdrawn") == ("delete", False)
    assert read_change("Blocked") == ("", True)
    for text in ("0/0", "60/9999", "x", "1/2/3"):
        with pytest.raises(FieldError):
            read_increments(text)


#: What fills a column of each field, so that contents agree with names.
CELLS = {"prefix": "4420", "destination": "UK London", "rate": "0.0123", "effective": "2026-12-01",
         "increments": "60/6", "fee": "0.01", "currency": "USD", "end": "2027-12-01"}  # fmt: skip


@given(st.data())
def test_any_order_and_any_common_spelling_of_columns_is_told(data) -> None:
    extra = data.draw(st.sets(st.sampled_from(sorted(set(CELLS) - {"prefix", "rate"}))))
    fields = data.draw(st.permutations(["prefix", "rate", *sorted(extra)]))
    header = []
    for field in fields:
        name = data.draw(st.sampled_from(FIELDS[field]))
        style = data.draw(
            st.sampled_from([str.title, str.upper, str, lambda t: t.replace(" ", "_")])
        )
        header.append(style(name))
    sample = [[CELLS[field] for field in fields]] * 3
    assert guess(header, sample) == {field: place for place, field in enumerate(fields)}


def test_no_spelling_stands_for_two_fields() -> None:
    names = [name for spellings in FIELDS.values() for name in spellings]
    assert len(names) == len(set(names))
