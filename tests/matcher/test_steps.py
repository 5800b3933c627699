"""Steps: who is rung, how, and whose number they see; for which callers."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.importing.legs import MAX_LEGS
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data, explain
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Rate, Step
from vnroute.model.target import Target
from vnroute.simulator import read_dial_string

NOW = MONDAY_NOON_IN_NEW_YORK
UUID = re.compile(r",?origination_uuid=[0-9a-f-]{36}")
PHONES = ("+12125550101", "+12125550102", "+12125550103")


def matcher_of(directory: Path, *steps: Step, **others: tuple[Step, ...]) -> Matcher:
    """A matcher whose number +18005551234 has these steps, then NO_ANSWER; and other plans."""
    end = (Step(hangup="NO_ANSWER"),)
    plans = {"main": steps, **others}
    return Matcher(
        compiled(
            MemoryRouting(
                account_list=[Account(id="acme")],
                plan_list=[
                    Plan(id=name, account="acme", steps=(*found, *end))
                    for name, found in sorted(plans.items())
                ],
                number_list=[
                    Number(number=f"+1800555{1234 + place}", account="acme", plan=name)
                    for place, name in enumerate(plans)
                ],
                carrier_list=[
                    Carrier(id="alpha", gateways=(Gateway(id="alpha-1", gateway="gwA"),)),
                    Carrier(id="beta", gateways=(Gateway(id="beta-1", gateway="gwB"),)),
                ],
                rate_list=[
                    Rate(prefix="1", carrier="alpha", rate="0.01"),
                    Rate(prefix="1", carrier="beta", rate="0.02"),
                ],
            ),
            directory,
        ),
        seed=5,
    )


def bridges(matcher: Matcher, caller: str = "+34911234567") -> list[str]:
    """The dial strings of one call's bridges, uuids and progress timeouts left out."""
    reply = matcher.decide(channel_data("18005551234", caller), NOW)
    assert applications_of(reply)[-1] == ("hangup", "NO_ANSWER")
    found = [UUID.sub("", text) for name, text in applications_of(reply) if name == "bridge"
             and text != "${vn_go}"]  # fmt: skip
    return [text.replace("[leg_progress_timeout=4]", "") for text in found]


def first_rung(matcher: Matcher, caller: str = "+34911234567") -> str:
    return "+" + re.findall(r"gwA/(\d+)", "".join(bridges(matcher, caller)))[0]


@pytest.mark.parametrize("over", [0, 1, 40])
def test_a_call_has_as_many_legs_as_a_load_counts_with(tmp_path: Path, over: int) -> None:
    targets = tuple(f"gateway:pbx/{number}" for number in range(MAX_LEGS + over))
    steps = [Step(ring=targets[at : at + 16]) for at in range(0, len(targets), 16)]
    reply = matcher_of(tmp_path, *steps).decide(channel_data("18005551234"), NOW)
    assert reply.count(b"origination_uuid=") == MAX_LEGS
    assert b"gateway/pbx/%d\n" % (MAX_LEGS - 1) in reply


def test_together_each_phone_is_a_branch_with_its_own_hunt(tmp_path: Path) -> None:
    matcher = matcher_of(
        tmp_path,
        Step(ring=(PHONES[0], Target(to=PHONES[1], delay=8, seconds=10)), how="together"),
    )
    (one,) = bridges(matcher)
    first, second = one.split(":_:")
    assert first.endswith("sofia/gateway/gwA/12125550101|sofia/gateway/gwB/12125550101")
    assert second.endswith("sofia/gateway/gwA/12125550102|sofia/gateway/gwB/12125550102")
    assert first.startswith("{leg_timeout=25,max_forwards=69}sofia")
    assert second.startswith(
        "{leg_timeout=10,local_var_clobber=true,max_forwards=69}"
        "[leg_timeout=0,leg_progress_timeout=8]pickup/18005551234|"
    )
    reply = matcher.decide(channel_data("18005551234"), NOW)
    applications = applications_of(reply)
    assert [name for name, _ in applications] == ["multiset", "ring_ready", "bridge", "hangup"]
    variables = applications[0][1]
    assert "vn_legs=alpha-1,beta-1,alpha-1,beta-1" in variables
    assert r"nolocal:api_hangup_hook=uuid_setvar ${uuid} vn_c\\\${uuid:0:2} " in variables
    uuids = re.findall(rb"origination_uuid=(..)", reply)
    assert uuids == [b"00", b"01", b"ff", b"02", b"03"]


