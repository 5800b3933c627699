"""Rules as they are tried, settled by day: the answer is that of one settled at the moment."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.compiler.schedule_tried import SettledRules
from vnroute.compiler.schedules import rule_spans
from vnroute.model import Schedule
from vnroute.model.schedule import OpenHours

START = 1_774_000_000  # 2026-03-20, before the clocks change in London
SCHEDULE = Schedule(
    id="office",
    time_zone="Europe/London",
    open=(
        OpenHours(days="mon-fri", hours="09:00-17:30"),
        OpenHours(days="sat", hours="22:00-24:00"),
    ),
)
DOCUMENT = msgspec.json.encode(SCHEDULE)


@given(st.lists(st.integers(START, START + 20 * 86400), max_size=6))
@settings(max_examples=60, deadline=None)
def test_what_was_settled_says_what_the_spans_say(moments: list[int]) -> None:
    rules = SettledRules()
    for at in moments:
        for zone in ("Europe/London", "America/New_York"):
            assert rules.tried(DOCUMENT, zone, at) == rules.tried(DOCUMENT, zone, at + 0.9)
            assert rules.knows(DOCUMENT, zone, at)
            told = rules.tried(DOCUMENT, zone, at)
            for place, (one, rule) in zip(told, SCHEDULE.placed(), strict=False):
                edges = rule_spans(rule, zone, at - 3 * 86400, at + 8 * 86400)
                inside = sum(edge <= at for edge in edges) % 2 == 1
                assert (place.place, place.held, place.state) == (one, inside, rule.state)
                following = [edge for edge in edges if edge > at]
                assert (place.until if inside else place.since) == following[0]
                if inside:
                    assert place.since == max(edge for edge in edges if edge <= at)
            assert sum(each.held for each in told) == 1 and told[-1].held


def test_what_is_far_off_is_not_told() -> None:
    """A rule of one day two years ahead, and one that has held for years."""
    schedule = msgspec.convert(
        {
            "id": "far",
            "time_zone": "UTC",
            "rules": [
                {"dates": "2028-05-01", "state": "feast"},
                {"dates": "2020-01-01..2030-01-01", "state": "always"},
            ],
        },
        Schedule,
    )
    far, always = SettledRules().tried(msgspec.json.encode(schedule), "UTC", START)
    assert (far.held, far.since) == (False, None)
    assert (always.held, always.since, always.until) == (True, None, None)


def test_many_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vnroute.compiler.schedule_tried._MOST_EDGES", 2000)
    rules = SettledRules()
    for day in range(10):
        assert rules.tried(DOCUMENT, "UTC", START + day * 86400)
    assert len(rules._settled) < 5
