"""Watching for fraud over a real store: blocks in force, hits kept, restarts, doubled records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calls.support import record
from tests.calls.test_webhook import SECRET, Receiver
from tests.live.test_overrides import House
from vnroute import log
from vnroute.calls.base import DeckRow, GatewayRow
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.reading import read_record
from vnroute.calls.spool_format import Position
from vnroute.fraud.memory import read_memory
from vnroute.fraud.watch import FraudWatch
from vnroute.image.state_page import StatePage
from vnroute.live.overrides import clear_override, overrides_in_force
from vnroute.model import RoutingDataError
from vnroute.store import open_store

RULES = """\
rules:
  - {id: spends, spend: 0.05, window: 1h, by: country, then: block, hold: 2h, reason: too dear}
  - {id: often, calls: 3, window: 1h, accounts: [acme, nobody]}
"""


class Bench:
    """A house whose calls are stored and watched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.house = House(folder)
        self.rules = folder / "fraud.yaml"
        self.rules.write_text(RULES)
        self.calls = open_calls(folder)
        self.calls.put_decks(
            1, 0, [DeckRow("account", "1", "acme", rate="0.01"), DeckRow("account", "1", "nobody",
                                                                      rate="0.01")],
            [GatewayRow("alpha-1", "alpha", "", "")],
        )  # fmt: skip
        self.told = 0

    def watch(self, **more: Any) -> FraudWatch:
        return FraudWatch(
            self.rules, self.folder / "state" / "fraud.json", self.folder / "state" / "state.page",
            lambda: open_calls(self.folder), lambda: open_store(str(self.folder), create=False),
            log.get_logger(process="test"), **more,
        )  # fmt: skip

    def put(self, *uuids: str, account: str = "acme", talk: float = 60.0, ago: float = 100) -> None:
        rater = Rater(self.calls)
        made = [
            read_record(record(call=uuid, account=account, talk=talk, started=time.time() - ago),
                        int(time.time() * 1e6))
            for uuid in uuids
        ]  # fmt: skip
        self.told += 1
        self.calls.add("spool", Position(1, self.told), [rater.rated(each) for each in made])

    @property
    def blocks(self) -> list[str]:
        return [one.id for one in overrides_in_force(self.house.store) if one.kind == "block"]

    def hits(self) -> list[tuple[str, str, str]]:
        kept = read_memory(self.folder / "state" / "fraud.json").hits
        return [(one.hit.rule, one.hit.to, one.did) for one in kept]

    def close(self) -> None:
        self.calls.close()
        self.house.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_hit_blocks_with_the_next_call_until_it_is_lifted(bench: Bench) -> None:
    now = time.time()
    watch = bench.watch()
    watch.turn()
    bench.put("a", "b", "c", "d", "e")
    watch.turn()
    assert bench.blocks == []
    assert bench.hits() == [("often", "", "told")]
    # Doubled records count once.
    bench.put("a", "e")
    watch.turn()
    assert bench.blocks == []
    bench.put("f")
    watch.turn()
    assert bench.blocks == ["acme:US"]
    (block,) = overrides_in_force(bench.house.store)
    assert block.reason == (
        "spends: 0.06 spend in 1h, 0.05 spend allowed (too dear)"
    )  # fmt: skip
    assert block.until is not None and 7100 < block.until.timestamp() - now < 7300
    assert bench.hits()[1:] == [("spends", "US", "blocked: acme:US for 2h")]
    # A worker's matcher, on the page: nothing of +1 is rung.
    bench.house.matcher.use_page(StatePage.open(bench.folder / "state" / "state.page"))
    refused = bench.house.explain("+18005550001", now).refused
    assert refused is not None and refused.outcome == "blocked"
    # Lifted, the next calls do not hit again before as much is spent.
    clear_override(bench.house.store, bench.house.page, "block", "acme:US", who="test")
    bench.put("g", ago=90)
    watch.turn()
    assert bench.blocks == [] and watch.hits == {("often", "alert"): 1, ("spends", "block"): 1}
    assert (watch.judged, watch.waiting) == (7, 0)


