"""The audit log in SQLite: who changed what, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from vnroute.store.base import AuditEntry
from vnroute.store.sqlite_connection import Connection

__all__ = ["SqliteAudit", "read_audit"]

_MOST = 1000
"""Entries of one kind in one transaction that are kept one by one. A load of a million plans keeps
its counts instead: twice the store would tell nobody more."""


class _Owned(msgspec.Struct):
    """What an entity says of whose it is."""

    account: str = ""


_owned = msgspec.json.Decoder(_Owned)


class SqliteAudit:
    """Takes what one transaction changes."""

    def __init__(self, connection: Connection, counter: int, now: str, who: str) -> None:
        self._db = connection
        self._common = (counter, now, who)

    def add(self, kind: str, entries: Sequence[tuple[str, bytes | None, bytes | None]]) -> None:
        """Add (key, before, after) of each that changes."""
        if len(entries) > _MOST:
            counts = {
                "added": sum(before is None for _, before, _ in entries),
                "changed": sum(b is not None and a is not None for _, b, a in entries),
                "removed": sum(after is None for _, _, after in entries),
            }
            entries = [("*", None, msgspec.json.encode(counts))]
        self._db.executemany(
            "INSERT INTO audit (counter, time, who, kind, key, account, before, after)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (*self._common, kind, key, _account(kind, key, after or before),
                 before and before.decode(), after and after.decode())
                for key, before, after in entries
            ],
        )  # fmt: skip


def _account(kind: str, key: str, document: bytes | None) -> str:
    if kind == "accounts":
        return key
    return _owned.decode(document).account if document else ""


def read_audit(
    connection: Connection, before: int, limit: int, account: str, kind: str, key: str
) -> list[AuditEntry]:
    """Return entries, the last first; an empty filter lets all pass."""
    query = "SELECT id, counter, time, who, kind, key, account, before, after FROM audit WHERE true"
    values: list[str | int] = []
    if before:
        query += " AND id < ?"
        values.append(before)
    for column, value in (("account", account), ("kind", kind), ("key", key)):
        if value:
            query += f" AND {column} = ?"
            values.append(value)
    rows = connection.rows(f"{query} ORDER BY id DESC LIMIT ?", (*values, limit))
    return [
        AuditEntry(
            id=number, counter=counter, time=datetime.fromisoformat(time), who=who,
            kind=of, key=name, account=owner, before=old and msgspec.Raw(old.encode()),
            after=new and msgspec.Raw(new.encode()),
        )
        for number, counter, time, who, of, name, owner, old, new in rows
    ]  # fmt: skip
