"""What a store of calls offers, whatever database stands behind it.

Nothing of SQL is here. A batch from the spool, the figures that reports read and the place in the
spool up to which has been stored are one transaction: a batch is in the store once or not at all,
whenever a process is killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from vnroute.calls.packed import PackedCalls
from vnroute.calls.record import Call, LegRecord
from vnroute.calls.spool_format import Position
from vnroute.model.deck import NO_END

__all__ = [
    "Added",
    "CallFilter",
    "CallStore",
    "DeckRow",
    "GatewayRow",
    "Rate",
    "RatedCall",
    "SpentRow",
]


class Rate(NamedTuple):
    """What a leg was rated by: price a minute and connect fee as in the deck, and the prefix."""

    prefix: str
    rate: str
    fee: str = "0"
    currency: str = ""


@dataclass(slots=True)
class RatedCall:
    """A call with what it cost. Money is whole units of 1e-8; None is not known."""

    call: Call
    carriers: tuple[str, ...] = ()
    """Each leg's carrier, empty where its gateway is unknown."""
    costs: tuple[int | None, ...] = ()
    rates: tuple[Rate | None, ...] = ()
    billed: tuple[int, ...] = ()
    """Each leg's seconds as they are billed."""
    cost: int | None = None
    """What the carriers that it was sent to ask for it."""
    cost_currency: str = ""
    receive_cost: int | None = None
    """What the carrier that it came from asks for it: toll-free and other inbound-paid numbers."""
    receive_currency: str = ""
    price: int | None = None
    """What its account pays for it."""
    price_currency: str = ""
    country: str = ""
    """The caller's country (ISO 3166-1) as far as the number tells."""
    area: str = ""
    """The area within it, in English, where the number tells."""
    destinations: tuple[str, ...] = ()
    """Each leg's destination country."""


@dataclass(slots=True)
class Added:
    """What a batch did.

    ``late`` are calls that had ended more than an hour before their record came, ``reordered``
    those that ended more than five seconds before one stored already. ``seconds`` is how long the
    batch took, rating included.
    """

    stored: int = 0
    seconds: float = 0.0
    doubled: int = 0
    late: int = 0
    reordered: int = 0
    raw: int = 0
    unrated: int = 0
    by_outcome: dict[str, int] = field(default_factory=dict)
    by_leg: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """Legs by carrier, gateway and outcome."""
    talk_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    """Time talked by carrier and gateway."""


class DeckRow(NamedTuple):
    """A row of a deck, as :class:`vnroute.model.deck.RateInForce` has it.

    ``kind`` is ``carrier`` (our cost) or ``account`` (our price). The first six are its key, and
    rows come in their order.
    """

    kind: str
    prefix: str
    owner: str
    origin: str = ""
    time: str = ""
    effective: int = 0
    end: int = NO_END
    rate: str = "0"
    fee: str = "0"
    first: int = 1
    next: int = 1
    blocked: int = 0
    currency: str = ""


class GatewayRow(NamedTuple):
    """A gateway: its carrier, and what it wants before and after the digits dialled.

    ``formats``, where it has several or leaves digits off, are all of them as JSON:
    [prefix, digits left off, before, after], the longest prefix first.
    """

    gateway: str
    carrier: str
    before: str
    after: str
    formats: str = ""


class SpentRow(NamedTuple):
    """What fraud rules ask of a call, and the leg that was picked up, else the last one tried."""

    id: int
    uuid: str
    account: str
    ended: int
    outcome: str
    talk_ms: int
    price: int | None
    price_currency: str
    cost: int | None
    cost_currency: str
    gateway: str | None
    dialled: str | None


class CallFilter(NamedTuple):
    """Which calls: days are UTC, as 20261122, both inclusive; 0 and empty mean all."""

    first_day: int = 0
    last_day: int = 0
    account: str = ""
    campaign: str = ""
    number: str = ""

    def fits(self, account: str, campaign: str) -> bool:
        """Whether calls of an account and campaign are among them, by these two alone."""
        return self.account in ("", account) and self.campaign in ("", campaign)


