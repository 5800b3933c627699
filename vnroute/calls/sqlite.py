"""The store of calls in SQLite."""

from __future__ import annotations

from pathlib import Path

from vnroute.calls.sql_store import SqlCallStore
from vnroute.calls.sqlite_database import SqliteDatabase
from vnroute.calls.sqlite_schema import CALLS
from vnroute.store import StoreError
from vnroute.store.sqlite_schema import bring_up_to_date

__all__ = ["SqliteCallStore"]


class SqliteCallStore(SqlCallStore):
    """:class:`vnroute.calls.base.CallStore` in one SQLite file."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        if not path.exists():
            if not create:
                raise StoreError(f"{path}: no calls are stored yet")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"{path.parent}: cannot be made ({error.strerror})") from error
        database = SqliteDatabase(path)
        try:
            bring_up_to_date(database, CALLS)
            super().__init__(database)
        except BaseException:
            database.close()
            raise
