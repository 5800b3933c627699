"""The accounts, schedules, plans and carriers there will be after a load: stored, and coming."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

import msgspec

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
from vnroute.store.base import Reading, StoreError

__all__ = ["KINDS", "Catalogue", "Entities"]


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_Entity = TypeVar("_Entity", bound=_Named)

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


class Entities(Mapping[str, _Entity], Generic[_Entity]):
    """What there will be of a kind, by id: what comes, and what is stored and not removed.

    What is stored is read when it is asked for: one, or all of it to go through. An edit of one
    number among a hundred thousand plans asks for two or three.
    """

    def __init__(
        self, kind: str, model: type[_Entity], stored: Reading | None, gone: Collection[str]
    ) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(model)
        self._stored = stored
        self._gone = frozenset(gone)
        self._known: dict[str, _Entity | None] = {}
        self._all: dict[str, _Entity] | None = None if stored is not None else {}

    def _find(self, key: str) -> _Entity | None:
        if self._all is not None:
            return self._all.get(key)
        if key not in self._known:
            found = document = None
            # Ids are ASCII; anything may be asked for, also what no database takes as text.
            if self._stored is not None and key not in self._gone and key.isascii():
                document = self._stored.entity(self._kind, key)
            if document is not None:
                try:
                    found = self._decoder.decode(document)
                except msgspec.MsgspecError as error:
                    raise StoreError(f"{self._kind} {key!r} is damaged: {error}") from error
            self._known[key] = found
        return self._known[key]

    def _whole(self) -> dict[str, _Entity]:
        if self._all is None:
            found: list[_Entity] = getattr(self._stored, self._kind)()
            self._all = {each.id: each for each in found if each.id not in self._gone}
            self._all.update((key, one) for key, one in self._known.items() if one is not None)
        return self._all

    def __getitem__(self, key: str) -> _Entity:
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def put(self, entity: _Entity) -> None:
        """Take in one that comes."""
        if self._all is not None:
            self._all[entity.id] = entity
        else:
            self._known[entity.id] = entity


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
        self._from = None if replace else stored
        self._removed = removed
        self.accounts = self._entities("accounts", Account)
        self.answers = self._entities("answers", Answers)
        self.lists = self._entities("lists", CallerList)
        self.screens = self._entities("screens", Screen)
        self.schedules = self._entities("schedules", Schedule)
        self.persons = self._entities("persons", Person)
        self.policies = self._entities("policies", Policy)
        self.plans = self._entities("plans", Plan)
        self.carriers = self._entities("carriers", Carrier)
        self.problems = problems
        self.coming: dict[str, dict[str, tuple[RoutingDocument, int]]] = {}
        self.changed: dict[str, set[str]] = {}
        """Ids of those that come and are not stored just so."""
        self.refused: dict[str, set[str]] = {}
        self.reowned: set[str] = set()
        """Plans that come with another account than they are stored with."""
        for kind in KINDS:
            there: Entities[Any] = getattr(self, kind)
            self.coming[kind] = {}
            self.changed[kind] = set()
            self.refused[kind] = set()
            for document in documents:
                self.refused[kind] |= document.refused[kind]
                for position, entity in document.sections[kind]:
                    self._add(kind, there, document, position, entity)

    def _entities(self, kind: str, model: type[_Entity]) -> Entities[_Entity]:
        return Entities(kind, model, self._from, self._removed.get(kind, ()))

    def _add(
        self, kind: str, there: Entities[Any], document: RoutingDocument, position: int, new: Any
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
        before = there.get(new.id)
        if before != new:
            self.changed[kind].add(new.id)
        if kind == "plans" and before is not None and before.account != new.account:
            self.reowned.add(new.id)
        there.put(new)

    def changed_entities(self, kind: str) -> list[Any]:
        """Return those of a kind that come and differ from what is stored."""
        there: Entities[Any] = getattr(self, kind)
        return [there[key] for key in self.coming[kind] if key in self.changed[kind]]

    def coming_entities(self, kind: str) -> list[Any]:
        """Return those of a kind that come."""
        there: Entities[Any] = getattr(self, kind)
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
