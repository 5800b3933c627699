"""Reading the SQLite database of calls: calls with their legs, and sums for reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vnroute.calls.base import CallFilter
from vnroute.calls.days import whole_month
from vnroute.calls.record import OUTCOMES
from vnroute.store.sqlite_connection import Connection

__all__ = ["CallReading"]

_CALL = (
    "id", "uuid", "day", "started", "answered", "ended", "received", "switch", "number", "account",
    "plan", "campaign", "generation", "hops", "routed", "outcome", "refused", "cause", "q850",
    "sip", "caller", "caller_name", "country", "pdd_ms", "duration_ms", "talk_ms", "clock_off",
    "cost", "price", "currency",
)  # fmt: skip
_LEG = (
    "attempt", "uuid", "carrier", "gateway", "dialled", "destination", "outcome", "cause", "sip",
    "pdd_ms", "talk_ms", "prefix", "rate", "cost",
)  # fmt: skip
_BATCH = 500

_CALL_SUMS = ("calls", *OUTCOMES, "talk_ms", "pdd_ms", "pdd_calls", "cost", "unrated")
_LEG_SUMS = (
    "legs", *(name for name in OUTCOMES if name != "refused"),
    "talk_ms", "pdd_ms", "pdd_legs", "cost", "unrated",
)  # fmt: skip
_HOUR_SUMS = ("calls", "answered", "talk_ms")
_NUMBER_SUMS = ("calls", "answered", "refused", "talk_ms", "cost", "unrated")
_TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "campaign_days": (("day", "campaign", "account", "country"), _CALL_SUMS),
    "campaign_hours": (("day", "hour", "campaign", "account"), _HOUR_SUMS),
    "number_days": (("day", "number", "campaign", "account"), _NUMBER_SUMS),
    "carrier_days": (("day", "carrier", "gateway", "destination"), _LEG_SUMS),
}


class CallReading:
    """What can be read through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def _where(self, which: CallFilter, columns: Sequence[str]) -> tuple[str, list[Any]]:
        tests, values = ["1"], []
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
        where, values = self._where(which, _CALL)
        return int(self._db.row(f"SELECT count(*) FROM calls WHERE {where}", values)[0])

    def calls(self, which: CallFilter, after: int = 0, limit: int = 0) -> Iterator[dict[str, Any]]:
        """Yield calls with their legs, in the order stored; ``after`` is the id of one."""
        where, values = self._where(which, _CALL)
        left = limit or 1 << 62
        while left > 0:
            rows = list(
                self._db.rows(
                    f"SELECT {', '.join(_CALL)} FROM calls WHERE {where} AND id > ? "
                    "ORDER BY id LIMIT ?",
                    (*values, after, min(left, _BATCH)),
                )
            )
            yield from self._with_legs(rows)
            if len(rows) < min(left, _BATCH):
                return
            left -= len(rows)
            after = rows[-1][0]

    def last_calls(self, which: CallFilter, count: int) -> list[dict[str, Any]]:
        """Return the last calls stored, oldest first."""
        where, values = self._where(which, _CALL)
        rows = list(
            self._db.rows(
                f"SELECT {', '.join(_CALL)} FROM calls WHERE {where} ORDER BY id DESC LIMIT ?",
                (*values, count),
            )
        )
        return list(self._with_legs(rows[::-1]))

    def _with_legs(self, rows: list[Any]) -> Iterator[dict[str, Any]]:
        ids = [row[0] for row in rows]
        legs: dict[int, list[dict[str, Any]]] = {}
        for at in range(0, len(ids), _BATCH):
            some = ids[at : at + _BATCH]
            for row in self._db.rows(
                f"SELECT call, {', '.join(_LEG)} FROM legs WHERE call IN "
                f"({', '.join('?' * len(some))}) ORDER BY call, attempt",
                some,
            ):
                legs.setdefault(row[0], []).append(dict(zip(_LEG, row[1:], strict=True)))
        for row in rows:
            call = dict(zip(_CALL, row, strict=True))
            call["routed"], call["clock_off"] = bool(call["routed"]), bool(call["clock_off"])
            yield call | {"legs": legs.get(row[0], [])}

    def sums(self, table: str, which: CallFilter, by: Sequence[str]) -> list[dict[str, Any]]:
        """Return the sums of a table of sums, grouped by columns of its key, most calls first."""
        keys, sums = _TABLES[table]
        assert by and set(by) <= set(keys), (table, by)
        where, values = self._where(which, keys)
        totals = ", ".join(f"sum({name})" for name in sums)
        rows = self._db.rows(
            f"SELECT {', '.join(by)}, {totals} FROM {table} WHERE {where} "
            f"GROUP BY {', '.join(by)} ORDER BY sum({sums[0]}) DESC, {', '.join(by)}",
            values,
        )
        return [dict(zip((*by, *sums), row, strict=True)) for row in rows]

    def keys_of(self, table: str) -> tuple[str, ...]:
        """Return what a table of sums can be grouped and narrowed by."""
        return _TABLES[table][0]

    def callers(self, which: CallFilter) -> dict[str, tuple[int, int]]:
        """Return by campaign how many different callers there were, and how many called again.

        For a whole month that is kept; for other days, and for one account or number, it is
        counted from the calls that are still stored.
        """
        month = whole_month(which.first_day, which.last_day)
        if self.callers_are_kept(which):
            rows = self._db.rows(
                "SELECT campaign, callers, repeat_callers FROM campaign_months "
                "WHERE month = ? AND (? = '' OR campaign = ?)",
                (month, which.campaign, which.campaign),
            )
        else:
            where, values = self._where(which, _CALL)
            rows = self._db.rows(
                "SELECT campaign, count(*), sum(times > 1) FROM (SELECT campaign, count(*) AS times"
                f" FROM calls WHERE {where} AND campaign <> '' AND caller <> ''"
                " GROUP BY campaign, caller) GROUP BY campaign",
                values,
            )
        return {campaign: (callers, again) for campaign, callers, again in rows}

    def callers_are_kept(self, which: CallFilter) -> bool:
        """Whether :meth:`callers` need not read the calls."""
        month = whole_month(which.first_day, which.last_day)
        return bool(month) and not which.account and not which.number

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
