"""Calls by column in SQL: parts written with a batch, put together, read by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from vnroute.calls.database import Database
from vnroute.calls.packed import (
    PARTS_TOGETHER,
    PackedCalls,
    PackedRow,
    level_of,
    merge,
    pack,
    read_part,
)
from vnroute.store import StoreError

__all__ = ["PackedParts"]

_AT_ONCE = 20_000
_KEYS_AT_ONCE = 500


def _read(day: int, body: bytes) -> PackedCalls:
    try:
        return read_part(body)
    except ValueError as error:
        raise StoreError(f"packed calls of {day}: damaged ({error})") from error


class PackedParts:
    """The table ``packed_calls``; days of which a part is not packed yet are in ``unpacked``."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, days: Mapping[int, Sequence[tuple[int, PackedRow]]]) -> None:
        """Write the calls of a batch, (id, row) by day; within a transaction."""
        for day, rows in days.items():
            self._put(day, rows[0][0], pack(row for _, row in rows))
            self._put_together(day)

    def _put(self, day: int, first: int, part: PackedCalls) -> None:
        count = len(part.key) // 4
        self._db.insert(
            "packed_calls",
            ("day", "first", "level", "calls", "body"),
            [(day, first, level_of(count), count, msgspec.msgpack.encode(part))],
        )

    def _put_together(self, day: int) -> None:
        levels = self._db.rows(
            "SELECT level FROM packed_calls WHERE day = ? AND level < 3 "
            "GROUP BY level HAVING count(*) >= ?",
            (day, PARTS_TOGETHER),
        )
        for (level,) in list(levels):
            rows = list(
                self._db.rows(
                    "SELECT first, body FROM packed_calls WHERE day = ? AND level = ?", (day, level)
                )
            )
            self._db.execute("DELETE FROM packed_calls WHERE day = ? AND level = ?", (day, level))
            part = merge([_read(day, body) for _, body in rows])
            self._put(day, min(first for first, _ in rows), part)

    def of_day(self, day: int) -> Iterator[PackedCalls]:
        """Yield the calls of a day."""
        # In one statement, so that a part that is packed meanwhile is read in one of two places.
        rows = self._db.rows(
            "SELECT upto, NULL FROM unpacked WHERE day = ? "
            "UNION ALL SELECT 0, body FROM packed_calls WHERE day = ?",
            (day, day),
        )
        upto = 0
        for left, body in rows:
            if body is None:
                upto = left
            else:
                yield _read(day, body)
        while upto:
            ids, part = self._unpacked(day, upto)
            if ids:
                yield part
            upto = ids[-1] - 1 if len(ids) == _AT_ONCE else 0

    def of(self, where: str, values: Sequence[Any]) -> PackedCalls:
        """Return calls that fit, packed as they are read."""
        sql = f"SELECT {_CALL} FROM calls WHERE {where}"
        return pack(row for _, row in self._rows(self._db.rows(sql, values)))

    def _unpacked(self, day: int, upto: int) -> tuple[list[int], PackedCalls]:
        """Return the last calls of a day up to an id, and their ids, the last first."""
        calls = self._db.rows(
            f"SELECT {_CALL} FROM calls WHERE day = ? AND id <= ? ORDER BY id DESC LIMIT ?",
            (day, upto, _AT_ONCE),
        )
        rows = self._rows(calls)
        return [at for at, _ in rows], pack(row for _, row in rows)

    def _rows(self, calls: Iterable[Any]) -> list[tuple[int, PackedRow]]:
        calls = list(calls)
        talked: dict[int, list[tuple[str, int]]] = {}
        for at in range(0, len(calls), _KEYS_AT_ONCE):
            some = calls[at : at + _KEYS_AT_ONCE]
            days = sorted({row[1] for row in some})
            for call, carrier, talk_ms in self._db.rows(
                "SELECT call, carrier, talk_ms FROM legs WHERE talk_ms > 0 AND call IN "
                f"({', '.join('?' * len(some))}) AND day IN ({', '.join('?' * len(days))})",
                [*(row[0] for row in some), *days],
            ):
                talked.setdefault(call, []).append((carrier, talk_ms))
        return [
            (at, PackedRow(account, campaign, caller, started, ended, talked.get(at, ())))
            for at, _, account, campaign, caller, started, ended in calls
        ]

    def pack_some(self) -> int:
        """Pack some calls that an earlier version stored; return how many, 0 for none left."""
        with self._db.transaction():
            left = self._db.row("SELECT day, upto FROM unpacked ORDER BY day DESC LIMIT 1")
            if left is None:
                return 0
            day, upto = left
            ids, part = self._unpacked(day, upto)
            if ids:
                self._put(day, ids[-1], part)
                self._put_together(day)
            if len(ids) == _AT_ONCE:
                self._db.execute("UPDATE unpacked SET upto = ? WHERE day = ?", (ids[-1] - 1, day))
            else:
                self._db.execute("DELETE FROM unpacked WHERE day = ?", (day,))
        return max(1, len(ids))


_CALL = "id, day, account, campaign, caller, started, ended"
