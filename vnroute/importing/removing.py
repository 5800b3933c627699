"""Removing entities by id: only what nothing refers to any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from vnroute.importing.catalogue import KINDS, Catalogue
from vnroute.importing.findings import Findings, shown
from vnroute.model import FieldError, Plan
from vnroute.model.e164 import parse_number
from vnroute.store.base import Tally, Transaction

__all__ = ["NUMBERS", "remove", "remove_numbers"]

NUMBERS = ("numbers", "blocks")
"""What is removed by its notation, and by no id."""

REQUEST = "(request)"
"""The file that problems name where nothing was read from a file."""


def remove_numbers(
    removed: Mapping[str, Collection[str]],
    writing: Transaction,
    coming_blocks: Collection[str],
    problems: Findings,
) -> dict[str, Tally]:
    """Remove numbers and blocks by their notation, after all numbers that come were put.

    One that is not there, or comes along, is a problem.
    """
    once = "each one put or removed, not both"
    numbers: list[int] = []
    for position, text in enumerate(removed.get("numbers", ())):
        place = f"remove.numbers[{position}]"
        try:
            number = parse_number(text)
        except FieldError as error:
            problems.add(REQUEST, 0, place, error.found, error.expected)
            continue
        if writing.staged_origin(number) is not None:
            problems.add(REQUEST, 0, place, shown(text), once)
        elif writing.number(number) is None:
            problems.add(REQUEST, 0, place, shown(text), "one of the numbers that are there")
        numbers.append(number)
    there = {span.notation for span in writing.iter_blocks()} if removed.get("blocks") else set()
    for position, text in enumerate(removed.get("blocks", ())):
        place = f"remove.blocks[{position}]"
        if text in coming_blocks:
            problems.add(REQUEST, 0, place, shown(text), once)
        elif text not in there:
            problems.add(REQUEST, 0, place, shown(text), "one of the blocks that are there")
    if len(problems):
        return {}
    tallies = {}
    if numbers:
        tallies["numbers"] = writing.remove_numbers(numbers)
    if removed.get("blocks"):
        tallies["blocks"] = writing.remove_blocks(list(removed["blocks"]))
    return tallies


def remove(
    removed: Mapping[str, Collection[str]],
    catalogue: Catalogue,
    writing: Transaction,
    problems: Findings,
) -> dict[str, Tally]:
    """Remove entities by kind and id, after all that comes was put; return what was removed.

    What still refers to one of them is a problem, and so is an id that is not there or comes along.
    """
    tallies = {}
    for kind in KINDS:
        for position, key in enumerate(removed.get(kind, ())):
            place = f"remove.{kind}[{position}]"
            if key in catalogue.coming[kind]:
                expected = "each id put or removed, not both"
                problems.add(REQUEST, 0, place, shown(key), expected)
            elif writing.entity(kind, key) is None:
                problems.add(REQUEST, 0, place, shown(key), f"one of the {kind} that are there")
            else:
                users = list(_users(kind, key, catalogue, writing))
                if users:
                    found = f"{key!r}, which {_listed(users)} still {_verb(users)}"
                    expected = "what nothing refers to; change or remove that along with it"
                    problems.add(REQUEST, 0, place, found, expected)
        if removed.get(kind) and not len(problems):
            tallies[kind] = writing.remove_entities(kind, list(removed[kind]))
    return tallies


def _users(kind: str, key: str, catalogue: Catalogue, writing: Transaction) -> Iterator[str]:
    """Yield what refers to an entity, in words."""
    for plan in catalogue.plans.values():
        if _refers(plan, kind, key):
            yield f"the plan {plan.id!r}"
    for person in catalogue.persons.values():
        places = [t.name for t in person.targets().values() if t.kind == "plan"]
        own = {"accounts": [person.account], "schedules": [person.schedule], "plans": places}
        if key in own.get(kind, ()):
            yield f"the person {person.id!r}"
    if kind == "screens":
        for account in catalogue.accounts.values():
            if account.screen == key:
                yield f"the account {account.id!r}"
    if kind in ("lists", "plans"):
        for screen in catalogue.screens.values():
            used = screen.plans if kind == "plans" else {rule.list for rule in screen.rules}
            if key in used:
                yield f"the screen {screen.id!r}"
    if kind == "answers":
        for account in catalogue.accounts.values():
            if account.answers == key:
                yield f"the account {account.id!r}"
    if kind == "plans":
        for answers in catalogue.answers.values():
            if key in answers.plans:
                yield f"the set of answers {answers.id!r}"
    if kind in ("accounts", "plans", "screens"):
        mine = [
            assignment.id
            for assignment in writing.assignments()
            if getattr(assignment, kind.removesuffix("s")) == key
        ]
        if mine and set(mine) - writing.unused_assignments(mine):
            yield "numbers"


def _refers(plan: Plan, kind: str, key: str) -> bool:
    if kind == "accounts":
        return plan.account == key
    if kind == "persons":
        targets = [target for step in plan.steps for target in step.targets]
        return any(t.kind == "person" and t.name == key for t in targets) or any(
            step.here and step.here.person == key for step in plan.steps
        )
    if kind == "schedules":
        return any(step.when == key for step in plan.steps)
    targets = [target for step in plan.steps for target in step.targets]
    return kind == "plans" and any(t.kind == "plan" and t.name == key for t in targets)


def _listed(users: list[str]) -> str:
    shown_users, more = users[:3], len(users) - 3
    return ", ".join(shown_users) + (f" and {more} more" if more > 0 else "")


def _verb(users: list[str]) -> str:
    return "use" if len(users) > 1 or users == ["numbers"] else "uses"
