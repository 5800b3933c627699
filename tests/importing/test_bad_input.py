"""What the schedules and plans of an owner may get wrong: told with its place, by its severity."""

from __future__ import annotations

import pytest

HEAD = """\
schedules:
  - id: s
    time_zone: Europe/London
"""
REST = """\
plans:
  - id: p
    account: acme
    steps:
"""
RING = '      - {ring: ["+12125550100"]}\n'
END = "      - {hangup: relay}\n"
OPEN = "    open: [{days: mon-fri, hours: 09:00-17:00}]\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(HEAD, "b.yaml:2: schedules[0].open: found no hours, expected",
                     id="an empty schedule"),
        pytest.param(HEAD + "    rules:\n      - {days: mon, state: open}\n"
                     "      - {days: mon, state: closed}\n",
                     "b.yaml:6: schedules[0].rules[1]: found days mon as 'closed', expected those "
                     "times once; rules[0] has them as 'open'", id="a contradictory schedule"),
        pytest.param(HEAD + "    open: [{days: mon-fri, hours: 09:00-09:00}]\n",
                     "b.yaml:4: schedules[0].open[0].hours: found '09:00-09:00', expected",
                     id="hours that never open"),
        pytest.param(HEAD + "    rules:\n      - {rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30,"
                     " start: 2026-01-01, state: open}\n",
                     "b.yaml:5: schedules[0].rules[0].rrule: found 'FREQ=YEARLY;BYMONTH=2;"
                     "BYMONTHDAY=30' from 2026-01-01, which never comes, expected",
                     id="an RRULE that never fires"),
        pytest.param(HEAD + "    rules:\n      - {holidays: US, region: QQ, state: open}\n",
                     "b.yaml:5: schedules[0].rules[0].region: found 'QQ', expected a region of US",
                     id="a holiday region that does not exist"),
        pytest.param(REST + '      - {ring: ["+12125550100"], seconds: 0}\n' + END,
                     "b.yaml:5: plans[0].steps[0].seconds: found 0, expected 1 to 600 seconds",
                     id="a ring time of zero"),
        pytest.param(REST + RING, "b.yaml:5: plans[0].steps[0]: found ring as the last step, expe",
                     id="a plan that leaves the caller in silence"),
    ],
)  # fmt: skip
def test_errors(furnished, text: str, problem: str) -> None:
    problems = furnished.refused(("b.yaml", text))
    assert len(problems) == 1, problems
    assert problems[0].startswith(problem)


def warnings(report, furnished) -> list[str]:
    return [str(one).replace(f"{furnished.folder}/", "") for one in report.warnings]


def test_a_step_that_can_never_be_reached_is_warned_of(furnished) -> None:
    steps = "      - {when: office-hours, hangup: USER_BUSY}\n"
    steps += '      - {when: office-hours, ring: ["+12125550100"]}\n'
    (found,) = warnings(furnished.load(("b.yaml", REST + steps + END)), furnished)
    assert found.startswith("b.yaml:6: plans[0].steps[1].ring: found ring when office-hours")


def test_a_step_that_a_changed_schedule_shuts_off_is_warned_of(furnished) -> None:
    steps = "      - {when: s, hangup: USER_BUSY}\n"
    steps += "      - {when: s, is: lunch, voicemail: 1@pbx.example}\n" + RING
    rules = "    rules:\n      - {days: mon, state: open}\n      - {days: tue, state: lunch}\n"
    both = HEAD + rules + "    otherwise: night\n" + REST + steps + END
    assert warnings(furnished.load(("b.yaml", both)), furnished) == []
    (found,) = warnings(
        furnished.load(
            ("s.yaml", HEAD + rules.split("      - {days: tue")[0] + "    otherwise: lunch\n")
        ),
        furnished,
    )
    assert found.startswith(
        "(stored): plans[p].steps[2].ring: found ring, which no call reaches: "
        "steps[0] and steps[1] end it before, expected"
    )


def carriers(count: int) -> str:
    lines = "".join(
        f"  - id: c{at}\n    gateways: [{{id: c{at}-1, gateway: g{at}}}]\n" for at in range(count)
    )
    rates = "".join(f'  - {{prefix: "+1", carrier: c{at}, rate: 0.01}}\n' for at in range(count))
    return f"carriers:\n{lines}rates:\n{rates}"


def rings(targets: int, first: int = 100, more: str = "") -> str:
    numbers = ", ".join(f'"+1212555{first + at:04}"' for at in range(targets))
    return f"      - {{ring: [{numbers}]{more}}}\n"


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        # Six gateways a target: 21 targets have 126 legs, so the 23rd has none left.
        (rings(16) + rings(5, 200), None),
        (rings(16) + rings(6, 200), None),
        (rings(16) + rings(7, 200), "steps[1].ring[6]: found up to 132 legs before it, expected "
                                    "fewer than 128, which is all that a call gets"),
        # A schedule is in one state.
        (rings(16, more=", when: office-hours") + rings(16, 200, ", when: office-hours, is: closed")
         + rings(6, 300), None),
        (rings(16, more=", when: office-hours") + rings(15, 200, ", when: office-hours, is: closed")
         + rings(7, 300), "steps[2].ring[6]: found up to 132 legs before it"),
        # Targets that are no numbers are one leg each.
        ('      - {ring: ["user:1@pbx.example", "sip:a@b.example"]}\n' * 32, None),
        # As are gateways that a policy does not try.
        (rings(16, more=", policy: one") + rings(16, 200, ", policy: one"), None),
    ],
)  # fmt: skip
def test_more_alternatives_than_freeswitch_takes_are_warned_of(
    furnished, steps: str, place: str | None
) -> None:
    steps = "".join(steps.splitlines(keepends=True)[:31])
    text = carriers(6) + "policies: [{id: one, max_attempts: 1}]\n" + REST + steps + END
    found = warnings(furnished.load(("b.yaml", text)), furnished)
    if place is None:
        assert found == []
    else:
        (one,) = found
        assert f": plans[0].{place}" in one
        assert one.startswith("b.yaml:")


def test_plans_within_plans_count_for_those_that_ring_them(furnished) -> None:
    inner = REST.replace("id: p", "id: inner") + rings(16) + END
    outer = REST.removeprefix("plans:\n") + ("      - {ring: [plan:inner]}\n" + rings(7, 200) + END)
    (found,) = warnings(furnished.load(("b.yaml", carriers(6) + inner + outer)), furnished)
    assert ": plans[1].steps[1].ring[6]: found up to 132 legs before it" in found


def test_another_carrier_may_be_too_many_for_a_stored_plan(furnished) -> None:
    text = carriers(4) + REST + rings(16) + rings(9, 200) + END
    assert warnings(furnished.load(("b.yaml", text)), furnished) == []
    (found,) = warnings(furnished.load(("c.yaml", carriers(6))), furnished)
    assert found.startswith("(stored): plans[p].steps[1].ring[6]: found up to 132 legs before it")
