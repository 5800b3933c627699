"""Writing rate decks into SQLite: versions, and going back to one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from vnroute.model.deck import Deck, DeckKind
from vnroute.store.base import PreparedDeck, StoreError, Tally
from vnroute.store.deck_pages import Page
from vnroute.store.sqlite_audit import SqliteAudit
from vnroute.store.sqlite_staging import SqliteStaging, prepared_deck

__all__ = ["KEPT_VERSIONS", "SqliteDeckWriting"]

KEPT_VERSIONS = 20
"""Of each deck. A version whose every row is new costs a million rows some 12 MB."""


class SqliteDeckWriting(SqliteStaging):
    """The part of :class:`vnroute.store.base.Transaction` that is about decks."""

    touched: bool
    _audit: SqliteAudit

    def put_deck(
        self, kind: DeckKind, owner: str, pages: Iterable[Page], *, currency: str, what: str
    ) -> Deck:
        """Store a new version of a deck, packed, and put it in force."""
        db = self._db
        db.execute(
            "INSERT INTO decks (kind, owner, version) VALUES (?, ?, 0)"
            " ON CONFLICT (kind, owner) DO NOTHING",
            (kind, owner),
        )
        deck = self._deck_id(kind, owner)
        (last,) = db.row(
            "SELECT max(coalesce((SELECT max(version) FROM deck_versions WHERE deck = ?), 0),"
            " coalesce((SELECT max(version) FROM deck_history WHERE kind = ? AND owner = ?), 0))",
            (deck, kind, owner),
        )
        version, rows = last + 1, 0
        # Turned down as a new page only if a page of this deck has the very same rows.
        known = dict(db.rows("SELECT digest, rowid FROM deck_pages WHERE deck = ?", (deck,)))
        for page in pages:
            rows += page.rows
            number = known.get(page.digest)
            if number is None:
                cursor = db.execute(
                    "INSERT INTO deck_pages (deck, digest, data) VALUES (?, ?, ?)",
                    (deck, page.digest, page.data),
                )
                number = known[page.digest] = cursor.lastrowid
            db.execute(
                "INSERT INTO deck_contents VALUES (?, ?, ?, ?)",
                (deck, version, page.first, number),
            )
        db.execute(
            "INSERT INTO deck_versions VALUES (?, ?, ?, ?, ?, ?)",
            (deck, version, datetime.now(UTC).isoformat(), what, currency, rows),
        )
        self._put_in_force(deck, kind, owner, version)
        self._prune(deck)
        return self._there(kind, owner)

    def roll_back_deck(self, kind: DeckKind, owner: str, version: int = 0) -> Deck:
        """Put a version of a deck in force that is kept: the one before it, or another."""
        deck = self._deck_id(kind, owner)
        (in_force,) = self._db.row("SELECT version FROM decks WHERE id = ?", (deck,))
        kept = [row.version for row in self.deck_versions(kind, owner)]
        before = [number for number in kept if number < in_force]
        if not version and not before:
            raise StoreError(f"{owner}: no version before {in_force} is kept")
        wanted = version or before[-1]
        if wanted not in kept:
            names = ", ".join(map(str, kept))
            raise StoreError(f"{owner}: version {wanted} is not kept; those that are: {names}")
        if wanted != in_force:
            self._put_in_force(deck, kind, owner, wanted)
        return self._there(kind, owner)

    def remove_deck(self, kind: DeckKind, owner: str) -> bool:
        """Remove a deck with all its versions; return whether there was one."""
        row = self._db.row("SELECT id FROM decks WHERE kind = ? AND owner = ?", (kind, owner))
        if row is None:
            return False
        self._db.execute("DELETE FROM deck_pages WHERE deck = ?", row)
        self._db.execute("DELETE FROM decks WHERE id = ?", row)
        # The history stays, so that a deck to come takes no version's number again; version 0 says
        # that there was none.
        self._note(kind, owner, 0)
        return True

    def put_deck_mapping(self, kind: DeckKind, owner: str, document: str) -> None:
        """Store what is to be known of the columns of an owner's files; empty forgets it."""
        self._db.execute("DELETE FROM deck_mappings WHERE kind = ? AND owner = ?", (kind, owner))
        if document:
            self._db.execute("INSERT INTO deck_mappings VALUES (?, ?, ?)", (kind, owner, document))
        self.touched = True

    def put_currencies(self, currencies: Mapping[str, str], replace: bool = False) -> Tally:
        """Add or change exchange rates."""
        there = self.currencies()
        added = [name for name in currencies if name not in there]
        changed = [n for n, rate in currencies.items() if there.get(n, rate) != rate]
        gone = [name for name in there if name not in currencies] if replace else []
        self._db.executemany("INSERT OR REPLACE INTO currencies VALUES (?, ?)", currencies.items())
        self._db.executemany("DELETE FROM currencies WHERE currency = ?", [(n,) for n in gone])
        tally = Tally(
            added=len(added), changed=len(changed), removed=len(gone),
            unchanged=len(currencies) - len(added) - len(changed),
        )  # fmt: skip
        self.touched = self.touched or tally.touched
        return tally

    def apply_plain_rates(
        self,
        carriers: Iterable[str],
        replaced: Iterable[str] | None,
        what: str,
        prepared: Iterable[PreparedDeck] = (),
    ) -> Tally:
        """Merge the staged rates of ``carriers`` into their decks; ``replaced`` lose the rest.

        A carrier whose deck stays as it is gets no new version; one whose deck is not what it was
        when it was ``prepared`` is merged anew.
        """
        total = Tally()
        left = set(replaced or ())
        ready = {deck.owner: deck for deck in prepared}
        for carrier in carriers:
            stored = self.deck("carrier", carrier)
            coming = ready.get(carrier)
            if coming is None or coming.version != (stored.version if stored else 0):
                coming = prepared_deck(self, carrier, carrier in left)
            left.discard(carrier)
            total += coming.tally
            if coming.tally.touched:
                currency = stored.currency if stored else ""
                self.put_deck("carrier", carrier, coming.pages, currency=currency, what=what)
        for carrier in left:
            deck = self.deck("carrier", carrier)
            if deck is not None and deck.rows:
                total += Tally(removed=deck.rows)
                self.put_deck("carrier", carrier, (), currency=deck.currency, what=what)
        return total

    def _deck_id(self, kind: DeckKind, owner: str) -> int:
        row = self._db.row("SELECT id FROM decks WHERE kind = ? AND owner = ?", (kind, owner))
        if row is None:
            raise StoreError(f"{owner}: has no rate deck")
        return int(row[0])

    def _there(self, kind: DeckKind, owner: str) -> Deck:
        deck = self.deck(kind, owner)
        assert deck is not None
        return deck

    def _put_in_force(self, deck: int, kind: DeckKind, owner: str, version: int) -> None:
        self._db.execute("UPDATE decks SET version = ? WHERE id = ?", (version, deck))
        self._note(kind, owner, version)

    def _note(self, kind: DeckKind, owner: str, version: int) -> None:
        self.touched = True
        said = []
        for number in (max(self.deck_history(kind, owner), default=(0, 0))[1], version):
            whose = {"account": owner} if kind == "account" else {}
            said.append(msgspec.json.encode({"version": number, **whose}) if number else None)
        self._audit.add("decks", [(f"{kind}/{owner}", said[0], said[1])])
        now = time.time_ns() // 1000
        row = (kind, owner, now, version)
        query = "INSERT INTO deck_history (kind, owner, since, version) VALUES (?, ?, ?, ?)"
        self._db.execute(query, row)

    def _prune(self, deck: int) -> None:
        """Let go of the oldest versions beyond those that are kept, and of pages only they have."""
        gone = list(
            self._db.rows(
                "SELECT deck, version FROM deck_versions WHERE deck = ? AND version <>"
                " (SELECT version FROM decks WHERE id = deck)"
                " ORDER BY version DESC LIMIT -1 OFFSET ?",
                (deck, KEPT_VERSIONS - 1),
            )
        )
        if not gone:
            return
        for table in ("deck_versions", "deck_contents"):
            self._db.executemany(f"DELETE FROM {table} WHERE deck = ? AND version = ?", gone)
        self._db.execute(
            "DELETE FROM deck_pages WHERE deck = ?1 AND rowid NOT IN"
            " (SELECT page FROM deck_contents WHERE deck = ?1)",
            (deck,),
        )
