"""What the store of calls asks of a database: SQL with ``?`` for values, in transactions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

__all__ = ["Database"]


class Database(Protocol):
    """One connection. Every method raises :class:`vnroute.store.StoreError` where it fails.

    The SQL given is what SQLite and PostgreSQL both understand; what differs has a method here.
    """

    temporary: str
    """The schema in which temporary tables are."""

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> object:
        """Run one statement."""
        ...

    def executemany(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> object:
        """Run one statement for each row."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> object:
        """Write new rows, in the quickest way there is."""
        ...

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query as tuples."""
        ...

    def row(self, sql: str, parameters: Iterable[Any] = ()) -> Any:
        """Return the first row of a query as a tuple, or None."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Write what is written within, all or nothing, one writer at a time."""
        ...

    def prepare_days(self, days: Iterable[int]) -> None:
        """Make room for calls of those days; within a transaction."""
        ...

    def remove_day(self, before: int, most: int) -> int:
        """Remove up to about ``most`` calls of days before, with legs; return how many."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
