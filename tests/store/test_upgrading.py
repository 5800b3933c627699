"""Migrations say what they do, where a person can see it; a new database is made in silence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from vnroute.calls.opening import open_calls
from vnroute.store import upgrading
from vnroute.store.sqlite_connection import Connection


def test_an_old_database_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_calls(tmp_path).close()
    assert capsys.readouterr().err == ""
    database = sqlite3.connect(tmp_path / "cdr.db")
    (newest,) = database.execute("SELECT max(version) FROM schema_version").fetchone()
    for table in ("packed_calls", "unpacked", "account_days", "leg_records"):
        database.execute(f"DROP TABLE {table}")
    database.execute("DELETE FROM schema_version WHERE version >= 6")
    database.commit()
    database.close()
    open_calls(tmp_path).close()
    told = capsys.readouterr()
    assert told.out == ""
    for words in ("is brought up to date", "migrated", "is up to date", "cdr.db", str(newest)):
        assert words in told.err
    open_calls(tmp_path).close()
    assert capsys.readouterr().err == ""


def test_a_long_statement_says_that_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "_BEAT_SECONDS", 0.0)
    connection = Connection(tmp_path / "some.db")
    upgrade = upgrading.Upgrade("some.db", 3, 4)
    upgrade.step(4)
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500000) "
    with connection.watched(upgrade.beat):
        assert connection.row(f"{count}SELECT max(i) FROM n") == (500_000,)
    assert "still bringing it up to date" in capsys.readouterr().err
    assert connection.row(f"{count}SELECT max(i) FROM n") == (500_000,)
    assert capsys.readouterr().err == ""
    connection.close()
