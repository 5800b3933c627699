"""Calls that are up count as they go, once, and what a hit has counted counts no more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calls.support import record
from tests.fraud.test_engine import START, TO, rule, spent
from tests.fraud.test_watch import Bench
from vnroute.calls.up import CallUp
from vnroute.fraud.engine import Engine, Spent
from vnroute.fraud.memory import read_memory
from vnroute.live.overrides import clear_override
from vnroute.model import FieldError

MINUTE = 60_000


def up(uuid: str, minutes: float, to: str = TO[0], account: str = "acme", **more: Any) -> Spent:
    return Spent(0, uuid, account, 0, True, int(minutes * MINUTE), to, *more.values())


def at(minutes: float) -> int:
    return START + int(minutes * 60e6)


def ended(uuid: str, id: int, minutes: float, talked: float, **more: Any) -> Spent:
    return spent(id, minutes * 60, talk_ms=int(talked * MINUTE), **more)._replace(uuid=uuid)


def test_calls_that_are_up_count_with_what_they_have_used() -> None:
    engine = Engine([rule(minutes=10, by="country")])
    calls = [up(f"u{n}", 2) for n in range(4)] + [up("far", 60, TO[2], "other")]
    assert [hit.account for hit in engine.take_up("fs1", at(2), calls)] == ["other"]
    # Ended calls and those of another switch count beside them.
    assert engine.feed(ended("gone", 1, 2.5, 1)) == []
    (hit,) = engine.take_up("fs2", at(3), [up("v", 1.5)])
    assert (hit.rule, hit.account, hit.to, hit.call, hit.up) == ("r", "acme", "GB", 0, 5)
    assert hit.said == "10.5 minutes in 1h, 10.0 minutes allowed; 5 calls up"
    assert engine.calls_up == {"fs1": 5, "fs2": 1}


def test_a_record_does_not_count_what_was_counted_when_it_was_up() -> None:
    engine = Engine([rule(minutes=10)])
    (hit,) = engine.take_up("fs1", at(11), [up("long", 11)])
    assert hit.uuid == "long"
    # Nothing new is counted twice, however often the switch tells of it, record or not.
    assert engine.take_up("fs1", at(21), [up("long", 21)]) == []
    assert engine.feed(ended("long", 1, 21.5, 21)) == []
    # The switch told of it before it ended, and we heard of it later.
    assert engine.take_up("fs1", at(21.6), [up("long", 21.6)]) == []
    assert engine.calls_up == {"fs1": 0}
    (hit,) = engine.feed(ended("next", 2, 22, 0.1))
    assert hit.said == "10.1 minutes in 1h, 10.0 minutes allowed"


def test_as_much_again_hits_again_while_the_same_calls_are_up() -> None:
    engine = Engine([rule(minutes=10)])
    hits = [len(engine.take_up("fs1", at(n), [up("a", n), up("b", n)])) for n in range(1, 31)]
    # Two minutes a minute: more than ten more every sixth minute.
    assert [n for n, count in enumerate(hits, 1) if count] == [6, 12, 18, 24, 30]


def test_what_is_not_known_to_be_up_counts_nothing() -> None:
    engine = Engine([rule(minutes=10)])
    assert engine.take_up("fs1", at(9), [up("a", 9)]) == []
    assert engine.take_up("fs1", 0, None) == []
    assert engine.calls_up == {}
    assert engine.feed(ended("b", 1, 9, 2)) == []
    (hit,) = engine.take_up("fs1", at(10), [up("a", 10)])
    assert hit.said.startswith("12.0 minutes")


def test_what_is_old_has_left_the_window_though_no_record_says_so() -> None:
    engine = Engine([rule(minutes=10, window="1h")])
    assert engine.feed(ended("a", 1, 0, 9)) == []
    assert engine.take_up("fs1", at(90), [up("b", 5)]) == []
    assert engine.take_up("fs1", at(30), [up("b", 5)]) != []


def test_money_of_calls_that_are_up() -> None:
    engine = Engine([rule(spend="1 EUR", by="range", to=("+44",), then="block")])
    half = {"price": 50_000_000, "currency": "EUR"}
    calls = [up("a", 1, **half), up("b", 1, **half), up("c", 1, price=1, currency="USD")]
    assert engine.take_up("fs1", at(1), calls) == []
    (hit,) = engine.take_up("fs1", at(2), [*calls, up("d", 1, price=1, currency="EUR")])
    assert (hit.to, hit.up, hit.then) == ("+44", 3, "block")
    assert engine.up("r", "acme", "+44") == {"fs1": ["a", "b", "c", "d"]}


def test_calls_are_counted_and_short_ones_only_when_they_have_ended() -> None:
    many = Engine([rule(calls=2, by="number")])
    (hit,) = many.take_up("fs1", at(1), [up(f"u{n}", 0) for n in range(3)])
    assert hit.said == "3 calls in 1h, 2 calls allowed; 3 calls up"
    short = rule(calls=2, shorter=6)
    assert Engine([short]).take_up("fs1", at(1), [up(f"u{n}", 0) for n in range(3)]) == []
    assert not Engine([short]).asks_for_calls_up
    assert Engine([rule(calls=2)]).asks_for_calls_up


def test_hanging_up_is_of_blocks() -> None:
    with pytest.raises(FieldError, match="hang_up"):
        rule(minutes=1, hang_up=True)
    assert rule(minutes=1, then="block", hang_up=True).hang_up


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "end", "look", "lost", "restart"]),
        st.integers(0, 5), st.sampled_from(["fs1", "fs2"]), st.integers(1, 9),
    ),
    max_size=60,
)  # fmt: skip


@given(EVENTS, st.integers(3, 40))
@settings(deadline=None, max_examples=300)
def test_no_minute_counts_twice_and_none_is_lost(
    events: list[tuple[str, int, str, int]], most: int
) -> None:
    """Against a plain reading: each call's use, less what earlier hits have counted of it."""
    minutes = rule(minutes=most, window="1d")
    engine, now, made = Engine([minutes]), 0, 0
    live: dict[str, tuple[str, int]] = {}
    done: list[Spent] = []
    known: dict[str, dict[str, int]] = {"fs1": {}, "fs2": {}}
    recorded: dict[str, int] = {}
    counted: dict[str, int] = {}
    for what, which, switch, pause in events:
        now += pause
        if what == "begin":
            made += 1
            live[f"c{made}"] = (switch, now)
            continue
        if what == "end":
            if not live:
                continue
            uuid = sorted(live)[which % len(live)]
            _, began = live.pop(uuid)
            recorded[uuid] = now - began
            for calls in known.values():
                calls.pop(uuid, None)
            done.append(ended(uuid, len(done) + 1, now, now - began))
            hits = engine.feed(done[-1])
        elif what == "restart":
            engine = Engine([minutes], engine.floors(), engine.used())
            known = {"fs1": {}, "fs2": {}}
            for call in done:
                engine.feed(call, judge=False)
            continue
        elif what == "lost":
            known[switch] = {}
            hits = engine.take_up(switch, at(now), None)
        else:
            known[switch] = {uuid: now - at for uuid, (on, at) in live.items() if on == switch}
            calls = [up(uuid, used) for uuid, used in known[switch].items()]
            hits = engine.take_up(switch, at(now), calls)
        use = recorded | known["fs1"] | known["fs2"]
        left = {uuid: n - counted.get(uuid, 0) for uuid, n in use.items()}
        total = sum(n for n in left.values() if n > 0)
        # Only what adds something is judged.
        new = [uuid] if what == "end" else known[switch] if what == "look" else ()
        adds = any(left[uuid] > 0 for uuid in new)
        assert bool(hits) == (adds and total > most), (what, total, most)
        if hits:
            assert hits[0].said.startswith(f"{total}.0 minutes")
            counted |= {uuid: max(n, counted.get(uuid, 0)) for uuid, n in use.items()}


