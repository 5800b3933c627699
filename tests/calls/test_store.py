"""The store of calls: once each, legs beneath, sums that are the calls' own."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.calls.support import record
from tests.support.postgres import Postgres
from vnroute.calls.base import CallFilter, CallStore, DeckRow, GatewayRow
from vnroute.calls.days import day_of, written_day
from vnroute.calls.money import margin, money
from vnroute.calls.opening import open_calls
from vnroute.calls.postgres import PostgresCallStore
from vnroute.calls.postgres_database import PostgresDatabase
from vnroute.calls.rating import Rater, digits_dialled, whole_seconds
from vnroute.calls.reading import read_record
from vnroute.calls.record import Call
from vnroute.calls.reports import ReportError, make_report
from vnroute.calls.spool_format import Position
from vnroute.calls.sqlite import SqliteCallStore
from vnroute.model import Gateway
from vnroute.store import StoreError

GATEWAYS = [GatewayRow("alpha-1", "alpha", "", ""), GatewayRow("beta-1", "beta", "00", "#")]


def deck(*rows: tuple[str, str], kind: str = "carrier", owner: str = "alpha") -> list[DeckRow]:
    return [DeckRow(kind, prefix, owner, rate=rate) for prefix, rate in sorted(rows)]


RATES = deck(("1", "0.0060"), ("1212", "0.0045"))
DAY = 1_795_392_000.0  # 2026-11-23 00:00 UTC


@pytest.fixture
def store(address: str) -> Iterator[CallStore]:
    made = open_calls(address)
    made.put_decks(1, 0, RATES, GATEWAYS)
    yield made
    made.close()


def call(**more: object) -> Call:
    body = record(**({"started": DAY} | more))  # type: ignore[arg-type]
    return read_record(body, int((DAY + 600) * 1e6))


def put(store: CallStore, *calls: Call, at: int = 1) -> None:
    rater = Rater(store)
    store.add("spool", Position(1, at), [rater.rated(each) for each in calls])


def test_a_call_with_its_legs(store: CallStore) -> None:
    put(store, call(legs=((1, "NORMAL_TEMPORARY_FAILURE"), (0, "NONE")), talk=30.2))
    (found,) = store.calls(CallFilter())
    assert (found["outcome"], found["country"], found["talk_ms"]) == ("answered", "ES", 30_200)
    lost, won = found["legs"]
    assert (lost["carrier"], lost["gateway"], lost["cost"]) == ("beta", "beta-1", 0)
    assert (won["carrier"], won["prefix"], won["rate"]) == ("alpha", "1212", "0.0045")
    assert won["destination"] == "US"
    assert money(won["cost"]) == money(found["cost"]) == str(Decimal("0.0045") * 31 / 60)


def test_a_uuid_is_stored_once_however_it_comes_again(store: CallStore) -> None:
    first = call(call="u-1")
    put(store, first, first)
    again = msgspec.structs.replace(first, started=first.started + 86_400_000_000, talk_ms=99)
    rater = Rater(store)
    added = store.add("spool", Position(1, 2), [rater.rated(again), rater.rated(call())])
    assert (added.doubled, added.stored) == (1, 1)
    assert store.count(CallFilter()) == 2
    (row,) = make_report(store, "accounts", CallFilter()).rows
    assert row["calls"] == 2


def test_position_and_calls_are_one_transaction(
    store: CallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, call(), at=100)

    def broken(*_: object) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(store, "_put_sums", broken)
    with pytest.raises(StoreError):
        put(store, call(), at=200)
    assert store.position("spool") == Position(1, 100)
    assert store.count(CallFilter()) == 1
    assert store.position("another") is None


def test_late_and_reordered_are_counted(store: CallStore) -> None:
    rater = Rater(store)
    now = call()
    late = msgspec.structs.replace(call(started=DAY - 7200), received=int(DAY * 1e6))
    added = store.add("spool", Position(1, 1), [rater.rated(each) for each in (now, late)])
    assert (added.stored, added.late, added.reordered) == (2, 1, 1)


CALLS = st.builds(
    lambda outcome, campaign, caller, talk, hours, legs: call(
        campaign=campaign, caller=caller, talk=talk, started=DAY + 3600 * hours,
        legs=legs if outcome == "answered" else tuple(leg for leg in legs if leg[1] != "NONE"),
        cause="" if outcome == "answered" else outcome,
    ),
    st.sampled_from(["answered", "USER_BUSY", "NO_ANSWER", "ORIGINATOR_CANCEL"]),
    st.sampled_from(["spring", "autumn", ""]),
    st.sampled_from(["+34911234567", "+442079460123", "+12125550199", "anonymous"]),
    st.integers(0, 400).map(lambda tenths: tenths / 10),
    st.integers(-30, 30),
    st.sampled_from([((0, "NONE"),), ((1, "USER_BUSY"), (0, "NONE")), ((1, "NONE"),)]),
)  # fmt: skip


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(CALLS, max_size=25), st.integers(1, 9))
def test_reports_say_what_the_calls_say(
    new_address: Callable[[], str], calls: list[Call], batch: int
) -> None:
    store = open_calls(new_address())
    store.put_decks(1, 0, RATES, GATEWAYS)
    for at in range(0, len(calls), batch):
        # Doubled now and then: nothing may be counted twice.
        put(store, *calls[at : at + batch], *calls[:at:3], at=at + 1)
    for which in (CallFilter(), CallFilter(20261123, 20261123), CallFilter(20261101, 20261130)):
        first, last = which.first_day or 0, which.last_day or 99999999
        inside = [each for each in calls if first <= day_of(each.started) <= last]
        stored = list(store.calls(which))
        assert len(stored) == len(inside)
        rows = {row["campaign"]: row for row in make_report(store, "campaigns", which).rows}
        assert set(rows) == {each.campaign for each in inside}
        for campaign, row in rows.items():
            mine = [each for each in stored if each["campaign"] == campaign]
            answered = [each for each in mine if each["outcome"] == "answered"]
            assert (row["calls"], row["answered"]) == (len(mine), len(answered))
            assert row["missed"] == row["calls"] - row["answered"]
            assert row["talk_seconds"] == sum(each["talk_ms"] for each in mine) / 1000
            assert Decimal(row["cost"]) == sum(Decimal(each["cost"] or 0) for each in mine) / 10**8
            assert row["unrated"] == sum(each["cost"] is None for each in answered)
            if campaign:
                callers = [each["caller"] for each in mine if each["caller"]]
                assert row["callers"] == len(set(callers))
                assert row["repeat_callers"] == sum(callers.count(c) > 1 for c in set(callers))
        for subject, by, total in (
            ("campaigns", "hour", len(inside)),
            ("campaigns", "country", len(inside)),
            ("accounts", "day", len(inside)),
            ("days", "country", len(inside)),
            ("numbers", "campaign", len(inside)),
        ):
            assert (
                sum(row["calls"] for row in make_report(store, subject, which, [by]).rows) == total
            )
        days = make_report(store, "days", which).rows
        assert [row["day"] for row in days] == sorted({row["day"] for row in days})
        assert Counter({row["day"]: row["calls"] for row in days}) == Counter(
            written_day(each["started"]) for each in stored
        )
        legs = [leg for each in stored for leg in each["legs"]]
        carriers = make_report(store, "carriers", which, ["gateway", "destination"]).rows
        assert sum(row["legs"] for row in carriers) == len(legs)
        assert sum(row["answered"] for row in carriers) == sum(
            leg["outcome"] == "answered" for leg in legs
        )
    store.close()


def test_measures() -> None:
    from vnroute.calls.reports import SUBJECTS

    row = {"legs": 10, "answered": 4, "busy": 2, "no_answer": 1, "declined": 1, "cancelled": 0,
           "failed": 2, "talk_ms": 120_000, "pdd_ms": 900, "currency": "", "pdd_legs": 3,
           "cost": 12_345_678, "unrated": 0}  # fmt: skip
    made = SUBJECTS["carriers"].measures(row)
    assert (made["asr"], made["ner"], made["acd_seconds"], made["pdd_ms"]) == (
        0.4,
        0.8,
        30.0,
        300.0,
    )
    assert made["cost"] == "0.12345678"
    none = SUBJECTS["carriers"].measures(dict.fromkeys(row, 0))
    assert (none["asr"], none["acd_seconds"], none["pdd_ms"]) == (None, None, None)


@pytest.mark.parametrize(
    "subject, which, by, why",
    [
        ("cats", CallFilter(), [], "there are campaigns, accounts, numbers, sources"),
        ("campaigns", CallFilter(), ["hour; DROP TABLE calls"], "expected account, country"),
        ("campaigns", CallFilter(), [""], "no such grouping"),
        ("campaigns", CallFilter(), ["hour", "country"], "at once"),
        ("carriers", CallFilter(account="acme"), [], "one account"),
        ("days", CallFilter(number="+18005551234"), ["country"], "of one number"),
    ],
)
def test_reports_that_cannot_be_made(
    store: CallStore, subject: str, which: CallFilter, by: list[str], why: str
) -> None:
    with pytest.raises(ReportError, match=why):
        make_report(store, subject, which, by)


def test_calls_are_rated_by_the_deck_in_force_when_they_began(store: CallStore) -> None:
    day = int(DAY * 1e6)
    store.put_decks(2, day, deck(("1", "0.0060"), ("1212", "0.0100")), GATEWAYS)
    store.put_decks(3, day + 10_000_000, deck(("1", "0.0060")), GATEWAYS)
    for when, found in (
        (day - 1, {"1": "0.0060", "1212": "0.0045"}),
        (day, {"1": "0.0060", "1212": "0.0100"}),
        (day + 9_999_999, {"1": "0.0060", "1212": "0.0100"}),
        (day + 10_000_000, {"1": "0.0060"}),
    ):
        rows = store.deck_rows("carrier", "alpha", "12125550100", when)
        assert {row.prefix: row.rate for row in rows} == found
    assert store.deck_rows("carrier", "alpha", "442079460123", day) == []
    assert store.deck_rows("carrier", "beta", "12125550100", day) == []
    assert store.deck_rows("account", "alpha", "12125550100", day) == []
    assert store.deck_counter() == 3


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.dictionaries(st.sampled_from(["1", "12", "121", "44", "4420"]),
                                st.sampled_from(["0.1", "0.2", "0.3"])), min_size=1, max_size=5),
       st.sampled_from(["12125550100", "1300", "442079460123", "4930"]))  # fmt: skip
def test_the_longest_prefix_of_that_moment_counts(
    new_address: Callable[[], str], decks: list[dict[str, str]], digits: str
) -> None:
    store = open_calls(new_address())
    second = 1_000_000
    for at, rates in enumerate(decks):
        store.put_decks(at, at * 100 * second, deck(*rates.items()), GATEWAYS)
    rater = Rater(store)
    for at, rates in enumerate(decks):
        fitting = [prefix for prefix in rates if digits.startswith(prefix)]
        best = max(fitting, key=len, default=None)
        made = msgspec.structs.replace(
            call(gateways="alpha-1", dialled=digits, talk=60), started=(at * 100 + 50) * second
        )
        cost = rater.rated(made).cost
        assert cost == (None if best is None else int(Decimal(rates[best]) * 10**8))
    store.close()


def test_fees_increments_prices_and_the_cost_to_receive(store: CallStore) -> None:
    rates = [
        DeckRow("account", "1", "acme", rate="0.02", fee="0.01", first=60, next=60, currency="EUR"),
        DeckRow("account", "34", "tollfree-in", rate="0.03", first=30, next=6, currency="USD"),
        DeckRow("account", "34911", "tollfree-in", rate="0.012", first=30, next=6, currency="USD"),
        DeckRow("carrier", "1212", "alpha", rate="0.0045", fee="0.001", first=6, next=6,
                currency="USD"),
    ]  # fmt: skip
    store.put_decks(2, 0, rates, GATEWAYS)
    rater = Rater(store, {"1800": "tollfree-in"})
    spain = call(number="+18005551234", caller="+34911234567", gateways="alpha-1", talk=61)
    # 61 s from the answer: 60/60 bills 120, 30/6 bills 66, 6/6 bills 66.
    made = rater.rated(spain)
    assert (money(made.price), made.price_currency) == ("0.05", "EUR")
    assert (money(made.receive_cost), made.receive_currency) == ("0.0132", "USD")
    assert (money(made.cost), made.cost_currency, made.billed) == ("0.00595", "USD", (66,))
    local = rater.rated(call(number="+12125551234", gateways="alpha-1", talk=61))
    missed = rater.rated(call(gateways="alpha-1", legs=((0, "USER_BUSY"),)))
    hidden = rater.rated(call(caller="anonymous", gateways="alpha-1", talk=1))
    assert (local.receive_cost, missed.price, missed.cost) == (None, 0, 0)
    assert (hidden.receive_cost, money(hidden.price)) == (None, "0.03")
    store.add("spool", Position(1, 1), [made, local, missed, hidden])
    first, *_ = store.calls(CallFilter())
    assert margin(first) is None  # euros less dollars
    assert (first["legs"][0]["fee"], first["legs"][0]["billed_seconds"]) == ("0.001", 66)
    for subject in ("campaigns", "accounts", "numbers"):
        rows = make_report(store, subject, CallFilter()).rows
        assert sum(row["calls"] for row in rows) == 4
        euros = [row for row in rows if row["currency"] == "EUR"]
        dollars = [row for row in rows if row["currency"] == "USD"]
        assert sum(Decimal(row["price"]) for row in euros) == Decimal("0.13")
        assert sum(Decimal(row["cost"]) for row in dollars) == Decimal("0.00595") * 2 + Decimal(
            "0.00145"
        )
        assert sum(Decimal(row["receive_cost"]) for row in dollars) == Decimal("0.0132")
        assert sum(Decimal(row["margin"]) for row in dollars) == -(
            Decimal("0.00595") * 2 + Decimal("0.00145") + Decimal("0.0132")
        )
    (alpha,) = [row for row in make_report(store, "carriers", CallFilter()).rows
                if row["currency"] == "USD"]  # fmt: skip
    assert alpha["cost"] == "0.01335"


def test_money_is_written_exactly() -> None:
    assert (money(0), money(None), money(10**8), money(-5)) == ("0", "", "1", "-0.00000005")
    assert [whole_seconds(ms) for ms in (0, 1, 999, 1000, 1001)] == [0, 1, 1, 1, 2]


def test_the_number_behind_what_was_dialled() -> None:
    alpha, beta = GATEWAYS
    assert digits_dialled("12125550100", alpha) == digits_dialled("0012125550100#", beta)
    assert digits_dialled("+12125550100", alpha) == "12125550100"
    for wrong in ("12125550100", "00#", "00x#", "0012345678901234567#"):
        assert not digits_dialled(wrong, beta) or wrong == "00#"


def test_the_number_behind_what_formats_wrote() -> None:
    gateway = Gateway(
        id="g", gateway="g", format="7{e164_digits}",
        formats={"+44": "0{national}", "+1": "{national}", "+1212": "9{e164_digits:1}"},
    )  # fmt: skip
    ways = [(way.prefix, way.strip, way.before, way.after) for way in gateway.dials()]
    row = GatewayRow("g", "c", "7", "", msgspec.json.encode(ways).decode())
    for number in ("442079460123", "15125550100", "12125550100", "34911234567"):
        dialled = gateway.dial(number).rpartition("/")[2]
        assert digits_dialled(dialled, row) == number
    assert digits_dialled("5", row) == ""
    cut = GatewayRow("g", "c", "7", "", '[["", 2, "7", ""]]')
    assert digits_dialled("72079460123", cut) == ""  # what was left off is not known


def test_calls_are_removed_by_day_and_sums_stay(store: CallStore) -> None:
    put(store, call(started=DAY - 86400 * 3), call(started=DAY - 86400), call())
    assert store.remove_before(20261122) == 1
    assert store.remove_before(20261122) == 0
    assert [each["day"] for each in store.calls(CallFilter())] == [20261122, 20261123]
    assert make_report(store, "accounts", CallFilter()).rows[0]["calls"] == 3


def test_a_foreign_a_newer_and_a_damaged_database_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE x (y)")
    with pytest.raises(StoreError, match="no database of vnroute's calls"):
        SqliteCallStore(foreign)
    newer = tmp_path / "newer.db"
    SqliteCallStore(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute("INSERT INTO schema_version VALUES (99, '')")
    with pytest.raises(StoreError, match="newer vnroute"):
        SqliteCallStore(newer)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"not a database, " * 99)
    with pytest.raises(StoreError, match="no SQLite database"):
        SqliteCallStore(damaged)
    with pytest.raises(StoreError, match="no calls are stored"):
        SqliteCallStore(tmp_path / "none.db", create=False)


@pytest.mark.postgres
def test_postgresql_is_partitioned_by_day_and_refuses_what_is_not_its_own(
    postgres: Postgres,
) -> None:
    url = postgres.database("own")
    store = PostgresCallStore(url)
    put(store, call(started=DAY - 86400), call())
    database = PostgresDatabase(url)

    def partitions() -> list[str]:
        found = database.rows(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'calls'::regclass ORDER BY 1"
        )
        return [name for (name,) in found]

    assert partitions() == ["calls_20261122", "calls_20261123"]
    assert store.remove_before(20261123) == 1
    assert partitions() == ["calls_20261123"]
    put(store, call(started=DAY - 86400), at=2)  # the partition is made again
    assert store.count(CallFilter()) == 2
    database.execute("INSERT INTO schema_version VALUES (99, '')")
    with pytest.raises(StoreError, match="newer vnroute"):
        PostgresCallStore(url)
    database.close()
    store.close()
    foreign = postgres.database("foreign")
    other = PostgresDatabase(foreign)
    other.execute("CREATE TABLE calls (x int)")
    other.close()
    with pytest.raises(StoreError, match="tables of another program"):
        PostgresCallStore(foreign)
    with pytest.raises(StoreError, match="does not exist"):
        PostgresCallStore(foreign + "x")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1"):
        PostgresCallStore("postgresql://vnroute@127.0.0.1:1/calls")


@pytest.mark.postgres
def test_two_nodes_store_into_one_postgresql(postgres: Postgres) -> None:
    """Some calls were posted to both; ids are given in the order of the transactions."""
    url = postgres.database("nodes")
    PostgresCallStore(url).close()
    calls = [call(call=f"u-{at}") for at in range(200)]

    def node(spool: str, mine: list[Call]) -> None:
        store = PostgresCallStore(url)
        rater = Rater(store)
        for at in range(0, len(mine), 10):
            batch = [rater.rated(each) for each in mine[at : at + 10]]
            store.add(spool, Position(1, at + 1), batch)
        store.close()

    threads = [
        threading.Thread(target=node, args=(name, mine))
        for name, mine in (("a", calls[:150]), ("b", calls[50:]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = PostgresCallStore(url)
    stored = list(store.calls(CallFilter()))
    assert sorted(each["uuid"] for each in stored) == sorted(each.uuid for each in calls)
    assert [each["id"] for each in stored] == list(range(1, 201))
    assert make_report(store, "accounts", CallFilter()).rows[0]["calls"] == 200
    store.close()


def test_sql_in_every_field_is_text(store: CallStore) -> None:
    evil = "x'); DROP TABLE calls; --"
    put(store, call(name=evil, switchname=evil, caller=evil, number=evil, campaign=evil))
    (found,) = store.calls(CallFilter())
    assert found["caller_name"] == evil
    assert store.count(CallFilter(campaign=evil, account=evil)) == 0


def test_a_month_of_callers_is_kept_while_it_grows(store: CallStore) -> None:
    month = CallFilter(20261101, 20261130)
    for at, (caller, callers, again) in enumerate(
        [("+34911234567", 1, 0), ("+34911234567", 1, 1), ("+34911234567", 1, 1),
         ("+442079460123", 2, 1), ("anonymous", 2, 1)]
    ):  # fmt: skip
        put(store, call(caller=caller), at=at + 1)
        assert store.callers(month) == {"spring-26": (callers, again)}
    put(store, *(call(caller="+12125550199") for _ in range(3)), at=9)
    assert store.callers(month)["spring-26"] == (3, 2)
    assert time.time() > 0


def test_an_empty_store_opened_by_several_at_once(new_address: Callable[[], str]) -> None:
    """Drain, webhook and a report, each with a connection of its own, on the first start."""
    for _ in range(3):
        address = new_address()
        with ThreadPoolExecutor(6) as pool:
            for store in pool.map(lambda _, address=address: open_calls(address), range(6)):
                assert store.counter("calls") == 0
                store.close()