class CallStore(Protocol):
    """A store of calls, open. One thread at a time.

    Every method raises :class:`vnroute.store.StoreError` where the database fails.
    """

    def position(self, spool: str) -> Position | None:
        """Return up to where that spool has been stored; None if it never was."""
        ...

    def add(
        self,
        spool: str,
        position: Position,
        calls: Sequence[RatedCall],
        raw: Sequence[tuple[int, bytes]] = (),
        legs: Sequence[LegRecord] = (),
    ) -> Added:
        """Store a batch, all or nothing; calls whose uuid is known are counted and left out.

        ``legs`` may come before their calls or after them, and more than once.
        """
        ...

    def put_decks(
        self, counter: int, since: int, rates: Iterable[DeckRow], gateways: Sequence[GatewayRow]
    ) -> None:
        """Take over the decks of the routing store as they are since a moment (Unix us).

        ``rates`` come in the order of their keys. What they replace stays known, for calls that
        began before.
        """
        ...

    def deck_counter(self) -> int:
        """Return the change counter of the routing store that the decks come from; -1 for none."""
        ...

    def gateways(self) -> list[GatewayRow]:
        """Return all gateways known."""
        ...

    def deck_rows(self, kind: str, owner: str, digits: str, when: int) -> list[DeckRow]:
        """Return the rows of a deck that fit a number, as they were at a moment (Unix us)."""
        ...

    def calls(self, which: CallFilter, after: int = 0, limit: int = 0) -> Iterator[dict[str, Any]]:
        """Yield calls with their legs, in the order stored; ``after`` is the id of one."""
        ...

    def spent(self, after: int, first_day: int, limit: int) -> list[SpentRow]:
        """Return calls behind an id that began on a day or later, in the order stored."""
        ...

    def last_calls(
        self,
        which: CallFilter,
        count: int,
        *,
        before: int = 0,
        call: int = 0,
        caller: str = "",
        outcome: str = "",
    ) -> list[dict[str, Any]]:
        """Return the last calls stored, oldest first: before an id, or the one of an id, by caller,
        and by outcome.
        """
        ...

    def keys_of(self, table: str) -> tuple[str, ...]:
        """Return what a table of sums can be grouped and narrowed by."""
        ...

    def sums(self, table: str, which: CallFilter, by: Sequence[str]) -> list[dict[str, Any]]:
        """Return the sums of a table, grouped by columns of its key, most calls first."""
        ...

    def callers(self, which: CallFilter) -> dict[str, tuple[int, int]]:
        """Return by campaign how many different callers there were, and how many called again."""
        ...

    def callers_are_kept(self, which: CallFilter) -> bool:
        """Whether :meth:`callers` need not count."""
        ...

    def count(self, which: CallFilter) -> int:
        """Return how many calls are stored that fit."""
        ...

    def packed(self, which: CallFilter, *, over: bool = False) -> Iterator[PackedCalls]:
        """Yield calls of those days, and of one number, by column; not narrowed to the rest.

        With ``over`` also those of days before on which some call lasted until then.
        """
        ...

    def packed_count(self, which: CallFilter) -> int:
        """Return about how many calls :meth:`packed` reads."""
        ...

    def pack_some(self) -> int:
        """Pack some calls that an earlier version stored; return how many, 0 for none left."""
        ...

    def days_held(self, before: int) -> list[tuple[int, int]]:
        """Return (day, id up to which it is archived) of days before one, that hold calls."""
        ...

    def archived(self, day: int, last: int) -> None:
        """Remove a day's calls up to an id, which are in the archive; their uuids stay known."""
        ...

    def last_used(self) -> Iterator[tuple[str, int, int]]:
        """Yield (number, last day called, calls) of each number ever called."""
        ...

    def counter(self, name: str) -> int:
        """Return a counter's value, 0 where it was never set."""
        ...

    def set_counter(self, name: str, value: int) -> None:
        """Set a counter, such as how far a webhook has been told."""
        ...

    def remove_before(self, day: int, most: int = 10_000) -> int:
        """Remove up to about ``most`` calls of days before; figures for reports stay.

        Return how many; 0 says that there are none left.
        """
        ...

    def close(self) -> None:
        """Close the store."""
        ...
