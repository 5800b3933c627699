"""Reading the database of calls: calls with their legs, and sums for reports."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from vnroute.calls.base import CallFilter, SpentRow
from vnroute.calls.counting import LEFT_OUT, Callers
from vnroute.calls.database import Database
from vnroute.calls.days import first_moment, months_within, whole_month
from vnroute.calls.keys import call_key
from vnroute.calls.packed import PackedCalls
from vnroute.calls.record import OUTCOMES
from vnroute.calls.sql_packed import PackedParts

__all__ = [
    "CALL_COLUMNS", "LEG_COLUMNS", "LEG_RECORD_COLUMNS", "MONTHS", "TABLES", "CallReading",
]  # fmt: skip

CALL_COLUMNS = (
    "id", "uuid", "day", "started", "answered", "ended", "received", "switch", "number", "account",
    "plan", "campaign", "generation", "hops", "routed", "outcome", "refused", "cause", "q850",
    "sip", "caller", "caller_name", "country", "area", "pdd_ms", "duration_ms", "talk_ms",
    "clock_off", "cost", "cost_currency", "receive_cost", "receive_currency", "price",
    "price_currency",
)  # fmt: skip
"""What is stored of a call."""
LEG_COLUMNS = (
    "attempt", "uuid", "carrier", "gateway", "dialled", "destination", "outcome", "cause", "sip",
    "pdd_ms", "talk_ms", "prefix", "rate", "fee", "billed_seconds", "cost",
    "currency",
)  # fmt: skip
"""What is stored of a leg, besides its call and day."""
_FILLED_IN = ("cause", "sip", "pdd_ms")
_ONLY_THERE = (
    "up_ms", "read_codec", "write_codec", "packets_in", "packets_missed", "packets_out", "mos",
    "jitter_ms", "loss_percent",
)  # fmt: skip
LEG_RECORD_COLUMNS = (*_FILLED_IN, *_ONLY_THERE)
"""What is stored of a leg's own record, besides its key and day: first what the call's record may
not tell, then what it never does."""
_BATCH = 500
_RECENT = 50_000
_NO_LAST_DAY = 99991231
_NOT_THERE = (1 << 62, 0)

_SPENT = (
    "SELECT c.id, c.uuid, c.account, c.ended, c.outcome, c.talk_ms, c.price, c.price_currency, "
    "c.cost, c.cost_currency, l.gateway, l.dialled FROM calls c "
    "LEFT JOIN legs l ON l.call = c.id AND l.day = c.day AND l.attempt = ("
    "SELECT m.attempt FROM legs m WHERE m.call = c.id AND m.day = c.day "
    "ORDER BY CASE WHEN m.outcome = 'answered' THEN 0 ELSE 1 END, m.attempt DESC LIMIT 1) "
    "WHERE c.id > ? AND c.day >= ? ORDER BY c.id LIMIT ?"
)

_MONEY = ("cost", "receive_cost", "price", "unrated", "unpriced")
_CALL_SUMS = ("calls", *OUTCOMES, "talk_ms", "pdd_ms", "pdd_calls", *_MONEY)
_LEG_SUMS = (
    "legs", *(name for name in OUTCOMES if name != "refused"),
    "talk_ms", "pdd_ms", "pdd_legs", "cost", "unrated",
)  # fmt: skip
_FEW_SUMS = ("calls", "answered", "talk_ms")
_NUMBER_SUMS = ("calls", "answered", "refused", "talk_ms", *_MONEY)
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "campaign_days": (("day", "campaign", "account", "country", "currency"), _CALL_SUMS),
    "account_days": (("day", "campaign", "account", "currency"), _CALL_SUMS),
    "campaign_hours": (("day", "hour", "campaign", "account"), _FEW_SUMS),
    "source_days": (("day", "campaign", "account", "country", "area"), _FEW_SUMS),
    "number_days": (("day", "number", "campaign", "account", "currency"), _NUMBER_SUMS),
    "carrier_days": (("day", "carrier", "gateway", "destination", "currency"), _LEG_SUMS),
}
"""The tables of sums: what each is keyed by, and what it sums."""
MONTHS = {
    "campaign_days": "campaign_by_month",
    "account_days": "campaign_by_month",
    "campaign_hours": "campaign_hours_by_month",
    "source_days": "source_by_month",
    "number_days": "number_by_month",
}
"""Tables of the same sums by month, with ``month`` in the place of ``day``, and all its keys."""


class CallReading:
    """What can be read through one connection."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._packed = PackedParts(database)

    def _where(self, which: CallFilter, columns: Sequence[str]) -> tuple[str, list[Any]]:
        tests, values = ["1 = 1"], []
        for column, test, value in (
            ("day", "day >= ?", which.first_day),
            ("day", "day <= ?", which.last_day),
            ("account", "account = ?", which.account),
            ("campaign", "campaign = ?", which.campaign),
            ("number", "number = ?", which.number),
        ):
            if value and column in columns:
                tests.append(test)
                values.append(value)
        return " AND ".join(tests), values

    def count(self, which: CallFilter) -> int:
        """Return how many calls are stored that fit."""
        where, values = self._where(which, CALL_COLUMNS)
        return int(self._db.row(f"SELECT count(*) FROM calls WHERE {where}", values)[0])

    def calls(self, which: CallFilter, after: int = 0, limit: int = 0) -> Iterator[dict[str, Any]]:
        """Yield calls with their legs, in the order stored; ``after`` is the id of one."""
        where, values = self._where(which, CALL_COLUMNS)
        left = limit or 1 << 62
        while left > 0:
            rows = list(
                self._db.rows(
                    f"SELECT {', '.join(CALL_COLUMNS)} FROM calls WHERE {where} AND id > ? "
                    "ORDER BY id LIMIT ?",
                    (*values, after, min(left, _BATCH)),
                )
            )
            yield from self._with_legs(rows)
            if len(rows) < min(left, _BATCH):
                return
            left -= len(rows)
            after = rows[-1][0]

    def spent(self, after: int, first_day: int, limit: int) -> list[SpentRow]:
        """Return calls behind an id that began on a day or later, in the order stored."""
        rows = self._db.rows(_SPENT, (after, first_day, limit))
        return [SpentRow(*row) for row in rows]

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
        where, values = self._where(which, CALL_COLUMNS)
        for test, value in (
            ("id < ?", before), ("id = ?", call), ("caller = ?", caller), ("outcome = ?", outcome),
        ):  # fmt: skip
            if value:
                where += f" AND {test}"
                values.append(value)
        # Nothing but the outcome may fit a few calls of very many: the newest are looked at first,
        # then the days that have any.
        rare = outcome in OUTCOMES and not (which.account or which.campaign or which.number)
        rows: list[Any] = []
        for bounds in self._tried(which, before, outcome if rare and not caller else "", call):
            rows = list(
                self._db.rows(
                    f"SELECT {', '.join(CALL_COLUMNS)} FROM calls WHERE {where} "
                    "AND id >= ? AND id <= ? ORDER BY id DESC LIMIT ?",
                    (*values, *bounds, count),
                )
            )
            if len(rows) == count:
                break
        return list(self._with_legs(rows[::-1]))

    def _tried(
        self, which: CallFilter, before: int, outcome: str, call: int
    ) -> Iterator[tuple[int, int]]:
        """Yield between which ids to look for calls, one after the other until enough are found."""
        all_of_them = (0, 1 << 62)
        if call:
            yield all_of_them
            return
        days = self._ids_of(which, "") or all_of_them
        if outcome:
            (newest,) = self._db.row("SELECT coalesce(max(id), 0) FROM calls")
            last = min(days[1], newest, before - 1 if before else newest)
            yield max(days[0], last - _RECENT), last
            days = self._ids_of(which, outcome) or all_of_them
        yield days

    def _ids_of(self, which: CallFilter, outcome: str) -> tuple[int, int] | None:
        """Return between which ids the calls of some days are, and of an outcome; None for any.

        Calls come about in the order of their ids, so a day's are close together; the last first
        is then a walk back through a part of the table, and not all of a day to be sorted.
        """
        if outcome:
            # By the sums, which know at once of days without any.
            where, values = self._where(which, TABLES["campaign_days"][0])
            query = f"SELECT DISTINCT day FROM campaign_days WHERE {where} AND {outcome} > 0"
        elif which.first_day or 0 < which.last_day < _NO_LAST_DAY:
            where, values = self._where(which, ("day",))
            query = f"SELECT day FROM days WHERE {where}"
        else:
            return None
        first, last = _NOT_THERE
        for (day,) in list(self._db.rows(query, values)):
            ends = [
                self._db.row(f"SELECT {end}(id) FROM calls WHERE day = ?", (day,))[0]
                for end in ("min", "max")
            ]
            if ends[0] is not None:
                first, last = min(first, ends[0]), max(last, ends[1])
        return first, last

    def _with_legs(self, rows: list[Any]) -> Iterator[dict[str, Any]]:
        legs: dict[int, list[dict[str, Any]]] = {}
        for at in range(0, len(rows), _BATCH):
            some = [row[0] for row in rows[at : at + _BATCH]]
            days = sorted({row[2] for row in rows[at : at + _BATCH]})
            for row in self._db.rows(
                f"SELECT call, {', '.join(LEG_COLUMNS)} FROM legs WHERE call IN "
                f"({', '.join('?' * len(some))}) AND day IN ({', '.join('?' * len(days))}) "
                "ORDER BY call, attempt",
                (*some, *days),
            ):
                legs.setdefault(row[0], []).append(dict(zip(LEG_COLUMNS, row[1:], strict=True)))
        self._add_leg_records([leg for of_call in legs.values() for leg in of_call])
        for row in rows:
            call = dict(zip(CALL_COLUMNS, row, strict=True))
            call["routed"], call["clock_off"] = bool(call["routed"]), bool(call["clock_off"])
            yield call | {"legs": legs.get(row[0], [])}

    def _add_leg_records(self, legs: Sequence[dict[str, Any]]) -> None:
        """Add to legs what their own records tell, whichever of the two came first."""
        nothing = dict.fromkeys(_ONLY_THERE)
        any_there = self._db.row("SELECT 1 FROM leg_records LIMIT 1") is not None
        for at in range(0, len(legs), _BATCH):
            some = legs[at : at + _BATCH]
            told: dict[bytes, dict[str, Any]] = {}
            keys = [call_key(leg["uuid"]) for leg in some] if any_there else []
            if keys:
                rows = self._db.rows(
                    f"SELECT key, {', '.join(LEG_RECORD_COLUMNS)} FROM leg_records WHERE key IN "
                    f"({', '.join('?' * len(keys))})",
                    keys,
                )
                told = {row[0]: dict(zip(LEG_RECORD_COLUMNS, row[1:], strict=True)) for row in rows}
            for place, leg in enumerate(some):
                own = told.get(keys[place]) if told else None
                leg.update({name: own[name] for name in _ONLY_THERE} if own else nothing)
                if own:
                    leg["sip"] = own["sip"] or leg["sip"]
                    leg["cause"] = leg["cause"] or own["cause"]
                    if leg["pdd_ms"] is None:
                        leg["pdd_ms"] = own["pdd_ms"]

    def sums(self, table: str, which: CallFilter, by: Sequence[str]) -> list[dict[str, Any]]:
        """Return the sums of a table of sums, grouped by columns of its key, most calls first.

        Whole months are read from the sums of months, other days from those of days.
        """
        keys, sums = TABLES[table]
        assert by and set(by) <= set(keys), (table, by)
        columns = ", ".join((*by, *sums))
        where, values = self._where(which, keys)
        source = f"SELECT {columns} FROM {table} WHERE {where}"
        months = months_within(which.first_day, which.last_day)
        if months and table in MONTHS and "day" not in by:
            first, last = months
            inside, wanted = self._where(which._replace(first_day=0, last_day=0), keys)
            # The days around them, if any.
            source = (
                f"SELECT {columns} FROM {MONTHS[table]} WHERE {inside} AND month BETWEEN ? AND ? "
                f"UNION ALL {source} AND day < ? UNION ALL {source} AND day > ?"
            )
            values = [*wanted, first, last, *values, first * 100, *values, last * 100 + 31]
        totals = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in sums)
        rows = self._db.rows(
            f"SELECT {', '.join(by)}, {totals} FROM ({source}) each "
            f"GROUP BY {', '.join(by)} ORDER BY sum({sums[0]}) DESC, {', '.join(by)}",
            values,
        )
        return [dict(zip((*by, *sums), row, strict=True)) for row in rows]

    def keys_of(self, table: str) -> tuple[str, ...]:
        """Return what a table of sums can be grouped and narrowed by."""
        return TABLES[table][0]

    def callers(self, which: CallFilter) -> dict[str, tuple[int, int]]:
        """Return by campaign how many different callers there were, and how many called again.

        For a whole month that is kept; for other days, and for one account or number, it is
        counted.
        """
        if self.callers_are_kept(which):
            rows = self._db.rows(
                "SELECT campaign, callers, repeat_callers FROM campaign_months "
                "WHERE month = ? AND (? = '' OR campaign = ?)",
                (whole_month(which.first_day, which.last_day), which.campaign, which.campaign),
            )
            return {campaign: (callers, again) for campaign, callers, again in rows}
        counted, campaigns = Callers(), dict[str, int]()
        for part in self.packed(which):
            groups = [
                campaigns.setdefault(campaign, len(campaigns))
                if campaign and which.fits(account, campaign)
                else LEFT_OUT
                for account, campaign in part.keys
            ]
            words = (memoryview(part.key).cast("I"), memoryview(part.caller).cast("Q"))
            counted.add(*words, array("I", groups))
        counts = zip(campaigns, counted.counts(len(campaigns)), strict=True)
        return {campaign: count for campaign, count in counts if count[0]}

    def callers_are_kept(self, which: CallFilter) -> bool:
        """Whether :meth:`callers` need not count."""
        month = whole_month(which.first_day, which.last_day)
        return bool(month) and not which.account and not which.number

    def packed(self, which: CallFilter, *, over: bool = False) -> Iterator[PackedCalls]:
        """Yield calls of those days by column; see :class:`vnroute.calls.base.CallStore`."""
        start = first_moment(which.first_day) if which.first_day else 0
        early = over and bool(start)
        where, values = self._where(which._replace(first_day=0) if early else which, ("day",))
        # Of the days before, those on which some call was long enough.
        days = [
            day
            for day, longest in list(
                self._db.rows(f"SELECT day, longest_ms FROM days WHERE {where} ORDER BY 1", values)
            )
            if day >= which.first_day or first_moment(day) + 86_400_000_000 + longest * 1000 > start
        ]
        if not which.number:
            for day in days:
                yield from self._packed.of_day(day)
        elif days:
            # A number's calls are few, and have an index.
            marks = ", ".join("?" * len(days))
            yield self._packed.of(f"number = ? AND day IN ({marks})", (which.number, *days))

    def packed_count(self, which: CallFilter) -> int:
        """Return about how many calls :meth:`packed` reads."""
        if which.number:
            return self.count(which)
        where, values = self._where(which, ("day",))
        row = self._db.row(f"SELECT coalesce(sum(calls), 0) FROM days WHERE {where}", values)
        return int(row[0])

    def days_held(self, before: int) -> list[tuple[int, int]]:
        """Return (day, id up to which it is archived) of days before one, that hold calls."""
        days = self._db.rows("SELECT day, archived FROM days WHERE day < ? ORDER BY day", (before,))
        return [
            (day, last)
            for day, last in list(days)
            if self._db.row("SELECT 1 FROM calls WHERE day = ? LIMIT 1", (day,))
        ]

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
