"""The archive by itself: what is older than so many days moves into files, and old files go.

A thread of its own with a connection of its own, in small steps, so that CDRs are stored between
two of them. It looks once in ten minutes, since a day ends once a day.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vnroute.calls.archive import archive
from vnroute.calls.base import CallStore
from vnroute.calls.days import day_before
from vnroute.calls.turns import Turns

__all__ = ["Archiver"]

_FIRST_WAIT = 60.0
_FILE = re.compile(r"calls-(\d{8})-\d+\.parquet", re.ASCII)


class Archiver(Turns):
    """Archives calls of days more than ``after_days`` ago into ``directory``.

    Files of days more than ``keep_days`` ago are removed; 0 keeps them for ever.
    """

    fails = "calls cannot be archived"
    well = "calls are archived again"
    look_seconds = longest_wait = 600.0

    def __init__(
        self,
        open_calls: Callable[[], CallStore],
        directory: Path,
        after_days: int,
        keep_days: int,
        logger: Any,
    ) -> None:
        super().__init__("cdr-archive", logger, _FIRST_WAIT)
        self._open_calls, self._directory = open_calls, directory
        self._after_days, self._keep_days = after_days, keep_days
        self.archived = 0
        """Calls moved into files since this process began."""

    def turn(self) -> bool:
        """Archive and remove what is due now."""
        self.look(time.time())
        return False

    def look(self, now: float) -> None:
        """Archive and remove what is due. Raises StoreError, OSError."""
        store = self._open_calls()
        try:
            for file in archive(store, self._directory, day_before(self._after_days, now)):
                self.archived += file.calls
                self._logger.info("calls archived", file=str(file.path), calls=file.calls)
                if self._stop.is_set():
                    return
        finally:
            store.close()
        if self._keep_days:
            before = day_before(self._keep_days, now)
            for path in sorted(self._directory.iterdir()):
                match = _FILE.fullmatch(path.name)
                if match and int(match[1]) < before:
                    path.unlink()
                    self._logger.info("an archive file removed", file=str(path))
