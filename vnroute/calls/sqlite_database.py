"""The calls' database in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from vnroute.store.sqlite_connection import Connection

__all__ = ["SqliteDatabase"]


@lru_cache(maxsize=64)
def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


class SqliteDatabase(Connection):
    """:class:`vnroute.calls.database.Database` in one file."""

    temporary = "temp"

    def __init__(self, path: Path) -> None:
        super().__init__(path)

    def returned(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run one statement with RETURNING for each row; return the row that each returns."""
        return [self.row(sql, row) for row in rows]

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
