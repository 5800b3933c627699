"""The calls' database in PostgreSQL, through asyncpg on a loop of its own.

The store is used by one thread at a time, such as the drain's; each call runs the loop until its
statement is done. Calls and legs are partitioned by day, so that a day is removed at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any

from vnroute.store import StoreError

__all__ = ["PostgresDatabase"]

_CONNECT_SECONDS = 10.0
_COMMAND_SECONDS = 600.0
_ROWS = 5000
_WRITER = 0x766E6364
"""The advisory lock of whoever writes: one node at a time. So ids are given in the order in which
transactions end, and whoever follows them (``cdr tail``, webhooks) passes over none."""

_PARTITION = re.compile(r"calls_(\d{8})", re.ASCII)


@lru_cache(maxsize=512)
def _numbered(sql: str) -> str:
    """Return SQL with $1, $2… in the place of each ``?``."""
    parts = sql.split("?")
    return parts[0] + "".join(f"${at}{part}" for at, part in enumerate(parts[1:], 1))


class PostgresDatabase:
    """:class:`vnroute.calls.database.Database` at a PostgreSQL address.

    Values that the database does not take raise asyncpg's DataError, which is no StoreError: to try
    again would not help.
    """

    temporary = "pg_temp"

    def __init__(self, url: str) -> None:
        try:
            import asyncpg
        except ImportError:
            raise StoreError(f"{url}: asyncpg is missing; pip install vnroute[postgres]") from None
        self.url = url
        self._failures: tuple[type[BaseException], ...] = (
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, EOFError,
            asyncpg.InternalClientError, ValueError,
        )  # fmt: skip
        # What is wrong with a record's own values: no reason to try again.
        self._broken = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
        self._known_days: set[int] = set()
        self._loop = asyncio.new_event_loop()
        try:
            self._raw = self._run(
                asyncpg.connect(
                    url,
                    timeout=_CONNECT_SECONDS,
                    command_timeout=_COMMAND_SECONDS,
                    server_settings={"application_name": "vnroute"},
                )
            )
        except BaseException:
            self._loop.close()
            raise

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            return self._loop.run_until_complete(coroutine)
        except self._failures as error:
            if isinstance(error, self._broken):
                raise
            said = " ".join(str(error).split()) or type(error).__name__
            raise StoreError(f"{self.url}: {said}") from error

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> object:
        """Run one statement."""
        return self._run(self._raw.execute(_numbered(sql), *parameters))

    def execute_script(self, script: str) -> None:
        """Run statements of a file, without values."""
        self._run(self._raw.execute(script))

    def executemany(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> object:
        """Run one statement for each row."""
        # In pieces: the rows may come from a query of this connection, which asks the loop again.
        left = iter(rows)
        while piece := list(islice(left, _ROWS)):
            self._run(self._raw.executemany(_numbered(sql), piece))
        return None

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> object:
        """Write new rows by COPY, in binary."""
        if rows:
            self._run(self._raw.copy_records_to_table(table, records=rows, columns=columns))
        return None

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query as tuples; within a transaction by a cursor."""
        if not self._raw.is_in_transaction():
            yield from map(tuple, self._run(self._raw.fetch(_numbered(sql), *parameters)))
            return
        cursor = self._run(_cursor(self._raw, _numbered(sql), tuple(parameters)))
        while piece := self._run(cursor.fetch(_ROWS)):
            yield from map(tuple, piece)

    def row(self, sql: str, parameters: Iterable[Any] = ()) -> Any:
        """Return the first row of a query as a tuple, or None."""
        found = self._run(self._raw.fetchrow(_numbered(sql), *parameters))
        return None if found is None else tuple(found)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write what is written within, all or nothing, one node at a time."""
        transaction = self._raw.transaction()
        self._run(transaction.start())
        try:
            self.execute("SELECT pg_advisory_xact_lock(?)", (_WRITER,))
            yield
            self._run(transaction.commit())
        except BaseException:
            self._known_days.clear()
            if not self._raw.is_closed():
                self._run(transaction.rollback())
            raise

    def prepare_days(self, days: Iterable[int]) -> None:
        """Make a partition for each of those days, where there is none."""
        for day in sorted(set(days) - self._known_days):
            for table in ("calls", "legs"):
                if self.row("SELECT to_regclass(?::text)::text", (f"{table}_{day}",))[0] is None:
                    # Attached, since PARTITION OF would wait for every reader of the table
                    # (postgresql.org/docs/current/ddl-partitioning.html).
                    self.execute(f"CREATE TABLE {table}_{day} (LIKE {table} INCLUDING ALL)")
                    self.execute(
                        f"ALTER TABLE {table} ATTACH PARTITION {table}_{day} FOR VALUES IN ({day})"
                    )
            self._known_days.add(day)

    def remove_day(self, before: int, most: int) -> int:
        """Drop the partition of one day before; return how many calls were in it."""
        found = self.rows(
            "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
            "WHERE inhparent = 'calls'::regclass ORDER BY 1"
        )
        names = (_PARTITION.fullmatch(name) for (name,) in found)
        days = [int(match[1]) for match in names if match and int(match[1]) < before]
        if not days:
            return 0
        day = days[0]
        with self.transaction():
            (count,) = self.row(f"SELECT count(*) FROM calls_{day}")
            for table in ("legs", "calls"):
                self.execute(f"DROP TABLE {table}_{day}")
        self._known_days.discard(day)
        # An empty partition that was dropped is no reason to stop: 1 says, there may be more.
        return max(int(count), 1)

    def close(self) -> None:
        """Close the connection."""
        if not self._loop.is_closed():
            try:
                self._run(self._raw.close(timeout=5))
            except StoreError:
                self._raw.terminate()
            finally:
                self._loop.close()


async def _cursor(raw: Any, sql: str, parameters: tuple[Any, ...]) -> Any:
    return await raw.cursor(sql, *parameters)
