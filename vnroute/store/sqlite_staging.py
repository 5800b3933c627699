"""Rows laid aside in temporary tables, which hold nobody up: they are the connection's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from vnroute.model.deck import DeckRate
from vnroute.store.base import NumberRow, PreparedDeck, RateRow, Repeat
from vnroute.store.deck_merging import Changes, merged
from vnroute.store.deck_pages import pack
from vnroute.store.sqlite_reading import SqliteReading

__all__ = ["STAGED_NUMBERS", "STAGED_RATES", "SqliteStaging", "prepared_deck"]

STAGED_NUMBERS = """CREATE TEMP TABLE IF NOT EXISTS staged_numbers (
    number INTEGER PRIMARY KEY, assignment INTEGER NOT NULL, origin INTEGER NOT NULL
) STRICT"""
STAGED_CALLERS = "CREATE TEMP TABLE IF NOT EXISTS staged_callers (key INTEGER PRIMARY KEY)"
STAGED_RATES = """CREATE TEMP TABLE IF NOT EXISTS staged_rates (
    prefix TEXT NOT NULL, carrier TEXT NOT NULL, rate TEXT NOT NULL, destination TEXT NOT NULL,
    origin INTEGER NOT NULL, PRIMARY KEY (carrier, prefix)
) STRICT, WITHOUT ROWID"""
_STAGED_TERMS = """CREATE TEMP TABLE IF NOT EXISTS staged_terms (
    term INTEGER PRIMARY KEY, document TEXT NOT NULL, assignment INTEGER
) STRICT"""
_BATCH = 10_000


class SqliteStaging(SqliteReading):
    """:class:`vnroute.store.base.Staging`, in a transaction or before one."""

    def stage_callers(self, keys: Sequence[int]) -> None:
        """Lay callers' keys aside in a temporary table."""
        self._db.execute(STAGED_CALLERS)
        rows = [(key,) for key in sorted(keys)]
        self._lay_aside("INSERT OR IGNORE INTO staged_callers VALUES (?)", rows)

    def stage_numbers(self, rows: Sequence[NumberRow]) -> list[Repeat]:
        """Lay numbers aside in a temporary table; return those there before."""
        self._db.execute(STAGED_NUMBERS)
        # Sorted, so that neighbours go to the same page; stable, so that the first row stands.
        ordered = sorted(rows, key=itemgetter(0))
        query = "INSERT OR IGNORE INTO staged_numbers VALUES (?, ?, ?)"
        if self._lay_aside(query, ordered) == len(ordered):
            return []
        repeats = []
        query = "SELECT origin FROM staged_numbers WHERE number = ?"
        for number, _, origin in rows:
            (first_origin,) = self._db.row(query, (number,))
            if first_origin != origin:
                repeats.append(Repeat(first_origin, origin))
        return repeats

    def staged_origin(self, number: int) -> int | None:
        """Return the origin of a staged number."""
        self._db.execute(STAGED_NUMBERS)
        row = self._db.row("SELECT origin FROM staged_numbers WHERE number = ?", (number,))
        return None if row is None else int(row[0])

    def stage_terms(self, documents: Sequence[tuple[int, str]]) -> None:
        """Lay aside what numbers are staged under."""
        self._db.execute(_STAGED_TERMS)
        self._lay_aside("INSERT INTO staged_terms VALUES (?, ?, NULL)", documents)

    def iter_terms(self) -> Iterator[tuple[int, str]]:
        """Yield the terms laid aside."""
        self._db.execute(_STAGED_TERMS)
        last = 0
        query = "SELECT term, document FROM staged_terms WHERE term > ? ORDER BY term LIMIT ?"
        while found := list(self._db.rows(query, (last, _BATCH))):
            yield from found
            last = found[-1][0]

    def iter_unsettled(self) -> Iterator[tuple[int, str]]:
        """Yield (origin, document) of the staged numbers without an assignment, by origin."""
        query = (
            "SELECT origin, document FROM staged_numbers AS staged JOIN staged_terms"
            " ON term = -staged.assignment WHERE staged.assignment < 0 ORDER BY origin"
        )
        yield from self._db.rows(query)

    def drop_unsettled(self) -> None:
        """Let go of the staged numbers without an assignment."""
        self._db.execute("DELETE FROM staged_numbers WHERE assignment < 0")

    def drop_carrier(self, carrier: str) -> None:
        """Let go of the rates staged for a carrier."""
        self._db.execute("DELETE FROM staged_rates WHERE carrier = ?", (carrier,))

    def settle_terms(self, assignments: Iterable[tuple[int, int]]) -> None:
        """Put the staged numbers of terms under (term, assignment)."""
        self._db.execute(_STAGED_TERMS)
        rows = ((assignment, term) for term, assignment in assignments)
        settled = "UPDATE staged_terms SET assignment = ? WHERE term = ?"
        if self._db.executemany(settled, rows) > 0:
            self._db.execute(STAGED_NUMBERS)
            self._db.execute(
                "UPDATE staged_numbers SET assignment = there.assignment FROM staged_terms AS there"
                " WHERE staged_numbers.assignment < 0 AND there.term = -staged_numbers.assignment"
                " AND there.assignment IS NOT NULL"
            )

    def stage_rates(self, rows: Sequence[RateRow]) -> list[Repeat]:
        """Lay rates aside in a temporary table; return those there before."""
        self._db.execute(STAGED_RATES)
        ordered = sorted(rows, key=itemgetter(1, 0))
        query = "INSERT OR IGNORE INTO staged_rates VALUES (?, ?, ?, ?, ?)"
        if self._lay_aside(query, ordered) == len(ordered):
            return []
        repeats = []
        query = "SELECT origin FROM staged_rates WHERE prefix = ? AND carrier = ?"
        for prefix, carrier, _, _, origin in rows:
            (first_origin,) = self._db.row(query, (prefix, carrier))
            if first_origin != origin:
                repeats.append(Repeat(first_origin, origin))
        return repeats

    def staged_carriers(self) -> list[str]:
        """Return the carriers of which rates are staged, in order."""
        self._db.execute(STAGED_RATES)
        query = "SELECT DISTINCT carrier FROM staged_rates ORDER BY carrier"
        return [carrier for (carrier,) in self._db.rows(query)]

    def origins_of_carrier(self, carrier: str) -> Iterator[int]:
        """Yield the origins of the rates staged for a carrier, in order."""
        query = "SELECT origin FROM staged_rates WHERE carrier = ? ORDER BY origin"
        yield from (origin for (origin,) in self._db.rows(query, (carrier,)))

    def prepare_rates(self, replace: bool) -> list[PreparedDeck]:
        """Merge and pack the staged rates of each carrier, to be put in force in a moment."""
        return [prepared_deck(self, carrier, replace) for carrier in self.staged_carriers()]

    def staged_deck(self, carrier: str) -> Iterator[DeckRate]:
        """Yield the staged rates of a carrier, sorted."""
        query = (
            "SELECT prefix, rate, destination FROM staged_rates WHERE carrier = ? ORDER BY prefix"
        )
        for prefix, rate, destination in self._db.rows(query, (carrier,)):
            yield DeckRate(prefix, rate=rate, destination=destination)

    def drop_staged(self) -> None:
        """Give back what the staged rows take."""
        for table in ("staged_numbers", "staged_terms", "staged_callers", "staged_rates"):
            self._db.execute(f"DROP TABLE IF EXISTS temp.{table}")

    def _lay_aside(self, query: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert rows into a temporary table; before a transaction, in one that locks nothing."""
        if self._db.in_transaction:
            return self._db.executemany(query, rows)
        self._db.execute("BEGIN")
        try:
            count = self._db.executemany(query, rows)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return count


def prepared_deck(staging: SqliteStaging, carrier: str, replace: bool) -> PreparedDeck:
    """Merge the staged rates of a carrier into its deck as it is now."""
    stored = staging.deck("carrier", carrier)
    changes = Changes()
    rows = merged(
        staging.deck_rows("carrier", carrier), staging.staged_deck(carrier), replace, changes
    )
    pages = list(pack(rows))
    return PreparedDeck(carrier, stored.version if stored else 0, pages, changes.tally)
