"""Checks of persons: whose they are, where their places lead, what their schedules say."""

from __future__ import annotations

from vnroute.importing.catalogue import Catalogue, add_at
from vnroute.importing.findings import Findings
from vnroute.model import Person
from vnroute.model.e164 import digits_of
from vnroute.model.numbering import expected_length, is_premium

__all__ = ["check_persons"]


def check_persons(catalogue: Catalogue, warnings: Findings) -> None:
    """Check the persons that change, and those whose account, schedule or a plan changes."""
    changed = catalogue.changed
    if not (changed["persons"] or changed["accounts"] or changed["schedules"]):
        return
    for person in catalogue.persons.values():
        comes = person.id in changed["persons"]
        if comes:
            _check_references(catalogue, person)
            _check_plans(catalogue, person)
        if comes or person.account in changed["accounts"]:
            _check_places(catalogue, person, warnings if comes else None)
        if person.schedule and (comes or person.schedule in changed["schedules"]):
            _check_states(catalogue, person)


def _check_references(catalogue: Catalogue, person: Person) -> None:
    expected = catalogue.expected("accounts", person.account)
    if expected:
        catalogue.add_problem("persons", person.id, "account", repr(person.account), expected)
    expected = catalogue.expected("schedules", person.schedule) if person.schedule else None
    if expected:
        catalogue.add_problem("persons", person.id, "schedule", repr(person.schedule), expected)


def _check_plans(catalogue: Catalogue, person: Person) -> None:
    """Check that the plans which ring a person are his account's; those that come are checked."""
    for plan in catalogue.plans.values():
        if plan.account == person.account or plan.id in catalogue.changed["plans"]:
            continue
        rung = (target for step in plan.steps for target in step.targets)
        if any(target.to == f"person:{person.id}" for target in rung):
            found = f"{person.account!r} while the plan {plan.id!r} rings the person"
            expected = f"{plan.account!r}, a person of the account of the plan"
            catalogue.add_problem("persons", person.id, "account", found, expected)


def _check_places(catalogue: Catalogue, person: Person, warnings: Findings | None) -> None:
    account = catalogue.accounts.get(person.account)
    for place, target in person.targets().items():
        field, expected = f"places.{place}", None
        if target.kind == "plan":
            other = catalogue.plans.get(target.name)
            expected = catalogue.expected("plans", target.name)
            if other is not None and other.account != person.account:
                expected = f"a plan of the account {person.account!r}"
        elif target.kind == "number" and account is not None:
            digits = digits_of(target.to)
            length = expected_length(digits)
            if length and warnings is not None:
                add_at(warnings, catalogue, "persons", person.id, field, repr(target.to), length)
            if not account.allows(digits):
                allow = ", ".join(account.allow)
                expected = f"a target that the account {account.id!r} allows: {allow}"
            elif not account.allow_premium and is_premium(digits):
                expected = f"an ordinary number, or allow_premium for the account {account.id!r}"
        if expected:
            catalogue.add_problem("persons", person.id, field, repr(target.to), expected)


def _check_states(catalogue: Catalogue, person: Person) -> None:
    schedule = catalogue.schedules.get(person.schedule)
    states = schedule.states if schedule else ()
    missing = [state for state in states if state not in person.places]
    if missing:
        found = f"{person.schedule!r}, which has the state {missing[0]!r}"
        expected = f"a schedule whose states are places: {', '.join(person.places)}"
        catalogue.add_problem("persons", person.id, "schedule", found, expected)