def test_a_restart_goes_on_where_it_was(bench: Bench) -> None:
    bench.watch().turn()
    for uuid in "abcdef":
        bench.put(uuid)
        # A new process for every call, the one before killed.
        bench.watch().turn()
        bench.watch().turn()
    assert bench.hits() == [("often", "", "told"), ("spends", "US", "blocked: acme:US for 2h")]


def test_killed_before_it_wrote_what_it_did_it_does_it_once(bench: Bench) -> None:
    path = bench.folder / "state" / "fraud.json"
    watch = bench.watch()
    watch.turn()
    before = path.read_bytes()
    bench.put(*"abcdef")
    watch.turn()
    first = bench.hits()
    path.write_bytes(before)
    bench.watch().turn()
    assert [one[:2] for one in bench.hits()] == [one[:2] for one in first]
    assert bench.hits()[-1][2] == "blocked already: acme:US" or bench.blocks == ["acme:US"]
    assert len([one for one in overrides_in_force(bench.house.store)]) == 1


def test_what_was_stored_before_it_was_watched_breaks_no_rule(bench: Bench) -> None:
    bench.put(*"abcdefgh")
    watch = bench.watch()
    watch.turn()
    assert bench.hits() == [] and watch.judged == 0
    # But it is counted.
    bench.put("i")
    watch.turn()
    assert [hit[0] for hit in bench.hits()] == ["spends", "often"]


def test_an_account_that_is_gone_is_told_and_not_blocked(bench: Bench) -> None:
    watch = bench.watch()
    watch.turn()
    bench.put(*"abcdef", account="nobody")
    watch.turn()
    assert bench.blocks == []
    (told,) = [did for rule, _, did in bench.hits() if rule == "spends"]
    assert told.startswith("not blocked: account: found 'nobody'")


def test_rules_that_change_are_read_again_and_bad_ones_are_told(bench: Bench) -> None:
    watch = bench.watch()
    watch.turn()
    bench.put("a", "b")
    watch.turn()
    bench.rules.write_text("rules:\n  - {id: strict, calls: 2}\n")
    bench.put("c")
    watch.turn()
    assert bench.hits() == [("strict", "", "told")]
    bench.rules.write_text("rules:\n  - {id: strict, call: 2}\n")
    with pytest.raises(RoutingDataError, match=r"2: .*unknown field 'call'"):
        watch.turn()


def test_a_damaged_memory_is_told(bench: Bench) -> None:
    (bench.folder / "state").mkdir(exist_ok=True)
    (bench.folder / "state" / "fraud.json").write_text("{")
    with pytest.raises(ValueError, match=r"fraud\.json"):
        bench.watch().turn()


def test_the_webhook_is_told_once_it_takes_them(bench: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    receiver = Receiver()
    try:
        url = f"http://127.0.0.1:{receiver.port}/fraud"
        watch = bench.watch(webhook=url, secret_file=str(tmp_path / "nothing"))
        watch.turn()
        bench.put(*"abcdef")
        watch.turn()
        assert "nothing" in watch.hook_failing
        again = bench.watch(webhook=url, secret_file=str(secret))
        again.turn()
        again.turn()
        assert again.hook_failing == ""
        (body,) = receiver.bodies
        assert [hit["rule"] for hit in body["hits"]] == ["often", "spends"]
        assert body["hits"][1]["to"] == "US" and body["hits"][1]["call"] == "f"
    finally:
        receiver.close()


def until(what: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_thread_follows_and_stops(bench: Bench) -> None:
    watch = bench.watch()
    watch.start()
    until(lambda: bool(watch.rules))
    bench.put(*"abcdef")
    watch.some.set()
    until(lambda: bench.blocks == ["acme:US"])
    watch.stop()
    assert not watch.failing
