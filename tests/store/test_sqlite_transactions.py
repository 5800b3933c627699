"""Writing: everything or nothing, counted; reading: what was committed, and the same throughout."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.model import Account, Carrier, Gateway, Plan, Step
from vnroute.store import BlockSpan, Store, StoreError, Tally, Transaction, open_store

PLAN = Plan(id="main", account="acme", steps=(Step(hangup="relay"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def furnish(writing: Transaction) -> int:
    writing.put_accounts([Account(id="acme")])
    writing.put_plans([PLAN])
    return writing.assignment("acme", "main", "", "active")


def carrier(key: str) -> Carrier:
    return Carrier(id=key, gateways=(Gateway(id=f"{key}-1", gateway="gw"),))


def test_entities_are_put_by_id(store: Store) -> None:
    one, two = Account(id="one"), Account(id="two")
    with store.transaction("a") as writing:
        assert writing.put_accounts([one, two]) == Tally(added=2)
    with store.transaction("b") as writing:
        renamed = Account(id="two", name="Two")
        assert writing.put_accounts([one, renamed]) == Tally(unchanged=1, changed=1)
    with store.transaction("c") as writing:
        assert writing.put_accounts([renamed], replace=True) == Tally(unchanged=1, removed=1)
    assert store.accounts() == [renamed]
    assert [(change.counter, change.what) for change in store.changes()] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    assert [change.what for change in store.changes(after=2)] == ["c"]


def test_what_changes_nothing_is_no_change(store: Store) -> None:
    for _ in range(2):
        with store.transaction("same") as writing:
            furnish(writing)
            writing.stage_numbers([(18005550000, 1, 0)])
            writing.apply_numbers()
    assert store.change_counter() == 1


def test_an_error_undoes_all(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction("fails") as writing:
        assignment = furnish(writing)
        writing.stage_numbers([(18005550000, assignment, 0)])
        writing.apply_numbers()
        assert writing.counts().numbers == 1
        raise ZeroDivisionError
    assert store.counts().accounts == store.counts().numbers == store.change_counter() == 0
    # And it can be written again.
    with store.transaction("works") as writing:
        furnish(writing)
    assert store.change_counter() == 1


def test_a_discarded_transaction_leaves_nothing(store: Store) -> None:
    with store.transaction("dry") as writing:
        furnish(writing)
        writing.discard()
    assert store.counts().accounts == store.change_counter() == 0


def test_what_refers_to_nothing_is_not_committed(store: Store) -> None:
    with pytest.raises(StoreError, match="FOREIGN KEY"), store.transaction("bad") as writing:
        writing.put_plans([PLAN])
    assert store.plans() == []


def test_numbers_are_staged_and_applied(store: Store) -> None:
    with store.transaction("a") as writing:
        first = furnish(writing)
        second = writing.assignment("acme", "main", "spring", "suspended")
        assert writing.assignment("acme", "main", "spring", "suspended") == second
        assert writing.stage_numbers([(3, first, 30), (1, first, 10)]) == []
        repeats = writing.stage_numbers([(1, second, 40), (2, first, 50), (2, second, 60)])
        assert repeats == [(10, 40), (50, 60)]
        assert writing.staged_origin(3) == 30
        assert writing.staged_origin(9) is None
        assert writing.apply_numbers() == Tally(added=3)
        assert writing.staged_origin(3) == 30
    with store.transaction("b") as writing:
        writing.stage_numbers([(1, second, 0), (2, first, 0), (4, first, 0)])
        assert writing.apply_numbers() == Tally(added=1, changed=1, unchanged=1)
    assert list(store.iter_numbers(3)) == [[(1, second), (2, first), (3, first)], [(4, first)]]
    found = store.find_number(1)
    assert found is not None
    assert (found.campaign, found.state) == ("spring", "suspended")
    with store.transaction("c") as writing:
        writing.stage_numbers([(2, first, 0)])
        assert writing.apply_numbers(replace=True) == Tally(unchanged=1, removed=3)
    assert store.find_number(1) is None
    assert [assignment.id for assignment in store.assignments()] == [first]


def test_unused_assignments(store: Store) -> None:
    with store.transaction("a") as writing:
        ids = [writing.assignment("acme", "main", f"c{i}", "active") for i in range(3)]
        furnish(writing)
        writing.stage_numbers([(18005550000, ids[0], 0)])
        writing.apply_numbers()
        writing.put_blocks([BlockSpan(20, 29, "x", ids[1])])
        assert writing.unused_assignments(ids) == {ids[2]}


def test_rates_are_keyed_by_carrier_and_prefix(store: Store) -> None:
    with store.transaction("a") as writing:
        writing.put_carriers([carrier("a"), carrier("b")])
        rows = [("44", "b", "0.2", "", 1), ("44", "a", "0.1", "UK", 2), ("1", "a", "0.01", "", 3)]
        assert writing.stage_rates(rows) == []
        assert writing.stage_rates([("44", "a", "0.3", "", 4)]) == [(2, 4)]
        assert writing.apply_rates() == Tally(added=3)
    rates = [row[:3] for row in store.iter_rates()]
    assert rates == [("1", "a", "0.01"), ("44", "a", "0.1"), ("44", "b", "0.2")]
    with store.transaction("b") as writing:
        writing.stage_rates([("44", "a", "0.1", "United Kingdom", 1)])
        assert writing.apply_rates(replace=True, carriers=["a"]) == Tally(changed=1, removed=1)
    assert store.rated_carriers() == {"a", "b"}
    with store.transaction("c") as writing:
        writing.stage_rates([("44", "a", "0.1", "United Kingdom", 1)])
        assert writing.apply_rates(replace=True) == Tally(unchanged=1, removed=1)
    assert store.rated_carriers() == {"a"}
    with store.transaction("d") as writing:
        writing.put_carriers([carrier("b")], replace=True)
    assert store.counts().rates == 0


def test_blocks_are_put_by_span(store: Store) -> None:
    prefix = [BlockSpan(20, 29, "+2", 1), BlockSpan(200, 299, "+2", 1)]
    with store.transaction("a") as writing:
        assert furnish(writing) == 1
        spring = writing.assignment("acme", "main", "spring", "active")
        assert writing.put_blocks([*prefix, BlockSpan(210, 219, "+21x", 1)]) == Tally(added=2)
    assert store.counts().blocks == 2
    assert list(store.iter_blocks()) == [prefix[0], prefix[1], (210, 219, "+21x", 1)]
    with store.transaction("b") as writing:
        moved = [span._replace(assignment=spring) for span in prefix]
        assert writing.put_blocks(moved) == Tally(changed=1)
        assert writing.put_blocks(moved) == Tally(unchanged=1)
        assert writing.find_numbers([199, 200, 209, 210, 219, 220, 29]) == {
            200: spring,
            209: spring,
            210: 1,
            219: 1,
            220: spring,
            29: spring,
        }
        assert writing.put_blocks(moved, replace=True) == Tally(unchanged=1, removed=1)
    assert [span.first for span in store.iter_blocks()] == [20, 200]


@settings(max_examples=40, deadline=None)
@given(
    numbers=st.dictionaries(st.integers(100, 999), st.just(1)),
    blocks=st.sets(
        st.sampled_from([(100, 199), (110, 119), (111, 111), (300, 999), (400, 499), (400, 409)])
    ),
    asked=st.lists(st.integers(90, 999), max_size=1200),
)
def test_the_narrowest_wins(
    tmp_path_factory: pytest.TempPathFactory,
    numbers: dict[int, int],
    blocks: set[tuple[int, int]],
    asked: list[int],
) -> None:
    store = open_store(tmp_path_factory.mktemp("store"))
    with store.transaction("a") as writing:
        furnish(writing)
        writing.stage_numbers([(number, 1, 0) for number in numbers])
        writing.apply_numbers()
        of = {
            span: writing.assignment("acme", "main", f"c{span[0]}-{span[1]}", "active")
            for span in blocks
        }
        writing.put_blocks([BlockSpan(*span, f"{span}", of[span]) for span in blocks])
    expected = {}
    for number in asked:
        around = [span for span in blocks if span[0] <= number <= span[1]]
        if number in numbers:
            expected[number] = 1
        elif around:
            expected[number] = of[min(around, key=lambda span: span[1] - span[0])]
    assert store.find_numbers(asked) == expected
    store.close()


def test_a_snapshot_stays_as_it_was(store: Store) -> None:
    with store.transaction("a") as writing:
        assignment = furnish(writing)
        writing.stage_numbers([(number, assignment, 0) for number in range(1000)])
        writing.apply_numbers()
    with store.snapshot() as reading:
        batches = reading.iter_numbers(100)
        next(batches)
        with store.transaction("b") as writing:
            writing.stage_numbers([(5000, assignment, 0)])
            writing.apply_numbers(replace=True)
            # Not held up, and not seen, neither before the commit nor after.
            assert reading.counts().numbers == 1000
        assert sum(map(len, batches)) == 900
        assert (reading.counts().numbers, reading.change_counter()) == (1000, 1)
    assert (store.counts().numbers, store.change_counter()) == (1, 2)


def test_a_snapshot_does_not_write(store: Store) -> None:
    with (
        store.snapshot() as reading,
        pytest.raises(StoreError, match="cannot be opened for writing"),
    ):
        reading._db.execute("DELETE FROM accounts")  # type: ignore[attr-defined]


def test_a_second_writer_is_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vnroute.store.sqlite_connection.BUSY_SECONDS", 0)
    other = open_store(tmp_path)
    with (
        store.transaction("a"),
        pytest.raises(StoreError, match="another process"),
        other.transaction("b"),
    ):
        pass
    other.close()


def test_a_writer_that_is_killed_leaves_nothing(store: Store, tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        import sys, time
        from vnroute.model import Account
        from vnroute.store import open_store
        with open_store({str(tmp_path)!r}).transaction("dies") as writing:
            writing.put_accounts([Account(id=f"a{{i}}", name="x" * 200) for i in range(20000)])
            print("written", flush=True)
            time.sleep(60)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert store.counts().accounts == store.change_counter() == 0
    with store.transaction("works") as writing:
        writing.put_accounts([Account(id="acme")])
    assert store.change_counter() == 1
