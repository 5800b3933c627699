"""Telling of migrations while they are made: an index over millions of calls takes a minute."""

from __future__ import annotations

import time

from vnroute import log

__all__ = ["Upgrade"]

_BEAT_SECONDS = 5.0


class Upgrade:
    """Log lines of one database's migrations, on standard error where no log was configured.

    A new database is made in no time, so nothing is said of one of version 0.
    """

    def __init__(self, place: str, version: int, newest: int) -> None:
        self._logger = log.get_command_logger(database=place) if version else None
        self._newest = newest
        self._number = version
        self._began = self._step_began = self._beat = time.monotonic()
        if self._logger:
            self._logger.info("the database is brought up to date", version=version, to=newest)

    def step(self, number: int) -> None:
        """Tell that a migration begins."""
        self._number, self._step_began = number, time.monotonic()

    def beat(self) -> None:
        """Tell now and then that it goes on."""
        now = time.monotonic()
        if self._logger and now - self._beat >= _BEAT_SECONDS:
            self._beat = now
            self._logger.info(
                "still bringing it up to date", version=self._number, to=self._newest,
                seconds=round(now - self._began, 1),
            )  # fmt: skip

    def stepped(self) -> None:
        """Tell that the migration is made."""
        if self._logger:
            seconds = round(time.monotonic() - self._step_began, 1)
            self._logger.info("migrated", version=self._number, to=self._newest, seconds=seconds)

    def done(self) -> None:
        """Tell that all are in force."""
        if self._logger:
            seconds = round(time.monotonic() - self._began, 1)
            self._logger.info("the database is up to date", version=self._newest, seconds=seconds)
