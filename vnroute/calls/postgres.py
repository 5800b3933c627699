"""The store of calls in PostgreSQL."""

from __future__ import annotations

from vnroute.calls.postgres_database import PostgresDatabase
from vnroute.calls.postgres_schema import bring_up_to_date
from vnroute.calls.sql_store import SqlCallStore

__all__ = ["PostgresCallStore"]


class PostgresCallStore(SqlCallStore):
    """:class:`vnroute.calls.base.CallStore` in a PostgreSQL database; several nodes may share it.

    ``url`` is a libpq address such as ``postgresql://vnroute@127.0.0.1/calls``.
    """

    def __init__(self, url: str) -> None:
        database = PostgresDatabase(url)
        try:
            bring_up_to_date(database)
            super().__init__(database)
        except BaseException:
            database.close()
            raise
