"""The accounts, schedules, plans and carriers there will be after a load: stored, and coming."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from vnroute.importing.findings import Findings, hint, shown
from vnroute.importing.routing_file import RoutingDocument
from vnroute.model import (
    Account,
    Answers,
    CallerList,
    Carrier,
    Person,
    Plan,
    Policy,
    Schedule,
    Screen,
)
from vnroute.store.base import Reading

__all__ = ["KINDS", "Catalogue"]

KINDS = (
    "accounts", "answers", "lists", "screens", "schedules", "persons", "policies", "plans",
    "carriers",
)  # fmt: skip
_ONE = {
    "accounts": "account",
    "answers": "set of answers",
    "lists": "list",
    "screens": "screen",
    "schedules": "schedule",
    "persons": "person",
    "policies": "policy",
    "plans": "plan",
    "carriers": "carrier",
}


class Catalogue:
    """What is there by id, and in which file it comes, if it does.

    With ``replace`` nothing stored counts. An id that comes twice is a problem; the first stands.
    What is ``removed`` (ids by kind) is not there.
    """

    def __init__(
        self,
        stored: Reading,
        documents: list[RoutingDocument],
        replace: bool,
        problems: Findings,
        removed: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self.accounts: dict[str, Account] = {}
        self.answers: dict[str, Answers] = {}
        self.lists: dict[str, CallerList] = {}
        self.screens: dict[str, Screen] = {}
        self.schedules: dict[str, Schedule] = {}
        self.persons: dict[str, Person] = {}
        self.policies: dict[str, Policy] = {}
        self.plans: dict[str, Plan] = {}
        self.carriers: dict[str, Carrier] = {}
        self.problems = problems
        self.coming: dict[str, dict[str, tuple[RoutingDocument, int]]] = {}
        self.changed: dict[str, set[str]] = {}
        """Ids of those that come and are not stored just so."""
        self.refused: dict[str, set[str]] = {}
        for kind in KINDS:
            there: dict[str, Any] = getattr(self, kind)
            if not replace:
                gone = removed.get(kind, ())
                there.update((e.id, e) for e in getattr(stored, kind)() if e.id not in gone)
            self.coming[kind] = {}
            self.changed[kind] = set()
            self.refused[kind] = set()
            for document in documents:
                self.refused[kind] |= document.refused[kind]
                for position, entity in document.sections[kind]:
                    self._add(kind, there, document, position, entity)

    def _add(
        self, kind: str, there: dict[str, Any], document: RoutingDocument, position: int, new: Any
    ) -> None:
        first = self.coming[kind].get(new.id)
        if first is not None:
            path = f"{kind}[{first[1]}].id"
            place = f"line {first[0].line_of(path)}"
            if first[0] is not document:
                place = f"{first[0].file}, {place}"
            path = f"{kind}[{position}].id"
            self.problems.add(
                document.file,
                document.line_of(path),
                path,
                f"{new.id!r} again",
                f"each {_ONE[kind]} once; it is first on {place}",
            )
            return
        self.coming[kind][new.id] = (document, position)
        if there.get(new.id) != new:
            self.changed[kind].add(new.id)
        there[new.id] = new

    def changed_entities(self, kind: str) -> list[Any]:
        """Return those of a kind that come and differ from what is stored."""
        there: dict[str, Any] = getattr(self, kind)
        return [there[key] for key in self.coming[kind] if key in self.changed[kind]]

    def coming_entities(self, kind: str) -> list[Any]:
        """Return those of a kind that come."""
        there: dict[str, Any] = getattr(self, kind)
        return [there[key] for key in self.coming[kind]]

    def add_problem(self, kind: str, key: str, field: str, found: str, expected: str) -> None:
        """Add a problem at a field of an entity; of a stored one, it has no line."""
        add_at(self.problems, self, kind, key, field, found, expected)

    def expected(self, kind: str, key: str) -> str | None:
        """Return what is expected instead of a reference, None where it leads somewhere.

        Ids of entries that were refused lead somewhere: that they are wrong has been said.
        """
        if key in getattr(self, kind) or key in self.refused[kind]:
            return None
        one = _ONE[kind]
        article = "an" if one[0] in "aeiou" else "a"
        near = "" if self.problems.full else hint(key, getattr(self, kind))
        return f"{article} {one} that is there or comes along{near}"

    def check_assignment(
        self, account: str, plan: str, screen: str = ""
    ) -> list[tuple[str, str, str]]:
        """Return (field, found, expected) of what is wrong with where a number leads."""
        wrong = []
        for field, key in (("account", account), ("plan", plan), ("screen", screen)):
            expected = self.expected(field + "s", key) if key or field != "screen" else None
            if expected:
                wrong.append((field, shown(key), expected))
        there = self.plans.get(plan)
        if not wrong and there is not None and there.account != account:
            found = f"{plan!r}, a plan of the account {there.account!r}"
            wrong.append(("plan", found, f"a plan of the number's account {account!r}"))
        rules = self.screens.get(screen)
        for name in sorted(rules.plans) if rules else ():
            treating = self.plans.get(name)
            if treating is not None and treating.account != account:
                found = f"{screen!r}, which treats by plan:{name} of {treating.account!r}"
                wrong.append(("screen", found, f"a screen with plans of {account!r} only"))
        return wrong


def add_at(
    findings: Findings,
    catalogue: Catalogue,
    kind: str,
    key: str,
    field: str,
    found: str,
    expected: str,
) -> None:
    """Add a finding at a field of an entity, in the file that it comes in."""
    place = catalogue.coming[kind].get(key)
    if place is None:
        findings.add("(stored)", 0, f"{kind}[{key}].{field}", found, expected)
    else:
        path = f"{kind}[{place[1]}].{field}"
        findings.add(place[0].file, place[0].line_of(path), path, found, expected)
