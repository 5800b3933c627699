"""The SQLite store: opening, snapshots, transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from vnroute.store.base import Reading, Staging, StoreError, Transaction
from vnroute.store.sqlite_audit import SqliteAudit
from vnroute.store.sqlite_connection import Connection
from vnroute.store.sqlite_reading import SqliteReading
from vnroute.store.sqlite_rung import fill_rung
from vnroute.store.sqlite_schema import bring_up_to_date
from vnroute.store.sqlite_staging import SqliteStaging
from vnroute.store.sqlite_writing import SqliteTransaction

__all__ = ["SqliteStore"]


class SqliteStore(SqliteReading):
    """:class:`vnroute.store.base.Store` in one SQLite file."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        if not path.exists():
            if not create:
                raise StoreError(f"{path}: no store there yet; load routing data to make one")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"{path.parent}: cannot be made ({error.strerror})") from error
        self._path = path
        super().__init__(Connection(path))
        try:
            bring_up_to_date(self._db)
            self._finish_migrations()
        except BaseException:
            self._db.close()
            raise

    @property
    def location(self) -> str:
        """Return the path of the database."""
        return str(self._path)

    def _finish_migrations(self) -> None:
        """Do what migrations left to be done in Python; each names it by a table."""
        there = (
            "SELECT name FROM sqlite_schema WHERE name IN ('rates_before_decks', 'rung_to_note')"
        )
        for (left,) in list(self._db.rows(there)):
            if left == "rates_before_decks":
                self._take_over_rates()
            else:
                self._note_rung()

    def _note_rung(self) -> None:
        """Note what plans and persons ring in a store from before that was noted, once."""
        with self.transaction("rung numbers noted"):
            if self._db.row("SELECT 1 FROM sqlite_schema WHERE name = 'rung_to_note'"):
                fill_rung(self._db)

    def _take_over_rates(self) -> None:
        """Take the rates of a store from before there were decks into decks, once."""
        there = "SELECT 1 FROM sqlite_schema WHERE name = 'rates_before_decks'"
        with self.transaction("rates taken into decks") as writing:
            if self._db.row(there):
                query = "SELECT prefix, carrier, rate, destination, 0 FROM rates_before_decks"
                for rows in self._db.batches(query, 50_000):
                    writing.stage_rates(rows)
                writing.apply_rates(what="rates from before decks")
                self._db.execute("DROP TABLE rates_before_decks")

    @contextmanager
    def snapshot(self) -> Iterator[Reading]:
        """Open a view on a connection of its own, of what is committed now."""
        connection = Connection(self._path, read_only=True)
        try:
            connection.execute("BEGIN")
            # A deferred transaction sees what is committed at its first read: that is now.
            connection.row("SELECT count(*) FROM schema_version")
            yield SqliteReading(connection)
        finally:
            connection.close()

    @contextmanager
    def staging(self) -> Iterator[Staging]:
        """Open a place for rows to come; see :class:`vnroute.store.base.Store`."""
        staging = SqliteStaging(self._db)
        try:
            yield staging
        finally:
            staging.drop_staged()

    @contextmanager
    def transaction(self, what: str, who: str = "") -> Iterator[Transaction]:
        """Open the writing transaction; see :class:`vnroute.store.base.Store`."""
        self._db.execute("BEGIN IMMEDIATE")
        # Nobody else can count on while we hold the right to write.
        counter, now = self.change_counter() + 1, datetime.now(UTC).isoformat()
        writing = SqliteTransaction(self._db, SqliteAudit(self._db, counter, now, who))
        try:
            yield writing
            if writing.discarded:
                self._db.execute("ROLLBACK")
                return
            writing.finish()
            log = writing.number_log
            if writing.touched or log.touched:
                logged = None if writing.touched or log.whole else len(log)
                self._db.execute(
                    "INSERT INTO changes VALUES (?, ?, ?, ?)", (counter, now, what, logged)
                )
                if logged:
                    log.write(counter)
            writing.drop_staged()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the store's own connection."""
        self._db.close()
