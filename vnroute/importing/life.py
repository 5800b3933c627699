"""Checks of numbers' lives: who may have a number yet, and what their callers get."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from vnroute.importing.catalogue import Catalogue
from vnroute.importing.findings import Findings
from vnroute.importing.origins import Origins
from vnroute.model import Answers
from vnroute.model.answers import REASONS
from vnroute.model.validity import second_after
from vnroute.store.base import Assignment, Transaction

__all__ = ["check_answers", "check_quarantine"]


def check_answers(catalogue: Catalogue) -> None:
    """Check the sets of answers that change, and that accounts name those that are there."""
    for account in catalogue.changed_entities("accounts"):
        expected = catalogue.expected("answers", account.answers) if account.answers else None
        if expected:
            found = repr(account.answers)
            catalogue.add_problem("accounts", account.id, "answers", found, expected)
    _check_accounts(catalogue)
    changed = catalogue.changed["answers"]
    if not changed and not catalogue.changed["plans"]:
        return
    systems = sorted(one.id for one in catalogue.answers.values() if one.system)
    for other in systems[1:] if changed else ():
        one = other if other in changed else systems[0]
        known = systems[0] if one == other else other
        found = f"true, as in {known!r}"
        catalogue.add_problem("answers", one, "system", found, "one set for the system at most")
    for answers in catalogue.answers.values():
        if answers.id in changed:
            _check_plans(catalogue, answers)


def _check_accounts(catalogue: Catalogue) -> None:
    """Check that the plans in a set of answers are of the accounts that name it."""
    changed = catalogue.changed
    if not (changed["accounts"] or changed["answers"] or changed["plans"]):
        return
    for account in catalogue.accounts.values():
        answers = catalogue.answers.get(account.answers)
        for reason in REASONS if answers is not None else ():
            assert answers is not None
            treatment = answers.treatment(reason)
            plan = catalogue.plans.get(treatment.plan) if treatment else None
            if plan is not None and plan.account != account.id:
                found = f"{answers.id!r}, where {reason} is plan:{plan.id} of {plan.account!r}"
                expected = f"answers with plans of {account.id!r} only"
                catalogue.add_problem("accounts", account.id, "answers", found, expected)


def _check_plans(catalogue: Catalogue, answers: Answers) -> None:
    """Check that the plans of a set of answers are there, and of the accounts that name it."""
    for reason in REASONS:
        treatment = answers.treatment(reason)
        if treatment is None or not treatment.plan:
            continue
        expected = catalogue.expected("plans", treatment.plan)
        if expected:
            found = repr(f"plan:{treatment.plan}")
            catalogue.add_problem("answers", answers.id, reason, found, expected)


def check_quarantine(
    catalogue: Catalogue, writing: Transaction, origins: Origins, problems: Findings, now: int
) -> None:
    """Refuse staged numbers that another account had, and that are still quarantined."""
    assignments: dict[int, Assignment] = {}
    for number, origin, before, to_be in writing.iter_moved(("quarantined",)):
        assignments |= writing.assignments_of({before, to_be} - assignments.keys())
        old, new = assignments[before], assignments[to_be]
        account = catalogue.accounts.get(old.account)
        zone = account.time_zone if account else "UTC"
        end = second_after(old.until, zone)
        if old.account == new.account or end <= now:
            continue
        until = datetime.fromtimestamp(end, ZoneInfo(zone))
        file, line, path = origins.place(origin, "account")
        found = f"{new.account!r} for +{number}, which {old.account!r} had"
        expected = (
            f"{old.account!r} until its quarantine ends on {until:%Y-%m-%d at %H:%M} ({zone})"
        )
        problems.add(file, line, path, found, expected)
        if problems.full:
            return
