"""Decisions: what a real FreeSWITCH sent, replayed, and every way a call can end here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.images import (
    MONDAY_NOON_IN_NEW_YORK,
    SUNDAY_NOON_IN_NEW_YORK,
    acme,
    compiled,
)
from vnroute.compiler.hunting import relay
from vnroute.matcher.decide import OUTCOME_NAMES, Matcher
from vnroute.matcher.explain import Target, applications_of, channel_data, explain
from vnroute.model.policy import DEFAULT_POLICY
from vnroute.simulator import CommandReader

CAPTURES = Path(__file__).parents[1] / "data/captures"
UUID = re.compile(
    r"origination_uuid=([0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
)


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    return Matcher(compiled(acme(), tmp_path_factory.mktemp("image")))


def answer(
    matcher: Matcher, data: bytes, now: float = MONDAY_NOON_IN_NEW_YORK
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the variables of a reply, and its other applications with uuids left out."""
    reply = matcher.decide(data, now)
    assert reply.startswith(
        b"sendmsg\ncall-command: execute\nexecute-app-name: multiset\ncontent-type: text/plain\n"
    )
    assert reply.endswith(b"\n\nexit\n\n")
    assert reply.count(b"\n\n") == 3  # two messages and one exit, whatever the caller wrote
    assert b"\r" not in reply
    sets, plan, _ = CommandReader().feed(reply)
    assert (sets.headers.get("call-command"), sets.body[:3]) == ("execute", b"^^;")
    assert plan.text.startswith("sendmsg\ncall-command: xferext\napplication: ")
    first, *others = applications_of(reply)
    variables = dict(pair.split("=", 1) for pair in first[1].removeprefix("^^;").split(";"))
    return variables, [(name, UUID.sub("origination_uuid=U", text)) for name, text in others]


def leg(gateway: str, number: str, progress: int = 5) -> str:
    return (
        f"[leg_progress_timeout={progress - 1},origination_uuid=U]sofia/gateway/{gateway}/{number}"
    )


