"""The log of changed numbers in SQLite, from which overlays of numbers are made; its audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from itertools import chain

import msgspec

from vnroute.store.base import Assignment, NumberChange, NumberChanges
from vnroute.store.documents import number_document
from vnroute.store.sqlite_audit import SqliteAudit
from vnroute.store.sqlite_connection import Connection

__all__ = [
    "MOST_LOGGED",
    "SqliteNumberLog",
    "read_number_changes",
    "read_page",
]

MOST_LOGGED = 10_000
"""Numbers of one transaction that are logged one by one; what changes more needs a compilation."""
_KEPT = 50_000
_MOST_CHANGES = 100_000
_TRIM_EVERY = 64
_MOST_AUDITED = 1000
MOST_READ = 200_000
"""Rows that one page of numbers reads at most where it goes through them."""
_MOST_WANTED = 20_000
"""Assignments of which each is looked up for one page."""

Moved = tuple[int, Assignment | None, Assignment | None]
"""A number, where it led before, and where it leads now; None where it is not there."""


class SqliteNumberLog:
    """Collects the numbers that one transaction changes."""

    def __init__(self, connection: Connection, audit: SqliteAudit) -> None:
        self._db = connection
        self._audit = audit
        self._rows: dict[int, Assignment | None] = {}
        self.whole = False
        """Whether more was changed than is logged."""

    @property
    def touched(self) -> bool:
        """Whether any number was changed."""
        return self.whole or bool(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, moved: Sequence[Moved]) -> None:
        """Log what was changed, and tell the audit."""
        # The audit keeps the counts of very many, and looks into no document.
        many = len(moved) > _MOST_AUDITED

        def document(number: int, one: Assignment | None) -> bytes | None:
            if one is None:
                return None
            return b"{}" if many else number_document(number, one)

        entries = [(f"+{n}", document(n, before), document(n, after)) for n, before, after in moved]
        self._audit.add("numbers", entries)
        self._rows.update((number, after) for number, _, after in moved)
        if len(self._rows) > MOST_LOGGED:
            self.whole = True

    def add_counts(self, added: int, changed: int, removed: int) -> None:
        """Note a change of more numbers than are logged."""
        counts = {"added": added, "changed": changed, "removed": removed}
        self._audit.add("numbers", [("*", None, msgspec.json.encode(counts))])
        self.whole = True

    def write(self, counter: int) -> None:
        """Write the log of the transaction with this change counter; drop what is old."""
        self._db.executemany(
            "INSERT INTO number_changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (counter, number, one.account, one.plan, one.campaign, one.state, one.since,
                 one.until, one.screen)
                if one is not None
                else (counter, number, *[""] * 7)
                for number, one in self._rows.items()
            ],
        )  # fmt: skip
        if len(self._rows) >= _TRIM_EVERY or counter % _TRIM_EVERY == 0:
            row = self._db.row(
                "SELECT counter FROM number_changes ORDER BY counter DESC LIMIT 1 OFFSET ?",
                (_KEPT,),
            )
            if row is not None:
                self._db.execute("DELETE FROM number_changes WHERE counter <= ?", row)


def read_number_changes(connection: Connection, after: int) -> NumberChanges:
    """Return what :meth:`vnroute.store.base.Reading.number_changes` does."""
    (counter,) = connection.row("SELECT coalesce(max(counter), 0) FROM changes")
    (kept,) = connection.row("SELECT coalesce(min(counter), 0) FROM number_changes")
    changes: Iterable[tuple[int, int | None]] = connection.rows(
        "SELECT counter, numbers FROM changes WHERE counter > ? ORDER BY counter DESC LIMIT ?",
        (after, _MOST_CHANGES),
    )
    others = tuple(
        at for at, numbers in changes if numbers is None or (numbers and not 0 < kept <= at)
    )
    rows = connection.rows(
        "SELECT counter, number, account, plan, campaign, state, since, until, screen"
        " FROM number_changes WHERE counter > ? ORDER BY counter, number",
        (after,),
    )
    return NumberChanges(counter, tuple(NumberChange(*row) for row in rows), others)


def read_page(
    connection: Connection, after: int, limit: int, prefix: str, filters: dict[str, str]
) -> tuple[list[tuple[int, int]], int]:
    """Return (number, assignment) of at most ``limit`` numbers, and the last one read: 0 where
    there are no more. ``filters`` are columns of assignments, empty for any.
    """
    asked = {column: value for column, value in filters.items() if value}
    spans = [
        (max(first, after + 1), last)
        for first, last in _spans(prefix)
        if last > after
        and connection.row(
            "SELECT 1 FROM numbers WHERE number BETWEEN ? AND ? LIMIT 1", (first, last)
        )
    ]
    if not asked:
        return _page(spans, limit, lambda first, last, left: connection.rows(
            "SELECT number, assignment FROM numbers WHERE number BETWEEN ? AND ?"
            " ORDER BY number LIMIT ?", (first, last, left)))  # fmt: skip
    where = " AND ".join(f"{column} = ?" for column in asked)
    query = f"SELECT id FROM assignments WHERE {where} LIMIT ?"
    wanted = [key for (key,) in connection.rows(query, (*asked.values(), _MOST_WANTED + 1))]
    if len(wanted) > _MOST_WANTED:
        return _scan(connection, spans, limit, where, tuple(asked.values()))

    def found(first: int, last: int, left: int) -> Iterable[tuple[int, int]]:
        # The first ones of each assignment, of which the first of all are.
        each = (
            connection.rows(
                "SELECT number, assignment FROM numbers INDEXED BY numbers_by_assignment"
                " WHERE assignment = ? AND number BETWEEN ? AND ? ORDER BY number LIMIT ?",
                (key, first, last, left),
            )
            for key in wanted
        )
        return nsmallest(left, chain.from_iterable(each))

    return _page(spans, limit, found)


def _page(
    spans: Sequence[tuple[int, int]],
    limit: int,
    find: Callable[[int, int, int], Iterable[tuple[int, int]]],
) -> tuple[list[tuple[int, int]], int]:
    found: list[tuple[int, int]] = []
    for first, last in spans:
        found += find(first, last, limit - len(found))
        if len(found) == limit:
            return found, found[-1][0]
    return found, 0


def _scan(
    connection: Connection,
    spans: Sequence[tuple[int, int]],
    limit: int,
    where: str,
    values: tuple[str, ...],
) -> tuple[list[tuple[int, int]], int]:
    """Read numbers in their order, a bounded number of them: where so many assignments are meant,
    most numbers have one of them.
    """
    found: list[tuple[int, int]] = []
    left = MOST_READ
    for span in spans:
        first, last = span
        while first <= last:
            if len(found) == limit or left <= 0:
                return found, first - 1
            row = connection.row(
                "SELECT number FROM numbers WHERE number BETWEEN ? AND ? ORDER BY number"
                " LIMIT 1 OFFSET ?",
                (first, last, left - 1),
            )
            end = last if row is None else row[0]
            rows = connection.rows(
                "SELECT number, assignment FROM numbers NOT INDEXED WHERE number BETWEEN ? AND ?"
                f" AND +assignment IN (SELECT id FROM assignments WHERE {where})"
                " ORDER BY number LIMIT ?",
                (first, end, *values, limit - len(found)),
            )
            more = list(rows)
            found += more
            if len(found) == limit and more:
                end = more[-1][0]
            (read,) = connection.row(
                "SELECT count(*) FROM numbers WHERE number BETWEEN ? AND ?", (first, end)
            )
            left -= read
            first = end + 1
    return found, 0


def _spans(prefix: str) -> list[tuple[int, int]]:
    """Return the numbers that begin with digits, as spans, ascending."""
    if not prefix:
        return [(1, 10**15)]
    low = int(prefix)
    return [(low * 10**n, (low + 1) * 10**n - 1) for n in range(15 - len(prefix) + 1)]