def test_the_cause_that_matters_is_asked_of_each_leg_rung_together(tmp_path: Path) -> None:
    together = Step(ring=PHONES[:2], how="together")
    relayed = Matcher(
        compiled(
            MemoryRouting(
                account_list=[Account(id="a")],
                plan_list=[Plan(id="p", account="a", steps=(together, Step(hangup="relay")))],
                number_list=[Number(number="+18005551234", account="a", plan="p")],
                carrier_list=[Carrier(id="c", gateways=(Gateway(id="c-1", gateway="gwC"),))],
            ),
            tmp_path,
            generation=8,
        )
    )
    last = applications_of(relayed.decide(channel_data("18005551234"), NOW))[-1]
    assert last[1].startswith("${regex(m:~${originate_causes};${vn_c00};${vn_c01};41~")
    assert explain(relayed, "18005551234", "", NOW).steps[-1].cause == "relay"


def test_together_a_phone_without_a_carrier_is_left_out(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, Step(ring=("+34911234567", PHONES[0]), how="together"))
    (one,) = bridges(matcher)
    assert ":_:" not in one
    assert "12125550101" in one


def test_a_share_is_what_is_asked_for_and_the_others_follow(tmp_path: Path) -> None:
    step = Step(
        ring=(Target(to=PHONES[0], share=70), Target(to=PHONES[1], share=25),
              Target(to=PHONES[2], share=5)),
        how="share",
    )  # fmt: skip
    matcher = matcher_of(tmp_path, step)
    seen: Counter[str] = Counter()
    for _ in range(20_000):
        order = tuple("+" + re.findall(r"gwA/(\d+)", text)[0] for text in bridges(matcher))
        assert sorted(order) == sorted(PHONES)
        assert list(order[1:]) == [phone for phone in PHONES if phone != order[0]]
        seen[order[0]] += 1
    for phone, share in zip(PHONES, (0.70, 0.25, 0.05), strict=True):
        assert abs(seen[phone] / 20_000 - share) < 0.012


def test_rotation_is_even_and_by_step_not_by_call(tmp_path: Path) -> None:
    rotate = Step(ring=PHONES, how="rotate")
    other = Step(ring=PHONES[:2], how="rotate")
    matcher = matcher_of(tmp_path, rotate, other=(other,))
    first = []
    for _ in range(30):
        first.append(first_rung(matcher))
        # Calls to another number that rotates as well do not disturb the first one's turns.
        matcher.decide(channel_data("18005551235"), NOW)
    start = PHONES.index(first[0])
    assert first == [PHONES[(start + turn) % 3] for turn in range(30)]
    order = ["+" + re.findall(r"gwA/(\d+)", text)[0] for text in bridges(matcher)]
    begin = PHONES.index(order[0])
    assert order == [PHONES[(begin + turn) % 3] for turn in range(3)]


@pytest.mark.parametrize(
    ("caller", "rung"),
    [
        ("+15125550100", PHONES[0]),
        ("15125550100", PHONES[0]),
        ("+17135550100", PHONES[0]),
        ("+1512", PHONES[0]),
        ("+151", PHONES[2]),
        ("+34911234567", PHONES[2]),
        ("anonymous", PHONES[1]),
        ("", PHONES[1]),
        ("0512", PHONES[1]),
    ],
)
def test_calls_go_by_their_caller(tmp_path: Path, caller: str, rung: str) -> None:
    matcher = matcher_of(
        tmp_path,
        Step(callers=("+1512", "+1713"), ring=(PHONES[0],)),
        Step(callers=("withheld",), ring=(PHONES[1],)),
        Step(ring=(PHONES[2],)),
    )
    assert first_rung(matcher, caller) == rung
    told = explain(matcher, "+18005551234", caller, NOW)
    assert told.steps[0].targets[0].to == rung


def test_a_withheld_number_is_not_used_to_route(tmp_path: Path) -> None:
    matcher = matcher_of(
        tmp_path,
        Step(callers=("+1415",), ring=(PHONES[0],)),
        Step(callers=("withheld",), ring=(PHONES[1],)),
    )
    path = Path(__file__).parents[1] / "data/captures/anonymous.channel_data"
    text = matcher.decide(path.read_bytes(), NOW).decode()
    assert "12125550102" in text
    assert "12125550101" not in text
    assert "14155550100" not in text


@pytest.mark.parametrize(
    ("to", "dial"),
    [
        ("sip:ana@pbx.example:5070", "sofia/vnroute/ana@pbx.example:5070"),
        ("gateway:pbx/1001", "sofia/gateway/pbx/1001"),
        ("user:1001@pbx.example", "user/1001@pbx.example"),
    ],
)
def test_targets_that_are_no_numbers(tmp_path: Path, to: str, dial: str) -> None:
    matcher = matcher_of(tmp_path, Step(ring=(to,), seconds=12))
    (one,) = bridges(matcher)
    assert one == "{leg_timeout=12}[]" + dial
    assert explain(matcher, "18005551234", "", NOW).steps[0].targets[0].legs[0].dial == dial