GO_ON = ("bridge", "${vn_go}")
WEEKDAY = [
    ("bridge", "{leg_timeout=20}" + "|".join([
        leg("gwB1", "0012125550100"), leg("gwB2", "+12125550100", 3), leg("gwA", "12125550100")])),
    GO_ON, GO_ON,
    ("bridge", "{leg_timeout=25}" + "|".join([
        leg("gwA", "19175550123"), leg("gwB1", "0019175550123"), leg("gwB2", "+19175550123", 3)])),
    GO_ON, GO_ON,
    ("hangup", "USER_BUSY"),
]  # fmt: skip
WITH_IDENTITY = [
    (name, text.replace("5}[", "5,sip_h_y=${sip_h_identity}}[")
     .replace("0}[", "0,sip_h_y=${sip_h_identity}}["))
    for name, text in WEEKDAY
]  # fmt: skip
LONDON = [
    ("bridge", "{leg_timeout=25}" + "|".join([
        leg("gwA", "442079460999"), leg("gwB1", "00442079460999"), leg("gwB2", "+442079460999", 3)]
    )),
    GO_ON, GO_ON,
    *WEEKDAY[:6],
    ("hangup", "".join(relay(DEFAULT_POLICY)[::2])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("capture", "number", "name", "applications"),
    [
        ("plain", "+34911234567", "Ana Alvarez", WEEKDAY),
        ("e164_plus", "+34911234567", "Ana Alvarez", LONDON),
        ("anonymous", "anonymous", "Anonymous", WEEKDAY),
        ("diversion", "+34911234567", "Ana Alvarez", WEEKDAY),
        ("identity", "+34911234567", "Ana Alvarez", WITH_IDENTITY),
        ("custom_headers", "+34911234567", "Ana Alvarez", WEEKDAY),
        ("tel_uri_from", "+34911234567", "34911234567", WEEKDAY),
        (
            "hostile_name",
            "+34911234567",
            "O Brien J x sofia evil 900 1.2.3.4 system id exit",
            WEEKDAY,
        ),
    ],
)
def test_what_a_real_freeswitch_sent_gets_the_plan(
    matcher: Matcher, capture: str, number: str, name: str,
    applications: list[tuple[str, str]],
) -> None:  # fmt: skip
    data = (CAPTURES / f"{capture}.channel_data").read_bytes()
    variables, others = answer(matcher, data)
    assert others == applications
    assert variables["effective_caller_id_number"] == number
    assert variables["effective_caller_id_name"] == name
    called = "+442079460123" if capture == "e164_plus" else "+18005551234"
    assert variables["vn_number"] == called
    assert variables["vn_generation"] == "7"
    assert variables["vn_account"] == "acme"
    assert variables["vn_hops"] == "1"
    assert variables.get("vn_campaign") == (None if capture == "e164_plus" else "spring-26")
    legs = variables["vn_legs"].split(",")
    assert len(legs) == sum(text.count("sofia/gateway/") for _, text in others)
    assert variables["hangup_after_bridge"] == "true"
    assert variables["failure_causes"] == "EXCHANGE_ROUTING_ERROR"


def test_every_capture_is_replayed(matcher: Matcher) -> None:
    tested = {"plain", "e164_plus", "anonymous", "diversion", "identity", "custom_headers",
              "tel_uri_from", "hostile_name", "max_forwards_0_1"}  # fmt: skip
    assert {path.stem for path in CAPTURES.glob("*.channel_data")} == tested


def test_a_call_that_may_make_no_further_hop_is_refused_with_483(matcher: Matcher) -> None:
    data = (CAPTURES / "max_forwards_0_1.channel_data").read_bytes()
    variables, others = answer(matcher, data)
    assert others == [("hangup", "EXCHANGE_ROUTING_ERROR")]
    assert variables["vn_refused"] == "too_many_hops"


def test_out_of_hours_the_first_step_is_passed_over(matcher: Matcher) -> None:
    data = (CAPTURES / "plain.channel_data").read_bytes()
    assert answer(matcher, data, SUNDAY_NOON_IN_NEW_YORK)[1] == WEEKDAY[3:]


@pytest.mark.parametrize(
    ("called", "outcome", "cause"),
    [
        ("19995551234", "unknown_number", "UNALLOCATED_NUMBER"),
        ("", "unknown_number", "UNALLOCATED_NUMBER"),
        ("anonymous", "unknown_number", "UNALLOCATED_NUMBER"),
        ("08005551234", "unknown_number", "UNALLOCATED_NUMBER"),
        ("18005551234;phone-context=x", "unknown_number", "UNALLOCATED_NUMBER"),
        ("1800555123412341234", "unknown_number", "UNALLOCATED_NUMBER"),
        ("18005550002", "suspended", "INCOMING_CALL_BARRED"),
        ("18005550003", "suspended", "INCOMING_CALL_BARRED"),
        ("18005550004", "no_carrier", "NO_ROUTE_DESTINATION"),
    ],
)
def test_refusals_have_their_own_cause(
    matcher: Matcher, called: str, outcome: str, cause: str
) -> None:
    before = matcher.counts()[outcome]
    variables, others = answer(matcher, channel_data(called, "+34911234567"))
    assert (variables["vn_refused"], others) == (outcome, [("hangup", cause)])
    assert matcher.counts()[outcome] == before + 1
    told = explain(matcher, called, "", MONDAY_NOON_IN_NEW_YORK)
    assert told.refused is not None
    assert (told.refused.outcome, told.refused.cause) == (outcome, cause)


@pytest.mark.parametrize("written", ["18005551234", "+18005551234", "0018005551234"])
def test_a_number_is_the_same_however_it_comes(matcher: Matcher, written: str) -> None:
    assert answer(matcher, channel_data(written))[0]["vn_number"] == "+18005551234"


def test_blocks_answer_with_their_own_plan(matcher: Matcher) -> None:
    wide, _ = answer(matcher, channel_data("18885559999"))
    narrow, others = answer(matcher, channel_data("18885551299"), SUNDAY_NOON_IN_NEW_YORK)
    assert wide["vn_plan"] == "acme-main"
    assert (narrow["vn_plan"], narrow["vn_campaign"]) == ("acme-night", "b12")
    assert others == [("hangup", "NO_ANSWER")]
    assert answer(matcher, channel_data("188855512990"))[0]["vn_refused"] == "unknown_number"


@pytest.mark.parametrize("hops", ["5", "6", "99", "1000", "-1", "x", "1%0A", ""])
def test_hops_that_are_too_many_or_tampered_with_are_refused(matcher: Matcher, hops: str) -> None:
    data = channel_data("18005551234").replace(
        b"variable_vn_hops: 0\n", f"variable_vn_hops: {hops}\n".encode()
    )
    assert answer(matcher, data)[0]["vn_refused"] == "too_many_hops"


def test_hops_below_the_limit_are_counted_on(matcher: Matcher) -> None:
    assert answer(matcher, channel_data("18005551234", hops=4))[0]["vn_hops"] == "5"


@pytest.mark.parametrize(
    ("said", "profile", "hops"), [(1, 1, 1), (4, 1, 1), (2, 2, 2), (1, 2, 2), (3, 4, 4), (1, 9, 2)]
)
def test_there_are_no_more_hops_than_profiles_before_this(
    matcher: Matcher, said: int, profile: int, hops: int
) -> None:
    """What is said beyond that is of an answer that was not run: its node had died."""
    data = channel_data("18005551234", hops=said)
    data = data.replace(b"Caller-Dest", b"Caller-Profile-Index: %d\nCaller-Dest" % profile)
    assert answer(matcher, data)[0]["vn_hops"] == str(hops)


def test_leg_uuids_say_their_place_and_never_come_twice(matcher: Matcher) -> None:
    data = (CAPTURES / "plain.channel_data").read_bytes()
    seen: set[str] = set()
    for _ in range(2000):
        found = UUID.findall(matcher.decide(data, MONDAY_NOON_IN_NEW_YORK).decode())
        assert [int(uuid[:2], 16) for uuid in found] == list(range(6))
        seen.update(found)
    assert len(seen) == 12_000


@pytest.mark.parametrize("now", [MONDAY_NOON_IN_NEW_YORK, SUNDAY_NOON_IN_NEW_YORK])
@pytest.mark.parametrize("called", ["18005551234", "442079460123", "18885551200", "18885550000"])
def test_the_explanation_has_the_legs_of_the_reply(
    matcher: Matcher, called: str, now: float
) -> None:
    told = explain(matcher, called, "", now)
    dials = re.findall(r"\](sofia/gateway/[^|]+)", "|".join(text for _, text in told.applications))

    def walk(targets: tuple[Target, ...]) -> list[str]:
        found = []
        for target in targets:
            found += [leg.dial for leg in target.legs]
            for step in target.steps:
                found += walk(step.targets)
        return found

    assert [dial for step in told.steps for dial in walk(step.targets)] == dials
    assert ("bridge" in {name for name, _ in told.applications}) == bool(dials)


def test_at_most_so_many_gateways_are_tried(tmp_path: Path) -> None:
    matcher = Matcher(compiled(acme(), tmp_path, max_attempts=2))
    _, others = answer(matcher, (CAPTURES / "plain.channel_data").read_bytes())
    assert [text.count("sofia/") for _, text in others] == [2, 0, 2, 0, 0]


def test_headers_cut_anywhere_never_raise(matcher: Matcher) -> None:
    data = (CAPTURES / "hostile_name.channel_data").read_bytes()
    for size in range(0, len(data), 7):
        assert matcher.decide(data[:size], 0.0).endswith(b"exit\n\n")


def test_of_a_header_that_comes_twice_the_first_counts(matcher: Matcher) -> None:
    data = channel_data("18005551234").replace(
        b"\n\n", b"\nCaller-Destination-Number: 19995551234\n\n"
    )
    assert answer(matcher, data)[0]["vn_number"] == "+18005551234"


def test_swapping_images_between_calls(matcher: Matcher, tmp_path: Path) -> None:
    routing = acme()
    routing.number_list.pop(0)
    own = Matcher(matcher.image)
    assert "vn_plan" in answer(own, channel_data("18005551234"))[0]
    before = own.swap(compiled(routing, tmp_path, generation=8))
    assert before.generation == 7
    variables, _ = answer(own, channel_data("18005551234"))
    assert (variables["vn_generation"], variables["vn_refused"]) == ("8", "unknown_number")


def test_outcomes_are_counted_under_every_name(matcher: Matcher) -> None:
    assert tuple(matcher.counts()) == OUTCOME_NAMES
