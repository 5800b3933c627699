"""Rows of decks that are dated ahead: they count from their moment, with no change in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.calls.support import record
from vnroute.calls.base import CallStore, RatedCall
from vnroute.calls.money import money
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater, take_over_decks
from vnroute.calls.reading import read_record
from vnroute.importing import Input, load
from vnroute.model.deck import DeckRate
from vnroute.store import Store, open_store
from vnroute.store.deck_pages import pack

HOUR = 3600
ROUTES = """
accounts: [{id: acme}]
carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}]
"""


@pytest.fixture
def routing(tmp_path: Path) -> Store:
    (tmp_path / "routes.yaml").write_text(ROUTES)
    store = open_store(tmp_path / "routing")
    load(store, [Input(str(tmp_path / "routes.yaml"))])
    return store


def put(store: Store, *rows: DeckRate) -> None:
    with store.transaction("test") as writing:
        writing.put_deck("carrier", "alpha", pack(sorted(rows)), currency="", what="test")
        writing.put_deck("account", "acme", pack(sorted(rows)), currency="", what="test")


def rated(store: CallStore, at: float) -> RatedCall:
    body = record(started=at, talk=60, gateways="alpha-1", dialled="12125550100")
    return Rater(store).rated(read_record(body, int((at + 120) * 1e6)))


def cost(store: CallStore, at: float) -> Decimal | None:
    call = rated(store, at)
    assert call.cost == call.price
    told = money(call.cost)
    return None if told is None else Decimal(told)


def test_a_row_dated_ahead_counts_from_its_moment(
    new_address: Callable[[], str], routing: Store
) -> None:
    store, now = open_calls(new_address()), time.time()
    rise, fall = int(now) + HOUR, int(now) + 2 * HOUR
    put(
        routing,
        DeckRate("1", rate="0.01"),
        DeckRate("1", effective=rise, rate="0.05"),
        DeckRate("1", effective=fall, rate="0.02"),
        DeckRate("1212", effective=fall + HOUR, rate="0.5", end=fall + 2 * HOUR),
    )
    assert take_over_decks(routing, store)
    assert not take_over_decks(routing, store)  # nothing has changed, and nothing needs to
    for at, expected in (
        (now - HOUR, "0.01"), (rise - 1, "0.01"), (rise, "0.05"), (fall - 1, "0.05"),
        (fall, "0.02"), (fall + HOUR - 1, "0.02"), (fall + HOUR, "0.5"),
        (fall + 2 * HOUR - 1, "0.5"), (fall + 2 * HOUR, "0.02"),
    ):  # fmt: skip
        assert cost(store, at) == Decimal(expected), at - now
    store.close()
    routing.close()


def test_what_ends_between_a_change_and_its_copy_is_no_withdrawal(
    new_address: Callable[[], str], routing: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control process was down: it sees the change hours later, and a row has ended by then."""
    store, now = open_calls(new_address()), time.time()
    put(routing, DeckRate("1", rate="0.01"), DeckRate("1", effective=int(now) + HOUR, rate="0.05"))
    assert take_over_decks(routing, store)
    with routing.transaction("test") as writing:
        writing.put_deck(
            "carrier", "beta", pack([DeckRate("49", rate="1")]), currency="", what="test"
        )
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 2 * HOUR)
    assert take_over_decks(routing, store)
    assert cost(store, now + 60) == Decimal("0.01")
    assert cost(store, now + HOUR + 60) == Decimal("0.05")
    assert cost(store, now + 3 * HOUR) == Decimal("0.05")
    store.close()
    routing.close()


def test_the_first_decks_rate_calls_of_the_past_by_rows_that_are_over(
    new_address: Callable[[], str], routing: Store
) -> None:
    store, now = open_calls(new_address()), time.time()
    put(routing, DeckRate("1", rate="0.01"), DeckRate("1", effective=int(now) - HOUR, rate="0.05"))
    assert take_over_decks(routing, store)
    assert cost(store, now - 2 * HOUR) == Decimal("0.01")
    assert cost(store, now - 60) == Decimal("0.05")
    store.close()
    routing.close()


def test_a_row_withdrawn_before_its_moment_never_counts(
    new_address: Callable[[], str], routing: Store
) -> None:
    store, now = open_calls(new_address()), time.time()
    put(routing, DeckRate("1", rate="0.01"), DeckRate("1", effective=int(now) + HOUR, rate="0.05"))
    assert take_over_decks(routing, store)
    put(routing, DeckRate("1", rate="0.01"))
    assert take_over_decks(routing, store)
    assert cost(store, now + 2 * HOUR) == Decimal("0.01")
    store.close()
    routing.close()
