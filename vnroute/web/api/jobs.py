"""Work that takes longer than a request: a command of ours in a process of its own, and its course.

The command is the one that people run (``vnroute deck import … --json``), so there is one way to do
it; the control process answers meanwhile, and a file that takes all memory takes that process's.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from vnroute import log
from vnroute.access.identity import ON_BEHALF_OF
from vnroute.settings import Settings
from vnroute.web.api.problems import Refused

__all__ = ["Job", "Jobs"]

_KEPT = 50
_AT_ONCE = 2
_MOST_TEXT = 4_000_000


@dataclass
class Job:
    """One command. ``result`` is the JSON it printed: a report, or ``problems``."""

    id: str
    what: str
    owner: str
    account: str
    started: float = field(default_factory=time.time)
    ended: float = 0.0
    state: str = "running"
    progress: str = ""
    result: Any = None
    error: str = ""

    def told(self) -> dict[str, Any]:
        """Return what is told of it."""
        return {
            "id": self.id, "what": self.what, "by": self.owner, "state": self.state,
            "progress": self.progress, "started": self.started, "ended": self.ended or None,
            "error": self.error, "result": self.result,
        }  # fmt: skip


class Jobs:
    """The jobs of one control process; the last ones are kept to be asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._logger = log.get_logger(process="control")

    def start(
        self,
        what: str,
        words: Sequence[str],
        *,
        who: str,
        account: str,
        input_file: Path,
        done: Callable[[Job], None],
    ) -> Job:
        """Run ``vnroute WORDS``; the input file is removed afterwards, then ``done`` is told.

        Raises 503 where as many run as may run at once.
        """
        if sum(job.state == "running" for job in self._jobs.values()) >= _AT_ONCE:
            input_file.unlink(missing_ok=True)
            raise Refused(503, f"{_AT_ONCE} imports run already", headers={"Retry-After": "10"})
        job = Job(uuid.uuid4().hex, what, who, account)
        self._jobs[job.id] = job
        while len(self._jobs) > _KEPT:
            oldest = next(iter(self._jobs))
            if self._jobs[oldest].state == "running":
                break
            del self._jobs[oldest]
        task = asyncio.get_running_loop().create_task(self._run(job, words, input_file, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def get(self, key: str) -> Job | None:
        """Return a job, None where there is none (any more)."""
        return self._jobs.get(key)

    def all(self) -> list[Job]:
        """Return all jobs, the last first."""
        return list(reversed(self._jobs.values()))

    async def stop(self) -> None:
        """End what runs: an import that is cut off has applied nothing."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(
        self, job: Job, words: Sequence[str], input_file: Path, done: Callable[[Job], None]
    ) -> None:
        process = None
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "vnroute.cli", "--home", str(self._settings.home), *words,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, env={**os.environ, ON_BEHALF_OF: job.owner},
            )  # fmt: skip
            assert process.stdout is not None and process.stderr is not None
            said, _ = await asyncio.gather(
                process.stdout.read(_MOST_TEXT), self._follow(job, process.stderr)
            )
            status = await process.wait()
            try:
                job.result = msgspec.json.decode(said) if said else None
            except msgspec.DecodeError:
                job.error = "the import said more than is kept"
            job.state = "done" if status == 0 else "refused" if status == 2 else "failed"
            if job.state != "done" and job.result is None and not job.error:
                job.error = job.progress or f"exit status {status}"
        except (OSError, asyncio.CancelledError) as error:
            job.state, job.error = "failed", str(error) or "stopped along with the control process"
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            input_file.unlink(missing_ok=True)
            job.ended = time.time()
            self._logger.info("import ended", what=job.what, state=job.state, error=job.error)
            done(job)

    async def _follow(self, job: Job, stream: asyncio.StreamReader) -> None:
        """Keep the last line that the command said of its progress."""
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # a line longer than a line is
            if not line:
                return
            text = line.decode("utf-8", "replace").strip()
            if text:
                job.progress = text[:500]
