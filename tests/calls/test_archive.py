"""The archive: every call once, in the store or in a file, whatever is killed; sums stay."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

import pytest

from tests.calls.support import record
from vnroute.calls.archive import archive
from vnroute.calls.archiving import Archiver
from vnroute.calls.base import CallFilter, GatewayRow
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.reading import read_record
from vnroute.calls.record import Call
from vnroute.calls.reports import make_report
from vnroute.calls.spool_format import Position
from vnroute.store import StoreError

duckdb = pytest.importorskip("duckdb")

DAY = 1_795_392_000.0  # 2026-11-23 00:00 UTC


def call(days: int, name: str) -> Call:
    body = record(started=DAY + 86400 * days, call=name, gateways="alpha-1", campaign="spring")
    return read_record(body, int((DAY + 600) * 1e6))


def test_days_become_files_and_reports_stay(address: str, tmp_path: Path) -> None:
    store = open_calls(address)
    store.put_decks(1, 0, [], [GatewayRow("alpha-1", "alpha", "", "")])
    rater = Rater(store)

    def put(at: int, *calls: Call) -> int:
        rated = [rater.rated(each) for each in calls]
        return store.add("spool", Position(1, at), rated).stored

    assert put(1, call(-2, "a"), call(-1, "b"), call(-2, "c"), call(0, "d")) == 4
    before = make_report(store, "campaigns", CallFilter(20261101, 20261130)).rows
    place = tmp_path / "it's here"
    files = list(archive(store, place, 20261123))
    assert [(file.day, file.calls) for file in files] == [(20261121, 2), (20261122, 1)]
    assert [each["uuid"] for each in store.calls(CallFilter())] == ["d"]
    assert make_report(store, "campaigns", CallFilter(20261101, 20261130)).rows == before
    assert put(2, call(-2, "a")) == 0  # it is known, though it is in the archive
    assert put(3, call(-2, "late")) == 1
    (late,) = archive(store, place, 20261123)
    assert (late.day, late.calls) == (20261121, 1)
    assert list(archive(store, place, 20261123)) == []
    pattern = f"{place}/calls-*.parquet"
    found = duckdb.sql(
        "SELECT uuid, campaign, legs[1].carrier FROM read_parquet($pattern) ORDER BY uuid",
        params={"pattern": pattern},
    ).fetchall()
    assert found == [(name, "spring", "alpha") for name in ("a", "b", "c", "late")]
    assert sorted(path.suffix for path in place.iterdir()) == ["", *[".parquet"] * 3]  # a lock
    store.close()


@pytest.mark.parametrize("broken", ["before", "within"])
def test_an_archive_that_is_killed_is_run_again(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    store = open_calls(address)
    rater = Rater(store)
    calls = [rater.rated(call(-2, f"u{at}")) for at in range(5)]
    store.add("spool", Position(1, 1), calls)
    real = type(store).archived

    def killed(self: object, day: int, last: int) -> None:
        if broken == "within":
            real(self, day, last - 2)  # type: ignore[arg-type]
            with store._db.transaction():  # type: ignore[attr-defined]
                store._db.execute("UPDATE days SET archived = ?", (last,))  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(type(store), "archived", killed)
    with pytest.raises(KeyboardInterrupt):
        list(archive(store, tmp_path / "files", 20261123))
    monkeypatch.undo()
    list(archive(store, tmp_path / "files", 20261123))
    assert store.count(CallFilter()) == 0
    rows = duckdb.sql(f"SELECT uuid FROM '{tmp_path}/files/*.parquet'").fetchall()
    assert sorted(rows) == [(f"u{at}",) for at in range(5)]
    store.close()


class _Silent:
    def __getattr__(self, level: str) -> Any:
        return lambda *words, **fields: None


def test_what_is_old_is_archived_by_itself_and_old_files_go(address: str, tmp_path: Path) -> None:
    store = open_calls(address)
    rater = Rater(store)
    calls = [rater.rated(call(-days, f"d{days}")) for days in range(10)]
    store.add("spool", Position(1, 1), calls)
    place = tmp_path / "files"
    archiver = Archiver(lambda: open_calls(address), place, 3, 6, _Silent())
    archiver.look(DAY + 3600)
    assert archiver.archived == 6
    assert sorted(each["uuid"] for each in store.calls(CallFilter())) == ["d0", "d1", "d2", "d3"]
    rows = duckdb.sql(f"SELECT uuid FROM '{place}/*.parquet'").fetchall()
    assert sorted(rows) == [("d4",), ("d5",), ("d6",)]  # those of more than six days ago are gone
    (place / "calls-20200101-1.parquet.txt").write_text("somebody else's")
    archiver.look(DAY + 3600 + 86400)
    rows = duckdb.sql(f"SELECT uuid FROM '{place}/*.parquet'").fetchall()
    assert sorted(rows) == [("d3",), ("d4",), ("d5",)]
    assert (place / "calls-20200101-1.parquet.txt").exists()
    store.close()


def test_two_do_not_archive_at_once(address: str, tmp_path: Path) -> None:
    store = open_calls(address)
    with open(tmp_path / "lock", "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another process archives there"):
            list(archive(store, tmp_path, 20261123))
    assert list(archive(store, tmp_path, 20261123)) == []
    store.close()


def test_an_archive_that_cannot_be_written_is_told_and_stops_nothing(
    address: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    archiver = Archiver(lambda: open_calls(address), tmp_path / "file", 3, 0, _Silent())
    archiver.start()
    while not archiver.failing:
        assert archiver._thread.is_alive()
        archiver._thread.join(0.02)
    assert archiver._thread.is_alive()
    archiver.stop()
    assert not archiver._thread.is_alive()
