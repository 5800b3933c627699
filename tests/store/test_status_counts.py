"""The status counts the store's rows when they have changed, and not all the time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from vnroute import status
from vnroute.model import Account
from vnroute.settings import load_settings
from vnroute.store import open_store


def test_rows_are_counted_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    def clock() -> float:
        nonlocal now
        now += 0.25  # what a count takes, for it looks before and after
        return now

    monkeypatch.setattr(status, "time", SimpleNamespace(monotonic=clock))
    reader = status.StatusReader(load_settings(None, {"VNROUTE_HOME": str(tmp_path)})[0])
    store = open_store(tmp_path)

    def put(*names: str) -> int:
        with store.transaction("test", "test") as writing:
            writing.put_accounts([Account(id=name) for name in names])
        return store.change_counter()

    first = put("a", "b")
    told = reader.store()
    assert told and (told["accounts"], told["counted_at"]) == (2, first)
    second = put("c")
    told = reader.store()
    assert told and (told["accounts"], told["counted_at"]) == (2, first)
    assert told["change_counter"] == second, "whether the image is stale is told at once"
    now += 20 * 0.25
    told = reader.store()
    assert told and (told["accounts"], told["counted_at"]) == (3, second)
    store.close()
