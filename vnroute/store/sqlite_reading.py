"""Reading routing data out of SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

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
from vnroute.model.override import Override
from vnroute.store.base import (
    Assignment,
    AuditEntry,
    BlockSpan,
    Change,
    Counts,
    NumberChanges,
    StoreError,
)
from vnroute.store.sqlite_audit import read_audit
from vnroute.store.sqlite_connection import Connection
from vnroute.store.sqlite_deck_reading import SqliteDeckReading
from vnroute.store.sqlite_numbers import read_number_changes, read_page
from vnroute.store.sqlite_overrides import read_overrides

__all__ = ["SqliteReading", "checked_kind"]

_Entity = TypeVar(
    "_Entity",
    Account, Answers, CallerList, Screen, Schedule, Person, Policy, Plan, Carrier,
)  # fmt: skip
_CHUNK = 500
"""Parameters to a query: well under SQLite's limit, enough to make a query's own cost small."""


_KINDS = frozenset((
    "accounts", "answers", "lists", "screens", "schedules", "persons", "policies", "plans",
    "carriers",
))  # fmt: skip

_WHOSE = {"accounts": "id = ?", "plans": "account = ?"}
_OF_NOBODY = "coalesce(json_extract(document, '$.account'), '') IN ('', ?)"
"""What belongs to an account, or may be used by it; a carrier and the like says nothing of that."""


def checked_kind(kind: str) -> str:
    """Return the name of a table of documents; it becomes part of a query."""
    assert kind in _KINDS, kind
    return kind


_ASSIGNMENTS = (
    "SELECT id, account, plan, campaign, state, since, until, ported_to, screen FROM assignments"
)


def _assignment(row: tuple[Any, ...]) -> Assignment:
    key, account, plan, campaign, state, since, until, ported_to, screen = row
    return Assignment(
        id=key,
        account=account,
        plan=plan,
        campaign=campaign,
        state=state,
        since=since,
        until=until,
        ported_to=ported_to,
        screen=screen,
    )


class SqliteReading(SqliteDeckReading):
    """:class:`vnroute.store.base.Reading` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def change_counter(self) -> int:
        """Return how many transactions have changed anything."""
        (counter,) = self._db.row("SELECT coalesce(max(counter), 0) FROM changes")
        return int(counter)

    def changes(self, after: int = 0) -> list[Change]:
        """Return the changes with a counter above ``after``, oldest first."""
        query = "SELECT counter, time, what FROM changes WHERE counter > ? ORDER BY counter"
        return [
            Change(counter=counter, time=datetime.fromisoformat(time), what=what)
            for counter, time, what in self._db.rows(query, (after,))
        ]

    def number_changes(self, after: int) -> NumberChanges:
        """Return what happened to numbers since a change."""
        return read_number_changes(self._db, after)

    def audit(
        self, before: int = 0, limit: int = 100, *, account: str = "", kind: str = "", key: str = ""
    ) -> list[AuditEntry]:
        """Return what was changed, the last first."""
        return read_audit(self._db, before, limit, account, kind, key)

    def entity(self, kind: str, key: str) -> bytes | None:
        """Return one account, schedule, plan or carrier as JSON, None if it is not there."""
        query = f"SELECT document FROM {checked_kind(kind)} WHERE id = ?"
        row = self._db.row(query, (key,))
        return None if row is None else row[0].encode()

    def entities(
        self, kind: str, after: str = "", limit: int = 100, *, account: str = "", like: str = ""
    ) -> list[tuple[str, bytes]]:
        """Return (id, JSON) of a kind with ids above ``after``, by id."""
        query = f"SELECT id, document FROM {checked_kind(kind)} WHERE id > ?"
        values: list[str | int] = [after]
        if account:
            query += f" AND {_WHOSE.get(kind, _OF_NOBODY)}"
            values.append(account)
        if like:
            query += " AND instr(lower(id), lower(?)) > 0"
            values.append(like)
        rows = self._db.rows(f"{query} ORDER BY id LIMIT ?", (*values, limit))
        return [(key, document.encode()) for key, document in rows]

    def overrides(self) -> list[Override]:
        """Return what is set by hand, by kind and id."""
        return read_overrides(self._db)

    def counts(self) -> Counts:
        """Return the number of rows of each kind."""
        kinds = ("accounts", "schedules", "policies", "plans", "carriers", "numbers")
        rows = {kind: self._db.row(f"SELECT count(*) FROM {kind}")[0] for kind in kinds}
        (blocks,) = self._db.row("SELECT count(DISTINCT notation) FROM blocks")
        rates = sum(deck.rows for deck in self.decks())
        return Counts(blocks=blocks, rates=rates, **rows)

    def accounts(self) -> list[Account]:
        """Return all accounts, by id."""
        return self._entities("accounts", Account)

    def answers(self) -> list[Answers]:
        """Return all sets of answers, by id."""
        return self._entities("answers", Answers)

    def lists(self) -> list[CallerList]:
        """Return all lists of callers, by id, without what was imported."""
        return self._entities("lists", CallerList)

    def iter_callers(self) -> Iterator[tuple[int, str]]:
        """Yield (key, list id) of imported callers, ascending."""
        for batch in self._db.batches("SELECT key, list FROM callers ORDER BY key, list", 50_000):
            yield from batch

    def callers_page(self, name: str, after: int = 0, limit: int = 100) -> list[int]:
        """Return keys of callers on a list, ascending."""
        query = (
            "SELECT key FROM callers INDEXED BY callers_by_list"
            " WHERE list = ? AND key > ? ORDER BY key LIMIT ?"
        )
        return [key for (key,) in self._db.rows(query, (name, after, limit))]

    def screens(self) -> list[Screen]:
        """Return all screens, by id."""
        return self._entities("screens", Screen)

    def schedules(self) -> list[Schedule]:
        """Return all schedules, by id."""
        return self._entities("schedules", Schedule)

    def persons(self) -> list[Person]:
        """Return all persons, by id."""
        return self._entities("persons", Person)

    def policies(self) -> list[Policy]:
        """Return all policies, by id."""
        return self._entities("policies", Policy)

    def plans(self) -> list[Plan]:
        """Return all plans, by id."""
        return self._entities("plans", Plan)

    def carriers(self) -> list[Carrier]:
        """Return all carriers, by id."""
        return self._entities("carriers", Carrier)

    def assignments(self) -> list[Assignment]:
        """Return all assignments, by id."""
        return [_assignment(row) for row in self._db.rows(f"{_ASSIGNMENTS} ORDER BY id")]

    def assignments_of(self, ids: Iterable[int]) -> dict[int, Assignment]:
        """Return assignments by id."""
        wanted = sorted(set(ids))
        found: dict[int, Assignment] = {}
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            for row in self._db.rows(f"{_ASSIGNMENTS} WHERE id IN ({marks})", part):
                found[row[0]] = _assignment(row)
        return found

    def unused_assignments(self, ids: Iterable[int]) -> set[int]:
        """Return those of ``ids`` that nothing uses."""
        query = (
            "SELECT EXISTS (SELECT 1 FROM numbers WHERE assignment = ?1)"
            " OR EXISTS (SELECT 1 FROM blocks WHERE assignment = ?1)"
        )
        return {key for key in set(ids) if not self._db.row(query, (key,))[0]}

    def iter_numbers(self, batch: int = 100_000) -> Iterator[list[tuple[int, int]]]:
        """Yield (number, assignment id), ascending, in lists of at most ``batch``."""
        yield from self._db.batches("SELECT number, assignment FROM numbers ORDER BY number", batch)

    def iter_blocks(self) -> Iterator[BlockSpan]:
        """Yield the spans of all blocks, by first number, the widest first."""
        query = "SELECT first, last, notation, assignment FROM blocks ORDER BY first, last DESC"
        for row in self._db.rows(query):
            yield BlockSpan(*row)

    def iter_numbers_of(self, assignments: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Yield (number, assignment id), ascending, of those numbers."""
        wanted = set(assignments)
        for batch in self.iter_numbers() if wanted else ():
            yield from (row for row in batch if row[1] in wanted)

    def find_number(self, number: int) -> Assignment | None:
        """Return where a number leads: its own row, else the narrowest block."""
        found = self.find_numbers((number,)).get(number)
        if found is None:
            return None
        row = self._db.row(f"{_ASSIGNMENTS} WHERE id = ?", (found,))
        if row is None:
            raise StoreError(f"{self._db.path}: number +{number} has no assignment; damaged")
        return _assignment(row)

    def number(self, number: int) -> Assignment | None:
        """Return where a number leads by its own row."""
        row = self._db.row("SELECT assignment FROM numbers WHERE number = ?", (number,))
        return None if row is None else self.assignments_of(row)[row[0]]

    def numbers_page(
        self,
        after: int = 0,
        limit: int = 100,
        *,
        prefix: str = "",
        account: str = "",
        plan: str = "",
        campaign: str = "",
        state: str = "",
    ) -> tuple[list[tuple[int, Assignment]], int]:
        """Return a page of numbers, and where the next begins."""
        filters = {"account": account, "plan": plan, "campaign": campaign, "state": state}
        rows, following = read_page(self._db, after, limit, prefix, filters)
        known = self.assignments_of({assignment for _, assignment in rows})
        return [(number, known[assignment]) for number, assignment in rows], following

    def find_numbers(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return the assignment id of each number that is ours."""
        wanted = sorted(set(numbers))
        found: dict[int, int] = {}
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            query = f"SELECT number, assignment FROM numbers WHERE number IN ({marks})"
            found.update(self._db.rows(query, part))
        missing = [number for number in wanted if number not in found]
        if missing:
            found.update(self._in_blocks(missing))
        return found

    def _in_blocks(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return the assignment of the narrowest block around each of ``numbers``, ascending.

        Spans are apart or nested, so those open at a number are a stack, the narrowest on top.
        """
        found: dict[int, int] = {}
        spans = self.iter_blocks()
        upcoming = next(spans, None)
        around: list[BlockSpan] = []
        for number in numbers:
            while upcoming is not None and upcoming.first <= number:
                while around and around[-1].last < upcoming.first:
                    around.pop()
                around.append(upcoming)
                upcoming = next(spans, None)
            while around and around[-1].last < number:
                around.pop()
            if around:
                found[number] = around[-1].assignment
        return found

    def _entities(self, table: str, kind: type[_Entity]) -> list[_Entity]:
        decoder = msgspec.json.Decoder(kind)
        entities = []
        for key, document in self._db.rows(f"SELECT id, document FROM {table} ORDER BY id"):
            try:
                entities.append(decoder.decode(document))
            except msgspec.MsgspecError as error:
                raise StoreError(f"{self._db.path}: {table} {key!r} is damaged: {error}") from error
        return entities