RULES = """\
rules:
  - {id: long, spend: 0.05, window: 1h, by: country, then: block, hold: 2h, hang_up: true}
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.rules.write_text(RULES)
    yield made
    made.close()


def call_up(uuid: str, minutes: float, now: float, to: str = "+18005550000") -> CallUp:
    began = int((now - 60 * minutes) * 1e6)
    return CallUp(uuid, "acme", "+18005551201", "+12125550100", "alpha-1", to, began, began)


def test_a_watch_blocks_and_hangs_up_until_the_block_is_lifted(bench: Bench) -> None:
    now = time.time()
    orders: list[tuple[str, list[str], str]] = []
    watch = bench.watch()
    watch.follow_switches(["fs1"], lambda *order: orders.append((order[0], [*order[1]], order[2])))
    watch.turn()
    assert watch.asks_for_calls_up and watch.calls_up == {"fs1": None}
    # A cent a minute: four minutes are not too much, and calls to elsewhere are no matter.
    calls = [call_up("a", 2, now), call_up("b", 2, now), call_up("c", 90, now, "+442079460123")]
    watch.take_calls_up("fs1", now, (*calls[:2],))
    watch.turn()
    assert bench.blocks == [] and watch.calls_up == {"fs1": 2}
    watch.take_calls_up("fs1", now + 61, (*calls,))
    watch.turn()
    assert bench.blocks == ["acme:US"]
    assert orders == [("fs1", ["a", "b"], "OUTGOING_CALL_BARRED")]
    (kept,) = read_memory(bench.folder / "state" / "fraud.json").hits
    assert kept.hit.said == "0.06033334 spend in 1h, 0.05 spend allowed; 2 calls up"
    # Asked for once, though it takes a while; one that is picked up later is hung up as well, also
    # by a process that was begun meanwhile.
    again = bench.watch()
    again.follow_switches(["fs1"], lambda *order: orders.append((order[0], [*order[1]], order[2])))
    again.take_calls_up("fs1", now + 62, (calls[2], call_up("late", 0, now + 62)))
    again.turn()
    again.take_calls_up("fs1", now + 63, (calls[2], call_up("late", 0, now + 62)))
    again.turn()
    assert [order[1] for order in orders[1:]] == [["late"]]
    assert again.hung_up == 1
    # Records of what was hung up hit no more than their rest.
    bench.put("a", "b", talk=181.0, ago=400)
    again.turn()
    assert again.hits == {} and again.judged == 2
    clear_override(bench.house.store, bench.house.page, "block", "acme:US", who="test")
    again.take_calls_up("fs1", now + 64, (call_up("new", 0, now + 64),))
    again.turn()
    assert len(orders) == 2
    again.take_calls_up("fs1", 0.0, None)
    again.turn()
    assert again.calls_up == {"fs1": None}


def test_what_a_call_up_costs_is_what_its_record_will_say(bench: Bench) -> None:
    """The price so far is that of a record of the same seconds."""
    from vnroute.calls.rating import Rater
    from vnroute.calls.reading import read_record

    now = time.time()
    call = call_up("a", 2.02, now)
    price, _ = Rater(bench.calls).tariffs(call)
    made = read_record(record(call="a", account="acme", talk=121.2, started=now), int(now * 1e6))
    assert price is not None
    charge = price(int(121.2 * 1000))
    rated = Rater(bench.calls).rated(made)
    assert charge is not None and charge.units == rated.price
