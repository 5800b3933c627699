"""Users, keys and sessions."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vnroute.access.identity import ROLES, Identity
from vnroute.access.owner import is_owners, owner, owners_key
from vnroute.access.store import SESSION_SECONDS, AccessStore
from vnroute.model import FieldError
from vnroute.store import StoreError

PASSWORD = "correct horse battery staple"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(tmp_path: Path, clock: Clock) -> Iterator[AccessStore]:
    opened = AccessStore(tmp_path / "home", clock)
    yield opened
    opened.close()


def test_a_password_opens_only_its_own_user(access: AccessStore) -> None:
    access.add_user("ana", "operator", "acme", PASSWORD)
    access.add_user("bob", "viewer", "", PASSWORD + "!")
    ana = Identity(name="ana", role="operator", account="acme", how="password")
    assert access.by_password("ana", PASSWORD) == ana
    for name, password in (("ana", PASSWORD + "!"), ("bob", PASSWORD), ("eve", PASSWORD), ("", "")):
        assert access.by_password(name, password) is None
    assert access.by_password("ana", PASSWORD + "x" * 10_000) is None


@pytest.mark.parametrize(
    ("name", "role", "account", "password", "field"),
    [
        ("", "viewer", "", PASSWORD, "id"),
        ("a b", "viewer", "", PASSWORD, "id"),
        ("owner", "viewer", "", PASSWORD, "id"),
        ("ana", "root", "", PASSWORD, "role"),
        ("ana", "viewer", "a b", PASSWORD, "account"),
        ("ana", "viewer", "", "short", "password"),
        ("ana", "viewer", "", "x" * 257, "password"),
    ],
)
def test_what_is_no_user_is_refused(
    access: AccessStore, name: str, role: str, account: str, password: str, field: str
) -> None:
    with pytest.raises(FieldError) as caught:
        access.add_user(name, role, account, password)
    assert caught.value.field == field
    assert access.list_users() == []


def test_a_name_is_taken_once(access: AccessStore) -> None:
    access.add_user("ana", "viewer", "", PASSWORD)
    with pytest.raises(FieldError, match="taken"):
        access.add_user("ana", "admin", "", PASSWORD)
    access.add_key("ana", "viewer", "")  # a key may bear a user's name
    with pytest.raises(FieldError, match="taken"):
        access.add_key("ana", "admin", "")
    assert [user.role for user in access.list_users()] == ["viewer"]


def test_a_key_opens_until_it_ends_or_is_removed(access: AccessStore, clock: Clock) -> None:
    _, forever = access.add_key("ci", "viewer", "acme")
    _, hour = access.add_key("once", "operator", "", 3600)
    assert access.by_key(forever) == Identity(name="ci", role="viewer", account="acme", how="key")
    assert access.by_key(hour) is not None
    clock.now += 3600
    assert access.by_key(hour) is None and access.by_key(forever) is not None
    assert access.remove_key("ci") and not access.remove_key("ci")
    assert access.by_key(forever) is None
    for wrong in ("", "vnr_", forever[:-1], hour + "x", "\udcff"):
        assert access.by_key(wrong) is None


def test_when_a_key_was_used_is_noted(access: AccessStore, clock: Clock) -> None:
    _, secret = access.add_key("ci", "viewer", "")
    assert access.list_keys()[0].used == 0
    clock.now += 100
    access.by_key(secret)
    assert access.list_keys()[0].used == int(clock.now)


def test_a_session_lasts_a_shift_and_ends_with_what_opened_it(
    access: AccessStore, clock: Clock
) -> None:
    access.add_user("ana", "operator", "", PASSWORD)
    _, key = access.add_key("ci", "viewer", "")
    ana, ci = access.by_password("ana", PASSWORD), access.by_key(key)
    assert ana is not None and ci is not None
    first, second, third = (access.open_session(who) for who in (ana, ana, ci))
    assert access.by_session(first) == ana and access.by_session(third) == ci
    access.close_session(first)
    assert access.by_session(first) is None and access.by_session(second) == ana
    access.change_user("ana", role="viewer")
    assert access.by_session(second) is None
    access.remove_key("ci")
    assert access.by_session(third) is None
    last = access.open_session(ana)
    clock.now += SESSION_SECONDS
    assert access.by_session(last) is None


def test_a_user_is_changed_and_removed(access: AccessStore) -> None:
    access.add_user("ana", "viewer", "", PASSWORD)
    changed = access.change_user("ana", role="admin", account="acme", password=PASSWORD * 2)
    assert changed is not None and (changed.role, changed.account) == ("admin", "acme")
    assert access.by_password("ana", PASSWORD) is None
    assert access.by_password("ana", PASSWORD * 2) is not None
    assert access.change_user("eve", role="viewer") is None
    assert access.remove_user("ana") and not access.remove_user("ana")


def test_no_secret_rests_in_the_database(access: AccessStore, tmp_path: Path) -> None:
    access.add_user("ana", "viewer", "", PASSWORD)
    _, key = access.add_key("ci", "viewer", "")
    ana = access.by_password("ana", PASSWORD)
    assert ana is not None
    session = access.open_session(ana)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home").iterdir())
    for secret in (PASSWORD, key, session):
        assert secret.encode() not in kept
    assert os.stat(tmp_path / "home" / "access.db").st_mode & 0o077 == 0


def test_threads_may_share_it(access: AccessStore) -> None:
    _, secret = access.add_key("ci", "viewer", "")
    found: list[Identity | None] = []

    def ask() -> None:
        found.extend(access.by_key(secret) for _ in range(200))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 800 and None not in found


def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "access.db").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="no SQLite database"):
        AccessStore(tmp_path)


def test_roles_include_those_before_them() -> None:
    for mine, role in enumerate(ROLES):
        who = Identity(name="x", role=role)
        assert [who.is_at_least(other) for other in ROLES] == [i <= mine for i in range(3)]
    limited = Identity(name="x", role="admin", account="acme")
    assert limited.sees("acme") and not limited.sees("other") and not limited.sees("")
    assert owner().sees("anything")


def test_the_owners_key_is_made_once_for_its_user_alone(tmp_path: Path) -> None:
    key = owners_key(tmp_path / "state")
    assert owners_key(tmp_path / "state") == key and len(key) > 40
    assert os.stat(tmp_path / "state" / "owner.key").st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["owner.key"]
    assert is_owners(key, key) and not is_owners(key[:-1], key) and not is_owners("\udcff", key)
    with pytest.raises(OSError):
        owners_key(tmp_path / "other", create=False)
