"""A process that the supervisor keeps running beside the workers, and without which calls go on."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

__all__ = ["Companion", "keep_companion"]

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_SOUND_SECONDS = 10.0


@dataclass
class Companion:
    """What to run, and by what name to log it. ``process`` is the one that runs now."""

    name: str
    arguments: tuple[str, ...]
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0


async def keep_companion(companion: Companion, stopping: asyncio.Event, logger: Any) -> None:
    """Run it, again and again, with longer waits while it dies young, until ``stopping`` is set."""
    wait = _FIRST_WAIT
    while not stopping.is_set():
        began = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(
                *companion.arguments, stdin=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            logger.error("cannot start", companion=companion.name, error=str(error))
        else:
            companion.process = process
            if stopping.is_set():
                process.terminate()  # stopped while it was being started
            status = await process.wait()
            companion.process = None
            if stopping.is_set():
                return
            companion.restarts += 1
            if time.monotonic() - began > _SOUND_SECONDS:
                wait = _FIRST_WAIT
            logger.error(
                "companion died; calls are routed all the same",
                companion=companion.name, status=status, again_in_seconds=wait,
            )  # fmt: skip
        try:
            await asyncio.wait_for(stopping.wait(), wait)
        except TimeoutError:
            wait = min(2 * wait, _LONGEST_WAIT)
