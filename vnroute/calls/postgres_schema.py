"""The schema of the PostgreSQL database of calls: numbered migrations, applied all or none."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.resources import files

from vnroute.calls.postgres_database import PostgresDatabase
from vnroute.store import StoreError
from vnroute.store.upgrading import Upgrade

__all__ = ["bring_up_to_date", "migrations"]

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql", re.ASCII)


def migrations() -> list[tuple[int, str]]:
    """Return (version, SQL) of every migration, ascending; versions are 1, 2, 3…"""
    found = []
    for entry in files("vnroute.calls.migrations").joinpath("postgresql").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            found.append((int(match[1]), entry.read_text("utf-8")))
    found.sort()
    assert [version for version, _ in found] == list(range(1, len(found) + 1)), "a gap in versions"
    return found


def _version(database: PostgresDatabase) -> int:
    """Return the version of the schema, 0 where there is none; refuse a foreign one."""
    # What stands in the first schema of the search path, where CREATE TABLE puts its tables. One
    # statement, that is one snapshot: another process may be making them at this moment.
    ours, others = database.row(
        "SELECT to_regclass(current_schema() || '.schema_version') IS NOT NULL, "
        "(SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() "
        "AND tablename IN ('calls', 'legs', 'spools', 'known', 'days'))"
    )
    if ours:
        (version,) = database.row("SELECT coalesce(max(version), 0) FROM schema_version")
        return int(version)
    if others:
        raise StoreError(f"{database.url}: tables of another program; give a database of its own")
    return 0


def bring_up_to_date(database: PostgresDatabase) -> None:
    """Apply the migrations that are missing, all or none; what they do is logged.

    Raises :class:`StoreError` for a database of another program or of a newer vnroute.
    """
    steps = migrations()
    newest = steps[-1][0]
    if _version(database) < newest:
        with database.transaction():
            # Looked at again under the writers' lock, since another process may have been first.
            version = _version(database)
            upgrade = Upgrade(database.url, version, newest)
            for number, script in steps[version:]:
                upgrade.step(number)
                database.execute_script(script)
                database.execute(
                    "INSERT INTO schema_version VALUES (?, ?)",
                    (number, datetime.now(UTC).isoformat(timespec="seconds")),
                )
                upgrade.stepped()
        upgrade.done()
    version = _version(database)
    if version > newest:
        raise StoreError(
            f"{database.url}: schema version {version}, written by a newer vnroute; "
            f"this one knows versions up to {newest}"
        )
