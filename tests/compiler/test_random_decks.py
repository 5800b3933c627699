"""Choices among many decks held to a plain reading of each: bench.choice, to the suite's scale."""

from __future__ import annotations

from pathlib import Path

from bench.choice import NOW, compare, decks_of, routing_of
from tests.support.images import compiled
from vnroute.matcher.decide import Matcher


def test_random_calls_find_the_carriers_that_the_decks_say(tmp_path: Path) -> None:
    routing = routing_of(decks_of(40, 20_000), 20)
    matcher = Matcher(compiled(routing, tmp_path, now=NOW, max_attempts=32), seed=1)
    tried, wrong = compare(routing, matcher, 1200, tmp_path)
    assert not wrong, wrong[0]
    assert tried > 5000
    # What it is held to can tell: by other decks, the lists are others.
    _, wrong = compare(routing_of(decks_of(39, 20_000), 20), matcher, 100, tmp_path)
    assert len(wrong) > 50
