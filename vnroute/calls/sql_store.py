"""The store of calls in SQL: what is written, in one transaction a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vnroute.calls.base import Added, DeckRow, GatewayRow, RatedCall
from vnroute.calls.database import Database
from vnroute.calls.days import day_of, month_of
from vnroute.calls.keys import call_key
from vnroute.calls.packed import PackedRow
from vnroute.calls.record import LegRecord
from vnroute.calls.spool_format import Position
from vnroute.calls.sql_decks import Decks
from vnroute.calls.sql_reading import (
    CALL_COLUMNS,
    LEG_COLUMNS,
    LEG_RECORD_COLUMNS,
    MONTHS,
    TABLES,
    CallReading,
)
from vnroute.calls.sums import Sums

__all__ = ["SqlCallStore"]

_LATE_US = 3600 * 1_000_000
_ORDER_US = 5 * 1_000_000
_KEYS_AT_ONCE = 500
_LEG_ROW = ("call", "day", *LEG_COLUMNS)
_LEG_RECORD = (
    f"INSERT INTO leg_records (key, day, {', '.join(LEG_RECORD_COLUMNS)}) VALUES "
    f"({', '.join('?' * (2 + len(LEG_RECORD_COLUMNS)))}) ON CONFLICT (key) DO NOTHING"
)


def _adding(table: str, keys: Sequence[str], sums: Sequence[str]) -> str:
    marks = ", ".join("?" * (len(keys) + len(sums)))
    grown = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    return (
        f"INSERT INTO {table} ({', '.join((*keys, *sums))}) VALUES ({marks}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {grown}"
    )


_SUMS = {table: _adding(table, *columns) for table, columns in TABLES.items()}
_BY_MONTH = {
    table: _adding(month, ("month", *TABLES[table][0][1:]), TABLES[table][1])
    for table, month in MONTHS.items()
    if table != "account_days"  # its months are those of campaign_days
}
_MONTHS = _adding("campaign_months", ("month", "campaign"), ("callers", "repeat_callers"))
_CALLERS = _adding("campaign_callers", ("month", "campaign", "caller"), ("calls",))
_DAYS = (
    "INSERT INTO days (day, calls, longest_ms, archived) VALUES (?, ?, ?, 0) ON CONFLICT (day) "
    "DO UPDATE SET calls = days.calls + excluded.calls, longest_ms = CASE WHEN "
    "days.longest_ms < excluded.longest_ms THEN excluded.longest_ms ELSE days.longest_ms END"
)
_POSITION = (
    'INSERT INTO spools (spool, segment, "offset") VALUES (?, ?, ?) ON CONFLICT (spool) '
    'DO UPDATE SET segment = excluded.segment, "offset" = excluded."offset"'
)
_COUNTER = (
    "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) "
    "DO UPDATE SET value = excluded.value"
)


class SqlCallStore(CallReading):
    """:class:`vnroute.calls.base.CallStore` over a database that speaks SQL."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._decks = Decks(database)
        self._newest = 0

    def position(self, spool: str) -> Position | None:
        """Return up to where that spool has been stored; None if it never was."""
        row = self._db.row('SELECT segment, "offset" FROM spools WHERE spool = ?', (spool,))
        return Position(*row) if row else None

    def _known(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return which of those calls are stored, or were."""
        found: set[bytes] = set()
        for at in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[at : at + _KEYS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            found.update(
                key
                for (key,) in self._db.rows(f"SELECT key FROM known WHERE key IN ({marks})", some)
            )
        return found

    def add(
        self,
        spool: str,
        position: Position,
        calls: Sequence[RatedCall],
        raw: Sequence[tuple[int, bytes]] = (),
        legs: Sequence[LegRecord] = (),
    ) -> Added:
        """Store a batch; see :class:`vnroute.calls.base.CallStore`."""
        added = Added(raw=len(raw))
        db = self._db
        # The first of a uuid counts. Sorted, since neighbours in an index are quicker to write.
        first: dict[bytes, RatedCall] = {}
        for rated in calls:
            first.setdefault(call_key(rated.call.uuid), rated)
        with db.transaction():
            known = self._known(sorted(first))
            new = {key: rated for key, rated in first.items() if key not in known}
            added.doubled = len(calls) - len(new)
            if new:
                self._put_calls(new)
                self._put_sums(Sums(new.values()))
            db.executemany("INSERT INTO raw_records (received, body) VALUES (?, ?)", raw)
            if legs:
                own = {row[0]: row for row in map(_own, reversed(legs))}
                db.executemany(_LEG_RECORD, sorted(own.values()))
            db.execute(_POSITION, (spool, *position))
        self._newest = _note(added, new.values(), self._newest)
        return added

    def _put_calls(self, new: dict[bytes, RatedCall]) -> None:
        db = self._db
        last = self.counter("calls")
        db.execute(_COUNTER, ("calls", last + len(new)))
        known, rows = [], []
        legs: list[tuple[Any, ...]] = []
        days: dict[int, list[int]] = {}
        packed: dict[int, list[tuple[int, PackedRow]]] = {}
        for at, (key, rated) in enumerate(new.items(), last + 1):
            day = day_of(rated.call.started)
            known.append((key, at, day))
            rows.append((at, *_call_row(day, rated)))
            legs += _leg_rows(at, day, rated)
            packed.setdefault(day, []).append((at, _packed_row(rated)))
            told = days.setdefault(day, [0, 0])
            told[0] += 1
            told[1] = max(told[1], rated.call.duration_ms)
        db.prepare_days(days)
        db.insert("known", ("key", "call", "day"), sorted(known))
        db.insert("calls", CALL_COLUMNS, rows)
        db.insert("legs", _LEG_ROW, legs)
        db.executemany(_DAYS, [(day, *told) for day, told in days.items()])
        self._packed.put(packed)

    def _put_sums(self, sums: Sums) -> None:
        for table, sql in _SUMS.items():
            self._db.executemany(sql, [(*key, *row) for key, row in sums.tables[table].items()])
        for table, sql in _BY_MONTH.items():
            # A row a day of the batch: they add up in the table.
            rows = sums.tables[table].items()
            self._db.executemany(sql, [(month_of(key[0]), *key[1:], *row) for key, row in rows])
        callers = sorted(sums.callers.items())
        before = self._called_before([key for key, _ in callers])
        self._db.executemany(_CALLERS, [(*key, count) for key, count in callers])
        months: dict[tuple[int, str], list[int]] = {}
        for key, count in callers:
            known = before.get(key, 0)
            month = months.setdefault(key[:2], [0, 0])
            month[0] += not known
            month[1] += known <= 1 < known + count  # not a repeat caller before
        self._db.executemany(_MONTHS, [(*key, *row) for key, row in months.items()])

    def _called_before(
        self, callers: Sequence[tuple[int, str, str]]
    ) -> dict[tuple[int, str, str], int]:
        """Return how often each caller of a month and campaign has called, of those that have."""
        found: dict[tuple[int, str, str], int] = {}
        for at in range(0, len(callers), _KEYS_AT_ONCE):
            some = callers[at : at + _KEYS_AT_ONCE]
            # Joined, since SQLite looks up no list of rows by an index.
            rows = self._db.rows(
                "WITH wanted (month, campaign, caller) AS "
                f"(VALUES {', '.join(['(CAST(? AS BIGINT), ?, ?)'] * len(some))}) "
                "SELECT c.month, c.campaign, c.caller, c.calls FROM wanted w "
                "JOIN campaign_callers c "
                "ON c.month = w.month AND c.campaign = w.campaign AND c.caller = w.caller",
                [value for key in some for value in key],
            )
            found.update((row[:3], row[3]) for row in rows)
        return found

    def counter(self, name: str) -> int:
        """Return a counter's value, 0 where it was never set."""
        row = self._db.row("SELECT value FROM counters WHERE name = ?", (name,))
        return int(row[0]) if row else 0

    def set_counter(self, name: str, value: int) -> None:
        """Set a counter."""
        with self._db.transaction():
            self._db.execute(_COUNTER, (name, value))

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

    def deck_rows(self, kind: str, owner: str, digits: str, when: int) -> list[DeckRow]:
        """Return the rows of a deck that fit a number, as they were at a moment (Unix us)."""
        return self._decks.rows(kind, owner, digits, when)

    def remove_before(self, day: int, most: int = 10_000) -> int:
        """Remove up to about ``most`` calls of days before; figures for reports stay."""
        gone = self._db.remove_day(day, most)
        if not gone:
            # The last step: nothing older is kept, so its record will not be asked for again.
            with self._db.transaction():
                for table in ("known", "packed_calls", "unpacked", "leg_records"):
                    self._db.execute(f"DELETE FROM {table} WHERE day < ?", (day,))
        return gone

    def pack_some(self) -> int:
        """Pack calls of before by column; see :class:`vnroute.calls.base.CallStore`."""
        return self._packed.pack_some()

    def archived(self, day: int, last: int) -> None:
        """Remove a day's calls up to an id, which are in the archive; their uuids stay known."""
        db = self._db
        with db.transaction():
            db.execute("UPDATE days SET archived = ? WHERE day = ?", (last, day))
        while True:
            # In parts, so that CDRs can be stored between two of them.
            with db.transaction():
                rows = list(
                    db.rows(
                        "SELECT id FROM calls WHERE day = ? AND id <= ? ORDER BY id LIMIT 10000",
                        (day, last),
                    )
                )
                if not rows:
                    return
                upto = rows[-1][0]
                which = "WHERE day = ? AND call IN (SELECT id FROM calls WHERE day = ? AND id <= ?)"
                if db.row("SELECT 1 FROM leg_records LIMIT 1") is not None:
                    uuids = list(db.rows(f"SELECT uuid FROM legs {which}", (day, day, upto)))
                    keys = [(call_key(uuid),) for (uuid,) in uuids]
                    db.executemany("DELETE FROM leg_records WHERE key = ?", keys)
                db.execute(f"DELETE FROM legs {which}", (day, day, upto))
                db.execute("DELETE FROM calls WHERE day = ? AND id <= ?", (day, upto))

    def last_used(self) -> Iterator[tuple[str, int, int]]:
        """Yield (number, last day called, calls) of each number ever called."""
        yield from self._db.rows(
            "SELECT number, max(day), CAST(sum(calls) AS BIGINT) FROM number_days GROUP BY 1"
        )


def _note(added: Added, calls: Iterable[RatedCall], newest: int) -> int:
    """Count what was stored; return when the newest of all calls ended."""
    for rated in calls:
        call = rated.call
        added.stored += 1
        added.by_outcome[call.outcome] = added.by_outcome.get(call.outcome, 0) + 1
        added.late += call.received - call.ended > _LATE_US
        added.reordered += call.ended < newest - _ORDER_US
        added.unrated += call.outcome == "answered" and bool(call.legs) and rated.cost is None
        newest = max(newest, call.ended)
        for leg, carrier in zip(call.legs, rated.carriers, strict=True):
            key = (carrier, leg.gateway, leg.outcome)
            added.by_leg[key] = added.by_leg.get(key, 0) + 1
            if leg.talk_ms:
                added.talk_ms[key[:2]] = added.talk_ms.get(key[:2], 0) + leg.talk_ms
    return newest


def _call_row(day: int, rated: RatedCall) -> tuple[Any, ...]:
    call = rated.call
    return (
        call.uuid, day, call.started, call.answered, call.ended, call.received,
        call.switch, call.number, call.account, call.plan, call.campaign, call.generation,
        call.hops, int(call.routed), call.outcome, call.refused, call.cause, call.q850, call.sip,
        call.caller, call.caller_name, rated.country, rated.area, call.pdd_ms, call.duration_ms,
        call.talk_ms, int(call.clock_off), rated.cost, rated.cost_currency, rated.receive_cost,
        rated.receive_currency, rated.price, rated.price_currency,
    )  # fmt: skip


def _packed_row(rated: RatedCall) -> PackedRow:
    call = rated.call
    talked = [
        (carrier, leg.talk_ms)
        for carrier, leg in zip(rated.carriers, call.legs, strict=True)
        if leg.talk_ms > 0
    ]
    return PackedRow(call.account, call.campaign, call.caller, call.started, call.ended, talked)


def _own(leg: LegRecord) -> tuple[Any, ...]:
    values = (getattr(leg, name) for name in LEG_RECORD_COLUMNS)
    return (call_key(leg.uuid), day_of(leg.started), *values)


def _leg_rows(call: int, day: int, rated: RatedCall) -> Iterator[tuple[Any, ...]]:
    for place, leg in enumerate(rated.call.legs):
        rate = rated.rates[place]
        yield (
            call, day, leg.attempt, leg.uuid, rated.carriers[place], leg.gateway, leg.dialled,
            rated.destinations[place], leg.outcome, leg.cause, leg.sip, leg.pdd_ms, leg.talk_ms,
            rate.prefix if rate else "", rate.rate if rate else "", rate.fee if rate else "",
            rated.billed[place], rated.costs[place],
            rate.currency if rate else "",
        )  # fmt: skip
