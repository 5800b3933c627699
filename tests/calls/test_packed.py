"""Calls by column: what is counted from them is what the calls say, however they were stored."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calls.support import record
from vnroute.calls.base import CallFilter, CallStore, GatewayRow, RatedCall
from vnroute.calls.concurrency import concurrency
from vnroute.calls.counting import LEFT_OUT, Callers, Spans
from vnroute.calls.opening import open_calls
from vnroute.calls.packed import PackedRow, caller_code, level_of, merge, pack, read_part
from vnroute.calls.rating import Rater
from vnroute.calls.reading import read_record
from vnroute.calls.spool_format import Position
from vnroute.calls.sql_store import SqlCallStore
from vnroute.store import StoreError

DAY = 1_795_392_000.0  # 2026-11-23 00:00 UTC
HOUR = 3600 * 1_000_000

TEXT = st.sampled_from(["", "a", "b", "\u00fc"])
ROWS = st.lists(
    st.builds(
        PackedRow, TEXT, TEXT, st.sampled_from(["", "+34911234567", "*31", "0911234567"]),
        st.integers(0, 10**15), st.integers(0, 10**15),
        st.lists(st.tuples(TEXT, st.integers(1, 10**6)), max_size=3),
    ),
    max_size=20,
)  # fmt: skip


def as_rows(part: object) -> list[tuple[object, ...]]:
    """Return what a part says, a call and a leg at a time."""
    packed = read_part(msgspec.msgpack.encode(part))
    calls = zip(
        memoryview(packed.key).cast("I"), memoryview(packed.caller).cast("Q"),
        memoryview(packed.began).cast("q"), memoryview(packed.ended).cast("q"), strict=True,
    )  # fmt: skip
    legs = zip(
        memoryview(packed.leg_key).cast("I"), memoryview(packed.leg_carrier).cast("I"),
        memoryview(packed.leg_began).cast("q"), memoryview(packed.leg_ended).cast("q"), strict=True,
    )  # fmt: skip
    return [
        *(("call", packed.keys[key], *rest) for key, *rest in calls),
        *(("leg", packed.keys[key], packed.carriers[at], *rest) for key, at, *rest in legs),
    ]


@given(ROWS, ROWS)
def test_parts_put_together_say_what_each_said(
    some: list[PackedRow], more: list[PackedRow]
) -> None:
    whole = as_rows(merge([pack(some), pack(more)]))
    assert Counter(whole) == Counter(as_rows(pack([*some, *more])))
    assert [row[1:] for row in whole if row[0] == "call"] == [
        (each[:2], caller_code(each.caller), each.started, each.ended) for each in [*some, *more]
    ]
    assert sum(row[0] == "leg" for row in whole) == sum(len(each.talked) for each in some + more)


@given(st.binary(max_size=60))
def test_what_is_no_part_is_refused(body: bytes) -> None:
    try:
        part = read_part(body)
    except ValueError:
        return
    assert len(part.key) * 2 == len(part.caller)


def test_callers_keep_apart() -> None:
    texts = [
        "+34911234567", "34911234567", "034911234567", "+034911234567", "*34911234567", "",
        "+999999999999999", "+9999999999999999", "#", "+1", "+\u0661",
    ]  # fmt: skip
    codes = [caller_code(each) for each in texts]
    assert len(set(codes)) == len(texts)
    assert codes[0] == 34911234567 and codes[5] == 0
    assert all(0 <= code < 1 << 63 for code in codes)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9))))
def test_different_callers_are_those_of_a_count(calls: list[tuple[int, int]]) -> None:
    groups = array("I", [0, 1, LEFT_OUT, 0])  # the first and the last key are of one group
    counted = Callers()
    for at in range(0, len(calls), 7):
        some = calls[at : at + 7]
        counted.add(array("I", [k for k, _ in some]), array("Q", [c for _, c in some]), groups)
    for group, found in enumerate(counted.counts(2)):
        times = Counter(caller for key, caller in calls if groups[key] == group and caller)
        assert found == (len(times), sum(count > 1 for count in times.values()))


def test_many_spans_are_counted_as_few_are() -> None:
    """More than are sorted by hand, in two groups, beside the steps in order."""
    source = random.Random(3)
    spans = [(source.randrange(2), source.randrange(10**12)) for _ in range(500)]
    spans = [(group, began) for group, began in spans]
    ended = [began + source.randrange(10**10) for _, began in spans]
    counted = Spans(0, 1 << 62)
    counted.add(
        array("I", [group for group, _ in spans]), array("I", [0, 0]),
        array("I", [group for group, _ in spans]), array("I", [0, 1]),
        array("q", [began for _, began in spans]), array("q", ended),
    )  # fmt: skip
    for group, found in enumerate(counted.peaks(2, HOUR)):
        own = [(b, e) for (g, b), e in zip(spans, ended, strict=True) if g == group]
        assert found
        for place, (peak, when, mean) in found.items():
            inside = [(max(b, place), min(e, place + HOUR)) for b, e in own]
            inside = [(b, e) for b, e in inside if b < e]
            up = {at: sum(b <= at < e for b, e in inside) for at, _ in inside}
            assert peak == max(up.values())
            assert when == min(at for at, count in up.items() if count == peak)
            assert abs(mean - sum(e - b for b, e in inside) / HOUR) < 1e-9


@pytest.mark.parametrize(
    "keys, callers, groups",
    [([1], [5], [0]), ([0, 0], [5], [0]), ([0], [5], [])],
    ids=["a key that is not there", "columns of two lengths", "no keys at all"],
)
def test_damaged_columns_are_refused(
    keys: list[int], callers: list[int], groups: list[int]
) -> None:
    with pytest.raises(ValueError):
        Callers().add(array("I", keys), array("Q", callers), array("I", groups))
    with pytest.raises(ValueError):
        times = array("q", callers)
        Spans(0, 9).add(
            array("I", keys), array("I", groups), array("I", keys), array("I", groups), times, times
        )


def some_calls(store: CallStore, count: int) -> list[RatedCall]:
    """Return calls of two days, from few callers, of talks that reach over midnight."""
    store.put_decks(1, 0, [], [GatewayRow("alpha-1", "alpha", "", "")])
    rater, source = Rater(store), random.Random(count)
    bodies = [
        record(
            started=DAY + source.randrange(-80_000, 80_000), talk=source.randrange(20_000),
            campaign=("spring", "autumn", "")[source.randrange(3)], gateways="alpha-1",
            account=("acme", "other")[source.randrange(2)],
            number=f"+1800555000{source.randrange(3)}",
            caller=("+34911234567", "+12125550123", "*31", "anonymous")[source.randrange(4)],
        )
        for _ in range(count)
    ]  # fmt: skip
    return [rater.rated(read_record(body, int((DAY + 200_000) * 1e6))) for body in bodies]


def figures(store: CallStore) -> list[object]:
    """Return callers and concurrent calls, asked for in many ways."""
    made: list[object] = []
    for first, last in ((20261122, 20261122), (20261123, 20261123), (20261122, 20261124), (0, 0)):
        for more in ({}, {"account": "acme"}, {"campaign": "spring"}, {"number": "+18005550001"}):
            which = CallFilter(first, last, **more)
            made.append(store.callers(which))
            made += [
                concurrency(store, which, "hour", of).rows for of in ("", "account", "carrier")
            ]
    return made


def by_hand(store: CallStore, which: CallFilter) -> dict[str, tuple[int, int]]:
    """Return the different callers as the calls tell of them."""
    times: dict[str, Counter[str]] = {}
    for call in store.calls(which):
        if call["campaign"] and call["caller"]:
            times.setdefault(call["campaign"], Counter())[call["caller"]] += 1
    return {
        campaign: (len(each), sum(count > 1 for count in each.values()))
        for campaign, each in times.items()
    }


def test_however_they_come_the_figures_are_the_same(new_address: Callable[[], str]) -> None:
    """One at a time, so that parts are put together; many at once; stored by a version before."""
    told = []
    for batch in (1, 400, 1100):
        store = open_calls(new_address())
        assert isinstance(store, SqlCallStore)
        calls = some_calls(store, 1100)
        for at in range(0, len(calls), batch):
            store.add("spool", Position(1, at + 1), calls[at : at + batch])
        levels = store._db.rows("SELECT level, count(*), sum(calls) FROM packed_calls GROUP BY 1")
        found = {level: (parts, count) for level, parts, count in levels}
        assert sum(count for _, count in found.values()) == 1100
        assert all(parts < 64 for parts, _ in found.values()), found
        assert batch != 1 or 1 in found or 2 in found, "small parts were put together"
        told.append(figures(store))
        for which in (CallFilter(20261122, 20261122), CallFilter(20261123, account="acme")):
            assert store.callers(which) == by_hand(store, which)
        # As a version before left it, and while it is packed.
        with store._db.transaction():
            store._db.execute("DELETE FROM packed_calls")
            store._db.execute("INSERT INTO unpacked SELECT day, 1100 FROM days")
        told.append(figures(store))
        while store.pack_some():
            told.append(figures(store))
        (count,) = store._db.row("SELECT sum(calls) FROM packed_calls")
        assert count == 1100
        store.close()
    assert all(each == told[0] for each in told[1:])


def test_levels() -> None:
    assert [level_of(count) for count in (1, 31, 32, 1023, 1024, 32_767, 32_768)] == [
        0, 0, 1, 1, 2, 2, 3]  # fmt: skip


def test_a_damaged_part_says_so(new_address: Callable[[], str]) -> None:
    store = open_calls(new_address())
    assert isinstance(store, SqlCallStore)
    store.add("spool", Position(1, 1), some_calls(store, 3))
    store._db.execute("UPDATE packed_calls SET body = ?", (b"no part",))
    with pytest.raises(StoreError, match=r"packed calls of 202611\d\d: damaged"):
        store.callers(CallFilter(20261101, 20261129))
    store.close()


def test_packed_calls_go_with_their_days(new_address: Callable[[], str]) -> None:
    store = open_calls(new_address())
    assert isinstance(store, SqlCallStore)
    store.add("spool", Position(1, 1), some_calls(store, 40))
    while store.remove_before(20261123):
        pass
    assert store.callers(CallFilter(20261122, 20261122)) == {}
    assert store.callers(CallFilter(20261123, 20261123)) != {}
    store.close()
