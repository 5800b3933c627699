"""Rate decks: what a carrier asks, or an account pays, for each destination prefix, and from when.

A deck belongs to a carrier (its rates are our cost) or to an account (its rates are our price).
Each import makes a version of it; one version is in force at a time, and may hold rows for the
future. Rows are told apart by their *key*: prefix, origin and time class. Of the rows of a key, one
is in force from its ``effective`` until its ``end`` or the next one's ``effective``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError

__all__ = [
    "MAX_INCREMENT",
    "NO_END",
    "Deck",
    "DeckKind",
    "DeckRate",
    "DeckVersion",
    "RateInForce",
    "check_currency",
    "check_time_class",
    "parse_exchange_rate",
    "settled",
]

DeckKind = Literal["carrier", "account"]
"""Whose deck: a carrier's says what a call costs us, an account's what it pays us."""

NO_END = 1 << 40
"""The ``end`` of a rate that holds until it is replaced: later than any moment that matters."""

MAX_INCREMENT = 3600
"""Seconds; no carrier bills by more than the hour."""

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_EXCHANGE = re.compile(r"\d{1,9}(\.\d{1,12})?", re.ASCII)


class DeckRate(NamedTuple):
    """A row of a deck, in the order in which rows are sorted.

    ``rate`` is the price a minute and ``fee`` what a connected call costs beside it, both exact
    decimal text in the deck's currency. ``first`` and ``next`` are the billing increments in
    seconds (60/6 bills a minute, then every six seconds begun). ``effective`` and ``end`` are Unix
    seconds, UTC, the end exclusive; 0 and :data:`NO_END` where there is none. ``origin`` names the
    group of callers for whom it holds, ``time`` is a schedule's id, a colon and a state of it; both
    are empty for a row that holds for all. A ``blocked`` row has no rate ("0"): the carrier does
    not take that destination.
    """

    prefix: str
    origin: str = ""
    time: str = ""
    effective: int = 0
    end: int = NO_END
    rate: str = "0"
    fee: str = "0"
    first: int = 1
    next: int = 1
    blocked: bool = False
    destination: str = ""


class RateInForce(NamedTuple):
    """A row of a deck as a compiler reads it: now in force, or in time to come.

    ``owner`` is the carrier's or the account's id; ``end`` is settled, so that of the rows of one
    owner, prefix, origin and time class no two hold at the same moment. ``currency`` is the deck's,
    empty for the system's own.
    """

    prefix: str
    owner: str
    rate: str
    origin: str
    time: str
    effective: int
    end: int
    fee: str
    first: int
    next: int
    blocked: bool
    destination: str
    currency: str


class DeckVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a deck. ``made`` is UTC; ``what`` says what made it, such as a file's name."""

    version: int
    made: datetime
    what: str
    currency: str
    rows: int


class Deck(msgspec.Struct, frozen=True, kw_only=True):
    """A deck, with the version of it that is in force."""

    kind: DeckKind
    owner: str
    version: int
    currency: str
    rows: int
    since: datetime
    """From when on this version has been in force, UTC."""


def check_currency(text: str, field: str = "currency") -> str:
    """Return a currency's code (ISO 4217: three capital letters), or empty; else FieldError."""
    if text and not _CURRENCY.fullmatch(text):
        raise FieldError(field, repr(text), "a currency's code of three letters, such as EUR")
    return text


def parse_exchange_rate(text: str, field: str) -> Decimal:
    """Return what one unit of a currency is worth in the system's own; more than 0, exact."""
    if not _EXCHANGE.fullmatch(text.strip()) or not Decimal(text.strip()):
        raise FieldError(field, repr(text), "what one is worth in the system's currency: 1.08")
    return Decimal(text.strip())


def check_time_class(text: str, field: str = "time") -> str:
    """Return a time class ``SCHEDULE:STATE``, or empty, else raise :class:`FieldError`."""
    if not text:
        return text
    schedule, _, state = text.partition(":")
    try:
        check_id(schedule)
        check_id(state)
    except FieldError:
        raise FieldError(field, repr(text), "a schedule and its state: peak-hours:open") from None
    return text


def settled(rows: Iterable[DeckRate], now: int = 0) -> Iterator[DeckRate]:
    """Yield sorted rows with their ends settled, without those that were over by ``now``.

    A row ends at the latest where the next row of its key begins. Whoever reads them may take each
    for what holds from ``effective`` to ``end``.
    """
    waiting: DeckRate | None = None
    for row in rows:
        if waiting is not None:
            begins = row[3]
            if begins < waiting[4] and row[0] == waiting[0] and row[1:3] == waiting[1:3]:
                waiting = waiting._replace(end=begins)
            if waiting[4] > now and waiting[4] > waiting[3]:
                yield waiting
        waiting = row
    if waiting is not None and waiting[4] > now and waiting[4] > waiting[3]:
        yield waiting