def test_another_plan_goes_on_and_its_end_is_not_the_end(tmp_path: Path) -> None:
    inner = (Step(ring=(PHONES[1],)), Step(hangup="USER_BUSY"))
    matcher = matcher_of(
        tmp_path, Step(ring=("plan:night",)), Step(ring=(PHONES[0],)), night=inner[:1]
    )
    assert [re.findall(r"gwA/(\d+)", text)[0] for text in bridges(matcher)] == [
        "12125550102", "12125550101",
    ]  # fmt: skip
    told = explain(matcher, "18005551234", "", NOW)
    assert (told.steps[0].targets[0].to, told.steps[0].targets[0].plan) == ("plan:night", "night")


def test_a_number_shown_is_shown_though_the_caller_withholds_his(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, Step(ring=(PHONES[0],), show="did"))
    path = Path(__file__).parents[1] / "data/captures/anonymous.channel_data"
    assert b",origination_privacy=screen}" in matcher.decide(path.read_bytes(), NOW)
    assert "origination_privacy" not in bridges(matcher)[0]


@pytest.mark.parametrize(
    ("show", "variables"),
    [
        ("caller", ""),
        ("did", "origination_caller_id_number=+18005551234"),
        ("anonymous", "origination_caller_id_number=anonymous"),
        ("+12125550199", "origination_caller_id_number=+12125550199"),
    ],
)
def test_whose_number_a_target_sees(tmp_path: Path, show: str, variables: str) -> None:
    matcher = matcher_of(tmp_path, Step(ring=(PHONES[0], Target(to=PHONES[1], show="caller")),
                                        show=show))  # fmt: skip
    first, second = bridges(matcher)
    assert variables in first
    assert ("origination_caller_id" in first) == bool(variables)
    assert "origination_caller_id" not in second
    assert explain(matcher, "18005551234", "", NOW).steps[0].targets[0].show == show


def test_a_call_is_taken_with_a_key(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, Step(ring=(PHONES[0], Target(to=PHONES[1], confirm="5")),
                                        confirm="1"))  # fmt: skip
    first, second = bridges(matcher)
    for text, key in ((first, "1"), (second, "5")):
        assert f"group_confirm_key={key},group_confirm_timeout=10," in text
        assert "'tone_stream://%(200,50,440)%(200,50,554)%(200,50,659)'" in text
        variables = read_dial_string(text).legs[0].variables
        assert variables["group_confirm_file"].startswith("tone_stream://%(200,50,440)")
        assert variables["fail_on_single_reject"].endswith("+NORMAL_CLEARING")
    told = explain(matcher, "18005551234", "", NOW)
    assert [target.confirm for target in told.steps[0].targets] == ["1", "5"]


targets = st.builds(
    Target,
    to=st.sampled_from([*PHONES, "user:1@a.example", "sip:a@b.example", "gateway:x/1", "plan:other",
                        "+34911234567"]),
    seconds=st.sampled_from([0, 5, 60]),
    show=st.sampled_from(["", "did", "anonymous"]),
)  # fmt: skip


@st.composite
def steps(draw: st.DrawFn) -> Step:
    how = draw(st.sampled_from(["in-order", "together", "share", "rotate"]))
    ring = draw(st.lists(targets, min_size=2, max_size=4))
    if how == "together":
        ring = [target for target in ring if target.kind != "plan"] + [Target(to=PHONES[0])] * 2
    callers = draw(st.sampled_from([(), ("+1",), ("+34", "withheld"), ("withheld",)]))
    return Step(ring=tuple(ring), how=how, callers=callers)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(found=st.lists(steps(), min_size=1, max_size=5), caller=st.sampled_from(["", "+341", "+1"]))
def test_the_explanation_has_the_legs_of_the_reply(
    found: list[Step], caller: str, tmp_path: Path
) -> None:
    matcher = matcher_of(tmp_path, *found, other=(Step(ring=PHONES[1:], how="together"),))
    told = explain(matcher, "18005551234", caller, NOW)
    dialled = re.findall(
        r"\](\w+/[^|:\s]+(?::\d+)?)",
        " ".join(text for n, text in told.applications if n == "bridge"),
    )

    def legs(step_list: tuple[object, ...]) -> list[str]:
        rows: list[str] = []
        for step in step_list:
            for target in step.targets:  # type: ignore[attr-defined]
                rows += [leg.dial for leg in target.legs] + legs(target.steps)
        return rows

    # Where calls are shared or rotated, the order is the call's own.
    assert Counter(legs(told.steps)) == Counter(dialled)
    if all(step.how in ("in-order", "together") for step in told.steps):
        assert legs(told.steps) == dialled
