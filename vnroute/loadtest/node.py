"""A running ``vnroute serve``: a supervisor and its workers, which a run may kill and start."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from vnroute.eventsocket.stats import WorkerStats, read_stats
from vnroute.loadtest.errors import RunBroken
from vnroute.loadtest.process import Child, children_of, wait_until

__all__ = ["Node"]


class Node:
    """One node. Its counters outlive it: pages are kept by worker and process id."""

    def __init__(
        self, home: Path, host: str, port: int, workers: int = 1,
        environ: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.home = home
        self.host = host
        self.port = port
        self.workers = workers
        self.environ = {"VNROUTE_HOME": str(home), **(environ or {})}
        self.pages: dict[tuple[int, int], WorkerStats] = {}
        self._stats = home / "state" / "workers.stats"
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """``host:port`` for FreeSWITCH's ``socket`` application."""
        return f"{self.host}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the supervisor runs."""
        return self._child is not None and self._child.status is None

    def start(self) -> None:
        """Start and wait until its workers answer; RunBroken with what it said if they do not."""
        command = [
            sys.executable, "-m", "vnroute.cli", "serve", "--host", self.host,
            "--port", str(self.port), "--workers", str(self.workers),
        ]  # fmt: skip
        self._child = Child("vnroute-serve", command, self.home, env=self.environ)
        wait_until("vnroute answers", self._answers, 30)

    def _answers(self) -> bool:
        """Whether each worker has written its page, which it does once it takes calls.

        A connection would tell nothing: a worker of the node before, that is left over or dying,
        takes it as well.
        """
        if self._child is None:
            return False
        if self._child.status is not None:
            raise RunBroken(f"vnroute serve ended by itself\n{self._child.tail()}")
        pages = {page.values["pid"] for page in read_stats(self._stats)}
        return len(pages.intersection(children_of(self._child.pid))) == self.workers

    @property
    def pids(self) -> list[int]:
        """The supervisor and its workers."""
        if self._child is None:
            return []
        return [self._child.pid, *children_of(self._child.pid)]

    def look(self) -> None:
        """Read the counters of all workers; call it often where workers may be killed."""
        for page in read_stats(self._stats):
            self.pages[page.worker, page.values["pid"]] = page

    def kill(self) -> None:
        """SIGKILL the supervisor and its workers at once."""
        self.look()
        if self._child is not None:
            self._child.kill()
            self._child = None

    def kill_worker(self, rng: random.Random) -> int:
        """SIGKILL one worker; return its process id, 0 where there was none."""
        self.look()
        workers = children_of(self._child.pid) if self._child is not None else []
        if not workers:
            return 0
        pid = rng.choice(workers)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> None:
        """Drain and stop."""
        if self._child is not None:
            self._child.stop(signal.SIGTERM, 15)
            self._child = None
        self.look()
