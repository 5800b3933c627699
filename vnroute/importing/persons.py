"""Checks of persons: whose they are, where their places lead, what their schedules say, and which
steps hear their phones.
"""

from __future__ import annotations

from vnroute.importing.catalogue import Catalogue, add_at
from vnroute.importing.findings import Findings, hint
from vnroute.model import Person, Plan
from vnroute.model.e164 import digits_of
from vnroute.model.here import Here
from vnroute.model.numbering import expected_length, is_premium

__all__ = ["check_heard", "check_persons"]


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


_WHY_TRUST = (
    "whoever shows a number that is not his could say where somebody is, and a step with here goes"
    " by the number shown"
)


def check_heard(catalogue: Catalogue) -> None:
    """Check the steps by which phones say where somebody is: of plans that change, and where an
    account or a person changes that they go by.
    """
    changed = catalogue.changed
    if not (changed["plans"] or changed["persons"] or changed["accounts"]):
        return
    plans = catalogue.changed_entities("plans")
    if changed["persons"] or changed["accounts"]:
        plans = list(catalogue.plans.values())
    for plan in plans:
        comes = plan.id in changed["plans"]
        for position, step in enumerate(plan.steps):
            here = step.here
            if here and (
                comes or here.person in changed["persons"] or plan.account in changed["accounts"]
            ):
                _check_here(catalogue, plan, f"steps[{position}].here", here, comes)


def _check_here(catalogue: Catalogue, plan: Plan, field: str, here: Here, plan_comes: bool) -> None:
    """Check one step: at fault is the plan if it changes, else what it goes by."""
    person, account = catalogue.persons.get(here.person), catalogue.accounts.get(plan.account)

    def add(place: str, found: str, expected: str) -> None:
        catalogue.add_problem("plans", plan.id, f"{field}{place}", found, expected)

    if person is None:
        expected = catalogue.expected("persons", here.person)
        if expected and plan_comes:
            add(".person", repr(here.person), expected)
    elif person.account != plan.account:
        if plan_comes:
            add(".person", repr(here.person), f"a person of the account {plan.account!r}")
        else:
            found = f"{person.account!r} while the plan {plan.id!r} hears the person's phones"
            expected = f"{plan.account!r}, or the plan changed along with it"
            catalogue.add_problem("persons", person.id, "account", found, expected)
    else:
        places = f"one of the person's places: {', '.join(person.places)}"
        if here.at and here.at not in person.places:
            if plan_comes:
                add(".at", repr(here.at), f"{places}{hint(here.at, list(person.places))}")
            else:
                found = f"no {here.at!r}, which phones say in the plan {plan.id!r}"
                expected = "that place, or the plan changed along with it"
                catalogue.add_problem("persons", person.id, "places", found, expected)
        if not person.known_phones:
            found = f"{here.person!r}, of whom no number is known"
            if plan_comes:
                add(".person", found, "a person with phones, or a number among the places")
            else:
                found = f"no number while the plan {plan.id!r} hears the person's phones"
                expected = "phones, or a number among the places"
                catalogue.add_problem("persons", person.id, "phones", found, expected)
    if account is not None and not account.trust_ani:
        if plan_comes:
            found = f"here, where the account {account.id!r} does not trust its callers' numbers"
            expected = f"trust_ani: true for the account, if its carriers verify them: {_WHY_TRUST}"
            add("", found, expected)
        else:
            found = f"false while the plan {plan.id!r} hears phones: {_WHY_TRUST}"
            expected = "true, or the plan changed along with it"
            catalogue.add_problem("accounts", account.id, "trust_ani", found, expected)
