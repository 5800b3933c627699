"""What a store of routing data offers, whatever database stands behind it.

Nothing of SQL is here, so that SQLite and PostgreSQL are read and written alike. Numbers are the
integers of their digits (:mod:`vnroute.model.e164`). What a number leads to is its *assignment*
(account, plan, campaign, state, from
when until when): millions of numbers share a few thousand of them, so a number's
row is two integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from vnroute.model import (
    Account,
    Answers,
    CallerList,
    Carrier,
    Person,
    Plan,
    Policy,
    Schedule,
    Screen,
)
from vnroute.model.deck import Deck, DeckKind, DeckRate, DeckVersion, RateInForce
from vnroute.model.number import NumberState
from vnroute.model.override import Override
from vnroute.store.deck_pages import Page

__all__ = [
    "Assignment",
    "AuditEntry",
    "BlockSpan",
    "Change",
    "Counts",
    "NumberChange",
    "NumberChanges",
    "NumberRow",
    "PreparedDeck",
    "RateRow",
    "Reading",
    "Repeat",
    "Staging",
    "Store",
    "StoreError",
    "Tally",
    "Transaction",
]


class StoreError(Exception):
    """The store cannot be opened, read or written; the message says why and what to do."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a number leads. ``id`` is the store's own, stable while any number uses it.

    ``since``, ``until`` and ``ported_to`` are as written (:class:`vnroute.model.Number`).
    """

    id: int
    account: str
    plan: str
    campaign: str = ""
    state: NumberState = "active"
    since: str = ""
    until: str = ""
    ported_to: str = ""
    screen: str = ""


class BlockSpan(NamedTuple):
    """One span of a block: numbers ``first`` to ``last``, both inclusive, of one length.

    ``notation`` is the block as it was written (``+1800555xxxx``), or the prefix (``+1800555``),
    which has a span for each length: those spans share their notation.
    """

    first: int
    last: int
    notation: str
    assignment: int


NumberRow = tuple[int, int, int]
"""Number, assignment id, origin. An origin is any integer that tells the caller where the row came
from; the store only gives it back."""

RateRow = tuple[str, str, str, str, int]
"""Prefix (digits), carrier id, rate (as written), destination, origin."""


class PreparedDeck(NamedTuple):
    """A carrier's deck with staged rates merged in: of which version, packed, and what changes."""

    owner: str
    version: int
    pages: list[Page]
    tally: Tally


