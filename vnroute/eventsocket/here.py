"""Keeping what known phones say of where somebody is, while their calls wait for it.

A call is told that it was heard only when that is safe on disk; where it cannot be kept, the call
goes on as a stranger's. The disk is waited for in a thread, never on the calls' loop.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from vnroute import log
from vnroute.here_spool import Said, keep

__all__ = ["HereKeeper"]

_MOST_WAITING = 100
_UUID = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)


class HereKeeper:
    """Writes to a spool for one worker; None: nobody would read it, and nothing is kept.

    ``kept`` and ``failed`` count calls.
    """

    def __init__(self, directory: Path | None, logger: Any) -> None:
        self.directory = directory
        self.kept = self.failed = 0
        self._log = log.bounded(logger)
        self._waiting = 0
        self._writer: ThreadPoolExecutor | None = None

    def keep(self, told: tuple[str, int, int, bytes], then: Callable[[bool], None]) -> None:
        """Keep what a call said (Matcher.told); call ``then`` with whether it is kept, later."""
        text, caller, number, uuid = told
        call = uuid.decode("ascii", "replace")
        said = Said.from_text(
            text, caller, number, call if _UUID.fullmatch(call) else "", time.time()
        )
        loop = asyncio.get_running_loop()
        if self.directory is None:
            loop.call_soon(self._done, said, then, "no control process takes it (control.port)")
            return
        if self._waiting >= _MOST_WAITING:
            loop.call_soon(self._done, said, then, "too many wait for the disk")
            return
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "here")
        self._waiting += 1

        def written(done: Future[Path]) -> None:
            error = done.exception()
            why = "" if error is None else str(error) or repr(error)
            loop.call_soon_threadsafe(self._written, said, then, why)

        self._writer.submit(keep, self.directory, said).add_done_callback(written)

    def _written(self, said: Said, then: Callable[[bool], None], why: str) -> None:
        self._waiting -= 1
        self._done(said, then, why)

    def _done(self, said: Said, then: Callable[[bool], None], why: str) -> None:
        self.kept += not why
        self.failed += bool(why)
        # The call first: a disk that is full may take no log either.
        then(not why)
        if why:
            self._log(
                "whereabouts not kept; the call goes on to the next step", error=why,
                person=said.person, caller=said.caller, number=said.number, uuid=said.call,
            )  # fmt: skip

    def counts(self) -> dict[str, int]:
        """Return the counters by name."""
        return {"here_kept": self.kept, "here_failed": self.failed}
