"""Every kind of ringing in the simulator, held to what was seen on a real FreeSWITCH."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.ringing_table import KINDS, ROWS, Far, Row, causes, lines, row_id
from vnroute.simulator.applications import split_application
from vnroute.simulator.channel_data import Caller, Setup
from vnroute.simulator.gateways import Gateways
from vnroute.simulator.regex import run_regex
from vnroute.simulator.switch import Session, Wait


def behaviour(far: Far) -> Any:
    """Return what happens behind a gateway in the simulator's notation."""
    after = f"{far.after:g}s"
    if far.does == "is silent":
        return "silent"
    if far.does == "rings":
        return {"ring": "forever"}
    if far.does == "refuses":
        return {"refuse": far.code}
    if far.does == "sends 183, refuses":
        return {"early_media": "0ms", "refuse": far.code, "after": after}
    written: dict[str, Any] = {"ringing": "0ms", "answer": after}
    if far.press is not None:
        written |= {"press": f"{far.press:g}s", "key": far.key}
    if far.leaves is not None:
        written |= {"hangup": "callee", "talk": f"{far.leaves:g}s"}
    return written


def run(
    plan: list[str], gateways: dict[str, Any], patience: float | None = None, fraction: float = 0.4
) -> Session:
    """Run a plan's lines; the call begins ``fraction`` of a second after a full one."""
    setup = Setup(
        uuid="0f000000-aaaa",
        did="18005551234",
        caller=Caller("+34911234567", "Ana"),
        microseconds=1,
    )
    session = Session(
        setup,
        Gateways.from_mapping(gateways),
        1795364836 + fraction,
        random.Random(1),
        float("inf") if patience is None else patience,
    )
    for request in session.steps([split_application(line) for line in plan]):
        assert isinstance(request, Wait)
    return session


def ring(row: Row, fraction: float) -> tuple[Session, list[str]]:
    names = [f"gw{place}" for place in range(len(row.carriers))]
    behaviours = {name: behaviour(far) for name, far in zip(names, row.carriers, strict=True)}
    session = run(lines(row, names), {"gateways": behaviours}, row.patience, fraction)
    return session, names


def test_seven_kinds() -> None:
    assert len(KINDS) == 7


@pytest.mark.parametrize("fraction", [0.0, 0.4, 0.93])
@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_seen_on_a_running_freeswitch(row: Row, fraction: float) -> None:
    session, names = ring(row, fraction)
    gave_up = row.code is None
    assert session.final_sip == (487 if gave_up else row.code)
    assert row.least - 0.001 <= session.now <= row.most
    tried = [attempt.gateway for attempt in session.attempts]
    released = {a.gateway for a in session.attempts if a.created}
    assert tuple(int(name in released) for name in names) == row.rung
    assert all(tried.count(name) <= 1 for name in names)
    winner = session.answered_by.gateway if session.answered_by is not None else None
    assert winner == (None if row.winner is None else names[row.winner])
    found = causes(session.channel.get)
    assert {place: found.get(place) for place in row.causes} == row.causes
    if not gave_up:
        assert sum(row.rung) == len(row.causes) + int(row.winner is not None)


def test_a_pickup_is_no_leg_of_the_record() -> None:
    (row,) = (r for r in ROWS if r.name == "the second joins and answers")
    session, names = ring(row, 0.4)
    assert [leg.gateway for leg in session.leg_records()] == names


def test_a_caller_who_gave_up_has_no_causes() -> None:
    (row,) = (r for r in ROWS if r.kind == "together" and r.name == "caller gives up")
    session, _ = ring(row, 0.4)
    assert causes(session.channel.get) == {}
    assert [a.cause for a in session.attempts] == ["ORIGINATOR_CANCEL"] * 2


PLAIN = "multiset ^^;hangup_after_bridge=true;continue_on_fail=true;sip_ignore_remote_cause=true"


@pytest.mark.parametrize(
    ("behaviours", "failed", "sip"),
    [
        ({"1001@pbx.example": {"answer": "300ms"}}, None, 200),
        ({"1001@pbx.example": {"refuse": 486}}, "USER_BUSY", 486),
        ({"1001@pbx.example": "down"}, "USER_NOT_REGISTERED", 480),
        ({}, "SUBSCRIBER_ABSENT", 480),
    ],
)
def test_extensions(behaviours: Any, failed: str | None, sip: int) -> None:
    session = run(
        [PLAIN, "bridge {leg_timeout=6}user/1001@pbx.example", "hangup ${originate_failed_cause}"],
        {"users": behaviours},
    )
    assert session.channel.get("originate_failed_cause") == failed
    assert session.final_sip == sip


def test_an_originate_held_back_by_milliseconds() -> None:
    plan = "bridge sofia/gateway/gwA/1:_:{originate_delay_start=2000}sofia/gateway/gwB/1"
    gateways = {"gateways": {"gwA": {"ring": "forever"}, "gwB": {"answer": "500ms"}}}
    session = run([PLAIN, plan], gateways)
    assert session.now == pytest.approx(2.5, abs=0.05)
    early = run([PLAIN, plan], {"gateways": gateways["gateways"] | {"gwA": {"answer": "1s"}}})
    assert [a.gateway for a in early.attempts] == ["gwA"]


def test_a_branch_does_not_know_the_callers_stop_list() -> None:
    busy = {"refuse": 486}
    gateways = {"gateways": {"gwA": busy, "gwB": busy, "gwC": {"answer": "0ms"}}}
    plan = "bridge sofia/gateway/gwA/1|sofia/gateway/gwC/1:_:sofia/gateway/gwB/1"
    stop = f"{PLAIN};fail_on_single_reject=USER_BUSY"
    assert run([stop, plan], gateways).final_sip == 200
    told = run([f"{stop};export_vars=fail_on_single_reject", plan], gateways)
    assert [a.gateway for a in told.attempts] == ["gwA", "gwB"]


@pytest.mark.parametrize(
    ("argument", "result"),
    [
        ("m:~a;B;C~;(B)~%1", "B"),
        ("m:~a;B;C~;(X)~%1", "a;B;C"),
        ("m:~a;B;C~;(X)~%1~n", ""),
        ("m:~a;B;C~;(X)~%1~b", "false"),
        ("abc|b", "true"),
        ("abc|^b", "false"),
        ("m:/abc/(b)(c)/%2$1${2}/", "cbc"),
        ("m:~x;A~^(?|.*;(B)|.*;(A)|.*;C())~%1", "A"),
        ("m:~x;C~^(?|.*;(B)|.*;(A)|.*;C())~[%1]", "[]"),
        ("m:~ab12ab~(?|(a)(b)|(c)(d))([0-9]+)~%1-%2-%3", "a-b-12"),
        ("m:~aa bb~(?|x(y)|([ab]))\\1~<%1>", "<a>"),
        ("m:~]x~([]])(x)~%2%1", "x]"),
        ("m:~a~(~%1", "a"),  # no pattern: logged, and nothing matches
        ("alone", "-ERR"),
    ],
)
def test_regex(argument: str, result: str) -> None:
    assert run_regex(argument) == result
