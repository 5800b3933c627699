"""Checks of schedules: that they can be settled, that their rules count, and what is asked of them.

A schedule is settled for this just as a compilation would settle it.
"""

from __future__ import annotations

import time

from vnroute.importing.catalogue import Catalogue, add_at
from vnroute.importing.findings import Findings, hint
from vnroute.model import Plan, Schedule

__all__ = ["check_schedules", "check_states"]


def check_schedules(
    catalogue: Catalogue, warnings: Findings, horizon_years: int, now: int | None = None
) -> None:
    """Check the schedules that change: their accounts, and every rule, settled from ``now`` on."""
    changed: list[Schedule] = catalogue.changed_entities("schedules")
    if not changed:
        return
    # The compiler's calendars are loaded only where there is something for them to do.
    from vnroute.compiler.calendar_check import find_flaws

    now = int(time.time()) if now is None else now
    for schedule in changed:
        expected = catalogue.expected("accounts", schedule.account) if schedule.account else None
        if expected:
            found = repr(schedule.account)
            catalogue.add_problem("schedules", schedule.id, "account", found, expected)
        account = catalogue.accounts.get(schedule.account)
        zone = schedule.zone(account.time_zone if account else "UTC")
        for flaw in find_flaws(schedule, zone, now, horizon_years):
            findings = catalogue.problems if flaw.fatal else warnings
            place = (schedule.id, flaw.place, flaw.found, flaw.expected)
            add_at(findings, catalogue, "schedules", *place)


def check_states(catalogue: Catalogue) -> None:
    """Check that plans ask schedules only for states that they have."""
    changed_plans, changed = catalogue.changed["plans"], catalogue.changed["schedules"]
    asking = catalogue.plans.values() if changed else catalogue.changed_entities("plans")
    for plan in asking:
        for position, step in enumerate(plan.steps):
            schedule = catalogue.schedules.get(step.when) if step.when else None
            if schedule is None or step.state in schedule.states:
                continue
            if plan.id in changed_plans:
                _unknown_state(catalogue, plan, position, schedule)
            elif schedule.id in changed:
                states = ", ".join(schedule.states)
                where = f"while step {position + 1} of the stored plan {plan.id!r}"
                found = f"a schedule that is {states} {where} asks for {step.state!r}"
                expected = f"{step.state!r} among its states, or the plan changed along with it"
                catalogue.add_problem("schedules", schedule.id, "id", found, expected)


def _unknown_state(catalogue: Catalogue, plan: Plan, position: int, schedule: Schedule) -> None:
    state, states = plan.steps[position].state, schedule.states
    expected = f"a state of the schedule {schedule.id!r}: {', '.join(states)}{hint(state, states)}"
    place = f"steps[{position}].is"
    catalogue.add_problem("plans", plan.id, place, repr(state), expected)
