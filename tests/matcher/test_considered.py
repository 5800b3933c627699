"""Carriers of a destination that are not tried, and why, as `vnroute route` shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.compiler.test_choosing import NOW, TARGET, price, routing
from tests.support.images import compiled
from vnroute.explaining import as_data
from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import explain
from vnroute.matcher.upcoming import upcoming_answers
from vnroute.model import Choice
from vnroute.model.deck import DeckRate

PLAIN = {
    "alpha": [DeckRate("44", rate="0.01")],
    "beta": [DeckRate("44", rate="0.02"), DeckRate("4420", rate="0.03")],
    "delta": [DeckRate("442", rate="0.03")],
    "gamma": [DeckRate("44", rate="0.04")],
}
WAITING = {
    "alpha": [DeckRate("44", rate="0.01")],
    "beta": [DeckRate("44", rate="0.02", effective=NOW + 3600)],
    "delta": [DeckRate("44", rate="0.03", time="peak:closed")],
    "gamma": [DeckRate("44", rate="0.04", origin="madrid")],
}


def seen(
    matcher: Matcher, moment: float = NOW, caller: str = "+12125550100"
) -> list[tuple[str, str, str | None]]:
    target = explain(matcher, "+18005550000", caller, moment).steps[0].targets[0]
    return [(one.carrier, one.prefix, one.reason) for one in target.considered]


def matcher_of(
    tmp_path: Path, decks: dict[str, list[DeckRate]], choice: Choice | None = None
) -> Matcher:
    prices = [price("0.04")]
    return Matcher(compiled(routing(decks, [TARGET], choice, prices), tmp_path, now=NOW), seed=3)


def test_what_a_choice_leaves_out(tmp_path: Path) -> None:
    choice = Choice(deny=("alpha",), margin="0.001", most=1)
    matcher = matcher_of(tmp_path, PLAIN, choice)
    wanted = [
        ("beta", "4420", None), ("delta", "442", "most"), ("gamma", "44", "margin"),
        ("alpha", "44", "denied"),
    ]  # fmt: skip
    assert seen(matcher) == wanted
    page = StatePage.open(tmp_path / "state.page", create=True)
    matcher.use_page(page)
    page.put(Kind.GATEWAY, "beta-1", 0, 4)
    assert seen(matcher)[:2] == [("beta", "4420", "health"), ("delta", "442", None)]


def test_a_blocked_destination_and_attempts(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, PLAIN, Choice(block=("+4420",)))
    assert [reason for _, _, reason in seen(matcher)] == ["blocked"] * 4
    data = routing(PLAIN, [TARGET])
    matcher = Matcher(compiled(data, tmp_path, now=NOW, max_attempts=3))
    assert [reason for _, _, reason in seen(matcher)] == [None, None, None, "attempts"]


def test_rates_that_wait_for_their_moment_their_time_or_their_callers(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, WAITING)
    assert sorted(seen(matcher)) == [
        ("alpha", "44", None), ("beta", "", "moment"), ("delta", "", "time"),
        ("gamma", "", "origin"),
    ]  # fmt: skip
    assert ("gamma", "44", None) in seen(matcher, caller="+34911234567")
    assert ("gamma", "44", None) in seen(matcher, caller="")
    assert ("beta", "44", None) in seen(matcher, NOW + 3600)
    answers = list(upcoming_answers(matcher, "+18005550000", "+12125550100", NOW, NOW + 86400))
    counts = [len(answer.steps[0].targets[0].legs) for _, answer in answers]
    # In force after an hour; the schedule closes at 20:00 and opens at 8:00.
    assert [moment - NOW for moment, _ in answers][:2] == [0, 3600]
    assert counts == [1, 2, 3, 2]
    data = as_data(answers[0][1], datetime.fromtimestamp(NOW, UTC))
    assert data["steps"][0]["targets"][0]["considered"][0] == {
        "carrier": "alpha", "prefix": "+44", "rate": 0.01, "share": None, "tried": True,
        "reason": None, "why": None,
    }  # fmt: skip
