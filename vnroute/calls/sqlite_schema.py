"""The schema of the SQLite database of calls: numbered migrations, and what is refused."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files

from vnroute.store import StoreError
from vnroute.store.sqlite_connection import Connection

__all__ = ["bring_up_to_date"]

_APPLICATION_ID = 0x766E6364
"""``vncd``, in the file's header: a vnroute database of calls (sqlite.org/fileformat2.html)."""

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql", re.ASCII)


def _migrations() -> list[tuple[int, str]]:
    found = []
    for entry in files("vnroute.calls.migrations").joinpath("sqlite").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            found.append((int(match[1]), entry.read_text("utf-8")))
    found.sort()
    assert [version for version, _ in found] == list(range(1, len(found) + 1)), "a gap in versions"
    return found


def _statements(script: str) -> Iterator[str]:
    # executescript() would commit the transaction that holds a migration together.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(connection: Connection) -> int:
    (tables,) = connection.row("SELECT count(*) FROM sqlite_schema")
    (application,) = connection.row("PRAGMA application_id")
    if not tables and not application:
        return 0
    if application != _APPLICATION_ID:
        raise StoreError(f"{connection.path}: no database of vnroute's calls; move it away")
    (version,) = connection.row("SELECT coalesce(max(version), 0) FROM schema_version")
    return int(version)


def bring_up_to_date(connection: Connection) -> None:
    """Apply the migrations that are missing, all or none.

    Raises :class:`StoreError` for a database of another program or of a newer vnroute.
    """
    steps = _migrations()
    version, newest = _version(connection), steps[-1][0]
    if version < newest:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Looked at again, since another process may have been first.
            version = _version(connection)
            for number, script in steps[version:]:
                for statement in _statements(script):
                    connection.execute(statement)
                applied = datetime.now(UTC).isoformat(timespec="seconds")
                connection.execute("INSERT INTO schema_version VALUES (?, ?)", (number, applied))
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    if version > newest:
        raise StoreError(
            f"{connection.path}: schema version {version}, written by a newer vnroute; "
            f"this one knows versions up to {newest}"
        )
