"""Rate decks in the store: versions, going back, and all decks in the order of prefixes."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.model.deck import NO_END, DeckRate, settled
from vnroute.store import Store, StoreError, Tally, open_store
from vnroute.store.deck_pages import pack, unpack
from vnroute.store.sqlite_deck_writing import KEPT_VERSIONS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def put(store: Store, owner: str, rows: list[DeckRate], currency: str = "") -> int:
    with store.transaction("put") as writing:
        deck = writing.put_deck("carrier", owner, pack(rows), currency=currency, what="test")
    return deck.version


def many(count: int, seed: int, rate: str = "0.01") -> list[DeckRate]:
    draw = random.Random(seed)
    prefixes = {str(draw.randrange(10, 10**7)) for _ in range(count)}
    return sorted(DeckRate(prefix, rate=rate, destination=f"to {prefix}") for prefix in prefixes)


PREFIXES = st.from_regex(r"[1-9][0-9]{0,3}", fullmatch=True)
ROWS = st.builds(
    DeckRate,
    prefix=PREFIXES,
    origin=st.sampled_from(["", "interstate"]),
    time=st.sampled_from(["", "peak:open"]),
    effective=st.integers(0, 5),
    end=st.sampled_from([3, 4, NO_END]),
    rate=st.sampled_from(["0.01", "0.0200"]),
    first=st.sampled_from([1, 60]),
    blocked=st.booleans(),
    fee=st.just("0"),
    next=st.just(1),
    destination=st.just(""),
)


def unique(rows: list[DeckRate]) -> list[DeckRate]:
    return sorted({row[:4]: row for row in rows}.values())


@given(st.lists(ROWS, max_size=30).map(unique))
def test_pages_give_back_what_was_packed(rows) -> None:
    pages = list(pack(rows))
    assert [row for page in pages for row in unpack(page.data)] == rows
    assert all(type(row) is DeckRate for page in pages for row in unpack(page.data))


@given(st.lists(ROWS, max_size=30).map(unique), st.integers(0, 6))
def test_settled_rows_say_what_holds_at_each_moment(rows, now) -> None:
    found = list(settled(rows, now))
    for at in range(now, 8):
        for key in {row[:3] for row in rows}:
            begun = [row for row in rows if row[:3] == key and row.effective <= at]
            holds = begun[-1:] if begun and begun[-1].end > at else []
            said = [row for row in found if row[:3] == key and row.effective <= at < row.end]
            assert [row[5:] for row in said] == [row[5:] for row in holds]


def test_many_pages_and_a_row_more_changes_few_of_them() -> None:
    rows = many(20_000, seed=1)
    before = {page.digest for page in pack(rows)}
    changed = sorted([*rows, DeckRate("5550123", rate="9")])
    after = {page.digest for page in pack(changed)}
    assert len(before) > 20
    assert len(after - before) <= 2
    heads = [page.first for page in pack(rows)]
    assert heads == sorted(set(heads))


def test_versions_and_going_back(store: Store) -> None:
    first, second = many(3000, seed=1), many(3000, seed=2, rate="0.02")
    assert [put(store, "a", first), put(store, "a", second)] == [1, 2]
    assert list(store.deck_rows("carrier", "a")) == second
    assert list(store.deck_rows("carrier", "a", 1)) == first
    with store.transaction("back") as writing:
        assert writing.roll_back_deck("carrier", "a").version == 1
    assert list(store.deck_rows("carrier", "a")) == first
    with store.transaction("forth") as writing:
        assert writing.roll_back_deck("carrier", "a", 2).version == 2
    assert [version for _, version in store.deck_history("carrier", "a")] == [1, 2, 1, 2]
    assert [version.version for version in store.deck_versions("carrier", "a")] == [1, 2]
    assert put(store, "a", first) == 3
    assert store.change_counter() == 5


def test_going_back_where_there_is_nothing(store: Store) -> None:
    put(store, "a", many(10, seed=1))
    with pytest.raises(StoreError, match="no version before 1"), store.transaction("x") as writing:
        writing.roll_back_deck("carrier", "a")
    with (
        pytest.raises(StoreError, match="version 7 is not kept"),
        store.transaction("x") as writing,
    ):
        writing.roll_back_deck("carrier", "a", 7)
    with pytest.raises(StoreError, match="b: has no rate deck"), store.transaction("x") as writing:
        writing.roll_back_deck("carrier", "b")
    with pytest.raises(StoreError, match="no version 9"):
        list(store.deck_rows("carrier", "a", 9))
    assert list(store.deck_rows("carrier", "b")) == []


def test_old_versions_go_and_pages_that_only_they_had(store: Store) -> None:
    for number in range(KEPT_VERSIONS + 5):
        put(store, "a", [*many(600, seed=1), DeckRate("99999999", rate=f"0.{number + 1}")])
    versions = [version.version for version in store.deck_versions("carrier", "a")]
    assert versions == list(range(6, KEPT_VERSIONS + 6))
    for version in versions:
        assert len(list(store.deck_rows("carrier", "a", version))) == 601 - (
            600 - len(many(600, seed=1))
        )
    pages = store._db.row("SELECT count(*) FROM deck_pages")[0]  # type: ignore[attr-defined]
    assert pages <= KEPT_VERSIONS + 3


def test_all_decks_by_prefix(store: Store) -> None:
    decks = {f"c{i}": many(400 * (i + 1), seed=i, rate=f"0.0{i + 1}") for i in range(6)}
    for owner, rows in decks.items():
        put(store, owner, rows, "EUR" if owner == "c2" else "")
    found = [(row.prefix, row.owner, row.rate, row.currency) for row in store.iter_rates()]
    expected = sorted(
        (row.prefix, owner, row.rate, "EUR" if owner == "c2" else "")
        for owner, rows in decks.items()
        for row in rows
    )
    assert found == expected
    assert store.rated_carriers() == set(decks)
    assert store.counts().rates == len(expected)


def test_rates_that_are_over_or_replaced_are_not_handed_out(store: Store) -> None:
    rows = [
        DeckRate("44", effective=0, rate="1"),
        DeckRate("44", effective=100, rate="2"),
        DeckRate("44", effective=200, rate="3"),
        DeckRate("49", end=100, rate="4"),
    ]
    put(store, "a", rows)
    said = [(row.prefix, row.rate, row.effective, row.end) for row in store.iter_rates(150)]
    assert said == [("44", "2", 100, 200), ("44", "3", 200, NO_END)]


def test_plain_rates_change_a_deck_only_where_they_differ(store: Store) -> None:
    put(store, "a", [DeckRate("44", rate="0.1", first=60, next=6), DeckRate("49", rate="0.2")])

    def load(*rows: tuple[str, str], replace: bool = False) -> Tally:
        with store.transaction("x") as writing:
            staged = [(prefix, "a", rate, "", n) for n, (prefix, rate) in enumerate(rows)]
            writing.stage_rates(staged)
            return writing.apply_rates(replace, ["a"] if replace else None, "x")

    assert load(("49", "0.2")) == Tally(unchanged=1)
    assert [v.version for v in store.deck_versions("carrier", "a")] == [1]
    assert load(("44", "0.1"), ("33", "0.3")) == Tally(added=1, changed=1)
    assert [(r.prefix, r.first) for r in store.deck_rows("carrier", "a")] == [
        ("33", 1), ("44", 1), ("49", 1)
    ]  # fmt: skip
    assert load(("33", "0.3"), replace=True) == Tally(unchanged=1, removed=2)


def test_currencies(store: Store) -> None:
    with store.transaction("x") as writing:
        assert writing.put_currencies({"USD": "1", "EUR": "1.08"}) == Tally(added=2)
        assert writing.put_currencies({"EUR": "1.10"}) == Tally(changed=1)
        assert writing.put_currencies({"EUR": "1.10"}, replace=True) == Tally(
            unchanged=1, removed=1
        )
    assert store.currencies() == {"EUR": "1.10"}


def test_rates_of_before_are_taken_into_decks(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store._db.execute(  # type: ignore[attr-defined]
        "CREATE TABLE rates_before_decks (prefix TEXT, carrier TEXT, rate TEXT, destination TEXT)"
    )
    for row in (("44", "a", "0.1", "UK"), ("1", "b", "0.2", ""), ("1", "a", "0.3", "US")):
        store._db.execute(  # type: ignore[attr-defined]
            "INSERT INTO rates_before_decks VALUES (?, ?, ?, ?)", row
        )
    store.close()
    for _ in range(2):
        store = open_store(tmp_path)
        assert [row[:3] for row in store.iter_rates()] == [
            ("1", "a", "0.3"), ("1", "b", "0.2"), ("44", "a", "0.1")
        ]  # fmt: skip
        assert store.change_counter() == 1
        store.close()
