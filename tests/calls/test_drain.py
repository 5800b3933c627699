"""From the spool into the store: exactly once, with the store away, and with records that break."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.calls.support import record
from tests.support.postgres import Postgres, missing
from vnroute.calls.base import Added, CallFilter
from vnroute.calls.drain import Drain
from vnroute.calls.opening import open_calls
from vnroute.calls.reading import read_record
from vnroute.calls.reports import make_report
from vnroute.calls.spool import Spool
from vnroute.calls.spool_format import KIND_CALL, KIND_RAW, encode_record, segment_name
from vnroute.calls.sql_store import SqlCallStore
from vnroute.store import Store, StoreError


class Lines:
    """A logger that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **fields: self.lines.append(f"{level}: {event} {fields}")


def rows(count: int, **more: Any) -> list[bytes]:
    now = time.time_ns() // 1000
    return [
        encode_record(KIND_CALL, now, msgspec.msgpack.encode(read_record(record(**more), now)))
        for _ in range(count)
    ]


class Bench:
    """A spool, a home, and drains over them."""

    def __init__(self, home: Path, address: str) -> None:
        self.home, self.address = home, address
        self.spool = Spool(home / "spool", segment_bytes=50_000)
        self.lines = Lines()
        self.added = Added()
        self.opened: Callable[[], Any] = lambda: open_calls(address)
        self.routing: Callable[[], Store | None] = lambda: None
        self.drain: Drain | None = None

    def counted(self, added: Added, _: int) -> None:
        for name in ("stored", "doubled", "raw"):
            setattr(self.added, name, getattr(self.added, name) + getattr(added, name))

    def start(self, **more: Any) -> Drain:
        self.drain = Drain(
            self.spool, lambda: self.opened(), lambda: self.routing(), self.counted, self.lines,
            **more,
        )  # fmt: skip
        self.drain.start()
        return self.drain

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < end, self.lines.lines
            time.sleep(0.02)

    def stored(self) -> int:
        store = open_calls(self.address)
        try:
            return store.count(CallFilter())
        finally:
            store.close()


@pytest.fixture
def bench(tmp_path: Path, address: str) -> Any:
    made = Bench(tmp_path, address)
    yield made
    if made.drain is not None:
        made.drain.stop()
    made.spool.close()


def test_all_of_it_once_and_again_after_a_restart(bench: Bench) -> None:
    bench.spool.append(rows(300))
    drain = bench.start()
    bench.until(lambda: bench.added.stored == 300)
    drain.stop()
    bench.spool.append(rows(50))
    bench.start()
    bench.until(lambda: bench.added.stored == 350)
    assert (bench.stored(), bench.added.doubled) == (350, 0)
    assert bench.spool.waiting_bytes(bench.drain.position) == 0 if bench.drain else False


def test_records_wait_while_the_store_is_away(bench: Bench) -> None:
    def away() -> Any:
        raise StoreError("cdr.db: cannot be opened")

    bench.opened = away
    drain = bench.start()
    bench.spool.append(rows(100))
    bench.until(lambda: "cannot be opened" in drain.failing)
    assert bench.spool.waiting_bytes(drain.position) > 0
    assert drain.oldest
    bench.opened = lambda: open_calls(bench.address)
    bench.until(lambda: bench.added.stored == 100)
    bench.until(lambda: not drain.failing)
    assert any("answers again" in line for line in bench.lines.lines)


@pytest.mark.postgres
def test_postgresql_is_killed_again_and_again(tmp_path: Path) -> None:
    """SIGKILL of the postmaster at any moment; the drain is begun anew now and then as well."""
    why = missing()
    if why is not None:
        pytest.skip(why)
    server = Postgres()
    server.start()
    bench = Bench(tmp_path, server.database("calls"))
    total, kills, source = 0, 0, random.Random(6)
    try:
        bench.start()
        stop = time.monotonic() + 6
        # A server takes seconds to start where the machine has much to do.
        while time.monotonic() < stop or kills < 2:
            bench.spool.append(rows(200))
            total += 200
            if source.random() < 0.3:
                time.sleep(source.uniform(0, 0.15))
                server.kill()
                kills += 1
                if source.random() < 0.3 and bench.drain is not None:
                    bench.drain.stop()
                    bench.start()
                server.start()
            time.sleep(0.05)
        server.start() if not server.running else None
        bench.until(lambda: bench.stored() == total)
        assert kills >= 2
        store = open_calls(bench.address)
        uuids = [call["uuid"] for call in store.calls(CallFilter())]
        assert len(uuids) == len(set(uuids)) == total
        (row,) = make_report(store, "accounts", CallFilter()).rows
        assert row["calls"] == total
        store.close()
    finally:
        if bench.drain is not None:
            bench.drain.stop()
        bench.spool.close()
        server.stop()


