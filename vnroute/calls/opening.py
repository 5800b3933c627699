"""Opening the store of calls of a home directory."""

from __future__ import annotations

from pathlib import Path

from vnroute.calls.base import CallStore

__all__ = ["DATABASE_NAME", "calls_exist", "open_calls"]

DATABASE_NAME = "cdr.db"
"""The SQLite database's name in vnroute's home directory."""


def open_calls(home: Path, *, create: bool = True) -> CallStore:
    """Open the store of calls, made if ``create``; bring its schema up to date.

    Raises :class:`vnroute.store.StoreError` for one that is missing, damaged, or foreign.
    """
    from vnroute.calls.sqlite import SqliteCallStore

    return SqliteCallStore(home / DATABASE_NAME, create=create)


def calls_exist(home: Path) -> bool:
    """Whether any call was ever stored there."""
    return (home / DATABASE_NAME).exists()
