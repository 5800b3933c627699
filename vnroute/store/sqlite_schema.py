"""The schema of a SQLite database: numbered migrations, and what is refused at the door."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from vnroute.store.base import StoreError
from vnroute.store.sqlite_connection import Connection
from vnroute.store.upgrading import Upgrade

__all__ = ["APPLICATION_ID", "ROUTING", "Schema", "bring_up_to_date", "migrations"]

APPLICATION_ID = 0x766E7274
"""``vnrt``, in the file's header: how a vnroute store is told from any other SQLite database
(sqlite.org/fileformat2.html, 1.3.16)."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of database: the package of its migrations, the number in the file's header, and
    what is said of a database that is none of them.
    """

    package: str
    application_id: int
    foreign: str


ROUTING = Schema(
    "vnroute.store.migrations",
    APPLICATION_ID,
    "a SQLite database of another program; give another home",
)

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql", re.ASCII)


@cache
def migrations(schema: Schema = ROUTING) -> list[tuple[int, str]]:
    """Return (version, SQL) of every migration, ascending; versions are 1, 2, 3…"""
    found = []
    for entry in files(schema.package).joinpath("sqlite").iterdir():
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


def _version(connection: Connection, schema: Schema) -> int:
    """Return the version of the schema, 0 for an empty database; refuse a foreign one."""
    (tables,) = connection.row("SELECT count(*) FROM sqlite_schema")
    (application,) = connection.row("PRAGMA application_id")
    if not tables and not application:
        return 0
    known = connection.row("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'")
    if application != schema.application_id or not known:
        raise StoreError(f"{connection.path}: {schema.foreign}")
    (version,) = connection.row("SELECT coalesce(max(version), 0) FROM schema_version")
    return int(version)


def bring_up_to_date(connection: Connection, schema: Schema = ROUTING) -> None:
    """Apply the migrations that are missing, all or none; what they do is logged.

    Raises :class:`StoreError` for a database of another program or of a newer vnroute.
    """
    steps = migrations(schema)
    version, newest = _version(connection, schema), steps[-1][0]
    if version < newest:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Looked at again, since another process may have been first.
            version = _version(connection, schema)
            upgrade = Upgrade(str(connection.path), version, newest)
            for number, script in steps[version:]:
                upgrade.step(number)
                with connection.watched(upgrade.beat):
                    for statement in _statements(script):
                        connection.execute(statement)
                connection.execute(
                    "INSERT INTO schema_version VALUES (?, ?)",
                    (number, datetime.now(UTC).isoformat(timespec="seconds")),
                )
                upgrade.stepped()
            connection.execute(f"PRAGMA application_id = {schema.application_id}")
            connection.execute("COMMIT")
            upgrade.done()
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    if version > newest:
        raise StoreError(
            f"{connection.path}: schema version {version}, written by a newer vnroute; "
            f"this one knows versions up to {newest}"
        )
