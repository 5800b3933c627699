"""CDR intake: a body in, a verdict out; 200 only once the record is safe on disk.

mod_json_cdr keeps on its own disk whatever is not answered with 200, so every refusal leaves the
record with the switch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from vnroute.calls.body import json_of
from vnroute.calls.counts import CdrCounts
from vnroute.calls.group_commit import GroupCommit, TooMuchWaiting, settle
from vnroute.calls.reading import ForeignRecord, OfLeg, Unreadable, read_record
from vnroute.calls.record import Call
from vnroute.calls.spool import SpoolError
from vnroute.calls.spool_format import KIND_CALL, KIND_LEG, KIND_RAW

__all__ = ["Intake", "Verdict"]

_LINES_A_SECOND = 20


class Verdict(NamedTuple):
    """What to answer: an HTTP status, and a word on it."""

    status: int
    text: str


_KEPT = Verdict(200, "kept")


class Intake:
    """Takes CDRs into a spool."""

    def __init__(
        self,
        commit: GroupCommit,
        counts: CdrCounts,
        logger: Any,
        watchers: Sequence[Callable[[Call], None]] = (),
    ) -> None:
        self._commit = commit
        self._counts = counts
        self._logger = logger
        self._watchers = watchers
        self._encoder = msgspec.msgpack.Encoder()
        self._second = 0
        self._lines = 0

    async def take(self, body: bytes, content_type: str) -> Verdict:
        """Keep one record; never raises for what is in it."""
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self.put(body, content_type, lambda verdict: settle(future, verdict))
        return await future

    def put(self, body: bytes, content_type: str, done: Callable[[Verdict], object]) -> None:
        """Keep one record; ``done`` is called once with the verdict, perhaps before this returns.

        Neither raises for what is in it, nor may ``done``.
        """
        received = time.time_ns() // 1000
        kind, payload = KIND_CALL, b""
        call: Call | None = None
        try:
            body, mended = json_of(body, content_type)
            if mended:
                self._counts.mended["charset"] += 1
            call = read_record(body, received)
            payload = self._encoder.encode(call)
            self._note(call)
        except Unreadable as error:
            self._counts.requests["unreadable"] += 1
            self._logger.warning("CDR refused", why=str(error), bytes=len(body))
            done(Verdict(400, f"no CDR: {error}"))
            return
        except OfLeg as leg:
            # What it has more than its call's record; a leg is no call.
            kind, payload = KIND_LEG, self._encoder.encode(leg.record)
        except ForeignRecord:
            self._counts.requests["foreign"] += 1
            done(Verdict(200, "no call of ours: left out"))
            return
        except Exception as error:
            # JSON that should have been readable: kept as it came, for whoever mends the reader.
            self._logger.exception("CDR kept unread", error=str(error))
            kind, payload, call = KIND_RAW, body, None

        def kept(error: SpoolError | None) -> None:
            if error is not None:
                done(self._failed(error))
                return
            self._counts.requests["leg" if kind == KIND_LEG else "kept"] += 1
            if call is not None:
                for watcher in self._watchers:
                    watcher(call)
            done(_KEPT)

        try:
            self._commit.put(kind, received, payload, kept)
        except TooMuchWaiting as error:
            done(self._failed(error))

    def _failed(self, error: Exception) -> Verdict:
        self._counts.requests["failed"] += 1
        self._logger.error("CDR not kept; the switch keeps it", error=str(error))
        return Verdict(503, "cannot be kept now; post it again")

    def _note(self, call: Call) -> None:
        if call.clock_off:
            self._counts.mended["clock"] += 1
        second = call.received // 1_000_000
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines <= _LINES_A_SECOND:
            # A sample: twenty calls a second at most. What is left out here is in the store.
            self._logger.debug(
                "call", uuid=call.uuid, number=call.number, outcome=call.outcome,
                cause=call.cause, legs=len(call.legs), talk_ms=call.talk_ms,
            )  # fmt: skip
