"""The breaker against a plain model: a list of all that happened, read anew at each step."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vnroute.carriers.breaker import ALL, Breaker, Limits

LIMITS = Limits(open_seconds=5, open_most_seconds=40, trickle=(20, 200), trials=3, failures=2)


def model(history: list[tuple[str, float, int]]) -> tuple[str, int, int]:
    """Return (state, share, openings), written as the documentation says it, not as the code."""
    state, step, openings, until, since, down = "closed", 0, 0, 0.0, 0.0, False
    good = bad = 0
    for what, now, count in history:

        def opened(now: float = now) -> None:
            nonlocal state, openings, until, since
            if state == "closed" and now - since >= LIMITS.forget_seconds:
                openings = 0
            openings += 1
            state, since = "open", now
            until = now + min(40.0, 5.0 * 2 ** (openings - 1))

        def halved(now: float = now) -> None:
            nonlocal state, step, good, bad, since
            state, step, good, bad, since = "half-open", 0, 0, 0, now

        if what == "trip" and state != "open":
            opened()
        elif what == "down" and not down:
            down = True
            if state != "open":
                opened()
        elif what == "up" and down:
            down = False
            halved()
        elif what == "good" and state == "half-open":
            good += count
            if good >= LIMITS.trials:
                good = bad = 0
                if step == 1:
                    state, since = "closed", now
                else:
                    step = 1
        elif what == "bad" and state == "half-open":
            bad += count
            if bad >= LIMITS.failures and bad > good:
                opened()
        elif what == "tick" and state == "open" and not down and now >= until:
            halved()
    share = {"closed": ALL, "open": 0, "half-open": LIMITS.trickle[step]}[state]
    return state, share, openings


class AgainstTheModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(LIMITS)
        self.history: list[tuple[str, float, int]] = []

    @rule(what=st.sampled_from(("trip", "down", "up", "good", "bad", "tick")),
          seconds=st.sampled_from((0.0, 0.25, 3.0, 5.0, 20.0, 200.0)),
          count=st.integers(1, 4))  # fmt: skip
    def happens(self, what: str, seconds: float, count: int) -> None:
        self.now += seconds
        before = self.breaker.state, self.breaker.share
        self.history.append((what, self.now, count))
        changed = {
            "trip": lambda: self.breaker.trip(self.now, "calls"),
            "down": lambda: self.breaker.ping(self.now, False),
            "up": lambda: self.breaker.ping(self.now, True),
            "good": lambda: self.breaker.good(self.now, count),
            "bad": lambda: self.breaker.bad(self.now, count),
            "tick": lambda: self.breaker.tick(self.now),
        }[what]()
        assert changed or (self.breaker.state, self.breaker.share) == before

    @invariant()
    def is_as_the_model_says(self) -> None:
        breaker = self.breaker
        assert (breaker.state, breaker.share, breaker.openings) == model(self.history)

    @invariant()
    def is_open_only_while_it_must(self) -> None:
        breaker = self.breaker
        if breaker.state == "open" and not breaker.down and breaker.until:
            assert breaker.until - breaker.since <= LIMITS.open_most_seconds


AgainstTheModel.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)
TestAgainstTheModel = AgainstTheModel.TestCase


@given(st.integers(1, 10_000))
def test_open_time_doubles_up_to_the_most(openings: int) -> None:
    limits = Limits()
    seconds = limits.seconds_open(openings)
    assert seconds == min(300.0, 5.0 * 2 ** min(openings - 1, 60))


def test_a_whole_life() -> None:
    breaker = Breaker(Limits(open_seconds=5), now=0)
    assert breaker.share == ALL
    assert breaker.trip(10, "calls") and breaker.share == 0 and breaker.until == 15
    assert not breaker.tick(14.9)
    assert breaker.tick(15) and breaker.share == 20
    assert breaker.good(16, 3) and breaker.share == 100
    assert breaker.good(17, 3) and breaker.share == 400
    assert breaker.good(18, 3) and breaker.state == "closed"
    assert breaker.trip(30, "calls") and breaker.until == 40, "soon again: twice as long"


def test_a_trickle_of_few_calls_is_widened() -> None:
    breaker = Breaker(Limits())
    breaker.floor = 500
    breaker.trip(0, "calls")
    breaker.tick(5)
    assert breaker.share == 500


@pytest.mark.parametrize("seconds", [1, 1000, 100_000])
def test_pings_keep_it_open_however_long(seconds: float) -> None:
    breaker = Breaker(Limits())
    breaker.ping(0, up=False)
    assert not breaker.tick(seconds) and breaker.share == 0
    assert breaker.ping(seconds, up=True) and breaker.state == "half-open"
