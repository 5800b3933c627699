"""Overrides in SQLite: a document for each thing that is set by hand."""

from __future__ import annotations

import msgspec

from vnroute.model.override import Override
from vnroute.store.base import StoreError
from vnroute.store.sqlite_audit import SqliteAudit
from vnroute.store.sqlite_connection import Connection

__all__ = ["delete_override", "read_overrides", "write_override"]

_decode = msgspec.json.Decoder(Override).decode
_encode = msgspec.json.Encoder().encode


def read_overrides(connection: Connection) -> list[Override]:
    """Return all, by kind and id."""
    found = []
    query = "SELECT kind, id, document FROM overrides ORDER BY kind, id"
    for kind, key, document in connection.rows(query):
        try:
            found.append(_decode(document))
        except msgspec.MsgspecError as error:
            what = f"override of {kind} {key!r}"
            raise StoreError(f"{connection.path}: the {what} is damaged: {error}") from error
    return found


def write_override(connection: Connection, audit: SqliteAudit, override: Override) -> None:
    """Set one, in the place of what was set of the same thing."""
    before = _document(connection, override.kind, override.id)
    after = _encode(override)
    connection.execute(
        "INSERT INTO overrides VALUES (?, ?, ?)"
        " ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document",
        (override.kind, override.id, after.decode()),
    )
    audit.add("overrides", [(f"{override.kind}/{override.id}", before, after)])


def delete_override(connection: Connection, audit: SqliteAudit, kind: str, key: str) -> bool:
    """Remove one; return whether it was there."""
    before = _document(connection, kind, key)
    if before is None:
        return False
    connection.execute("DELETE FROM overrides WHERE kind = ? AND id = ?", (kind, key))
    audit.add("overrides", [(f"{kind}/{key}", before, None)])
    return True


def _document(connection: Connection, kind: str, key: str) -> bytes | None:
    query = "SELECT document FROM overrides WHERE kind = ? AND id = ?"
    row = connection.row(query, (kind, key))
    return None if row is None else row[0].encode()