class Repeat(NamedTuple):
    """A row staged twice: origin of the row that stands, origin of the one left out."""

    first_origin: int
    origin: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of each kind; ``blocks`` counts blocks as written, not their spans."""

    accounts: int
    schedules: int
    policies: int
    plans: int
    carriers: int
    numbers: int
    blocks: int
    rates: int


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What a write did to one kind of rows."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            added=self.added + other.added,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            removed=self.removed + other.removed,
        )

    @property
    def touched(self) -> bool:
        """Whether any row differs from before."""
        return bool(self.added or self.changed or self.removed)


class NumberChange(NamedTuple):
    """One number as a change with a counter left it; ``plan`` is empty where it was removed."""

    counter: int
    number: int
    account: str
    plan: str
    campaign: str
    state: str
    since: str
    until: str
    screen: str


class NumberChanges(NamedTuple):
    """What happened to numbers since some change: the store's change counter now; each number that
    was changed by a transaction that changed nothing else, oldest first; and the counters of the
    other changes, which are not among them.
    """

    counter: int
    rows: tuple[NumberChange, ...]
    others: tuple[int, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One committed transaction that changed anything. ``time`` is UTC."""

    counter: int
    time: datetime
    what: str


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a transaction changed: what it was before and is now, as the model writes it.

    ``before`` or ``after`` is None where it was not there, or is no more. Where one transaction
    changed more than a person reads, one entry with the key ``*`` has the counts in ``after``.
    """

    id: int
    counter: int
    time: datetime
    who: str
    kind: str
    key: str
    account: str
    before: msgspec.Raw | None
    after: msgspec.Raw | None


class Reading(Protocol):
    """What can be read. Every method raises :class:`StoreError` where the database fails."""

    def change_counter(self) -> int:
        """Return how many transactions have changed anything; 0 for a new store."""
        ...

    def changes(self, after: int = 0) -> list[Change]:
        """Return the changes with a counter above ``after``, oldest first."""
        ...

    def number_changes(self, after: int) -> NumberChanges:
        """Return what happened to numbers in the changes with a counter above ``after``."""
        ...

    def audit(
        self, before: int = 0, limit: int = 100, *, account: str = "", kind: str = "", key: str = ""
    ) -> list[AuditEntry]:
        """Return what was changed, the last first: entries with an id below ``before`` (0: all)."""
        ...

    def entity(self, kind: str, key: str) -> bytes | None:
        """Return one account, schedule, plan or carrier as JSON, None if it is not there."""
        ...

    def entities(
        self, kind: str, after: str = "", limit: int = 100, *, account: str = "", like: str = ""
    ) -> list[tuple[str, bytes]]:
        """Return (id, JSON) of accounts, schedules, plans or carriers with ids above ``after``.

        ``account`` asks for those of one account, and schedules that are nobody's own; ``like``
        for ids with that text in them.
        """
        ...

    def overrides(self) -> list[Override]:
        """Return what is set by hand, by kind and id; also what is over, until it is cleared."""
        ...

    def counts(self) -> Counts:
        """Return the number of rows of each kind."""
        ...

    def accounts(self) -> list[Account]:
        """Return all accounts, by id."""
        ...

    def answers(self) -> list[Answers]:
        """Return all sets of answers, by id."""
        ...

    def lists(self) -> list[CallerList]:
        """Return all lists of callers, by id, without what was imported."""
        ...

    def iter_callers(self) -> Iterator[tuple[int, str]]:
        """Yield (key, list id) of imported callers, ascending."""
        ...

    def callers_page(self, name: str, after: int = 0, limit: int = 100) -> list[int]:
        """Return keys of callers that were put on a list one by one or imported, above ``after``,
        ascending.
        """
        ...

    def screens(self) -> list[Screen]:
        """Return all screens, by id."""
        ...

    def schedules(self) -> list[Schedule]:
        """Return all schedules, by id."""
        ...

    def persons(self) -> list[Person]:
        """Return all persons, by id."""
        ...

    def policies(self) -> list[Policy]:
        """Return all policies, by id."""
        ...

    def plans(self) -> list[Plan]:
        """Return all plans, by id."""
        ...

    def carriers(self) -> list[Carrier]:
        """Return all carriers, by id."""
        ...

    def assignments(self) -> list[Assignment]:
        """Return all assignments, by id. Some may be used by no number any more."""
        ...

    def assignments_of(self, ids: Iterable[int]) -> dict[int, Assignment]:
        """Return assignments by id."""
        ...

    def unused_assignments(self, ids: Iterable[int]) -> set[int]:
        """Return those of ``ids`` that no number and no block uses."""
        ...

    def iter_numbers(self, batch: int = 100_000) -> Iterator[list[tuple[int, int]]]:
        """Yield (number, assignment id), ascending by number, in lists of at most ``batch``."""
        ...

    def iter_blocks(self) -> Iterator[BlockSpan]:
        """Yield the spans of all blocks, by first number, the widest first where equal.

        Any two spans are apart or one lies inside the other, never partly over each other.
        """
        ...

    def iter_rates(self, now: int = 0, kind: DeckKind = "carrier") -> Iterator[RateInForce]:
        """Yield the rates of all decks of a kind that are in force at ``now`` or later.

        By prefix as text, then owner, origin, time class and ``effective``. ``now`` is Unix
        seconds; what is over by then is left out. Memory does not grow with the rows.
        """
        ...

    def rated_carriers(self) -> set[str]:
        """Return the ids of the carriers whose deck has any row."""
        ...

    def currencies(self) -> dict[str, str]:
        """Return what one unit of each currency is worth in the system's own, exact text."""
        ...

    def decks(self) -> list[Deck]:
        """Return all decks, by kind and owner."""
        ...

    def deck(self, kind: DeckKind, owner: str) -> Deck | None:
        """Return one deck, None where there is none."""
        ...

    def deck_versions(self, kind: DeckKind, owner: str) -> list[DeckVersion]:
        """Return the versions of a deck that are kept, oldest first."""
        ...

    def deck_history(self, kind: DeckKind, owner: str) -> list[tuple[int, int]]:
        """Return (Unix microseconds, version): since when which version has been in force."""
        ...

    def deck_rows(self, kind: DeckKind, owner: str, version: int = 0) -> Iterator[DeckRate]:
        """Yield the rows of a deck's version, sorted; version 0 is the one in force.

        Yields nothing where there is no such deck. Raises :class:`StoreError` for a version that
        is not kept.
        """
        ...

    def deck_mapping(self, kind: DeckKind, owner: str) -> str:
        """Return what was stored of the columns of an owner's files, empty if nothing was."""
        ...

    def iter_numbers_of(self, assignments: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Yield (number, assignment id), ascending, of those numbers. Reads every number."""
        ...

    def find_number(self, number: int) -> Assignment | None:
        """Return where a number leads: its own row, else the narrowest block around it."""
        ...

    def number(self, number: int) -> Assignment | None:
        """Return where a number leads by its own row; None where it has none, also in a block."""
        ...

    def numbers_page(
        self,
        after: int = 0,
        limit: int = 100,
        *,
        prefix: str = "",
        account: str = "",
        plan: str = "",
        campaign: str = "",
        state: str = "",
    ) -> tuple[list[tuple[int, Assignment]], int]:
        """Return numbers above ``after``, ascending, and where the next page begins (0: the end).

        ``prefix`` are digits. Where numbers of very many assignments are meant, a page reads a
        bounded number of rows: it may be short, or empty, while there is a next one.
        """
        ...

    def find_numbers(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return the assignment id of each number that is ours, as :meth:`find_number` does."""
        ...


class Staging(Protocol):
    """Rows laid aside, in a transaction or before it: whoever else writes is not held up.

    May be called any number of times; memory does not grow with the rows.
    """

    def stage_callers(self, keys: Sequence[int]) -> None:
        """Lay callers' keys aside until :meth:`apply_callers`; one twice counts once."""
        ...

    def stage_numbers(self, rows: Sequence[NumberRow]) -> list[Repeat]:
        """Lay numbers aside until :meth:`apply_numbers`; return those laid aside before.

        May be called any number of times; memory does not grow with the rows.
        """
        ...

    def staged_origin(self, number: int) -> int | None:
        """Return the origin of a staged number, None if it is not staged."""
        ...

    def stage_terms(self, documents: Sequence[tuple[int, str]]) -> None:
        """Lay aside what numbers are staged under before their assignments are known: (term, what
        is to be known of it), terms from 1 on. Such numbers have minus the term for an assignment.
        """
        ...

    def iter_terms(self) -> Iterator[tuple[int, str]]:
        """Yield the terms laid aside."""
        ...

    def stage_rates(self, rows: Sequence[RateRow]) -> list[Repeat]:
        """Lay rates aside until :meth:`apply_rates`; return those laid aside before."""
        ...

    def staged_carriers(self) -> list[str]:
        """Return the carriers of which rates are staged, in order."""
        ...

    def origins_of_carrier(self, carrier: str) -> Iterator[int]:
        """Yield the origins of the rates staged for a carrier, in order."""
        ...

    def prepare_rates(self, replace: bool) -> list[PreparedDeck]:
        """Merge and pack the staged rates of each carrier, to be put in force in a moment."""
        ...


class Transaction(Reading, Staging, Protocol):
    """A write that is kept whole or not at all; it reads what it has written.

    ``replace`` on a ``put`` or ``apply`` removes what is there and does not come again. References
    between kinds are the caller's to check (:mod:`vnroute.importing.references`) before it commits.
    """

    def put_accounts(self, accounts: Sequence[Account], replace: bool = False) -> Tally:
        """Add or change accounts, by id."""
        ...

    def put_answers(self, answers: Sequence[Answers], replace: bool = False) -> Tally:
        """Add or change sets of answers, by id."""
        ...

    def put_lists(self, lists: Sequence[CallerList], replace: bool = False) -> Tally:
        """Add or change lists of callers, by id. With ``replace``, what was imported for those
        removed goes too.
        """
        ...

    def remove_callers(self, name: str, keys: Sequence[int]) -> Tally:
        """Take callers off a list; those that are not on it are passed over."""
        ...

    def put_screens(self, screens: Sequence[Screen], replace: bool = False) -> Tally:
        """Add or change screens, by id."""
        ...

    def apply_callers(self, name: str, replace: bool = False) -> Tally:
        """Put the staged callers on a list; ``replace`` takes others that were imported off it."""
        ...

    def put_schedules(self, schedules: Sequence[Schedule], replace: bool = False) -> Tally:
        """Add or change schedules, by id."""
        ...

    def put_persons(self, persons: Sequence[Person], replace: bool = False) -> Tally:
        """Add or change persons, by id."""
        ...

    def put_policies(self, policies: Sequence[Policy], replace: bool = False) -> Tally:
        """Add or change policies, by id."""
        ...

    def put_plans(self, plans: Sequence[Plan], replace: bool = False) -> Tally:
        """Add or change plans, by id."""
        ...

    def put_carriers(self, carriers: Sequence[Carrier], replace: bool = False) -> Tally:
        """Add or change carriers, by id. With ``replace``, decks of those removed go too."""
        ...

    def remove_entities(self, kind: str, keys: Sequence[str]) -> Tally:
        """Remove accounts, answers, schedules, persons, plans or carriers (with rates)."""
        ...

    def assignment(
        self,
        account: str,
        plan: str,
        campaign: str,
        state: NumberState,
        since: str = "",
        until: str = "",
        ported_to: str = "",
        screen: str = "",
    ) -> int:
        """Return the id of an assignment, made if it is not there."""
        ...

    def put_blocks(self, spans: Sequence[BlockSpan], replace: bool = False) -> Tally:
        """Add or change blocks, by span. The spans of one block come together, in one call."""
        ...

    def settle_terms(self, assignments: Iterable[tuple[int, int]]) -> None:
        """Put the staged numbers of terms under (term, assignment)."""
        ...

    def iter_unsettled(self) -> Iterator[tuple[int, str]]:
        """Yield (origin, what is known of its term) of the staged numbers whose term has not been
        settled, by origin.
        """
        ...

    def drop_unsettled(self) -> None:
        """Let go of the staged numbers whose term has not been settled."""
        ...

    def drop_carrier(self, carrier: str) -> None:
        """Let go of the rates staged for a carrier."""
        ...

    def apply_numbers(self, replace: bool = False) -> Tally:
        """Add or change the staged numbers, by number. They stay known to ``staged_origin``."""
        ...

    def rings_moved_numbers(self) -> bool:
        """Whether a plan or a person rings any number that was staged or removed."""
        ...

    def remove_numbers(self, numbers: Sequence[int]) -> Tally:
        """Remove numbers; those that are not there, or are in a block only, are passed over."""
        ...

    def remove_blocks(self, notations: Sequence[str]) -> Tally:
        """Remove blocks, by their notation as stored."""
        ...

    def iter_moved(self, states: Sequence[NumberState]) -> Iterator[tuple[int, int, int, int]]:
        """Yield (number, origin, assignment before, assignment to be) of the staged numbers that
        are stored already under an assignment in one of ``states`` and come with another one.
        """
        ...

    def apply_rates(
        self,
        replace: bool = False,
        carriers: Iterable[str] | None = None,
        what: str = "",
        prepared: Iterable[PreparedDeck] = (),
    ) -> Tally:
        """Add or change the staged rates, by carrier and prefix: a new version of each deck.

        ``replace`` removes the other rates of ``carriers``, of every carrier if that is None.
        ``prepared`` (:meth:`Staging.prepare_rates`, with the same ``replace``) saves the work where
        a deck is still what it was then.
        """
        ...

    def put_deck(
        self, kind: DeckKind, owner: str, pages: Iterable[Page], *, currency: str, what: str
    ) -> Deck:
        """Store a new version of a deck, packed, and put it in force.

        The oldest versions beyond those that are kept go.
        """
        ...

    def roll_back_deck(self, kind: DeckKind, owner: str, version: int = 0) -> Deck:
        """Put a version of a deck in force that is kept: the one that was before it, or another.

        Raises :class:`StoreError` where there is none.
        """
        ...

    def remove_deck(self, kind: DeckKind, owner: str) -> bool:
        """Remove a deck with all its versions; return whether there was one."""
        ...

    def put_deck_mapping(self, kind: DeckKind, owner: str, document: str) -> None:
        """Store what is to be known of the columns of an owner's files; empty forgets it."""
        ...

    def put_currencies(self, currencies: Mapping[str, str], replace: bool = False) -> Tally:
        """Add or change exchange rates."""
        ...

    def put_override(self, override: Override) -> None:
        """Set something by hand. No image depends on it, so it is no change by the counter."""
        ...

    def remove_override(self, kind: str, key: str) -> bool:
        """Remove what is set of a thing; return whether there was something."""
        ...

    def note(self, kind: str, key: str, before: bytes | None, after: bytes | None) -> None:
        """Note in the audit log what is changed elsewhere, as JSON; no change by the counter."""
        ...

    def discard(self) -> None:
        """Mark the transaction so that it ends without keeping anything (a dry run)."""
        ...


class Store(Reading, Protocol):
    """A store, open. One thread at a time may use it; each snapshot is independent of it."""

    @property
    def location(self) -> str:
        """Where the data rests, for messages: a path or an address without secrets."""
        ...

    def snapshot(self) -> AbstractContextManager[Reading]:
        """Open one consistent view: what is committed later is not seen through it.

        Writers are neither held up by it nor hold it up. It may be used in another thread.
        """
        ...

    def staging(self) -> AbstractContextManager[Staging]:
        """Open a place for rows to come, which the next transaction of this store finds; leaving
        the block drops them.
        """
        ...

    def transaction(self, what: str, who: str = "") -> AbstractContextManager[Transaction]:
        """Open the one writing transaction; ``what`` says in a few words what it is for, ``who``
        on whose behalf, for the audit log.

        Leaving the block commits; an exception, or :meth:`Transaction.discard`, undoes all of it.
        A commit that changed anything adds one to the change counter.
        Raises :class:`StoreError` if another writer holds the store for longer than 30 seconds.
        """
        ...

    def close(self) -> None:
        """Close the store; it cannot be used after."""
        ...
