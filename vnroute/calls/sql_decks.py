"""Rate decks as they were at every moment, for calls that are rated after a deck has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vnroute.calls.base import DeckRow, GatewayRow, Rate
from vnroute.calls.database import Database

__all__ = ["Decks"]

_MOST_CACHED = 200_000
_MOST_DIGITS = 15
_PUT_GATEWAY = (
    "INSERT INTO deck_gateways (gateway, carrier, before, after) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (gateway) DO UPDATE SET carrier = excluded.carrier, before = excluded.before, "
    "after = excluded.after"
)


class Decks:
    """The decks' tables of a database of calls."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._cache: dict[tuple[str, str], list[tuple[str, int, str]]] = {}

    def counter(self) -> int:
        """Return the routing store's change counter that the decks come from; -1 for none."""
        row = self._db.row("SELECT value FROM counters WHERE name = 'decks'")
        return row[0] if row else -1

    def gateways(self) -> list[GatewayRow]:
        """Return all gateways known."""
        rows = self._db.rows("SELECT gateway, carrier, before, after FROM deck_gateways")
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
                "CREATE TEMP TABLE IF NOT EXISTS deck_changes "
                "(prefix TEXT, carrier TEXT, rate TEXT)"
            )
            db.execute(f"DELETE FROM {changes}")
            db.executemany(
                f"INSERT INTO {changes} VALUES (?, ?, ?)", _differences(self._current(), rates)
            )
            db.execute(
                "INSERT INTO deck_rates (prefix, carrier, since, rate) "
                f"SELECT prefix, carrier, CAST(? AS BIGINT), rate FROM {changes} WHERE true "
                "ON CONFLICT (prefix, carrier, since) DO UPDATE SET rate = excluded.rate",
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
        rows = self._db.rows(
            "SELECT prefix, carrier, rate FROM (SELECT prefix, carrier, rate, row_number() OVER "
            "(PARTITION BY prefix, carrier ORDER BY since DESC) AS age FROM deck_rates) each "
            "WHERE age = 1 AND rate <> '' ORDER BY prefix, carrier"
        )
        return (DeckRow(*row) for row in rows)

    def rate(self, carrier: str, digits: str, when: int) -> Rate | None:
        """Return the rate of a carrier's longest prefix of ``digits`` in force at a moment."""
        key = (carrier, digits)
        rows = self._cache.get(key)
        if rows is None:
            prefixes = [digits[:size] for size in range(1, min(len(digits), _MOST_DIGITS) + 1)]
            rows = list(
                self._db.rows(
                    "SELECT prefix, since, rate FROM deck_rates WHERE carrier = ? AND prefix IN "
                    f"({', '.join('?' * len(prefixes))}) ORDER BY length(prefix) DESC, since DESC",
                    (carrier, *prefixes),
                )
            )
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            self._cache[key] = rows
        settled = ""
        for prefix, since, rate in rows:
            if since <= when and prefix != settled:
                if rate:
                    return Rate(prefix, rate)
                settled = prefix  # withdrawn before the call: what is older does not count
        return None


def _differences(
    before: Iterable[DeckRow], after: Iterable[DeckRow]
) -> Iterator[tuple[str, str, str]]:
    """Yield (prefix, carrier, rate) that is new or changed; an empty rate for what is gone.

    Both come by prefix as text, then carrier.
    """
    old, new = iter(before), iter(after)
    here, there = next(old, None), next(new, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here[:2] < there[:2]):
            assert here is not None
            yield here.prefix, here.carrier, ""
            here = next(old, None)
        elif here is None or there[:2] < here[:2]:
            yield there
            there = next(new, None)
        else:
            if here.rate != there.rate:
                yield there
            here, there = next(old, None), next(new, None)
