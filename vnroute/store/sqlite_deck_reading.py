"""Reading rate decks out of SQLite: versions, rows, and all decks by prefix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from operator import itemgetter

from vnroute.model.deck import Deck, DeckKind, DeckRate, DeckVersion, RateInForce
from vnroute.store.base import StoreError
from vnroute.store.deck_pages import unpack
from vnroute.store.deck_sides import Side
from vnroute.store.sqlite_connection import Connection

__all__ = ["SqliteDeckReading", "moment_of"]

_WINDOW = 64
"""Pages that are read at a time when decks are put in one order: some 30,000 rows."""
_PREFIX = itemgetter(0)


def moment_of(microseconds: int) -> datetime:
    """Return a moment given as Unix microseconds."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


class SqliteDeckReading:
    """The part of :class:`vnroute.store.base.Reading` that is about decks."""

    _db: Connection

    def currencies(self) -> dict[str, str]:
        """Return what one unit of each currency is worth in the system's own."""
        return dict(self._db.rows("SELECT currency, rate FROM currencies ORDER BY currency"))

    def decks(self) -> list[Deck]:
        """Return all decks, by kind and owner."""
        rows = self._db.rows(
            "SELECT d.kind, d.owner, d.version, v.currency, v.rows, (SELECT max(h.since)"
            " FROM deck_history AS h WHERE h.kind = d.kind AND h.owner = d.owner)"
            " FROM decks AS d JOIN deck_versions AS v ON v.deck = d.id AND v.version = d.version"
            " ORDER BY d.kind, d.owner"
        )
        return [
            Deck(
                kind=kind, owner=owner, version=version, currency=currency, rows=count,
                since=moment_of(since),
            )
            for kind, owner, version, currency, count, since in rows
        ]  # fmt: skip

    def deck(self, kind: DeckKind, owner: str) -> Deck | None:
        """Return one deck, None where there is none."""
        return next((d for d in self.decks() if (d.kind, d.owner) == (kind, owner)), None)

    def deck_versions(self, kind: DeckKind, owner: str) -> list[DeckVersion]:
        """Return the versions of a deck that are kept, oldest first."""
        rows = self._db.rows(
            "SELECT v.version, v.made, v.what, v.currency, v.rows FROM decks AS d"
            " JOIN deck_versions AS v ON v.deck = d.id WHERE d.kind = ? AND d.owner = ?"
            " ORDER BY v.version",
            (kind, owner),
        )
        return [
            DeckVersion(
                version=version, made=datetime.fromisoformat(made), what=what, currency=currency,
                rows=count,
            )
            for version, made, what, currency, count in rows
        ]  # fmt: skip

    def deck_history(self, kind: DeckKind, owner: str) -> list[tuple[int, int]]:
        """Return since when (Unix microseconds) which version has been in force."""
        query = "SELECT since, version FROM deck_history WHERE kind = ? AND owner = ? ORDER BY id"
        return list(self._db.rows(query, (kind, owner)))

    def deck_rows(self, kind: DeckKind, owner: str, version: int = 0) -> Iterator[DeckRate]:
        """Yield the rows of a deck's version, sorted; version 0 is the one in force."""
        row = self._db.row(
            "SELECT id, version FROM decks WHERE kind = ? AND owner = ?", (kind, owner)
        )
        if row is None:
            return
        deck, in_force = row
        wanted = version or in_force
        if not self._db.row(
            "SELECT 1 FROM deck_versions WHERE deck = ? AND version = ?", (deck, wanted)
        ):
            raise StoreError(f"{self._db.path}: the deck of {owner} has no version {wanted}")
        yield from self._all_rows(self._contents(deck, wanted))

    def deck_mapping(self, kind: DeckKind, owner: str) -> str:
        """Return what was stored of the columns of an owner's files, empty if nothing was."""
        query = "SELECT document FROM deck_mappings WHERE kind = ? AND owner = ?"
        row = self._db.row(query, (kind, owner))
        return str(row[0]) if row else ""

    def rated_carriers(self) -> set[str]:
        """Return the ids of the carriers whose deck has any row."""
        return {deck.owner for deck in self.decks() if deck.kind == "carrier" and deck.rows}

    def iter_rates(self, now: int = 0, kind: DeckKind = "carrier") -> Iterator[RateInForce]:
        """Yield the rates of all decks of a kind that are in force at ``now`` or later.

        The decks are read side by side, some pages of the prefixes' order at a time; sorting what
        is sorted in stretches is quicker than merging two hundred of them row by row.
        """
        decks = []
        firsts: list[str] = []
        query = (
            "SELECT d.id, d.owner, d.version, v.currency FROM decks AS d JOIN deck_versions AS v"
            " ON v.deck = d.id AND v.version = d.version WHERE d.kind = ? ORDER BY d.owner"
        )
        for deck, owner, version, currency in list(self._db.rows(query, (kind,))):
            contents = self._contents(deck, version)
            firsts += [first for first, _ in contents]
            decks.append(Side(self._all_rows(contents), owner, currency, now))
        firsts.sort()
        for cut in [*firsts[_WINDOW::_WINDOW], ""]:
            window: list[RateInForce] = []
            for side in decks:
                side.take(cut, window)
            if len(decks) > 1:
                # Owners come in their order and each one's rows of a prefix in theirs, which
                # sorting leaves as they are.
                window.sort(key=_PREFIX)
            yield from window

    def _contents(self, deck: int, version: int) -> list[tuple[str, int]]:
        query = (
            "SELECT first, page FROM deck_contents WHERE deck = ? AND version = ? ORDER BY first"
        )
        return list(self._db.rows(query, (deck, version)))

    def _all_rows(self, contents: Iterable[tuple[str, int]]) -> Iterator[DeckRate]:
        return chain.from_iterable(self._page(page) for _, page in contents)

    def _page(self, page: int) -> list[DeckRate]:
        row = self._db.row("SELECT data FROM deck_pages WHERE rowid = ?", (page,))
        if row is None:
            raise StoreError(f"{self._db.path}: a page of a rate deck is missing; damaged")
        try:
            return unpack(row[0])
        except ValueError as error:
            raise StoreError(f"{self._db.path}: {error}; restore it from a backup") from error
