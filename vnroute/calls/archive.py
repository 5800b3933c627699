"""The archive: calls of past days as Parquet, a file a day, for duckdb and whatever else reads it.

A day's file is written beside, made durable, read back and counted; then the store notes up to
which call it reaches, and only then the calls are removed. Killed at any moment, it goes on
where it was the next time. Calls that come late for a day in the archive make a further file.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from vnroute.calls.base import CallFilter, CallStore
from vnroute.store import StoreError

__all__ = ["Archived", "archive"]

_SCHEMA = {
    "id": "BIGINT", "uuid": "VARCHAR", "day": "INTEGER", "started": "BIGINT", "answered": "BIGINT",
    "ended": "BIGINT", "received": "BIGINT", "switch": "VARCHAR", "number": "VARCHAR",
    "account": "VARCHAR", "plan": "VARCHAR", "campaign": "VARCHAR", "generation": "BIGINT",
    "hops": "INTEGER", "routed": "BOOLEAN", "outcome": "VARCHAR", "refused": "VARCHAR",
    "cause": "VARCHAR", "q850": "INTEGER", "sip": "INTEGER", "caller": "VARCHAR",
    "caller_name": "VARCHAR", "country": "VARCHAR", "area": "VARCHAR", "pdd_ms": "BIGINT",
    "duration_ms": "BIGINT", "talk_ms": "BIGINT", "clock_off": "BOOLEAN", "cost": "BIGINT",
    "cost_currency": "VARCHAR", "receive_cost": "BIGINT", "receive_currency": "VARCHAR",
    "price": "BIGINT", "price_currency": "VARCHAR",
    "legs": "STRUCT(attempt INTEGER, uuid VARCHAR, carrier VARCHAR, gateway VARCHAR, "
            "dialled VARCHAR, destination VARCHAR, outcome VARCHAR, cause VARCHAR, sip INTEGER, "
            "pdd_ms BIGINT, talk_ms BIGINT, prefix VARCHAR, rate VARCHAR, fee VARCHAR, "
            "billed_seconds BIGINT, cost BIGINT, currency VARCHAR, up_ms BIGINT, "
            "read_codec VARCHAR, write_codec VARCHAR, packets_in BIGINT, packets_missed BIGINT, "
            "packets_out BIGINT, mos DOUBLE, jitter_ms DOUBLE, loss_percent DOUBLE)[]",
}  # fmt: skip
"""Columns of a file: those of the store, money in units of 1e-8, legs in a list."""


class Archived(NamedTuple):
    """A file that was written."""

    path: Path
    day: int
    calls: int
    bytes: int


def archive(store: CallStore, directory: Path, before: int) -> Iterator[Archived]:
    """Move the calls of days before one (20261122) into files; yield each file.

    Raises :class:`vnroute.store.StoreError` where duckdb is missing or a file cannot be written;
    what has been moved until then is safe.
    """
    try:
        import duckdb
    except ImportError:
        raise StoreError("duckdb is missing; pip install vnroute[parquet]") from None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _alone(directory):
            for day, last in store.days_held(before):
                if last:
                    store.archived(day, last)  # the rest of a removal that was broken off
                made = _write(duckdb, store, directory, day)
                if made is not None:
                    last, file = made
                    store.archived(day, last)
                    yield file
    except OSError as error:
        raise StoreError(f"{error.filename or directory}: {error.strerror or error}") from error
    except duckdb.Error as error:
        raise StoreError(f"{directory}: {error}") from error


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Let no two archive into a directory at once: they would write the same file."""
    with open(directory / "lock", "ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"{directory}: another process archives there") from None
        yield


def _write(
    duckdb: object, store: CallStore, directory: Path, day: int
) -> tuple[int, Archived] | None:
    first = last = count = 0
    with tempfile.NamedTemporaryFile(dir=directory, suffix=".jsonl") as rows:
        for call in store.calls(CallFilter(day, day)):
            first, last, count = first or call["id"], call["id"], count + 1
            rows.write(msgspec.json.encode(call) + b"\n")
        rows.flush()
        if not count:
            return None
        path = directory / f"calls-{day}-{first}.parquet"
        part = path.with_suffix(".part")
        with duckdb.connect() as database:  # type: ignore[attr-defined]
            columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _SCHEMA.items())
            database.execute(
                f"COPY (SELECT * FROM read_json(?, format = 'newline_delimited', "
                f"columns = {{{columns}}})) TO '{_quoted(part)}' "
                "(FORMAT PARQUET, COMPRESSION ZSTD)",
                [rows.name],
            )
            (stored,) = database.execute(
                "SELECT count(DISTINCT uuid) FROM read_parquet(?)", [str(part)]
            ).fetchone()
    if stored != count:
        raise StoreError(f"{part}: {stored} calls of {count}; nothing was removed from the store")
    _durable(part)
    part.replace(path)
    _durable(directory)
    return last, Archived(path, day, count, path.stat().st_size)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
