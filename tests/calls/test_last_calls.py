"""The last calls of whatever is asked for, found as a walk over all of them would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vnroute.calls import sql_reading
from vnroute.calls.base import CallFilter, CallStore, RatedCall
from vnroute.calls.days import day_of
from vnroute.calls.opening import open_calls
from vnroute.calls.record import OUTCOMES, Call
from vnroute.calls.spool_format import Position

START = 1_795_392_000_000_000  # 2026-11-23 00:00 UTC
DAY = 86_400_000_000


def calls() -> Iterator[RatedCall]:
    """Calls over six days; some are told of late, and one outcome is of one day only."""
    for row in range(300):
        day = row // 50 - (row % 17 == 0)
        outcome = "declined" if row == 60 else OUTCOMES[row % 4]
        yield RatedCall(
            call=Call(
                uuid=f"call-{row}", started=START + day * DAY + row * 1_000_000, ended=START,
                number=f"+1800555{row % 7:04}", account=("acme", "globex")[row % 2],
                campaign=("", "spring", "radio")[row % 3], caller=f"+3491123{row % 9:04}",
                outcome=outcome,
            ),
            country="US",
        )  # fmt: skip


@pytest.fixture(scope="module")
def store(new_address: Any) -> Iterator[CallStore]:
    made = open_calls(new_address())
    made.add("test", Position(1, 1), list(calls()))
    yield made
    made.close()


DAYS = [0, *(day_of(START + day * DAY) for day in range(-2, 7))]
FILTERS = st.builds(
    CallFilter,
    first_day=st.sampled_from(DAYS),
    last_day=st.sampled_from([*DAYS, 99991231]),
    account=st.sampled_from(["", "", "acme", "nobody"]),
    campaign=st.sampled_from(["", "", "spring", "nothing"]),
    number=st.sampled_from(["", "", "+18005550003"]),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=FILTERS,
    count=st.integers(1, 60),
    caller=st.sampled_from(["", "", "+34911230004"]),
    outcome=st.sampled_from(["", *OUTCOMES, "whatever"]),
    recent=st.sampled_from([0, 20, 50_000]),
)
def test_as_a_walk_over_all_would(
    which: CallFilter, count: int, caller: str, outcome: str, recent: int, store: CallStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sql_reading, "_RECENT", recent)
    fitting = [
        each for each in store.calls(CallFilter())
        if (not which.first_day or each["day"] >= which.first_day)
        and (not which.last_day or each["day"] <= which.last_day)
        and all(
            not wanted or each[name] == wanted
            for name, wanted in (
                ("account", which.account), ("campaign", which.campaign),
                ("number", which.number), ("caller", caller), ("outcome", outcome),
            )
        )
    ]  # fmt: skip
    before, found = 0, []
    while True:
        page = store.last_calls(which, count, before=before, caller=caller, outcome=outcome)
        found = page + found
        if len(page) < count:
            break
        before = page[0]["id"]
    assert [each["id"] for each in found] == [each["id"] for each in fitting]
