"""Writing routing data into SQLite, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

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
from vnroute.model.deck import DeckKind
from vnroute.model.number import NumberState
from vnroute.model.override import Override
from vnroute.store.base import BlockSpan, PreparedDeck, Tally
from vnroute.store.documents import block_document
from vnroute.store.sqlite_audit import SqliteAudit
from vnroute.store.sqlite_connection import Connection
from vnroute.store.sqlite_deck_writing import SqliteDeckWriting
from vnroute.store.sqlite_numbers import MOST_LOGGED, SqliteNumberLog
from vnroute.store.sqlite_overrides import delete_override, write_override
from vnroute.store.sqlite_reading import checked_kind
from vnroute.store.sqlite_rung import few_staged, forget_rung, note_rung, rings_any
from vnroute.store.sqlite_staging import STAGED_NUMBERS, STAGED_RATES

__all__ = ["SqliteTransaction"]

_OWNED = {"plans"}
"""Tables with a column for the account beside the document."""
_MOST_ASSIGNMENTS = 100_000
"""Remembered at a time, so that memory is bounded."""
_BULK = 200_000
"""Where more numbers change, their index is written anew: sorted, which is quicker."""


class SqliteTransaction(SqliteDeckWriting):
    """:class:`vnroute.store.base.Transaction`, between a BEGIN and its end."""

    def __init__(self, connection: Connection, audit: SqliteAudit) -> None:
        super().__init__(connection)
        self._audit = audit
        self.number_log = SqliteNumberLog(connection, audit)
        self.discarded = False
        self.touched = False
        """Whether anything besides numbers differs from before."""
        self._assignments: dict[tuple[str, ...], int] = {}
        self._replaced = False
        self._gone: set[int] | None = set()
        """Numbers that were removed one by one; None where a replacement removed any."""

    def put_accounts(self, accounts: Sequence[Account], replace: bool = False) -> Tally:
        """Add or change accounts; decks of those removed go too."""
        tally = self._put("accounts", Account, accounts, replace)
        if tally.removed:
            self._remove_decks("account", self.accounts())
        return tally

    def put_answers(self, answers: Sequence[Answers], replace: bool = False) -> Tally:
        """Add or change sets of answers."""
        return self._put("answers", Answers, answers, replace)

    def put_lists(self, lists: Sequence[CallerList], replace: bool = False) -> Tally:
        """Add or change lists of callers; what was imported for those removed goes too."""
        tally = self._put("lists", CallerList, lists, replace)
        if tally.removed:
            self._db.execute("DELETE FROM callers WHERE list NOT IN (SELECT id FROM lists)")
        return tally

    def put_screens(self, screens: Sequence[Screen], replace: bool = False) -> Tally:
        """Add or change screens."""
        return self._put("screens", Screen, screens, replace)

    def apply_callers(self, name: str, replace: bool = False) -> Tally:
        """Put the staged callers on a list."""
        (coming,) = self._db.row("SELECT count(*) FROM staged_callers")
        removed = 0
        if replace:
            removed = self._db.execute(
                "DELETE FROM callers WHERE list = ?"
                " AND key NOT IN (SELECT key FROM staged_callers)",
                (name,),
            ).rowcount
        added = self._db.execute(
            "INSERT OR IGNORE INTO callers SELECT key, ? FROM staged_callers ORDER BY key", (name,)
        ).rowcount
        self._db.execute("DROP TABLE temp.staged_callers")
        return self._noted(Tally(added=added, unchanged=coming - added, removed=removed))

    def remove_callers(self, name: str, keys: Sequence[int]) -> Tally:
        """Take callers off a list."""
        removed = self._db.executemany(
            "DELETE FROM callers WHERE key = ? AND list = ?", [(key, name) for key in set(keys)]
        )
        return self._noted(Tally(removed=max(0, removed)))

    def put_schedules(self, schedules: Sequence[Schedule], replace: bool = False) -> Tally:
        """Add or change schedules."""
        return self._put("schedules", Schedule, schedules, replace)

    def put_persons(self, persons: Sequence[Person], replace: bool = False) -> Tally:
        """Add or change persons."""
        return self._put("persons", Person, persons, replace)

    def put_policies(self, policies: Sequence[Policy], replace: bool = False) -> Tally:
        """Add or change policies."""
        return self._put("policies", Policy, policies, replace)

    def put_plans(self, plans: Sequence[Plan], replace: bool = False) -> Tally:
        """Add or change plans."""
        return self._put("plans", Plan, plans, replace)

    def put_carriers(self, carriers: Sequence[Carrier], replace: bool = False) -> Tally:
        """Add or change carriers; decks of those removed go too."""
        tally = self._put("carriers", Carrier, carriers, replace)
        if tally.removed:
            self._remove_decks("carrier", self.carriers())
        return tally

    def _remove_decks(self, kind: DeckKind, left: Iterable[Account | Carrier]) -> None:
        there = {owner.id for owner in left}
        for deck in self.decks():
            if deck.kind == kind and deck.owner not in there:
                self.remove_deck(kind, deck.owner)

    def remove_entities(self, kind: str, keys: Sequence[str]) -> Tally:
        """Remove accounts, schedules, plans or carriers; decks go with their owners."""
        gone = []
        for key in dict.fromkeys(keys):
            before = self.entity(kind, key)
            if before is not None:
                gone.append((key, before))
        self._db.executemany(f"DELETE FROM {checked_kind(kind)} WHERE id = ?",
                             [(key,) for key, _ in gone])  # fmt: skip
        if kind == "lists":
            self._db.execute("DELETE FROM callers WHERE list NOT IN (SELECT id FROM lists)")
        elif kind == "carriers":
            self._remove_decks("carrier", self.carriers())
        elif kind == "accounts":
            self._remove_decks("account", self.accounts())
        forget_rung(self._db, kind, [key for key, _ in gone])
        self._audit.add(kind, [(key, before, None) for key, before in gone])
        return self._noted(Tally(removed=len(gone)))

    def assignment(
        self,
        account: str,
        plan: str,
        campaign: str,
        state: NumberState,
        since: str = "",
        until: str = "",
        ported_to: str = "",
        screen: str = "",
    ) -> int:
        """Return the id of an assignment, made if it is not there."""
        key = (account, plan, campaign, state, since, until, ported_to, screen)
        known = self._assignments.get(key)
        if known is None:
            row = self._db.row(
                "SELECT id FROM assignments"
                " WHERE account = ? AND plan = ? AND campaign = ? AND state = ?"
                " AND since = ? AND until = ? AND ported_to = ? AND screen = ?",
                key,
            )
            if row is None:
                row = self._db.row(
                    "INSERT INTO assignments"
                    " (account, plan, campaign, state, since, until, ported_to, screen)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                    key,
                )
            if len(self._assignments) >= _MOST_ASSIGNMENTS:
                self._assignments.clear()
            known = self._assignments[key] = int(row[0])
        return known

    def put_blocks(self, spans: Sequence[BlockSpan], replace: bool = False) -> Tally:
        """Add or change blocks, by span."""
        if not spans and not replace:
            return Tally()
        there: dict[str, list[BlockSpan]] = {}
        for span in self.iter_blocks():
            there.setdefault(span.notation, []).append(span)
        by_extent = {_extent(block): block for block in there.values()}
        coming: dict[str, list[BlockSpan]] = {}
        for span in spans:
            coming.setdefault(span.notation, []).append(span)
        added = changed = unchanged = 0
        old: list[BlockSpan] = []
        new: list[BlockSpan] = []
        for block in coming.values():
            before = by_extent.pop(_extent(block), None)
            if before is None:
                added += 1
            elif sorted(before) == sorted(block):
                unchanged += 1
                continue
            else:
                changed += 1
                old += before
            new += block
        removed = len(by_extent) if replace else 0
        if replace:
            old += [span for block in by_extent.values() for span in block]
        self._audit_blocks(old, new)
        self._delete_spans(old)
        self._db.executemany("INSERT OR IGNORE INTO blocks VALUES (?, ?, ?, ?)", spans)
        return self._noted(
            Tally(added=added, changed=changed, unchanged=unchanged, removed=removed)
        )

    def _delete_spans(self, spans: Sequence[BlockSpan]) -> None:
        keys = [(span.first, span.last) for span in spans]
        self._db.executemany("DELETE FROM blocks WHERE first = ? AND last = ?", keys)

    def iter_moved(self, states: Sequence[NumberState]) -> Iterator[tuple[int, int, int, int]]:
        """Yield the staged numbers that leave an assignment in one of ``states``."""
        self._db.execute(STAGED_NUMBERS)
        marks = ",".join("?" * len(states))
        # Of few numbers, each one's assignment is looked up; of many, those in the states once.
        among = "AND id = there.assignment" if few_staged(self._db) else ""
        query = (
            "SELECT number, staged.origin, there.assignment, staged.assignment"
            " FROM staged_numbers AS staged JOIN numbers AS there USING (number)"
            " WHERE there.assignment <> staged.assignment AND there.assignment IN"
            f" (SELECT id FROM assignments WHERE state IN ({marks}) {among}) ORDER BY number"
        )
        yield from self._db.rows(query, states)

    def rings_moved_numbers(self) -> bool:
        """Whether a plan or a person rings any number that was staged or removed."""
        self._db.execute(STAGED_NUMBERS)
        return rings_any(self._db, self._gone)

    def apply_numbers(self, replace: bool = False) -> Tally:
        """Merge the staged numbers into what is there."""
        self._db.execute(STAGED_NUMBERS)
        coming, common, unchanged = self._db.row(
            "SELECT count(*), count(there.number),"
            " coalesce(sum(there.assignment = staged.assignment), 0)"
            " FROM staged_numbers AS staged LEFT JOIN numbers AS there USING (number)"
        )
        removed = 0
        if replace:
            (there,) = self._db.row("SELECT count(*) FROM numbers")
            removed = there - common
        changed = common - unchanged
        if coming - unchanged + removed > MOST_LOGGED:
            self.number_log.add_counts(coming - common, changed, removed)
        elif coming - unchanged + removed:
            self._log_staged(bool(removed))
        if removed:
            self._replaced = True
            self._gone = None
            self._db.execute(
                "DELETE FROM numbers WHERE NOT EXISTS"
                " (SELECT 1 FROM staged_numbers WHERE staged_numbers.number = numbers.number)"
            )
        bulk = coming - unchanged > _BULK
        if bulk:
            self._db.execute("DROP INDEX numbers_by_assignment")
        if unchanged < coming:
            # "WHERE true" keeps the parser from reading ON as part of a join
            # (sqlite.org/lang_upsert.html, 2.2).
            self._db.execute(
                "INSERT INTO numbers SELECT number, assignment FROM staged_numbers"
                " WHERE true ORDER BY number"
                " ON CONFLICT (number) DO UPDATE SET assignment = excluded.assignment"
                " WHERE assignment <> excluded.assignment"
            )
        if bulk:
            self._db.execute("CREATE INDEX numbers_by_assignment ON numbers (assignment)")
        return Tally(added=coming - common, changed=changed, unchanged=unchanged, removed=removed)

    def _log_staged(self, replace: bool) -> None:
        query = (
            "SELECT number, there.assignment, staged.assignment"
            " FROM staged_numbers AS staged LEFT JOIN numbers AS there USING (number)"
            " WHERE there.assignment IS NOT staged.assignment"
        )
        if replace:
            query += (
                " UNION ALL SELECT number, assignment, NULL FROM numbers WHERE NOT EXISTS"
                " (SELECT 1 FROM staged_numbers WHERE staged_numbers.number = numbers.number)"
            )
        self._log_moved(list(self._db.rows(query)))

    def _log_moved(self, moved: Sequence[tuple[int, int | None, int | None]]) -> None:
        ids = {each for _, *both in moved for each in both if each is not None}
        known = self.assignments_of(ids)
        self.number_log.add(
            [
                (
                    number,
                    None if before is None else known[before],
                    None if after is None else known[after],
                )
                for number, before, after in moved
            ]
        )

    def remove_numbers(self, numbers: Sequence[int]) -> Tally:
        """Remove numbers. Their assignments stay, though maybe nothing uses them: to find out would
        take a pass over all numbers.
        """
        found = [
            (number, row[0], None)
            for number in dict.fromkeys(numbers)
            if (row := self._db.row("SELECT assignment FROM numbers WHERE number = ?", (number,)))
        ]
        self._log_moved(found)
        self._db.executemany("DELETE FROM numbers WHERE number = ?", [(one,) for one, *_ in found])
        if self._gone is not None:
            self._gone.update(one for one, *_ in found)
        return Tally(removed=len(found))

    def remove_blocks(self, notations: Sequence[str]) -> Tally:
        """Remove blocks, by notation."""
        wanted = set(notations)
        spans = [span for span in self.iter_blocks() if span.notation in wanted]
        self._audit_blocks(spans, ())
        self._delete_spans(spans)
        removed = len({span.notation for span in spans})
        self.touched = self.touched or bool(removed)
        return Tally(removed=removed)

    def _audit_blocks(self, before: Sequence[BlockSpan], after: Sequence[BlockSpan]) -> None:
        """Tell the audit of blocks that change; a prefix has a span for each length."""
        old = {span.notation: span.assignment for span in before}
        new = {span.notation: span.assignment for span in after}
        known = self.assignments_of({*old.values(), *new.values()})
        self._audit.add(
            "blocks",
            [
                (
                    name,
                    block_document(name, known[old[name]]) if name in old else None,
                    block_document(name, known[new[name]]) if name in new else None,
                )
                for name in {**old, **new}
            ],
        )

    def apply_rates(
        self,
        replace: bool = False,
        carriers: Iterable[str] | None = None,
        what: str = "",
        prepared: Iterable[PreparedDeck] = (),
    ) -> Tally:
        """Merge the staged rates into the carriers' decks."""
        self._db.execute(STAGED_RATES)
        replaced: Iterable[str] | None = None
        if replace:
            everyone = (deck.owner for deck in self.decks() if deck.kind == "carrier")
            replaced = everyone if carriers is None else carriers
        return self._noted(self.apply_plain_rates(self.staged_carriers(), replaced, what, prepared))

    def put_override(self, override: Override) -> None:
        """Set something by hand."""
        write_override(self._db, self._audit, override)

    def remove_override(self, kind: str, key: str) -> bool:
        """Remove what is set of a thing."""
        return delete_override(self._db, self._audit, kind, key)

    def note(self, kind: str, key: str, before: bytes | None, after: bytes | None) -> None:
        """Note in the audit log what is changed elsewhere."""
        self._audit.add(kind, [(key, before, after)])

    def discard(self) -> None:
        """Mark the transaction so that it is undone at its end."""
        self.discarded = True

    def finish(self) -> None:
        """Put in order what the writes left, before the commit."""
        if self._replaced:
            # Only now: an assignment that nothing uses holds its plan and account in place.
            self._db.execute(
                "DELETE FROM assignments WHERE id NOT IN (SELECT assignment FROM numbers)"
                " AND id NOT IN (SELECT assignment FROM blocks)"
            )

    def _noted(self, tally: Tally) -> Tally:
        self.touched = self.touched or tally.touched
        self._replaced = self._replaced or bool(tally.removed)
        return tally

    def _put(self, table: str, kind: type[Any], entities: Sequence[Any], replace: bool) -> Tally:
        if not entities and not replace:
            return Tally()
        there = {entity.id: entity for entity in self._entities(table, kind)}
        coming = {entity.id: entity for entity in entities}
        owned = table in _OWNED
        encode = msgspec.json.Encoder().encode
        rows = []
        noted: list[tuple[str, bytes | None, bytes | None]] = []
        added = changed = 0
        for key, entity in coming.items():
            before = there.get(key)
            if before == entity:
                continue
            added, changed = added + (before is None), changed + (before is not None)
            after = encode(entity)
            row = (key, after.decode(), *((entity.account,) if owned else ()))
            rows.append(row)
            noted.append((key, None if before is None else encode(before), after))
        if owned:
            query = (
                f"INSERT INTO {table} (id, document, account) VALUES (?, ?, ?) ON CONFLICT (id)"
                " DO UPDATE SET document = excluded.document, account = excluded.account"
            )
        else:
            query = (
                f"INSERT INTO {table} (id, document) VALUES (?, ?) ON CONFLICT (id)"
                " DO UPDATE SET document = excluded.document"
            )
        self._db.executemany(query, rows)
        gone = [(key,) for key in there if key not in coming] if replace else []
        self._db.executemany(f"DELETE FROM {table} WHERE id = ?", gone)
        note_rung(self._db, table, [coming[key] for key, *_ in rows])
        forget_rung(self._db, table, [key for (key,) in gone])
        noted += [(key, encode(there[key]), None) for (key,) in gone]
        self._audit.add(table, noted)
        unchanged = len(coming) - len(rows)
        return self._noted(
            Tally(added=added, changed=changed, unchanged=unchanged, removed=len(gone))
        )


def _extent(spans: Sequence[BlockSpan]) -> frozenset[tuple[int, int]]:
    return frozenset((span.first, span.last) for span in spans)
