"""The supervisor: starts the workers, starts again what dies, passes signals on.

It routes no call itself. A worker that dies takes no call that is up with it, since FreeSWITCH runs
each plan alone; calls that it had not answered yet go to FreeSWITCH's next host or its fallback.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence

import msgspec

from vnroute import log
from vnroute.eventsocket.companion import Companion, keep_companion
from vnroute.eventsocket.worker import BAD_SETUP, WorkerSettings, bound_socket

__all__ = ["Supervisor"]

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 5.0
_SOUND_SECONDS = 10.0
_COMPANION_SECONDS = 10.0


class Supervisor:
    """Keeps a worker running for each of ``workers``, and ``companions`` beside them.

    A companion that dies, or that never comes up, changes nothing for the workers.
    """

    def __init__(self, workers: list[WorkerSettings], companions: Sequence[Companion] = ()) -> None:
        self.workers = workers
        self.companions = companions
        self.logger = log.get_logger(process="supervisor")
        self.processes: dict[int, asyncio.subprocess.Process] = {}
        self.restarts = 0
        self.stopping = asyncio.Event()
        self.status = 0

    async def _keep(self, settings: WorkerSettings) -> None:
        """Run one worker, again and again, with longer waits while it dies young."""
        wait = _FIRST_WAIT
        text = msgspec.json.encode(settings).decode()
        while not self.stopping.is_set():
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "vnroute.eventsocket.worker", text,
                stdin=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            self.processes[settings.worker] = process
            status = await process.wait()
            del self.processes[settings.worker]
            if self.stopping.is_set():
                break
            if status == BAD_SETUP and self.restarts == 0 and time.monotonic() - began < 5:
                self.status = 2
                self.stopping.set()
                break
            self.restarts += 1
            wait = _FIRST_WAIT if time.monotonic() - began > _SOUND_SECONDS else wait
            self.logger.error(
                "worker died", worker=settings.worker, status=status, again_in_seconds=wait
            )
            try:
                await asyncio.wait_for(self.stopping.wait(), wait)
            except TimeoutError:
                wait = min(2 * wait, _LONGEST_WAIT)

    def signal_workers(self, number: signal.Signals) -> None:
        """Send a signal to every worker that runs."""
        for process in self.processes.values():
            try:
                process.send_signal(number)
            except ProcessLookupError:
                continue  # it died this moment; _keep will find out

    def signal_companions(self, number: signal.Signals) -> None:
        """Send a signal to every companion that runs."""
        for companion in self.companions:
            try:
                if companion.process is not None:
                    companion.process.send_signal(number)
            except ProcessLookupError:
                continue  # it died this moment; keep_companion will find out

    async def run(self, ready: Callable[[], None] | None = None) -> int:
        """Serve until SIGTERM or SIGINT; return the exit status.

        Raises OSError where the address cannot be listened on. ``ready`` is called once the
        workers have been started.
        """
        first = self.workers[0]
        # A port that something else holds is told once and plainly, not by every worker. Nothing
        # listens for that: what the kernel gave it would be lost to the workers before.
        bound_socket(first.host, first.port).close()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self.signal_workers, signal.SIGHUP)
        keepers = [loop.create_task(self._keep(settings)) for settings in self.workers]
        beside = [
            loop.create_task(keep_companion(companion, self.stopping, self.logger))
            for companion in self.companions
        ]
        if ready is not None:
            ready()
        await self.stopping.wait()
        self.signal_workers(signal.SIGTERM)
        # After the workers: what they end is still counted and told while they drain.
        grace = first.max_seconds + 5
        _, late = await asyncio.wait(keepers, timeout=grace)
        if late:
            self.logger.error("workers did not drain in time; killed", seconds=grace)
            self.signal_workers(signal.SIGKILL)
            await asyncio.wait(late, timeout=5)
        await self._stop_companions(beside)
        return self.status

    async def _stop_companions(self, beside: list[asyncio.Task[None]]) -> None:
        if not beside:
            return
        self.signal_companions(signal.SIGTERM)
        _, late = await asyncio.wait(beside, timeout=_COMPANION_SECONDS)
        if late:
            self.logger.error("companions did not stop in time; killed", seconds=_COMPANION_SECONDS)
            self.signal_companions(signal.SIGKILL)
            await asyncio.wait(late, timeout=5)
