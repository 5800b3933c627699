"""Sums of months: whatever days are asked for, the figures are those of the days."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calls.support import record
from vnroute.calls.base import CallFilter, CallStore
from vnroute.calls.days import first_moment, months_within
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.reading import read_record
from vnroute.calls.reports import make_report
from vnroute.calls.spool_format import Position
from vnroute.calls.sql_reading import MONTHS, TABLES

DAYS = (20260930, 20261001, 20261015, 20261031, 20261101, 20261130, 20261201, 20270102)


def fill(store: CallStore) -> None:
    """Store calls of all those days, in batches that hold several of them."""
    calls = []
    for at in range(96):
        day = DAYS[at % len(DAYS)]
        body = record(
            campaign=f"campaign-{at % 3}", account=f"account-{at % 2}", talk=at % 7,
            number=f"+1800555{at % 5:04}", started=first_moment(day) / 1e6 + 3600 * (at % 24),
            caller=("+34911234567", "+12125550123", "+442079460123")[at % 3],
            legs=((0, "NONE"),) if at % 4 else ((0, "USER_BUSY"),),
        )  # fmt: skip
        calls.append(read_record(body, first_moment(20270103)))
    rater = Rater(store)
    for at in range(0, 96, 20):
        some = [rater.rated(call) for call in calls[at : at + 20]]
        store.add("spool", Position(1, at + 1), some)
        store.add("spool", Position(1, at + 1), some)  # posted again


@pytest.fixture(scope="module")
def filled(new_address: Any) -> Iterator[CallStore]:
    store = open_calls(new_address())
    fill(store)
    yield store
    store.close()


def by_days(store: CallStore, table: str, which: CallFilter, by: list[str]) -> Any:
    """Return the sums as the days alone tell them: grouped by day, and added up here."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in store.sums(table, which, ["day", *by]):
        sums = found.setdefault(tuple(row[name] for name in by), [0] * len(TABLES[table][1]))
        for place, name in enumerate(TABLES[table][1]):
            sums[place] += row[name]
    return found


@given(
    st.sampled_from(sorted(MONTHS)),
    st.sampled_from((0, *DAYS, 20261002, 20261231)),
    st.sampled_from((0, *DAYS, 20261130, 20261231, 99991231)),
    st.sampled_from(("", "campaign-1")),
    st.integers(1, 3),
)
@settings(max_examples=150, deadline=None)
def test_months_and_days_add_up_alike(
    filled: CallStore, table: str, first: int, last: int, campaign: str, width: int
) -> None:
    which = CallFilter(first, last, campaign=campaign)
    by = [name for name in TABLES[table][0] if name != "day"][:width]
    made = {
        tuple(row[name] for name in by): [row[name] for name in TABLES[table][1]]
        for row in filled.sums(table, which, by)
    }
    assert made == by_days(filled, table, which, by)
    if not campaign:
        assert sum(row[0] for row in made.values()) == filled.count(which)


def test_a_report_of_a_month_is_that_of_its_calls(filled: CallStore) -> None:
    report = make_report(filled, "campaigns", CallFilter(20261001, 20261031))
    calls = list(filled.calls(CallFilter(20261001, 20261031)))
    for row in report.rows:
        own = [call for call in calls if call["campaign"] == row["campaign"]]
        assert row["calls"] == len(own)
        assert row["callers"] == len({call["caller"] for call in own})
        assert row["talk_seconds"] == sum(call["talk_ms"] for call in own) / 1000


@pytest.mark.parametrize(
    "first, last, months",
    [
        (20261101, 20261130, (202611, 202611)),
        (20261102, 20261130, None),
        (20261101, 20261129, None),
        (20261101, 20261131, (202611, 202611)),
        (20261015, 20270114, (202611, 202612)),
        (20261231, 20270131, (202701, 202701)),
        (20260201, 20260228, (202602, 202602)),
        (20280201, 20280228, None),
        (0, 20261115, (1, 202610)),
        (0, 20260131, (1, 202601)),
        (20261101, 0, (202611, 999912)),
        (0, 0, (1, 999912)),
    ],
)
def test_the_months_between_two_days(first: int, last: int, months: tuple[int, int] | None) -> None:
    assert months_within(first, last) == months


def test_a_database_of_before_is_given_its_months(tmp_path: Path) -> None:
    """The migration, over what the version before left: it, and those behind it, are undone."""
    store = open_calls(tmp_path)
    fill(store)
    wanted = store.sums("campaign_days", CallFilter(20261001, 20261130), ["campaign"])
    store.close()
    database = sqlite3.connect(tmp_path / "cdr.db")
    for table in set(MONTHS.values()):
        database.execute(f"DROP TABLE {table}")
    place = files("vnroute.calls.migrations").joinpath("sqlite")
    (months,) = (each.name for each in place.iterdir() if each.name.endswith("_months.sql"))
    for later in (each for each in place.iterdir() if each.name > months):
        for what, name in re.findall(r"CREATE (TABLE|INDEX) (\w+)", later.read_text()):
            database.execute(f"DROP {what} IF EXISTS {name}")  # an index goes with its table
    database.execute("DELETE FROM schema_version WHERE version >= ?", (int(months[:4]),))
    database.commit()
    database.close()
    store = open_calls(tmp_path)
    assert store.sums("campaign_days", CallFilter(20261001, 20261130), ["campaign"]) == wanted
    store.close()
