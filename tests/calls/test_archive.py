"""The archive: every call once, in the store or in a file, whatever is killed; sums stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.calls.support import record
from vnroute.calls.archive import archive
from vnroute.calls.base import CallFilter, GatewayRow
from vnroute.calls.opening import open_calls
from vnroute.calls.rating import Rater
from vnroute.calls.reading import read_record
from vnroute.calls.record import Call
from vnroute.calls.reports import make_report
from vnroute.calls.spool_format import Position

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
    assert sorted(path.suffix for path in place.iterdir()) == [".parquet"] * 3
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
