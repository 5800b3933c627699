"""The SQLite database of calls: what is written, in one transaction a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from vnroute.calls.base import Added, DeckRow, GatewayRow, Rate, RatedCall
from vnroute.calls.days import day_of
from vnroute.calls.spool_format import Position
from vnroute.calls.sqlite_decks import Decks
from vnroute.calls.sqlite_reading import CallReading
from vnroute.calls.sqlite_schema import CALLS
from vnroute.calls.sums import Sums
from vnroute.store import StoreError
from vnroute.store.sqlite_connection import Connection
from vnroute.store.sqlite_schema import bring_up_to_date

__all__ = ["SqliteCallStore"]

_LATE_US = 3600 * 1_000_000
_ORDER_US = 5 * 1_000_000
_CALL_COLUMNS = (
    "uuid", "day", "started", "answered", "ended", "received", "switch", "number", "account",
    "plan", "campaign", "generation", "hops", "routed", "outcome", "refused", "cause", "q850",
    "sip", "caller", "caller_name", "country", "pdd_ms", "duration_ms", "talk_ms", "clock_off",
    "cost", "price", "currency",
)  # fmt: skip
_PUT_CALL = (
    f"INSERT INTO calls ({', '.join(_CALL_COLUMNS)}) VALUES ({', '.join('?' * len(_CALL_COLUMNS))})"
    " ON CONFLICT (uuid) DO NOTHING"
)
_PUT_LEG = "INSERT INTO legs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _adding(table: str, keys: Sequence[str], sums: Sequence[str]) -> str:
    marks = ", ".join("?" * (len(keys) + len(sums)))
    grown = ", ".join(f"{name} = {name} + excluded.{name}" for name in sums)
    return (
        f"INSERT INTO {table} ({', '.join((*keys, *sums))}) VALUES ({marks}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {grown}"
    )


_CAMPAIGN_DAYS = _adding(
    "campaign_days",
    ("day", "campaign", "account", "country"),
    ("calls", "answered", "busy", "no_answer", "declined", "cancelled", "failed", "refused",
     "talk_ms", "pdd_ms", "pdd_calls", "cost", "unrated"),
)  # fmt: skip
_CAMPAIGN_HOURS = _adding(
    "campaign_hours", ("day", "hour", "campaign", "account"), ("calls", "answered", "talk_ms")
)
_NUMBER_DAYS = _adding(
    "number_days",
    ("day", "number", "campaign", "account"),
    ("calls", "answered", "refused", "talk_ms", "cost", "unrated"),
)
_CARRIER_DAYS = _adding(
    "carrier_days",
    ("day", "carrier", "gateway", "destination"),
    ("legs", "answered", "busy", "no_answer", "declined", "cancelled", "failed", "talk_ms",
     "pdd_ms", "pdd_legs", "cost", "unrated"),
)  # fmt: skip
_MONTHS = _adding("campaign_months", ("month", "campaign"), ("callers", "repeat_callers"))
_CALLERS = _adding("campaign_callers", ("month", "campaign", "caller"), ("calls",)) + (
    " RETURNING calls"
)


class SqliteCallStore(CallReading):
    """:class:`vnroute.calls.base.CallStore` in one SQLite file."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        if not path.exists():
            if not create:
                raise StoreError(f"{path}: no calls are stored yet")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"{path.parent}: cannot be made ({error.strerror})") from error
        super().__init__(Connection(path))
        self._newest = 0
        try:
            bring_up_to_date(self._db, CALLS)
            self._decks = Decks(self._db)
        except BaseException:
            self._db.close()
            raise

    def position(self, spool: str) -> Position | None:
        """Return up to where that spool has been stored; None if it never was."""
        row = self._db.row("SELECT segment, offset FROM spools WHERE spool = ?", (spool,))
        return Position(*row) if row else None

    def add(
        self,
        spool: str,
        position: Position,
        calls: Sequence[RatedCall],
        raw: Sequence[tuple[int, bytes]] = (),
    ) -> Added:
        """Store a batch; see :class:`vnroute.calls.base.CallStore`."""
        added = Added(raw=len(raw))
        newest = self._newest
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            new: list[RatedCall] = []
            legs: list[tuple[Any, ...]] = []
            for rated in calls:
                cursor = db.execute(_PUT_CALL, _call_row(rated))
                if not cursor.rowcount:
                    added.doubled += 1
                    continue
                legs += _leg_rows(cursor.lastrowid or 0, rated)
                new.append(rated)
                _note_legs(added, rated)
                call = rated.call
                added.stored += 1
                added.by_outcome[call.outcome] = added.by_outcome.get(call.outcome, 0) + 1
                added.late += call.received - call.ended > _LATE_US
                added.reordered += call.ended < newest - _ORDER_US
                added.unrated += (
                    call.outcome == "answered" and bool(call.legs) and rated.cost is None
                )
                newest = max(newest, call.ended)
            db.executemany(_PUT_LEG, legs)
            self._put_sums(Sums(new))
            db.executemany("INSERT INTO raw_records (received, body) VALUES (?, ?)", raw)
            db.execute(
                "INSERT INTO spools VALUES (?, ?, ?) ON CONFLICT (spool) DO UPDATE "
                "SET segment = excluded.segment, offset = excluded.offset",
                (spool, *position),
            )
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._newest = newest
        return added

    def _put_sums(self, sums: Sums) -> None:
        for sql, rows in (
            (_CAMPAIGN_DAYS, sums.campaign_days),
            (_CAMPAIGN_HOURS, sums.campaign_hours),
            (_NUMBER_DAYS, sums.number_days),
            (_CARRIER_DAYS, sums.carrier_days),
        ):
            self._db.executemany(sql, ((*key, *row) for key, row in rows.items()))
        months: dict[tuple[int, str], list[int]] = {}
        for key, count in sums.callers.items():
            (total,) = self._db.row(_CALLERS, (*key, count))
            month = months.setdefault(key[:2], [0, 0])
            month[0] += total == count  # not there before
            month[1] += total > 1 and total - count <= 1  # not a repeat caller before
        self._db.executemany(_MONTHS, ((*key, *row) for key, row in months.items()))

    def put_decks(
        self, counter: int, since: int, rates: Iterable[DeckRow], gateways: Sequence[GatewayRow]
    ) -> None:
        """Take over the decks; see :class:`vnroute.calls.base.CallStore`."""
        self._decks.put(counter, since, rates, gateways)

    def deck_counter(self) -> int:
        """Return the change counter of the routing store that the decks come from; -1 for none."""
        return self._decks.counter()

    def gateways(self) -> list[GatewayRow]:
        """Return all gateways known."""
        return self._decks.gateways()

    def rate(self, carrier: str, digits: str, when: int) -> Rate | None:
        """Return the rate of a carrier's longest prefix of ``digits`` in force at a moment."""
        return self._decks.rate(carrier, digits, when)

    def remove_before(self, day: int, most: int = 10_000) -> int:
        """Remove up to ``most`` calls of days before; figures for reports stay."""
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            ids = [
                row[0] for row in db.rows("SELECT id FROM calls WHERE day < ? LIMIT ?", (day, most))
            ]
            db.executemany("DELETE FROM legs WHERE call = ?", ((call,) for call in ids))
            db.executemany("DELETE FROM calls WHERE id = ?", ((call,) for call in ids))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return len(ids)

    def last_used(self) -> Iterator[tuple[str, int, int]]:
        """Yield (number, last day called, calls) of each number ever called."""
        yield from self._db.rows("SELECT number, max(day), sum(calls) FROM number_days GROUP BY 1")