def test_a_store_that_another_process_holds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, str(tmp_path))
    monkeypatch.setattr("vnroute.store.sqlite_connection.BUSY_SECONDS", 0.1)
    open_calls(bench.address).close()
    held = sqlite3.connect(bench.home / "cdr.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    drain = bench.start()
    bench.spool.append(rows(10))
    bench.until(lambda: bool(drain.failing))
    held.execute("ROLLBACK")
    held.close()
    bench.until(lambda: bench.added.stored == 10)
    drain.stop()
    bench.spool.close()


def test_a_record_that_breaks_the_store_is_set_aside_and_the_rest_stored(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SqlCallStore.add

    def picky(self: SqlCallStore, spool: str, position: Any, calls: Any, *more: Any) -> Added:
        if any(rated.call.caller_name == "Bad" for rated in calls):
            raise OverflowError("too large for the database")
        return real(self, spool, position, calls, *more)

    monkeypatch.setattr(SqlCallStore, "add", picky)
    bench.spool.append(rows(5) + rows(1, name="Bad") + rows(5))
    bench.start()
    bench.until(lambda: bench.added.stored == 10)
    assert bench.added.raw == 1
    assert any("too large for the database" in line for line in bench.lines.lines)


def test_a_value_that_the_database_refuses_is_set_aside(bench: Bench) -> None:
    now = time.time_ns() // 1000
    call = read_record(record(), now)
    # No NUL comes through the reader; PostgreSQL takes none in text, SQLite takes it as it is.
    odd = msgspec.structs.replace(call, uuid="odd", switch="a\0b")
    bench.spool.append(
        [encode_record(KIND_CALL, now, msgspec.msgpack.encode(each)) for each in (odd, call)]
    )
    bench.start()
    bench.until(lambda: bench.added.stored + bench.added.raw == 2)
    assert bench.added.raw == (1 if bench.address.startswith("postgresql") else 0)


def test_raw_unreadable_and_damaged_records_stop_nothing(bench: Bench) -> None:
    good = rows(2)
    bench.spool.append(
        [good[0], encode_record(KIND_RAW, 5, b"{}"), encode_record(KIND_CALL, 5, b"junk"), good[1]]
    )
    path = bench.spool.directory / segment_name(1)
    data = bytearray(path.read_bytes())
    data[40] ^= 1  # in the head of the first
    path.write_bytes(data)
    bench.start()
    bench.until(lambda: bench.added.stored == 1)
    assert bench.added.raw == 2
    assert any("damaged bytes" in line for line in bench.lines.lines)


def test_calls_are_rated_by_the_routing_stores_decks(bench: Bench, tmp_path: Path) -> None:
    from vnroute.importing import Input, load
    from vnroute.store import open_store

    file = tmp_path / "routes.yaml"
    file.write_text(
        """
accounts: [{id: acme}]
carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA, format: "00{e164_digits}#"}]}]
rates: [{prefix: "+1212", carrier: alpha, rate: "0.0060"}]
"""
    )
    store = open_store(tmp_path)
    load(store, [Input(str(file))], replace=False, max_hops=5)
    store.close()
    bench.routing = lambda: open_store(tmp_path)
    bench.spool.append(rows(1, dialled="0012125550100#", talk=90, gateways="alpha-1"))
    bench.start()
    bench.until(lambda: bench.added.stored == 1)
    calls = open_calls(bench.address)
    (found,) = calls.calls(CallFilter())
    calls.close()
    assert (found["legs"][0]["carrier"], found["legs"][0]["prefix"]) == ("alpha", "1212")
    assert found["cost"] == 900_000


def test_a_routing_store_that_fails_stops_no_call(bench: Bench) -> None:
    def away() -> Store:
        raise StoreError("routing.db: damaged")

    bench.routing = away
    bench.spool.append(rows(3))
    bench.start()
    bench.until(lambda: bench.added.stored == 3)
    assert any("decks cannot be read" in line for line in bench.lines.lines)


def test_old_calls_are_removed(bench: Bench) -> None:
    bench.spool.append(rows(2, started=time.time() - 86400 * 20) + rows(3))
    bench.start(keep_days=10)
    bench.until(lambda: bench.added.stored == 5)
    bench.until(lambda: any("old calls removed" in line for line in bench.lines.lines))
    assert bench.stored() == 3
