"""The calls' database in SQLite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from vnroute.store.sqlite_connection import Connection

__all__ = ["SqliteDatabase"]


_TOGETHER = 32
"""Rows that one INSERT writes. For each step of a statement sqlite3 gives up the interpreter's lock
and waits to have it again; beside a thread that takes thousands of records a second, a step a row
made storing four times as slow as it is alone."""
_MARKS = re.compile(r"VALUES (\(\?(?:, \?)*\))")


@lru_cache(maxsize=64)
def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


@lru_cache(maxsize=64)
def _several(sql: str) -> str:
    """Return a statement that inserts one row as one that inserts several; empty for another."""
    found = _MARKS.search(sql)
    if not found:
        return ""
    rows = ", ".join([found[1]] * _TOGETHER)
    return sql[: found.start(1)] + rows + sql[found.end(1) :]


class SqliteDatabase(Connection):
    """:class:`vnroute.calls.database.Database` in one file."""

    temporary = "temp"

    def __init__(self, path: Path) -> None:
        super().__init__(path)

    def executemany(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> int:
        """Run one statement for each row; return how many rows it wrote."""
        several = _several(sql)
        if not several:
            return super().executemany(sql, rows)
        left, written = iter(rows), 0
        while True:
            some = list(islice(left, _TOGETHER))
            if len(some) < _TOGETHER:
                return written + (super().executemany(sql, some) if some else 0)
            written += self.execute(several, chain.from_iterable(some)).rowcount

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> object:
        """Write new rows."""
        return self.executemany(_insert(table, tuple(columns)), rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write what is written within, all or nothing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self.in_transaction:
                self.execute("ROLLBACK")
            raise

    def prepare_days(self, days: Iterable[int]) -> None:
        """Nothing: one table has the calls of all days."""

    def remove_day(self, before: int, most: int) -> int:
        """Remove up to ``most`` calls of days before; return how many."""
        with self.transaction():
            ids = list(self.rows("SELECT id FROM calls WHERE day < ? LIMIT ?", (before, most)))
            self.executemany("DELETE FROM legs WHERE call = ?", ids)
            self.executemany("DELETE FROM calls WHERE id = ?", ids)
        return len(ids)
