"""Concurrent calls: beside a count made second by second."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.calls.support import record
from vnroute.calls.base import CallFilter, GatewayRow
from vnroute.calls.concurrency import concurrency
from vnroute.calls.counting import Spans
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.reading import read_record
from vnroute.calls.spool_format import Position

DAY = 1_795_392_000.0  # 2026-11-23 00:00 UTC


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 25))),
    st.integers(0, 20),
    st.integers(30, 70),
    st.integers(1, 12),
)
def test_peaks_are_those_of_a_count(
    spans: list[tuple[int, int]], start: int, end: int, bucket: int
) -> None:
    calls = [(began, began + length) for began, length in spans]
    counted = Spans(start, end)
    for each in calls:
        one = array("I", [0])
        counted.add(one, one, one, one, array("q", each[:1]), array("q", each[1:]))
    (found,) = counted.peaks(1, bucket)
    up = {at: sum(b <= at < e for b, e in calls) for at in range(start, end)}
    for place in range(0, 120, bucket):
        inside = [up.get(at, 0) for at in range(place, place + bucket)]
        if not any(inside):
            assert place not in found
            continue
        peak, when, mean = found[place]
        assert peak == max(inside) == up[when]
        assert all(up.get(at, 0) < peak for at in range(place, when))
        assert abs(mean - sum(inside) / bucket) < 1e-9


def test_calls_over_midnight_count_on_both_days(new_address: Callable[[], str]) -> None:
    store = open_calls(new_address())
    store.put_decks(1, 0, [], [GatewayRow("alpha-1", "alpha", "", "")])
    rater = Rater(store)
    # Two days long, over midnight, and one within the day; talked from two seconds on.
    for at, (begin, talk) in enumerate(((-100_000, 150_000), (-60, 120), (-30, 20), (3600, 10))):
        body = record(started=DAY + begin, talk=talk, gateways="alpha-1", account=f"a{at % 2}")
        call = read_record(body, int((DAY + 100_000) * 1e6))
        store.add("spool", Position(1, at + 1), [rater.rated(call)])
    monday = CallFilter(20261123, 20261123)
    rows = concurrency(store, monday).rows
    assert [(row["hour"], row["peak"], row["at"]) for row in rows[:2]] == [
        (0, 2, "00:00:00"), (1, 2, "01:00:00")]  # fmt: skip
    (both,) = concurrency(store, CallFilter(20261122, 20261122), "day").rows
    assert (both["peak"], both["at"]) == (3, "23:59:30")
    by_account = concurrency(store, monday, "day", "account").rows
    assert [(row["account"], row["peak"]) for row in by_account] == [("a0", 1), ("a1", 1)]
    (carrier,) = concurrency(store, monday, "day", "carrier").rows
    assert (carrier["carrier"], carrier["peak"]) == ("alpha", 2)
    assert concurrency(store, CallFilter(20261201, 20261201)).rows == []
    one = CallFilter(20261123, 20261123, account="a1")
    assert concurrency(store, one, "day").rows[0]["peak"] == 1
    assert concurrency(store, one, "day", "carrier").rows[0]["peak"] == 1
    store.close()