def _note_legs(added: Added, rated: RatedCall) -> None:
    for leg, carrier in zip(rated.call.legs, rated.carriers, strict=True):
        key = (carrier, leg.gateway, leg.outcome)
        added.by_leg[key] = added.by_leg.get(key, 0) + 1
        if leg.talk_ms:
            added.talk_ms[key[:2]] = added.talk_ms.get(key[:2], 0) + leg.talk_ms


def _call_row(rated: RatedCall) -> tuple[Any, ...]:
    call = rated.call
    return (
        call.uuid, day_of(call.started), call.started, call.answered, call.ended, call.received,
        call.switch, call.number, call.account, call.plan, call.campaign, call.generation,
        call.hops, call.routed, call.outcome, call.refused, call.cause, call.q850, call.sip,
        call.caller, call.caller_name, rated.country, call.pdd_ms, call.duration_ms, call.talk_ms,
        call.clock_off, rated.cost, rated.price, rated.currency,
    )  # fmt: skip


def _leg_rows(call: int, rated: RatedCall) -> Iterator[tuple[Any, ...]]:
    for place, leg in enumerate(rated.call.legs):
        rate = rated.rates[place]
        yield (
            call, leg.attempt, leg.uuid, rated.carriers[place], leg.gateway, leg.dialled,
            rated.destinations[place], leg.outcome, leg.cause, leg.sip, leg.pdd_ms, leg.talk_ms,
            rate.prefix if rate else "", rate.rate if rate else "", rated.costs[place],
        )  # fmt: skip
