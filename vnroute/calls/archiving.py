"""The archive by itself: what is older than so many days moves into files, and old files go.

A thread of its own with a connection of its own, in small steps, so that CDRs are stored between
two of them. It looks once in ten minutes, since a day ends once a day.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vnroute.calls.archive import archive
from vnroute.calls.base import CallStore
from vnroute.calls.days import day_before
from vnroute.store import StoreError

__all__ = ["Archiver"]

_LOOK_SECONDS = 600.0
_FILE = re.compile(r"calls-(\d{8})-\d+\.parquet", re.ASCII)


class Archiver:
    """Archives calls of days more than ``after_days`` ago into ``directory``.

    Files of days more than ``keep_days`` ago are removed; 0 keeps them for ever.
    """

    def __init__(
        self,
        open_calls: Callable[[], CallStore],
        directory: Path,
        after_days: int,
        keep_days: int,
        logger: Any,
    ) -> None:
        self._open_calls, self._directory = open_calls, directory
        self._after_days, self._keep_days = after_days, keep_days
        self._logger = logger
        self._stop = threading.Event()
        self.archived = 0
        """Calls moved into files since this process began."""
        self.failing = ""
        """Why the last look failed; empty where it did not."""
        self._thread = threading.Thread(target=self._run, name="cdr-archive", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """End after the file at hand. A process that ends before that harms nothing."""
        self._stop.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look(time.time())
                self.failing = ""
            except (StoreError, OSError) as error:
                if str(error) != self.failing:
                    self._logger.error("calls cannot be archived", error=str(error))
                self.failing = str(error)
            self._stop.wait(_LOOK_SECONDS)

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
