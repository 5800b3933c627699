"""The schema of the SQLite database of calls."""

from __future__ import annotations

from vnroute.store.sqlite_schema import Schema

__all__ = ["CALLS"]

_APPLICATION_ID = 0x766E6364
"""``vncd``, in the file's header: a vnroute database of calls (sqlite.org/fileformat2.html)."""

CALLS = Schema(
    "vnroute.calls.migrations", _APPLICATION_ID, "no database of vnroute's calls; move it away"
)
