"""What is heard of gateways, and what workers are told: whole stories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.carriers.test_meter import Traffic, dies, healthy
from vnroute import log
from vnroute.calls.record import Call, Leg
from vnroute.carriers.breaker import Limits
from vnroute.carriers.by_hand import ByHand
from vnroute.carriers.gateway_report import BadReport, GatewayReport, read_gateways
from vnroute.carriers.health import BADNESS, Health, KnownGateway
from vnroute.carriers.memory import Memory
from vnroute.carriers.quality import Figures, Window, class_of, packed_zones, zone_class
from vnroute.carriers.recent_calls import CallLimits
from vnroute.carriers.verdict import verdict_of

A, B = KnownGateway("alpha-1", "gwA", "alpha", 2), KnownGateway("beta-1", "gwB", "beta", 2)


def health(*switches: str, **options: Any) -> Health:
    made = Health(switches, Limits(open_seconds=5), **options)
    made.know([A, B], 0.0)
    return made


def call(at: float, *legs: Leg, answered: bool = False, switch: str = "") -> Call:
    micro = int(at * 1e6)
    return Call(uuid="u", started=micro, answered=micro if answered else 0, switch=switch,
                legs=legs)  # fmt: skip


def leg(gateway: str = "alpha-1", outcome: Any = "failed", **more: Any) -> Leg:
    more.setdefault("cause", "NORMAL_TEMPORARY_FAILURE" if outcome == "failed" else "")
    return Leg(attempt=1, uuid="l", gateway=gateway, dialled="12125550100", outcome=outcome, **more)


def report(made: int, failed: int, up: bool = True, name: str = "gwA") -> GatewayReport:
    return GatewayReport(name, up, True, "NOREG", 1.0, made, failed)


def test_pings_that_fail_shut_it_and_pings_that_are_answered_open_it_step_by_step() -> None:
    watched = health("fs1")
    watched.heard("fs1", 1, [report(10, 0)])
    watched.heard("fs1", 2, [report(10, 0, up=False)])
    (entry,) = watched.gateway_entries()
    assert (entry.gateway, entry.share, entry.badness) == ("alpha-1", 0, BADNESS["down"])
    watched.tick(10_000)
    assert watched.gateway_entries()[0].share == 0, "as long as the pings fail"
    watched.heard("fs1", 10_001, [report(10, 0)])
    assert watched.gateway_entries()[0].badness == BADNESS["half-open"]


def test_a_gateway_on_one_of_two_switches_is_shut_only_where_both_say_so() -> None:
    watched = health("fs1", "fs2")
    watched.heard("fs1", 1, [report(0, 0, up=False)])
    assert watched.gateway_entries() == []
    watched.heard("fs2", 1, [report(0, 0, up=False)])
    assert watched.gateway_entries()[0].share == 0


@pytest.mark.parametrize("after", [0.05, 2.0])
def test_a_carrier_dies_under_load_and_comes_back(after: float) -> None:
    """33 calls a second; it is shut within seconds of what shows it, and trusted again."""
    alive = healthy(0.6)
    death, birth = dies(200, after), 260.0
    share = {"now": 1000}
    traffic = Traffic(
        1,
        lambda now: 33.0 * share["now"] / 1000,
        lambda noise, now: death(noise, now) if now < birth else alive(noise, now),
    )
    watched, now = health("fs1"), 0.0
    shut: list[float] = []
    while now < 420:
        now += 0.25
        watched.heard("fs1", now, [report(*traffic.until(now))])
        watched.tick(now)
        gateway = watched.gateways["alpha-1"]
        if gateway.share == 0 and share["now"] and not shut:
            shut.append(now)
        share["now"] = max(gateway.share, 1)
    assert 200 < shut[0] < 206
    assert watched.gateways["alpha-1"].state == "closed"
    assert watched.transitions["alpha-1", "open"] >= 2, "trials failed while it was dead"


def test_failures_in_a_row_shut_it_where_no_switch_is_watched() -> None:
    alone = health()
    for second in range(4):
        alone.called(call(100 + second, leg()), 110)
    alone.called(call(104, leg(outcome="busy")), 110)
    for second in range(4):
        alone.called(call(105 + second, leg()), 110)
    assert alone.gateway_entries() == [], "never five in a row"
    alone.called(call(109, leg()), 110)
    assert [entry.gateway for entry in alone.gateway_entries()] == ["alpha-1"]
    alone.tick(115)
    for second in (116, 117, 118):
        alone.called(call(second, leg(outcome="answered", talk_ms=9000), answered=True), 130)
    assert alone.gateways["alpha-1"].share == 250, "the least for a gateway of few calls"


def test_records_are_not_believed_against_legs_that_live() -> None:
    watched = health("fs1")
    for second in range(100, 160):
        watched.heard("fs1", second, [report(second * 10, second)])
    for second in range(5):
        watched.called(call(140 + second, leg()), 160)
    assert watched.gateway_entries() == [], "ten legs a second are made and live"


@pytest.mark.parametrize(
    ("made", "answered", "verdict"),
    [
        (leg(), False, "bad"),
        (leg(cause="PROGRESS_TIMEOUT"), True, "bad"),
        (leg(cause="PROGRESS_TIMEOUT", together=True), True, "nothing"),
        (leg(cause="PROGRESS_TIMEOUT", together=True), False, "bad"),
        (leg(cause="UNALLOCATED_NUMBER"), False, "nothing"),
        (leg(outcome="declined", cause="CALL_REJECTED", sip=403), False, "bad"),
        (leg(outcome="declined", cause="CALL_REJECTED", sip=603), False, "good"),
        (leg(outcome="busy", cause="USER_BUSY"), False, "good"),
        (leg(outcome="cancelled", cause="ORIGINATOR_CANCEL"), False, "nothing"),
        (leg(outcome="cancelled", cause="LOSE_RACE"), True, "good"),
        (leg(outcome="answered"), True, "good"),
    ],
)
def test_what_a_leg_says_of_its_carrier(made: Leg, answered: bool, verdict: str) -> None:
    assert verdict_of(call(1, made, answered=answered), made) == verdict


def test_failures_shut_nothing_where_that_is_off() -> None:
    alone = health(call_limits=CallLimits(failures=0))
    for second in range(100):
        alone.called(call(100 + second, leg()), 210)
    assert alone.gateways["alpha-1"].state == "closed"


def test_calls_cut_short_shut_it_where_that_is_wished() -> None:
    usual = health()
    alone = health(call_limits=CallLimits(short_seconds=3))
    for second in range(30):
        short = call(100 + second, leg(outcome="answered", talk_ms=900), answered=True)
        usual.called(short, 140)
        alone.called(short, 140)
    assert usual.gateways["alpha-1"].state == "closed"
    assert alone.gateways["alpha-1"].state == "open"


def test_state_survives_a_restart(tmp_path: Path) -> None:
    before = health()
    for second in range(5):
        before.called(call(100 + second, leg()), 110)
    memory = Memory(tmp_path, log.get_logger())
    memory.keep_breakers(before.kept_breakers())
    memory.keep_minutes(before.kept_minutes())
    after = Health((), Limits(open_seconds=5))
    after.remember(memory.breakers(), memory.minutes())
    after.know([A, B], 111)
    assert after.gateways["alpha-1"].state == "open"
    assert after.carrier_figures(111)["alpha"][1].legs == 5
    after.know([B], 112)
    assert after.gateway_entries() == [], "a gateway that is no more"
    (tmp_path / "breakers.json").write_bytes(b"[{")
    assert memory.breakers() == []


def test_drained_by_hand(tmp_path: Path) -> None:
    here, there = ByHand(tmp_path), ByHand(tmp_path)
    assert here.drain(["alpha-1", "beta-1"], "ann", "fibre cut") == ["alpha-1", "beta-1"]
    assert there.drain(["alpha-1"]) == []
    watched = health()
    watched.drain(there.all())
    assert [(e.share, e.badness, e.for_good) for e in watched.gateway_entries()] == [
        (0, 4, True), (0, 4, True)
    ]  # fmt: skip
    assert there.restore(["alpha-1"]) == ["alpha-1"]
    assert list(here.all()) == ["beta-1"]


@given(st.text(max_size=300) | st.text(alphabet="<>/gatewys &;nm01", max_size=300))
def test_no_text_breaks_the_reading_of_reports(text: str) -> None:
    for whole in (text, f"<gateways><gateway>{text}</gateway></gateways>"):
        try:
            for gateway in read_gateways(whole):
                assert gateway.name
        except BadReport as error:
            assert str(error)


def test_a_report_as_freeswitch_writes_it() -> None:
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<gateways>\n  <gateway>\n    <name>gwA</name>'
        "<pingfreq>5</pingfreq><pingtime>1.25</pingtime><state>NOREG</state><status>DOWN</status>"
        "<calls-out>7</calls-out><failed-calls-out>3</failed-calls-out></gateway></gateways>"
    )
    assert read_gateways(text) == [GatewayReport("gwA", False, True, "NOREG", 1.25, 7, 3)]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (Figures(49, 49, 49, 10**7), 3),
        (Figures(100, 60, 99, 60 * 200_000, 2_000 * 60, 60), 0),
        (Figures(100, 30, 92, 30 * 200_000, 5_000 * 30, 30), 3),
        (Figures(100, 10, 50, 10 * 20_000, 9_000 * 10, 10), 7),
    ],
)
def test_quality_classes(figures: Figures, expected: int) -> None:
    assert class_of(figures) == expected


@given(st.dictionaries(st.integers(1, 9), st.integers(0, 7)), st.integers(0, 7))
def test_classes_by_zone_are_read_as_they_were_packed(zones: dict[int, int], extra: int) -> None:
    word = packed_zones(zones)
    for zone in range(1, 10):
        assert zone_class(extra, word, f"{zone}0") == zones.get(zone, extra)


@given(st.lists(st.integers(0, 300), max_size=40))
def test_a_window_is_the_sum_of_its_minutes(minutes: list[int]) -> None:
    window = Window(60)
    for minute in minutes:
        window.add(minute * 60.0, Figures(legs=1))
    now = max(minutes, default=0)
    assert window.sum(now * 60.0).legs == sum(now - minute < 60 for minute in minutes)
