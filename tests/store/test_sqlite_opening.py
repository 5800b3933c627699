"""What is taken for a store, and what is not."""

import os
import sqlite3
from pathlib import Path

import pytest

from vnroute.model import Account
from vnroute.store import StoreError, open_store
from vnroute.store.sqlite_schema import APPLICATION_ID, migrations


def test_a_new_store_is_empty_and_at_the_newest_version(tmp_path: Path) -> None:
    store = open_store(tmp_path / "a" / "home")
    assert store.location == str(tmp_path / "a" / "home" / "routing.db")
    assert set(vars_of(store.counts())) == {0}
    assert store.change_counter() == 0
    store.close()
    raw = sqlite3.connect(tmp_path / "a" / "home" / "routing.db")
    versions = [version for (version,) in raw.execute("SELECT version FROM schema_version")]
    assert versions == [version for version, _ in migrations()]
    assert raw.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


def vars_of(counts: object) -> list[int]:
    return [getattr(counts, name) for name in counts.__struct_fields__]  # type: ignore[attr-defined]


def test_a_url_names_the_file(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x%20y.db")
    store.close()
    assert (tmp_path / "x y.db").exists()


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://secret@host/db"])
def test_other_urls_are_refused_without_their_secrets(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_what_is_stored_is_there_again(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.transaction("test") as writing:
        writing.put_accounts([Account(id="acme")])
    store.close()
    store = open_store(tmp_path, create=False)
    assert store.accounts() == [Account(id="acme")]
    store.close()


def test_a_store_that_is_not_there_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store there yet"):
        open_store(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    raw = sqlite3.connect(tmp_path / "routing.db")
    raw.execute("INSERT INTO schema_version VALUES (999, 'tomorrow')")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match="schema version 999, written by a newer vnroute"):
        open_store(tmp_path)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "routing.db")
    raw.execute("CREATE TABLE schema_version (version)")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path)
    raw = sqlite3.connect(tmp_path / "routing.db")
    assert raw.execute("SELECT name FROM sqlite_schema").fetchall() == [("schema_version",)]
    raw.close()


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "routing.db").write_text("accounts:\n" * 500)
    with pytest.raises(StoreError, match="no SQLite database"):
        open_store(tmp_path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.transaction("test") as writing:
        writing.put_accounts([Account(id=f"a{i}", name="x" * 150) for i in range(2000)])
    store.close()
    path = tmp_path / "routing.db"
    data = bytearray(path.read_bytes())
    data[4096 : len(data) - 4096] = os.urandom(len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"damaged|malformed|another program"):
        opened = open_store(tmp_path)
        opened.accounts()


def test_a_damaged_document_is_told(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.transaction("test") as writing:
        writing.put_accounts([Account(id="acme")])
    store.close()
    raw = sqlite3.connect(tmp_path / "routing.db")
    raw.execute("""UPDATE accounts SET document = '{"id": 5}'""")
    raw.commit()
    raw.close()
    store = open_store(tmp_path)
    with pytest.raises(StoreError, match=r"accounts 'acme' is damaged"):
        store.accounts()
    store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be"):
        open_store(tmp_path / "home")


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(tmp_path / "home" / "deeper")
