"""Calls at once to numbers and accounts in the simulator, as a real FreeSWITCH counts them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capacity_table import ALLOWED, DESK, FRIEND, MOST, PAIR, PLAIN, QUICK, ROUTING, WIDE
from tests.eventsocket.test_serve import Home
from vnroute.image.generations import current_image
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, explain
from vnroute.matcher.image import RouteImage
from vnroute.simulator.applications import Application
from vnroute.simulator.callers import Caller
from vnroute.simulator.channel_data import Setup, encode_channel_data
from vnroute.simulator.gateways import Gateways
from vnroute.simulator.limits import Limits
from vnroute.simulator.switch import RunSocket, Session

MOMENT = 1795453200.0
TALK: dict[str, Any] = {"gwA": {"answer": "0ms", "talk": "60s"},
                        "gwB": {"answer": "0ms", "talk": "60s"}}  # fmt: skip


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    home = Home(tmp_path_factory.mktemp("capacity") / "home")
    home.load(ROUTING)
    home.run("compile")
    path = current_image(home.path / "images")
    assert path is not None
    return Matcher(RouteImage(path))


class Calls:
    """Calls on one switch, each left up once it is answered, until it is told to end."""

    def __init__(
        self, matcher: Matcher, gateways: dict[str, Any] = TALK, dies: bool = False
    ) -> None:
        self.matcher, self.limits, self.dies = matcher, Limits(), dies
        self._gateways = Gateways.from_mapping({"gateways": gateways})
        self._up: list[Iterator[object]] = []
        self._made = 0

    def place(
        self, number: str, at: float = 0.0, caller: str = "34911234567", patience: float = 1e9
    ) -> Session:
        self._made += 1
        setup = Setup(f"{self._made:08x}-aaaa", number[1:], Caller(caller, ""), self._made)
        session = Session(setup, self._gateways, MOMENT + at, random.Random(1), patience,
                          limits=self.limits)  # fmt: skip
        steps = session.steps(self._ask(session))
        answer = None
        while session.answered_by is None:
            try:
                request = steps.send(answer)
            except StopIteration:
                return session
            answer = None
            if isinstance(request, RunSocket):
                answer = self._ask(session)
        self._up.append(steps)
        return session

    def _ask(self, session: Session) -> list[Application]:
        """Return the plan; where the first node asked always ``dies``, after it set its variables
        and before it said what to run, that of a second node.
        """
        for _ in range(1 + self.dies):
            block = encode_channel_data(session.setup, added=session.channel.variables or None)
            sets, *plan = (
                Application(*one) for one in applications_of(self.matcher.decide(block, MOMENT))
            )
            assert list(session.execute(sets)) == []
        return plan

    def end(self) -> None:
        for steps in self._up:
            for _ in steps:
                pass
        self._up.clear()

    def used(self, realm: str, name: str) -> int:
        return self.limits.usage(f"{realm}_{name.removeprefix('+')}")[0]


def told(session: Session) -> tuple[int, str | None]:
    return session.final_sip, session.answered_by and session.answered_by.gateway


def test_ten_at_once_of_thirty_and_ten_again(matcher: Matcher) -> None:
    calls = Calls(matcher)
    for _ in range(2):
        seen = [told(calls.place((PLAIN, PAIR, DESK)[0])) for _ in range(30)]
        assert seen == [(200, "gwA")] * MOST + [(503, None)] * 20
        assert calls.used("vn_account", "acme") == MOST
        calls.end()
        assert calls.used("vn_account", "acme") == 0


@pytest.mark.parametrize("dies", [False, True], ids=["alone", "behind one that dies"])
def test_a_number_s_own_limit_and_who_takes_those_beyond(matcher: Matcher, dies: bool) -> None:
    calls = Calls(matcher, dies=dies)
    assert [told(calls.place(PAIR)) for _ in range(3)] == [(200, "gwA")] * 2 + [(486, None)]
    # Who is allowed counts all the same.
    assert [calls.place(ALLOWED, caller=FRIEND).final_sip for _ in range(3)] == [200, 200, 486]
    beyond = [calls.place(DESK) for _ in range(5)]
    assert [told(one) for one in beyond] == [(200, "gwA")] * 2 + [(200, "gwB")] * 3
    said = beyond[4].channel.variables
    assert said["vn_treated"] == "at_capacity" and said["vn_plan"] == "desk"
    assert "vn_over" not in said
    assert {one.channel.variables["vn_hops"] for one in beyond} == {"1"}
    # Those that the desk has count for the account, and for the number no more.
    assert calls.used("vn_number", DESK) == 2
    assert calls.used("vn_account", "acme") == 2 + 2 + 5
    assert [told(calls.place(DESK)) for _ in range(2)] == [(200, "gwB"), (503, None)]
    calls.end()
    assert {calls.used("vn_number", n) for n in (PAIR, DESK)} == {0}
    assert calls.used("vn_account", "acme") == 0


def test_an_account_s_calls_beyond_are_counted_for_it_no_more(matcher: Matcher) -> None:
    calls = Calls(matcher)
    assert [told(calls.place(WIDE)) for _ in range(4)] == [(200, "gwA")] * 2 + [(200, "gwB")] * 2
    assert calls.used("vn_account", "wide") == 2
    calls.end()
    assert calls.used("vn_account", "wide") == 0


def test_calls_a_second(matcher: Matcher) -> None:
    calls = Calls(matcher)
    codes = [calls.place(QUICK, at=place / 4).final_sip for place in range(8)]
    assert codes == [200, 200, 503, 503] * 2


def test_without_mod_hash_nobody_gets_through(matcher: Matcher) -> None:
    calls = Calls(matcher)
    calls.limits = Limits(backends=frozenset())
    assert told(calls.place(PLAIN)) == (503, None)


ENDS = st.sampled_from(["refused", "cancelled", "up", "end"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(ENDS, st.sampled_from([PLAIN, PAIR, DESK, WIDE])), max_size=40))
def test_counts_are_those_of_calls_that_are_up(
    matcher: Matcher, events: list[tuple[str, str]]
) -> None:
    far: dict[str, Any] = {"refused": {"refuse": 486}, "cancelled": {"ring": "forever"}}
    calls, up = Calls(matcher), {"acme": 0, "wide": 0}
    talking = calls._gateways
    for what, number in events:
        if what == "end":
            calls.end()
            up = dict.fromkeys(up, 0)
        elif what == "up":
            account = "wide" if number == WIDE else "acme"
            session = calls.place(number)
            if account == "acme":
                assert (session.answered_by is not None) <= (up[account] < MOST)
                up[account] += session.answered_by is not None
            else:
                up[account] += session.answered_by is not None and (
                    session.answered_by.gateway == "gwA"
                )
        else:
            gateways = {name: far[what] for name in TALK}
            calls._gateways = Gateways.from_mapping({"gateways": gateways})
            calls.place(number, patience=3)
            calls._gateways = talking
        assert {account: calls.used("vn_account", account) for account in up} == up
    calls.end()
    assert [calls.used("vn_account", account) for account in up] == [0, 0]
    assert [calls.used("vn_number", number) for number in (PAIR, DESK)] == [0, 0]


def test_route_tells_limits(matcher: Matcher) -> None:
    told = {(one.level, one.does): one.said for one in explain(matcher, DESK, "", MOMENT).screens}
    assert told == {
        ("account", "calls"): f"{MOST} !NORMAL_CIRCUIT_CONGESTION",
        ("number", "calls"): "2 !plan:desk",
        ("number", "cps"): "50/1 !plan:desk",
    }
    allowed = explain(matcher, ALLOWED, FRIEND, MOMENT).screens
    assert [(one.does, one.matched) for one in allowed] == [
        ("allow", True), ("calls", False), ("calls", False),
    ]  # fmt: skip
