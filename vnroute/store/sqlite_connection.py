"""A connection to SQLite whose failures are told as :class:`StoreError`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vnroute.store.base import StoreError

__all__ = ["BUSY_SECONDS", "Connection"]

BUSY_SECONDS = 30
"""How long to wait for another writer. A load of a million numbers holds the store for some ten."""

_WATCHED_STEPS = 1_000_000
"""Steps of SQLite's machine between two beats: some 50 ms."""

_SETTINGS = (
    # Readers see their snapshot and are never held up while a load writes.
    "PRAGMA journal_mode = WAL",
    # FULL, not NORMAL: a load that was answered with "loaded" must survive a power cut, and one
    # fsync a load costs nothing beside it. (NORMAL in WAL mode may lose the last commits.)
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",
    # A bulk load grows the write-ahead log; give the disk back once it is written over.
    "PRAGMA journal_size_limit = 67108864",
    # Staged rows go to a file and not to memory: a load's size is not bounded by memory.
    "PRAGMA temp_store = FILE",
    "PRAGMA temp.cache_size = -65536",
)


class Connection:
    """One connection in autocommit mode; transactions are begun and ended by hand."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        try:
            self._raw = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._told(error) from error
        try:
            for setting in _SETTINGS:
                self._set(setting)
            if read_only:
                self.execute("PRAGMA query_only = ON")
        except BaseException:
            self._raw.close()
            raise

    def _set(self, setting: str) -> None:
        """Make a setting; wait for others who open the same new database.

        Turning to the write-ahead log asks for the whole file for a moment, and SQLite answers
        SQLITE_BUSY at once where two do it together, whatever its timeout (seen; tests/calls).
        """
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._raw.execute(setting)
                return
            except sqlite3.Error as error:
                busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > end:
                    raise self._told(error) from error
                time.sleep(0.01)

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        try:
            return self._raw.execute(sql, tuple(parameters))
        except sqlite3.Error as error:
            raise self._told(error) from error

    def executemany(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> int:
        """Run one statement for each row; return how many rows it wrote."""
        try:
            return self._raw.executemany(sql, rows).rowcount
        except sqlite3.Error as error:
            raise self._told(error) from error

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query as tuples."""
        cursor = self.execute(sql, parameters)
        try:
            yield from cursor
        except sqlite3.Error as error:
            raise self._told(error) from error

    def batches(self, sql: str, size: int) -> Iterator[list[Any]]:
        """Yield the rows of a query in lists of at most ``size``."""
        cursor = self.execute(sql)
        try:
            while batch := cursor.fetchmany(size):
                yield batch
        except sqlite3.Error as error:
            raise self._told(error) from error

    def row(self, sql: str, parameters: Iterable[Any] = ()) -> Any:
        """Return the first row of a query as a tuple, or None."""
        try:
            return self.execute(sql, parameters).fetchone()
        except sqlite3.Error as error:
            raise self._told(error) from error

    @contextmanager
    def watched(self, beat: Callable[[], None]) -> Iterator[None]:
        """Call ``beat`` every tenth of a second or so while a statement within runs."""
        # Asked of the interpreter's lock each time, so not more often.
        self._raw.set_progress_handler(beat, _WATCHED_STEPS)
        try:
            yield
        finally:
            self._raw.set_progress_handler(None, 0)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._raw.in_transaction

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()

    def _told(self, error: sqlite3.Error) -> StoreError:
        # Extended result codes keep the plain code in their low byte (sqlite.org/rescode.html).
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        place = str(self.path)
        if code == sqlite3.SQLITE_NOTADB:
            return StoreError(f"{place}: no SQLite database; move it away, or give another home")
        if code == sqlite3.SQLITE_CORRUPT:
            return StoreError(f"{place}: damaged ({error}); restore it from a backup")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError(f"{place}: another process has been writing for {BUSY_SECONDS} s")
        if code == sqlite3.SQLITE_FULL:
            return StoreError(f"{place}: no space left ({error})")
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            return StoreError(f"{place}: cannot be opened for writing ({error})")
        return StoreError(f"{place}: {error}")
