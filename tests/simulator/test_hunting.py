"""What becomes of a bridge: held against what a running FreeSWITCH did.

The rows of ``test_seen_on_a_running_freeswitch`` are calls that were placed through a FreeSWITCH
1.11 with three carriers A, B and C behind three gateways; B and C answer at once unless said.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vnroute.simulator.applications import split_application
from vnroute.simulator.channel_data import Caller, Setup
from vnroute.simulator.gateways import Gateways
from vnroute.simulator.switch import Session, Wait

ANSWERS = {"answer": "0"}
STOP = ",fail_on_single_reject=^^:USER_BUSY:CALL_REJECTED"
HEAD = "{ignore_early_media=true,originate_continue_on_timeout=true%s}"
LEG = "[leg_progress_timeout=3,leg_timeout=6]sofia/gateway/%s/12125550100"
SETTINGS = "multiset ^^;hangup_after_bridge=true;continue_on_fail=true"


def run(
    *plan: str,
    gateways: Mapping[str, Any],
    fraction: float = 0.4,
    patience: float = float("inf"),
    max_forwards: int = 70,
) -> Session:
    """Run a plan; the call begins ``fraction`` of a second after a full one."""
    setup = Setup(
        uuid="a-leg",
        did="18005551234",
        caller=Caller("+34911234567", "Ana"),
        microseconds=1,
        max_forwards=max_forwards,
    )
    session = Session(
        setup,
        Gateways.from_mapping({"gateways": gateways}),
        1795364836 + fraction,
        random.Random(1),
        patience,
    )
    for request in session.steps([split_application(line) for line in plan]):
        assert isinstance(request, Wait)
        assert request.seconds >= 0
    return session


def hunt(a: Any, b: Any = ANSWERS, c: Any = ANSWERS, stop: str = STOP, **more: Any) -> Session:
    gateways = {"gwA": a, "gwB": b, "gwC": c}
    if a is None:
        del gateways["gwA"]
    legs = "|".join(LEG % name for name in ("gwA", "gwB", "gwC"))
    return run(
        SETTINGS,
        f"bridge {HEAD % stop}{legs}",
        "hangup ${originate_disposition}",
        gateways=gateways,
        **more,
    )


def tried(session: Session) -> list[str]:
    return [attempt.gateway for attempt in session.attempts]


@pytest.mark.parametrize("fraction", [0.0, 0.4, 0.93])
@pytest.mark.parametrize(
    ("a", "gateways_tried", "sip", "least", "most"),
    [
        ({"refuse": 486}, ["gwA"], 486, 0.0, 0.1),
        ({"refuse": 603}, ["gwA"], 603, 0.0, 0.1),
        ({"refuse": 403}, ["gwA"], 403, 0.0, 0.1),  # one cause with 603: it stops, too
        ({"refuse": 503}, ["gwA", "gwB"], 200, 0.0, 0.1),
        ({"refuse": 404}, ["gwA", "gwB"], 200, 0.0, 0.1),
        ({"refuse": 480}, ["gwA", "gwB"], 200, 0.0, 0.1),
        ("silent", ["gwA", "gwB"], 200, 3.0, 4.1),
        ({"early_media": "100ms", "refuse": 503}, ["gwA", "gwB"], 200, 0.1, 0.2),
        ({"ringing": "50ms", "ring": "forever"}, ["gwA", "gwB"], 200, 6.0, 7.1),
        (None, ["gwA", "gwB"], 200, 0.0, 0.1),  # no such gateway
        ("down", ["gwA", "gwB"], 200, 0.0, 0.1),
    ],
)
def test_seen_on_a_running_freeswitch(
    a: Any, gateways_tried: list[str], sip: int, least: float, most: float, fraction: float
) -> None:
    session = hunt(a, fraction=fraction)
    assert tried(session) == gateways_tried
    assert session.final_sip == sip
    assert least <= session.now <= most
    if sip == 200:
        assert session.answered_by is session.attempts[-1]
        assert session.channel.cause == "NORMAL_CLEARING"


def test_seen_error_endpoint_instead_of_a_gateway() -> None:
    session = run(
        SETTINGS,
        f"bridge {HEAD % STOP}error/GATEWAY_DOWN|{LEG % 'gwB'}",
        gateways={"gwB": ANSWERS},
    )
    assert session.final_sip == 200
    assert session.attempts[0].cause == "GATEWAY_DOWN"
    assert not session.attempts[0].created


def test_seen_two_congested_and_one_busy() -> None:
    session = hunt({"refuse": 503}, {"refuse": 503}, {"refuse": 486})
    assert tried(session) == ["gwA", "gwB", "gwC"]
    assert session.final_sip == 486


def test_seen_all_silent() -> None:
    session = hunt("silent", "silent", "silent", fraction=0.1)
    assert tried(session) == ["gwA", "gwB", "gwC"]
    assert session.final_sip == 480
    assert 11.8 < session.now < 12.0  # 11.9 s were seen
    assert session.channel.get("originate_disposition") == "PROGRESS_TIMEOUT"
    assert session.channel.cause == "PROGRESS_TIMEOUT"


@pytest.mark.parametrize("status", [486, 503, 603, 404, 480])
def test_seen_without_the_stop_list(status: int) -> None:
    refuses = {"refuse": status}
    session = hunt(refuses, refuses, refuses, stop="")
    assert tried(session) == ["gwA", "gwB", "gwC"]
    assert session.final_sip == status


def test_seen_second_bridge_of_the_plan() -> None:
    session = run(
        SETTINGS,
        f"bridge {HEAD % STOP}{LEG % 'gwA'}",
        f"bridge {HEAD % STOP}{LEG % 'gwB'}",
        gateways={"gwA": {"refuse": 486}, "gwB": ANSWERS},
    )
    assert tried(session) == ["gwA", "gwB"]
    assert session.final_sip == 200


def test_seen_parallel() -> None:
    session = run(
        SETTINGS,
        f"bridge {HEAD % STOP}{LEG % 'gwA'},{LEG % 'gwB'}",
        gateways={"gwA": {"refuse": 486}, "gwB": ANSWERS},
    )
    assert session.final_sip == 200


def test_seen_enterprise() -> None:
    session = run(
        SETTINGS,
        f"bridge {HEAD % STOP}{LEG % 'gwA'}|{LEG % 'gwC'}:_:{LEG % 'gwB'}",
        gateways={
            "gwA": {"refuse": 503},
            "gwB": {"ring": "forever"},
            "gwC": {"answer": "1s"},
        },
    )
    assert session.final_sip == 200
    causes = {attempt.gateway: attempt.cause for attempt in session.attempts}
    assert causes == {"gwA": "NORMAL_TEMPORARY_FAILURE", "gwB": "LOSE_RACE", "gwC": "NONE"}


@pytest.mark.parametrize(("status", "sip"), [(403, 200), (603, 603)])
def test_seen_one_bridge_a_carrier_tells_403_from_603(status: int, sip: int) -> None:
    session = run(
        SETTINGS,
        "bridge sofia/gateway/gwA/1",
        "bridge ${cond(${sip_invite_failure_status} == 603 ? error/CALL_REJECTED"
        " : sofia/gateway/gwB/1)}",
        "hangup ${originate_disposition}",
        gateways={"gwA": {"refuse": status}, "gwB": ANSWERS},
    )
    assert session.final_sip == sip


# -- outcomes in the variables, as seen in CDRs ---------------------------------------------------


def leg(name: str, uuid: str) -> str:
    return f"[origination_uuid={uuid},leg_progress_timeout=2,leg_timeout=4]sofia/gateway/{name}/1"


def test_cdr_answered_on_the_second() -> None:
    session = run(
        SETTINGS,
        f"bridge {HEAD % ''}{leg('gwA', 'u1')}|{leg('gwB', 'u2')}",
        gateways={"gwA": {"refuse": 503}, "gwB": ANSWERS},
    )
    get = session.channel.get
    assert get("originate_disposition") == "SUCCESS"
    assert get("originate_causes") == "ARRAY::u1;NORMAL_TEMPORARY_FAILURE|:u2;NONE"
    assert get("originated_legs") == "ARRAY::u1;Outbound Call;1|:u2;Outbound Call;1"
    assert get("last_bridge_hangup_cause") == "NORMAL_TEMPORARY_FAILURE"
    assert get("last_bridge_proto_specific_hangup_cause") == "sip:503"
    assert get("sip_invite_failure_status") is None  # wiped by the second leg's responses
    assert get("last_bridge_to") == "u2"
    assert get("DIALSTATUS") == "SUCCESS"


def test_cdr_together() -> None:
    session = run(
        SETTINGS,
        f"bridge {HEAD % ''}{leg('gwA', 'u1')},{leg('gwB', 'u2')}",
        gateways={"gwA": {"ring": "forever"}, "gwB": ANSWERS},
    )
    assert session.channel.get("originate_causes") == "ARRAY::u1;LOSE_RACE|:u2;NONE"
    assert session.channel.get("last_bridge_hangup_cause") == "LOSE_RACE"


def test_cdr_busy() -> None:
    session = hunt({"refuse": 486}, stop="", b={"refuse": 486}, c={"refuse": 486})
    get = session.channel.get
    assert get("originate_failed_cause") == "USER_BUSY"
    assert get("sip_invite_failure_status") == "486"
    assert get("sip_invite_failure_phrase") == "Busy Here"
    assert get("DIALSTATUS") == "BUSY"


def test_cdr_refused_without_a_leg() -> None:
    session = run("hangup UNALLOCATED_NUMBER", gateways={})
    assert session.attempts == []
    assert (session.channel.cause, session.final_sip) == ("UNALLOCATED_NUMBER", 404)


def test_cdr_nine_seconds_of_silence_for_three_legs_of_two() -> None:
    legs = "|".join(leg(name, name) for name in ("gwA", "gwB", "gwC"))
    session = run(
        SETTINGS,
        f"bridge {HEAD % ''}{legs}",
        gateways={name: "silent" for name in ("gwA", "gwB", "gwC")},
        fraction=0.05,
    )
    assert 8.9 < session.now < 9.1


# -- rules read in the source ---------------------------------------------------------------------


def test_progress_timeout_sticks_as_the_bridges_cause() -> None:
    session = hunt("silent", {"refuse": 503}, {"refuse": 404}, stop="")
    assert session.channel.get("originate_disposition") == "UNALLOCATED_NUMBER"
    assert session.channel.get("originate_failed_cause") == "PROGRESS_TIMEOUT"


def test_a_ring_timeout_ends_the_hunt_unless_told_otherwise() -> None:
    legs = "sofia/gateway/gwA/1|sofia/gateway/gwB/1"
    gateways = {"gwA": {"ring": "forever"}, "gwB": ANSWERS}
    ended = run(SETTINGS, f"bridge {{originate_timeout=5}}{legs}", gateways=gateways)
    assert tried(ended) == ["gwA"]
    assert ended.attempts[0].cause == "NO_ANSWER"
    assert 4.0 <= ended.now <= 5.1
    went_on = run(
        SETTINGS,
        f"bridge {{originate_timeout=5,originate_continue_on_timeout=true}}{legs}",
        gateways=gateways,
    )
    assert tried(went_on) == ["gwA", "gwB"]
    by_variable = run(SETTINGS, "set call_timeout=5", f"bridge {legs}", gateways=gateways)
    assert tried(by_variable) == ["gwA"]
    assert by_variable.now <= 5.1
    by_default = run(SETTINGS, f"bridge {legs}", gateways=gateways)
    assert 59 < by_default.now < 60.1


def test_early_media_is_success_unless_ignored() -> None:
    a = {"early_media": "100ms", "refuse": 503, "after": "1s"}
    session = run(
        SETTINGS, "bridge sofia/gateway/gwA/1|sofia/gateway/gwB/1", "hangup USER_BUSY",
        gateways={"gwA": a, "gwB": ANSWERS},
    )  # fmt: skip
    assert tried(session) == ["gwA"]
    assert session.channel.get("originate_disposition") == "SUCCESS"
    assert session.channel.cause == "USER_BUSY"
    assert session.final_sip == 503  # the B leg's own status wins
    assert session.progress_at is not None and session.progress_at < 0.2
    answered = run(
        SETTINGS,
        "bridge sofia/gateway/gwA/1",
        gateways={"gwA": {"early_media": "100ms", "answer": "3s"}},
    )
    assert answered.final_sip == 200
    assert answered.now == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("settings_line", "status", "goes_on"),
    [
        ("set continue_on_fail=true", 486, True),
        ("set continue_on_fail=false", 486, False),
        ("set continue_on_fail=USER_BUSY,NO_ANSWER", 486, True),
        ("set continue_on_fail=17", 486, True),
        ("set continue_on_fail=USER_BUSY", 503, False),
        ("set failure_causes=USER_BUSY", 503, True),
        ("set failure_causes=USER_BUSY", 486, False),
        ("set x=y", 486, False),
        ("set x=y", 480, True),  # NO_USER_RESPONSE always goes on
    ],
)
def test_continue_on_fail(settings_line: str, status: int, goes_on: bool) -> None:
    session = run(
        settings_line,
        "bridge sofia/gateway/gwA/1",
        "bridge sofia/gateway/gwB/1",
        gateways={"gwA": {"refuse": status}, "gwB": ANSWERS},
    )
    assert tried(session) == (["gwA", "gwB"] if goes_on else ["gwA"])


def test_hangup_after_bridge() -> None:
    gateways = {"gwA": {"answer": "1s", "talk": "10s", "hangup": "callee"}, "gwB": ANSWERS}
    plan = ("bridge sofia/gateway/gwA/1", "bridge sofia/gateway/gwB/1")
    hung_up = run("set hangup_after_bridge=true", *plan, gateways=gateways)
    assert tried(hung_up) == ["gwA"]
    assert hung_up.now == pytest.approx(11.02, abs=0.03)
    went_on = run("set hangup_after_bridge=false", *plan, gateways=gateways)
    assert tried(went_on) == ["gwA", "gwB"]
    by_caller = run(*plan, gateways={**gateways, "gwA": ANSWERS})
    assert tried(by_caller) == ["gwA"]


def test_fail_on_single_reject_is_a_substring_and_may_be_negated() -> None:
    a = {"refuse": 486}
    assert tried(hunt(a, stop=",fail_on_single_reject=xUSER_BUSYx")) == ["gwA"]
    assert tried(hunt(a, stop=",fail_on_single_reject=user_busy")) == ["gwA"]
    assert tried(hunt(a, stop=",fail_on_single_reject=!USER_BUSY")) == ["gwA", "gwB"]
    assert tried(hunt({"refuse": 503}, stop=",fail_on_single_reject=!USER_BUSY")) == ["gwA"]


def test_a_gateway_refused_by_the_stop_list_leaves_no_disposition() -> None:
    session = hunt("down", stop=",fail_on_single_reject=GATEWAY_DOWN")
    assert tried(session) == ["gwA"]
    assert session.channel.get("originate_disposition") == "failure"
    assert session.channel.get("originate_failed_cause") == "GATEWAY_DOWN"


def test_a_rejecting_leg_ends_the_ringing_of_the_others() -> None:
    session = run(
        SETTINGS,
        f"bridge {HEAD % STOP}sofia/gateway/gwA/1,sofia/gateway/gwB/1|sofia/gateway/gwC/1",
        gateways={
            "gwA": {"refuse": 486, "after": "1s"},
            "gwB": {"ringing": "0", "answer": "5s"},
            "gwC": ANSWERS,
        },
    )
    assert tried(session) == ["gwA", "gwB"]
    assert [attempt.cause for attempt in session.attempts] == ["USER_BUSY", "NO_ANSWER"]
    assert session.channel.get("originate_disposition") == "NO_ANSWER"


def test_max_forwards() -> None:
    session = hunt(ANSWERS, max_forwards=1)
    assert {attempt.cause for attempt in session.attempts} == {"EXCHANGE_ROUTING_ERROR"}
    assert session.final_sip == 483


def test_a_uuid_used_twice_fails_its_leg() -> None:
    session = run(
        SETTINGS,
        f"bridge {leg('gwA', 'same')}|{leg('gwB', 'same')}|{leg('gwC', 'other')}",
        gateways={"gwA": {"refuse": 503}, "gwB": ANSWERS, "gwC": ANSWERS},
    )
    assert session.attempts[1].cause == "DESTINATION_OUT_OF_ORDER"
    assert session.answered_by is session.attempts[2]


def test_legs_may_be_delayed() -> None:
    session = run(
        SETTINGS,
        "bridge sofia/gateway/gwA/1,[leg_delay_start=5]sofia/gateway/gwB/1",
        gateways={"gwA": {"ring": "forever"}, "gwB": ANSWERS},
        fraction=0.0,
    )
    assert session.answered_by is session.attempts[1]
    assert 5.9 < session.now < 6.2
    nobody_else = run(
        SETTINGS,
        "bridge sofia/gateway/gwA/1,[leg_delay_start=5]sofia/gateway/gwB/1",
        gateways={"gwA": {"refuse": 503}, "gwB": ANSWERS},
    )
    assert nobody_else.now < 0.2


def test_unknown_endpoints_and_malformed_dial_strings() -> None:
    session = run(SETTINGS, "bridge nonsense/1|sofia/gateway/gwA/1", gateways={"gwA": ANSWERS})
    assert session.attempts[0].cause == "CHAN_NOT_IMPLEMENTED"
    assert session.final_sip == 200
    broken = run("bridge {a=b", "hangup USER_BUSY", gateways={})
    assert broken.channel.get("originate_disposition") == "ORIGINATOR_CANCEL"
    assert broken.channel.cause == "USER_BUSY"
    empty = run("bridge", "hangup USER_BUSY", gateways={})
    assert empty.channel.get("originate_disposition") is None


def test_a_caller_who_gives_up() -> None:
    session = hunt({"ring": "forever", "ringing": "100ms"}, patience=2.0)
    assert session.channel.cause == "ORIGINATOR_CANCEL"
    assert session.final_sip == 487
    assert session.now == pytest.approx(2.0)
    assert session.attempts[0].cause == "ORIGINATOR_CANCEL"
    enterprise = run(
        SETTINGS,
        "bridge sofia/gateway/gwA/1:_:sofia/gateway/gwB/1",
        gateways={"gwA": {"ring": "forever"}, "gwB": "silent"},
        patience=2.0,
    )
    assert enterprise.channel.cause == "ORIGINATOR_CANCEL"
    assert {attempt.cause for attempt in enterprise.attempts} == {"ORIGINATOR_CANCEL"}


def test_a_failed_enterprise_leaves_the_word_failure() -> None:
    session = run(
        SETTINGS,
        "bridge sofia/gateway/gwA/1:_:sofia/gateway/gwB/1",
        "hangup ${originate_disposition}",
        gateways={"gwA": {"refuse": 486}, "gwB": {"refuse": 503}},
    )
    # "failure" is no cause, so the caller is cleared normally: 480.
    assert session.channel.get("originate_disposition") == "failure"
    assert session.final_sip == 480
    assert session.channel.get("originate_failed_cause") == "NORMAL_TEMPORARY_FAILURE"


def test_applications() -> None:
    assert run("respond 503 Full", gateways={}).final_sip == 503
    assert run("respond 486", gateways={}).channel.cause == "USER_BUSY"
    assert run("answer", "hangup", gateways={}).final_sip == 200
    assert run("no_such_application", gateways={}).channel.cause == "DESTINATION_OUT_OF_ORDER"
    assert run("sleep 1500", "hangup", gateways={}).now == 1.5
    assert run("playback x.wav", "hangup USER_BUSY", gateways={}).final_sip == 486
    limited = run("limit_execute hash gw A 2 bridge sofia/gateway/gwA/1", gateways={"gwA": ANSWERS})
    assert limited.final_sip == 200
    assert run(gateways={}).channel.cause == "NORMAL_CLEARING"
    exported = run(
        "export vn_x=1", "export nolocal:vn_y=2", "bridge sofia/gateway/gwA/1",
        gateways={"gwA": ANSWERS},
    )  # fmt: skip
    assert exported.attempts[0].leg.variables["vn_x"] == "1"
    assert exported.attempts[0].leg.variables["vn_y"] == "2"
    assert "transfer" in run("transfer 1", gateways={}).notes[0]


def test_variables() -> None:
    session = run(
        "multiset ^^;Mixed=1;list=ARRAY::a|:b;plain=x",
        "set copy=${mixed}-${list[1]}-${plain}-${destination_number}-${caller_id_number}",
        "push list=c",
        "set late=${list}",
        "unset plain",
        "multiunset ^^;nothing;copy2",
        gateways={},
    )
    get = session.channel.get
    assert get("copy") == "1-b-x-18005551234-+34911234567"
    assert get("late") == "ARRAY::a|:b|:c"
    assert get("plain") is None
    assert session.channel.variables["Mixed"] == "1"


BEHAVIOURS = st.sampled_from(
    ["silent", "down", {"refuse": 486}, {"refuse": 503}, {"refuse": 603}, ANSWERS,
     {"ring": "forever"}, {"early_media": "1s", "refuse": 404}, {"ringing": "1s", "answer": "4s"}]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(BEHAVIOURS, BEHAVIOURS, BEHAVIOURS),
    st.lists(st.sampled_from(["|", ",", ":_:"]), min_size=2, max_size=2),
    st.sampled_from(["", STOP, ",fail_on_single_reject=true", ",hangup_on_single_reject=true"]),
    st.sampled_from([float("inf"), 2.5]),
)
def test_every_hunt_comes_to_an_end(
    behaviours: tuple[Any, Any, Any], separators: list[str], stop: str, patience: float
) -> None:
    text = "".join(
        part
        for pair in zip((LEG % f"gw{x}" for x in "ABC"), [*separators, ""], strict=True)
        for part in pair
    )
    session = run(
        SETTINGS,
        f"bridge {HEAD % stop}{text}",
        "hangup ${originate_disposition}",
        gateways=dict(zip(("gwA", "gwB", "gwC"), behaviours, strict=True)),
        patience=patience,
    )
    assert session.channel.down
    assert 200 <= session.final_sip < 700
    assert (session.final_sip == 200) == (session.answered_by is not None)
    assert session.now < 200
    for attempt in session.attempts:
        assert attempt.ended is not None
        assert 0 <= attempt.started <= attempt.ended <= session.now + 0.05
