"""Opening a store by its address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from vnroute.store.base import Store, StoreError

__all__ = ["DATABASE_NAME", "open_store", "store_exists"]

DATABASE_NAME = "routing.db"
"""The SQLite database's name in vnroute's home directory."""


def _sqlite_path(home_or_url: str | Path) -> Path:
    text = str(home_or_url)
    if text.startswith("sqlite:///"):
        # As SQLAlchemy and others write it: three slashes for a relative path, four for absolute.
        return Path(unquote(text.removeprefix("sqlite:///")))
    scheme, mark, _ = text.partition("://")
    if mark:
        raise StoreError(
            f"no store for addresses that begin with {scheme}://; "
            "give a home directory, or sqlite:///PATH"
        )
    return Path(text) / DATABASE_NAME


def open_store(home_or_url: str | Path, *, create: bool = True) -> Store:
    """Open the store in a home directory, or at ``sqlite:///PATH``; bring its schema up to date.

    A store that is not there is made, with its directory, unless ``create`` is False. Raises
    :class:`StoreError` for one that is missing, damaged, no store at all, or newer than this code.
    """
    from vnroute.store.sqlite import SqliteStore

    return SqliteStore(_sqlite_path(home_or_url), create=create)


def store_exists(home_or_url: str | Path) -> bool:
    """Whether there is anything at that address, sound or not."""
    return _sqlite_path(home_or_url).exists()
