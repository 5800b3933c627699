"""Group commit: every record that comes while the disk is busy is in the next write, all at once.

A fdatasync costs milliseconds, so a thousand CDRs a second cannot have one each; and none is
answered before its own batch is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vnroute.calls.spool import Spool, SpoolError
from vnroute.calls.spool_format import encode_record

__all__ = ["Done", "GroupCommit", "TooMuchWaiting", "settle"]

_MOST_WAITING_BYTES = 64 * 1024 * 1024

Done = Callable[[SpoolError | None], object]
"""Told once that a record is durable (None), or why it is not; must not raise."""


_T = TypeVar("_T")


def settle(future: asyncio.Future[_T], result: _T) -> None:
    """Set a future's result, unless whoever waited has gone: the record is kept all the same."""
    if not future.done():
        future.set_result(result)


class TooMuchWaiting(Exception):
    """The disk does not keep up: more than 64 MB wait to be written."""


class GroupCommit:
    """Appends records to a spool for any number of tasks of one event loop."""

    def __init__(self, spool: Spool, told: Callable[[float, int], None] | None = None) -> None:
        self._spool = spool
        self._told = told
        self._waiting: list[tuple[bytes, Done]] = []
        self._waiting_bytes = 0
        self._some = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "spool")
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to write; needs a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def put(self, kind: int, received: int, payload: bytes, done: Done) -> None:
        """Take a record; ``done`` is called with None once it is durable, or with why it is not.

        Raises :class:`TooMuchWaiting` where it is not even tried. A callback and no future: some
        thousands of records a second need no task each.
        """
        if self._closing or self._waiting_bytes + len(payload) > _MOST_WAITING_BYTES:
            raise TooMuchWaiting("the disk does not keep up")
        record = encode_record(kind, received, payload)
        self._waiting.append((record, done))
        self._waiting_bytes += len(record)
        self._some.set()

    async def append(self, kind: int, received: int, payload: bytes) -> None:
        """Return once the record is durable.

        Raises :class:`SpoolError` where it could not be made so, and as :meth:`put` does.
        """
        future: asyncio.Future[SpoolError | None] = asyncio.get_running_loop().create_future()
        self.put(kind, received, payload, lambda error: settle(future, error))
        error = await future
        if error is not None:
            raise error

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not (self._closing and not self._waiting):
            await self._some.wait()
            self._some.clear()
            batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
            if not batch:
                continue
            began = loop.time()
            error: SpoolError | None = None
            try:
                await loop.run_in_executor(
                    self._thread, self._spool.append, [record for record, _ in batch]
                )
            except SpoolError as failure:
                error = failure
            if self._told is not None:
                self._told(loop.time() - began, 0 if error else len(batch))
            for _, done in batch:
                done(error)

    async def close(self) -> None:
        """Write what waits, and end."""
        self._closing = True
        self._some.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()
