"""Opening the store of calls."""

from __future__ import annotations

from pathlib import Path

from vnroute.calls.base import CallStore

__all__ = ["DATABASE_NAME", "open_calls"]

DATABASE_NAME = "cdr.db"
"""The SQLite database's name in vnroute's home directory."""


def open_calls(home_or_url: Path | str, *, create: bool = True) -> CallStore:
    """Open the store of calls in a home directory, or at ``postgresql://…``.

    A SQLite database is made, if ``create``; the schema is brought up to date. Raises
    :class:`vnroute.store.StoreError` for one that is missing, damaged, foreign or away.
    """
    if str(home_or_url).startswith("postgresql://"):
        from vnroute.calls.postgres import PostgresCallStore

        return PostgresCallStore(str(home_or_url))
    from vnroute.calls.sqlite import SqliteCallStore

    return SqliteCallStore(Path(home_or_url) / DATABASE_NAME, create=create)
