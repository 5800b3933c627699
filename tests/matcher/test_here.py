"""Steps by which a known phone says where somebody is: who is known, and what a call gets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import Step as Told
from vnroute.matcher.explain import applications_of, channel_data, explain
from vnroute.model import Account, Carrier, Gateway, Number, Person, Plan, Step
from vnroute.model.e164 import format_number
from vnroute.model.here import Here

NOW = MONDAY_NOON_IN_NEW_YORK
MOBILE, HOME = "+19175550123", "+12125550199"
UP, DOWN = (
    "tone_stream://%(150,50,660);%(150,50,880)",
    "tone_stream://%(150,50,880);%(150,50,660)",
)
SET = Step(here=Here(person="ana", at="mobile", until="8h"))
BARRED = Step(hangup="INCOMING_CALL_BARRED")


def matcher_of(
    directory: Path,
    *steps: Step,
    phones: Sequence[str] = (),
    trust_ani: bool = True,
    inner: tuple[Step, ...] = (BARRED,),
) -> Matcher:
    """A matcher whose number +18005551234 has these steps; ``inner`` are those of another plan."""
    return Matcher(
        compiled(
            MemoryRouting(
                account_list=[Account(id="acme", trust_ani=trust_ani)],
                person_list=[
                    Person(
                        id="ana", account="acme", place="mobile", phones=tuple(phones),
                        places={"mobile": MOBILE, "home": HOME, "desk": "user:1@pbx.example"},
                    )
                ],
                plan_list=[
                    Plan(id="feature", account="acme", steps=steps),
                    Plan(id="inner", account="acme", steps=inner),
                ],
                number_list=[Number(number="+18005551234", account="acme", plan="feature")],
                carrier_list=[Carrier(id="a", gateways=(Gateway(id="a-1", gateway="gwA"),))],
            ),
            directory,
        )
    )  # fmt: skip


def kinds(steps: Sequence[Told]) -> list[str]:
    """The kinds of steps, and of those of plans that they go on in."""
    found = []
    for step in steps:
        found += [step.kind, *(kind for target in step.targets for kind in kinds(target.steps))]
    return found


def says(matcher: Matcher, caller: str, *more: bytes) -> tuple[tuple[str, str], ...]:
    """The applications of a call, without the variables; explained alike."""
    block = channel_data("18005551234", caller)
    found = applications_of(matcher.decide(block[:-1] + b"".join(more) + b"\n", NOW))
    if not more:
        told = explain(matcher, "+18005551234", caller, NOW)
        # Each bridge has uuids of its own.
        assert [one for one in told.applications[1:] if one[0] != "bridge"] == [
            one for one in found[1:] if one[0] != "bridge"
        ]
        assert ("vn_here=" in found[0][1]) == ("here" in kinds(told.steps))
    return found[1:]


def heard(sound: str = UP) -> tuple[tuple[str, str], ...]:
    return (("answer", ""), ("playback", sound), ("hangup", "NORMAL_CLEARING"))


REFUSED = (("hangup", "INCOMING_CALL_BARRED"),)


def test_a_phone_among_the_places_is_heard_and_a_stranger_goes_on(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, SET, BARRED)
    block = channel_data("18005551234", MOBILE)
    variables = applications_of(matcher.decide(block, NOW))[0][1]
    assert ";vn_here=ana:mobile:8h" in variables
    for caller in (MOBILE, HOME, MOBILE.removeprefix("+")):
        assert says(matcher, caller) == heard()
    for caller in ("+34911234567", "anonymous", "", "+1917555012", "+191755501234", "0123"):
        assert says(matcher, caller) == REFUSED
    assert matcher.told is None
    told = explain(matcher, "+18005551234", MOBILE, NOW)
    assert [(step.kind, step.said) for step in told.steps] == [("here", "ana:mobile:8h")]
    (passed,) = explain(matcher, "+18005551234", "+34911234567", NOW).passed
    assert (passed.asks, passed.wanted, passed.held) == ("here", f"{HOME}, {MOBILE}", False)


def test_phones_that_are_named_are_known_in_place_of_the_places(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, SET, BARRED, phones=["+442079460123"])
    assert says(matcher, "+442079460123") == heard()
    assert says(matcher, MOBILE) == REFUSED


def test_clearing_and_a_sound_of_ones_own(tmp_path: Path) -> None:
    clear = Step(here=Here(person="ana", clear=True))
    matcher = matcher_of(tmp_path, clear, BARRED)
    assert says(matcher, MOBILE) == heard(DOWN)
    assert explain(matcher, "+18005551234", MOBILE, NOW).steps[0].said == "ana"
    own = Step(here=Here(person="ana", at="desk", play="messages/desk.wav"))
    assert says(matcher_of(tmp_path, own, BARRED), MOBILE) == heard("messages/desk.wav")


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (b"variable_sip_verstat: TN-Validation-Passed\n", True),
        (b"variable_sip_verstat: TN-Validation-Failed\n", False),
        (b"variable_sip_verstat: No-TN-Validation\n", False),
        (b"variable_sip_verstat: \n", False),
        (b"variable_sip_verstat: TN-Validation-Passed-C\n", False),
        (b"variable_sip_verstat_detailed: TN-Validation-Failed-A\n", True),
        (b"variable_sip_via_host: 127.0.0.1\n", True),
        (b"Caller-Privacy-Hide-Number: true\n", False),
    ],
)
def test_a_number_that_is_withheld_or_not_verified_is_a_strangers(
    tmp_path: Path, header: bytes, known: bool
) -> None:
    matcher = matcher_of(tmp_path, SET, BARRED)
    assert says(matcher, MOBILE, header) == (heard() if known else REFUSED)


def test_without_trust_nobody_is_known(tmp_path: Path) -> None:
    matcher = matcher_of(tmp_path, SET, BARRED, trust_ani=False)
    assert says(matcher, MOBILE) == REFUSED


def test_a_step_by_which_somebody_was_rung_before_is_passed_over(tmp_path: Path) -> None:
    inner = (SET, BARRED)
    matcher = matcher_of(tmp_path, Step(ring=("+13105550100", "plan:inner")), BARRED, inner=inner)
    assert [name for name, _ in says(matcher, MOBILE)] == ["bridge", "hangup"]
    told = explain(matcher, "+18005551234", MOBILE, NOW)
    assert [one.wanted for one in told.passed] == ["before anybody is rung"]
    first = matcher_of(
        tmp_path, Step(ring=("plan:inner",)), Step(ring=("+13105550100",)), BARRED, inner=inner
    )
    assert says(first, MOBILE) == heard()
    assert [name for name, _ in says(first, "+34911234567")] == ["bridge", "hangup"]


def test_conditions_hold_for_it_as_for_any_step(tmp_path: Path) -> None:
    step = Step(callers=("+1212",), here=Here(person="ana", at="home"))
    matcher = matcher_of(tmp_path, step, BARRED)
    assert says(matcher, HOME) == heard()
    assert says(matcher, MOBILE) == REFUSED


_abroad = st.integers(2_0000000, 999_999_999_999_999).filter(lambda one: str(one)[0] != "1")
_numbers = _abroad | st.integers(1_2000000000, 1_9999999999)


@given(
    phones=st.sets(_numbers, min_size=1, max_size=50),
    others=st.lists(_numbers, max_size=20),
    plus=st.booleans(),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_who_is_known_is_who_is_among_the_phones(
    tmp_path: Path, phones: set[int], others: list[int], plus: bool
) -> None:
    matcher = matcher_of(tmp_path, SET, BARRED, phones=[format_number(one) for one in phones])
    near = {one + step for one in phones for step in (1, -1, 1 << 32)} | {
        one // 10 for one in phones
    }
    for caller in [*phones, *others, *near]:
        text = f"+{caller}" if plus else str(caller)
        known = caller in phones and len(str(caller)) <= 15
        assert says(matcher, text) == (heard() if known else REFUSED), text
