"""The database of users, keys and sessions in vnroute's home (``access.db``)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from vnroute.access.identity import Identity, Role, check_name, check_role
from vnroute.access.secrets import check_password, digest, hash_password, new_secret, password_fits
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError
from vnroute.store.base import StoreError
from vnroute.store.sqlite_connection import Connection
from vnroute.store.sqlite_schema import Schema, bring_up_to_date

__all__ = ["ACCESS", "DATABASE_NAME", "SESSION_SECONDS", "AccessStore", "Key", "User"]

ACCESS = Schema(
    "vnroute.access.migrations", 0x766E6163, "no database of vnroute's users; move it away"
)
"""``vnac`` in the file's header (sqlite.org/fileformat2.html)."""

DATABASE_NAME = "access.db"
SESSION_SECONDS = 12 * 3600
"""How long a session of the console lasts: a shift."""

_USED_EVERY = 60
"""Seconds between two notes of a key's use: a write for each request would be none of its worth."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person with a password. Times are Unix seconds."""

    id: str
    role: Role
    account: str
    created: int


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a program; ``expires`` and ``used`` are 0 for never."""

    id: str
    role: Role
    account: str
    created: int
    expires: int
    used: int


class AccessStore:
    """Users, keys and sessions. Any thread may use it; each use is short.

    Raises :class:`vnroute.store.StoreError` where the database cannot be opened or written.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        path = home / DATABASE_NAME
        try:
            home.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        except OSError as error:
            raise StoreError(f"{path}: cannot be made ({error.strerror})") from error
        self._clock = clock
        self._lock = threading.Lock()
        self._db = Connection(path)
        try:
            bring_up_to_date(self._db, ACCESS)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    # Users

    def list_users(self) -> list[User]:
        """Return all users, by id."""
        with self._lock:
            rows = list(self._db.rows("SELECT id, role, account, created FROM users ORDER BY id"))
        return [User(id=i, role=r, account=a, created=c) for i, r, a, c in rows]

    def add_user(self, name: str, role: str, account: str, password: str) -> User:
        """Add a user. Raises :class:`FieldError` for a bad or taken name, role or password."""
        check_name(name)
        hashed = hash_password(check_password(password))
        user = User(id=name, role=check_role(role), account=_account(account), created=self._now())
        row = (user.id, user.role, user.account, hashed, user.created)
        self._insert("INSERT OR IGNORE INTO users VALUES (?, ?, ?, ?, ?)", row, name)
        return user

    def change_user(
        self, name: str, *, role: str | None = None, account: str | None = None,
        password: str | None = None,
    ) -> User | None:  # fmt: skip
        """Change a user and end their sessions; None where there is none of that name."""
        sets: list[tuple[str, Any]] = []
        if role is not None:
            sets.append(("role", check_role(role)))
        if account is not None:
            sets.append(("account", _account(account)))
        if password is not None:
            sets.append(("password", hash_password(check_password(password))))
        with self._lock:
            for column, value in sets:
                self._db.execute(f"UPDATE users SET {column} = ? WHERE id = ?", (value, name))
            self._db.execute("DELETE FROM sessions WHERE user = ?", (name,))
            row = self._db.row("SELECT role, account, created FROM users WHERE id = ?", (name,))
        return row and User(id=name, role=row[0], account=row[1], created=row[2])

    def remove_user(self, name: str) -> bool:
        """Remove a user and their sessions; False where there is none of that name."""
        with self._lock:
            self._db.execute("DELETE FROM sessions WHERE user = ?", (name,))
            return self._db.execute("DELETE FROM users WHERE id = ?", (name,)).rowcount > 0

    # Keys

    def list_keys(self) -> list[Key]:
        """Return all keys, by id, without their secrets."""
        query = "SELECT id, role, account, created, expires, used FROM keys ORDER BY id"
        with self._lock:
            rows = list(self._db.rows(query))
        return [
            Key(id=i, role=r, account=a, created=c, expires=e, used=u) for i, r, a, c, e, u in rows
        ]

    def add_key(self, name: str, role: str, account: str, seconds: int = 0) -> tuple[Key, str]:
        """Add a key for so many seconds, 0 for good; return it and its secret, told only here."""
        check_name(name)
        if seconds < 0:
            raise FieldError("seconds", str(seconds), "0 or more")
        now = self._now()
        key = Key(
            id=name, role=check_role(role), account=_account(account), created=now,
            expires=now + seconds if seconds else 0, used=0,
        )  # fmt: skip
        secret = new_secret()
        row = (key.id, key.role, key.account, digest(secret), key.created, key.expires, 0)
        self._insert("INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)", row, name)
        return key, secret

    def remove_key(self, name: str) -> bool:
        """Remove a key; False where there is none of that name."""
        with self._lock:
            self._db.execute("DELETE FROM sessions WHERE user = '' AND name = ?", (name,))
            return self._db.execute("DELETE FROM keys WHERE id = ?", (name,)).rowcount > 0

    def by_key(self, secret: str) -> Identity | None:
        """Return who holds a key, None for a secret that opens nothing (any more)."""
        now = self._now()
        with self._lock:
            row = self._db.row(
                "SELECT id, role, account, expires, used FROM keys WHERE secret = ?",
                (digest(secret),),
            )
            if row is None or 0 < row[3] <= now:
                return None
            if now - row[4] >= _USED_EVERY:
                self._db.execute("UPDATE keys SET used = ? WHERE id = ?", (now, row[0]))
        return Identity(name=row[0], role=row[1], account=row[2], how="key")

    # Sessions

    def by_password(self, name: str, password: str) -> Identity | None:
        """Return the user whose name and password these are; as slow for a wrong name."""
        with self._lock:
            row = self._db.row("SELECT role, account, password FROM users WHERE id = ?", (name,))
        if not password_fits(row[2] if row else "", password) or row is None:
            return None
        return Identity(name=name, role=row[0], account=row[1], how="password")

    def open_session(self, identity: Identity) -> str:
        """Return the secret of a new session for one who has proven who they are."""
        secret, now = new_secret(), self._now()
        user = identity.name if identity.how == "password" else ""
        with self._lock:
            self._db.execute("DELETE FROM sessions WHERE expires <= ?", (now,))
            self._db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
                (digest(secret), user, identity.name, identity.role, identity.account, now,
                 now + SESSION_SECONDS),
            )  # fmt: skip
        return secret

    def by_session(self, secret: str) -> Identity | None:
        """Return whose session it is, None for one that is over."""
        with self._lock:
            row = self._db.row(
                "SELECT user, name, role, account FROM sessions WHERE secret = ? AND expires > ?",
                (digest(secret), self._now()),
            )
        if row is None:
            return None
        user, name, role, account = row
        return Identity(name=name, role=role, account=account, how="password" if user else "key")

    def close_session(self, secret: str) -> None:
        """End a session."""
        with self._lock:
            self._db.execute("DELETE FROM sessions WHERE secret = ?", (digest(secret),))

    def _now(self) -> int:
        return int(self._clock())

    def _insert(self, query: str, row: tuple[Any, ...], name: str) -> None:
        with self._lock:
            if self._db.execute(query, row).rowcount == 0:
                raise FieldError("id", f"{name!r}, which is taken", "a name of its own")


def _account(text: str) -> str:
    return check_id(text, "account") if text else ""
