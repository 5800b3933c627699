"""Steps of a plan that no call can reach, since steps before them have ended it."""

from __future__ import annotations

from vnroute.importing.catalogue import Catalogue, add_at
from vnroute.importing.findings import Findings
from vnroute.model import Plan
from vnroute.model.e164 import digits_of
from vnroute.model.plan import WITHHELD

__all__ = ["check_reach"]


def check_reach(catalogue: Catalogue, warnings: Findings) -> None:
    """Warn of steps that cannot be reached, in plans that change or whose schedules do.

    The last step is left out: every plan has to have one that always ends the call.
    """
    changed = catalogue.changed_entities("plans")
    if catalogue.changed["schedules"]:
        # A schedule that loses a state may shut off steps of plans that stay as they are.
        changed += [
            plan
            for plan in catalogue.plans.values()
            if plan.id not in catalogue.changed["plans"]
            and any(step.when in catalogue.changed["schedules"] for step in plan.steps)
        ]
    for plan in changed:
        for position in range(1, len(plan.steps) - 1):
            by = _ended_before(catalogue, plan, position)
            if by:
                step = plan.steps[position]
                names = " and ".join(f"steps[{at}]" for at in by)
                found = (
                    f"{step.kind}{step.conditions}, which no call reaches: {names} end it before"
                )
                expected = "a place further up, or another when or from"
                place = f"steps[{position}].{step.kind}"
                add_at(warnings, catalogue, "plans", plan.id, place, found, expected)


def _ended_before(catalogue: Catalogue, plan: Plan, position: int) -> list[int]:
    """Return the places of steps that end every call which the step at ``position`` is for."""
    step = plan.steps[position]
    before = [
        (at, one)
        for at, one in enumerate(plan.steps[:position])
        if (one.hangup or one.voicemail)
        and _covers(one.callers, step.callers)
        and _holds_all(one.campaigns, step.campaigns)
        and _holds_all(one.languages, step.languages)
    ]
    for at, one in before:
        if (one.when, one.state) == (step.when, step.state) or not one.when:
            return [at]
    # Steps that end it in every state that a schedule has.
    for name in dict.fromkeys(one.when for _, one in before):
        schedule = catalogue.schedules.get(name)
        ending = {one.state: at for at, one in reversed(before) if one.when == name}
        if schedule is not None and set(schedule.states) <= ending.keys():
            return sorted(ending.values())
    return []


def _holds_all(earlier: tuple[str, ...], later: tuple[str, ...]) -> bool:
    """Whether all campaigns, or languages, of a step are among those of an earlier one."""
    return not earlier or (
        bool(later) and {one.lower() for one in later} <= {one.lower() for one in earlier}
    )


def _covers(earlier: tuple[str, ...], later: tuple[str, ...]) -> bool:
    """Whether all callers that a step is for are among those of an earlier one."""
    if not earlier:
        return True
    prefixes = tuple(digits_of(one) for one in earlier if one != WITHHELD)
    return bool(later) and all(
        WITHHELD in earlier if one == WITHHELD else digits_of(one).startswith(prefixes)
        for one in later
    )
