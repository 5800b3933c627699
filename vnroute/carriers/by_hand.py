"""Gateways that people have taken out of service, in a file: it survives every restart.

``drained.json`` in the state directory, written whole and renamed into place, so that a reader
sees one version of it. The command line and the API write it; the process that judges gateways
looks at it several times a second.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import msgspec

from vnroute.files import write_whole

__all__ = ["ByHand", "Drained"]


class Drained(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A gateway that takes no new calls: since when (Unix seconds), by whom and why."""

    gateway: str
    since: float
    by: str = ""
    why: str = ""


class _File(msgspec.Struct, frozen=True):
    drained: tuple[Drained, ...] = ()


class ByHand:
    """The file, in a directory that is made where it is not there."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "drained.json"
        self._seen: tuple[int, int] | None = None
        self._read: dict[str, Drained] = {}

    def all(self) -> dict[str, Drained]:
        """Return what is drained, by gateway.

        Raises OSError where the file cannot be read, ValueError with its name where it is damaged.
        """
        try:
            there = self._path.stat()
        except FileNotFoundError:
            self._seen, self._read = None, {}
            return self._read
        seen = (there.st_mtime_ns, there.st_ino)
        if seen != self._seen:
            try:
                content = msgspec.json.decode(self._path.read_bytes(), type=_File)
            except msgspec.DecodeError as error:
                raise ValueError(f"{self._path}: {error}") from None
            self._read = {entry.gateway: entry for entry in content.drained}
            self._seen = seen
        return self._read

    def drain(self, gateways: list[str], by: str = "", why: str = "") -> list[str]:
        """Take gateways out of service; return those that were in it."""
        with _Writing(self._path):
            there = dict(self.all())
            new = [gateway for gateway in gateways if gateway not in there]
            for gateway in new:
                there[gateway] = Drained(gateway=gateway, since=time.time(), by=by, why=why)
            self._write(there)
        return new

    def restore(self, gateways: list[str]) -> list[str]:
        """Give gateways back to service; return those that were out of it."""
        with _Writing(self._path):
            there = dict(self.all())
            gone = [gateway for gateway in gateways if there.pop(gateway, None) is not None]
            self._write(there)
        return gone

    def _write(self, entries: dict[str, Drained]) -> None:
        write_whole(self._path, msgspec.json.encode(_File(tuple(entries.values()))))


class _Writing:
    """The lock that writers hold, beside the file: the file itself is replaced."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._name = path.parent / f".{path.name}.lock"

    def __enter__(self) -> None:
        self._lock = os.open(self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)
