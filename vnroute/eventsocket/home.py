"""Which supervisor serves from a home directory: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

__all__ = ["AlreadyServing", "hold_home", "home_is_held"]

_NAME = "serve.pid"


class AlreadyServing(Exception):
    """Another supervisor serves from the same home directory."""


def hold_home(state: Path) -> IO[str]:
    """Take the lock that one supervisor a home directory holds; keep the file open to keep it.

    Raises :class:`AlreadyServing` with the other's process id.
    """
    state.mkdir(parents=True, exist_ok=True)
    lock = open(state / _NAME, "a+")  # noqa: SIM115 - held for the process's life
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        pid = lock.read().strip() or "unknown"
        lock.close()
        raise AlreadyServing(f"process {pid} serves from {state.parent} already") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def home_is_held(state: Path) -> bool:
    """Whether a supervisor holds the lock now."""
    try:
        lock = open(state / _NAME)  # noqa: SIM115 - closed below
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
