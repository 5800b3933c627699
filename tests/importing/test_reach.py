"""Steps that no call reaches, held to a plain reading of who is where at what time."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vnroute.importing.reach import _ended_before
from vnroute.model import OpenHours, Plan, Schedule, Step


def plan(*steps: str) -> str:
    lines = "".join(f"      - {step}\n" for step in (*steps, "{hangup: relay}"))
    return f"plans:\n  - id: p\n    account: acme\n    steps:\n{lines}"


RING = '{ring: ["+12125550100"]}'


@pytest.mark.parametrize(
    ("steps", "warned"),
    [
        (["{when: office-hours, hangup: USER_BUSY}", RING], []),
        (["{when: office-hours, hangup: USER_BUSY}",
          '{when: office-hours, ring: ["+12125550100"]}'],
         ["p.yaml:6: plans[0].steps[1].ring: found ring when office-hours is open, which no call "
          "reaches: steps[0] end it before, expected a place further up, or another when or from"]),
        (["{when: office-hours, hangup: USER_BUSY}",
          "{when: office-hours, is: closed, voicemail: 1001@pbx.example}", RING],
         ["p.yaml:7: plans[0].steps[2].ring: found ring, which no call reaches: "
          "steps[0] and steps[1] end it before, "]),
        (['{from: ["+44"], hangup: USER_BUSY}', '{from: ["+4420"], ring: ["+12125550100"]}'],
         ["p.yaml:6: plans[0].steps[1].ring: found ring from +4420, which no call reaches: "]),
        (['{from: ["+4420"], hangup: USER_BUSY}', '{from: ["+44"], ring: ["+12125550100"]}'], []),
        (['{from: ["+44", withheld], hangup: USER_BUSY}',
          '{from: [withheld], voicemail: 1001@pbx.example}', RING],
         ["p.yaml:6: plans[0].steps[1].voicemail: found voicemail from withheld, which no call"]),
        (['{from: ["+44"], when: office-hours, hangup: USER_BUSY}',
          '{from: ["+4420"], ring: ["+12125550100"]}'], []),
    ],
)  # fmt: skip
def test_what_is_warned_of(furnished, steps: list[str], warned: list[str]) -> None:
    report = furnished.load(("p.yaml", plan(*steps)))
    found = [str(one).replace(f"{furnished.folder}/", "") for one in report.warnings]
    assert len(found) == len(warned), found
    assert all(one.startswith(wanted) for one, wanted in zip(found, warned, strict=True)), found


@pytest.mark.parametrize("seconds", [0, -1, 601])
def test_a_ring_time_that_rings_nobody_is_refused(furnished, seconds: int) -> None:
    text = plan(f'{{ring: ["+12125550100"], seconds: {seconds}}}')
    assert furnished.refused(("p.yaml", text)) == [
        f"p.yaml:5: plans[0].steps[0].seconds: found {seconds}, expected 1 to 600 seconds"
    ]


def test_a_plan_that_leaves_a_caller_in_silence_is_refused(furnished) -> None:
    text = plan(RING).replace("      - {hangup: relay}\n", "")
    (problem,) = furnished.refused(("p.yaml", text))
    assert problem.startswith("p.yaml:5: plans[0].steps[0]: found ring as the last step, expected")


CALLERS = ("", "44", "4420", "4421", "1")
STATES = ("open", "closed")


class _Catalogue:
    def __init__(self) -> None:
        hours = OpenHours(days="mon", hours="09:00-17:00")
        self.schedules = {"s": Schedule(id="s", time_zone="UTC", open=(hours,))}


def applies(step: Step, caller: str, state: str) -> bool:
    if step.when and step.state != state:
        return False
    return not step.callers or any(
        not caller if one == "withheld" else bool(caller) and f"+{caller}".startswith(one)
        for one in step.callers
    )


conditions = st.fixed_dictionaries(
    {},
    optional={
        "when": st.just("s"),
        "callers": st.sets(st.sampled_from(["+44", "+4420", "+4421", "+1", "withheld"]), min_size=1)
        .map(sorted)
        .map(tuple),
    },
).flatmap(
    lambda given: st.sampled_from(STATES).map(
        lambda state: {**given, **({"state": state} if "when" in given else {})}
    )
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(conditions, st.booleans()), min_size=1, max_size=5))
def test_nothing_that_a_call_reaches_is_warned_of(
    steps: list[tuple[dict[str, object], bool]],
) -> None:
    made = [
        Step(
            **given, **({"hangup": "USER_BUSY"} if ends and given else {"ring": ("+12125550100",)})
        )
        for given, ends in steps
    ]
    whole = Plan(id="p", account="acme", steps=(*made, Step(hangup="relay")))
    for position in range(1, len(made)):
        if not _ended_before(_Catalogue(), whole, position):  # type: ignore[arg-type]
            continue
        for caller, state in product(CALLERS, STATES):
            ended = any(one.hangup and applies(one, caller, state) for one in made[:position])
            assert ended or not applies(made[position], caller, state)
