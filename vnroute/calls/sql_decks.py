"""Rate decks as they were at every moment, for calls that are rated after a deck has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vnroute.calls.base import DeckRow, GatewayRow
from vnroute.calls.database import Database

__all__ = ["Decks"]

_MOST_CACHED = 200_000
_MOST_DIGITS = 15
_KEY = ("kind", "prefix", "owner", "origin", "time_class", "effective")
_VALUES = (
    "ends", "rate", "fee", "first_seconds", "next_seconds", "blocked", "currency",
)  # fmt: skip
_COLUMNS = ", ".join((*_KEY, *_VALUES))
_PUT_GATEWAY = (
    "INSERT INTO deck_gateways (gateway, carrier, before, after, formats) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (gateway) DO UPDATE SET carrier = excluded.carrier, before = excluded.before, "
    "after = excluded.after, formats = excluded.formats"
)


class Decks:
    """The decks' tables of a database of calls."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._cache: dict[tuple[str, str, str], list[tuple[int, DeckRow]]] = {}

    def counter(self) -> int:
        """Return the routing store's change counter that the decks come from; -1 for none."""
        row = self._db.row("SELECT value FROM counters WHERE name = 'decks'")
        return row[0] if row else -1

    def gateways(self) -> list[GatewayRow]:
        """Return all gateways known."""
        rows = self._db.rows("SELECT gateway, carrier, before, after, formats FROM deck_gateways")
        return [GatewayRow(*row) for row in rows]

    def put(
        self, counter: int, since: int, rates: Iterable[DeckRow], gateways: Sequence[GatewayRow]
    ) -> None:
        """Write what differs from the decks known, as of ``since``; memory does not grow with it.

        The first decks ever hold for all time before as well: there is nothing better to rate by.
        """
        db, changes = self._db, f"{self._db.temporary}.deck_changes"
        with db.transaction():
            if self.counter() < 0:
                since = 0
            db.execute(
                "CREATE TEMP TABLE IF NOT EXISTS deck_changes (kind TEXT, prefix TEXT, owner TEXT, "
                "origin TEXT, time_class TEXT, effective BIGINT, ends BIGINT, rate TEXT, fee TEXT, "
                "first_seconds BIGINT, next_seconds BIGINT, blocked BIGINT, currency TEXT)"
            )
            db.execute(f"DELETE FROM {changes}")
            marks = ", ".join("?" * len(DeckRow._fields))
            db.executemany(
                f"INSERT INTO {changes} VALUES ({marks})", _differences(self._current(), rates)
            )
            grown = ", ".join(f"{name} = excluded.{name}" for name in _VALUES)
            db.execute(
                f"INSERT INTO deck_rates ({_COLUMNS}, since) "
                f"SELECT {_COLUMNS}, CAST(? AS BIGINT) FROM {changes} WHERE true "
                f"ON CONFLICT ({', '.join(_KEY)}, since) DO UPDATE SET {grown}",
                (since,),
            )
            # A gateway that is gone stays known: its calls may still come.
            db.executemany(_PUT_GATEWAY, gateways)
            db.execute(
                "INSERT INTO counters (name, value) VALUES ('decks', ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (counter,),
            )
        self._cache.clear()

    def _current(self) -> Iterator[DeckRow]:
        keys = ", ".join(_KEY)
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM (SELECT {_COLUMNS}, row_number() OVER "
            f"(PARTITION BY {keys} ORDER BY since DESC) AS age FROM deck_rates) each "
            f"WHERE age = 1 AND rate <> '' ORDER BY {keys}"
        )
        return (DeckRow(*row) for row in rows)

    def rows(self, kind: str, owner: str, digits: str, when: int) -> list[DeckRow]:
        """Return the rows of a deck that fit a number, as they were at a moment (Unix us)."""
        key = (kind, owner, digits)
        known = self._cache.get(key)
        if known is None:
            prefixes = [digits[:size] for size in range(1, min(len(digits), _MOST_DIGITS) + 1)]
            found = self._db.rows(
                f"SELECT since, {_COLUMNS} FROM deck_rates WHERE kind = ? AND owner = ? "
                f"AND prefix IN ({', '.join('?' * len(prefixes))}) ORDER BY since",
                (kind, owner, *prefixes),
            )
            known = [(row[0], DeckRow(*row[1:])) for row in found]
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            self._cache[key] = known
        # The last one counts; an empty rate says that the row was withdrawn.
        then = {row[:6]: row for since, row in known if since <= when}
        return [row for row in then.values() if row.rate]


def _differences(before: Iterable[DeckRow], after: Iterable[DeckRow]) -> Iterator[DeckRow]:
    """Yield rows that are new or changed; with an empty rate what is gone.

    Both come in the order of their keys.
    """
    old, new = iter(before), iter(after)
    here, there = next(old, None), next(new, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here[:6] < there[:6]):
            assert here is not None
            yield here._replace(rate="")
            here = next(old, None)
        elif here is None or there[:6] < here[:6]:
            yield there
            there = next(new, None)
        else:
            if here != there:
                yield there
            here, there = next(old, None), next(new, None)
