"""From the spool into the store: in batches, exactly once, however often either is down.

A thread of its own. What it has stored and how far it has come are one transaction; after any death
it goes on at the place that the store names. A store that fails is tried again, with longer waits;
CDRs are taken in all the while, as long as the disk lasts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vnroute.calls.base import Added, CallStore
from vnroute.calls.days import day_before
from vnroute.calls.rating import Rater, take_over_decks
from vnroute.calls.record import Call, LegRecord
from vnroute.calls.spool import Spool, SpoolError
from vnroute.calls.spool_format import KIND_CALL, KIND_LEG, Damage, Position, Record
from vnroute.calls.turns import Turns
from vnroute.store import Store, StoreError

__all__ = ["Drain"]

_BATCH = 2000
_GATHER_SECONDS = 0.1
_FIRST_WAIT = 0.2
_DECK_SECONDS = 5.0

_decoders: dict[int, msgspec.msgpack.Decoder[Call | LegRecord]] = {
    KIND_CALL: msgspec.msgpack.Decoder(Call),
    KIND_LEG: msgspec.msgpack.Decoder(LegRecord),
}


class Drain(Turns):
    """Moves what a spool holds into the store that ``open_calls`` opens.

    ``open_routing`` opens the store of routing data, for its decks; None where there is none yet.
    ``counted`` is told of each batch. ``keep_days`` is how long calls are kept, 0 for ever;
    ``receive`` is as in :class:`vnroute.calls.rating.Rater`.
    """

    fails = "CDRs wait in the spool"
    well = "the store of calls answers again"
    expected = (StoreError, SpoolError)
    longest_wait = 10.0

    def __init__(
        self,
        spool: Spool,
        open_calls: Callable[[], CallStore],
        open_routing: Callable[[], Store | None],
        counted: Callable[[Added, int], None],
        logger: Any,
        keep_days: int = 0,
        receive: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("cdr-drain", logger, _FIRST_WAIT)
        self._spool = spool
        self.some = spool.grown
        self._open_calls = open_calls
        self._open_routing = open_routing
        self._counted = counted
        self._keep_days = keep_days
        self._receive = receive
        self._store: CallStore | None = None
        self._rater: Rater | None = None
        self._decks_at = 0.0
        self._removed_until = 0
        self._packed = False
        self._most, self._set_aside = _BATCH, False
        self.position = Position(0, 0)
        """Up to where the spool is stored, as far as this process knows."""
        self.oldest: int | None = None
        """When the oldest record that waits was received (Unix us), as of the last failure."""

    def idle(self) -> None:
        """Wait for records, of which the spool itself says when it has no more; a batch of many
        costs little more than one.
        """
        self.some.wait(self.look_seconds)
        self._stop.wait(_GATHER_SECONDS)

    def failed(self, error: Exception, wait: float) -> float:
        """Begin anew. One record that breaks what no record should is found by going on one at a
        time, and set aside: else records would pile up behind it.
        """
        self._close()
        if isinstance(error, self.expected):
            self.oldest = self.oldest or time.time_ns() // 1000
            return wait
        self._set_aside = self._most == 1
        self._most = 1
        return 0.0

    def ended(self) -> None:
        """Close the store."""
        self._close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = self._rater = None

    def turn(self) -> bool:
        """Store one batch; return whether there may be more."""
        if self._store is None:
            self._store = self._open_calls()
            self.position = self._store.position(self._spool.id) or Position(0, 0)
            self._decks_at = 0.0
        store = self._store
        self._look_at_decks(store)
        if self._rater is None:
            self._rater = Rater(store, self._receive)
        rater = self._rater
        began = time.perf_counter()
        calls, legs, raw, damaged = [], [], [], 0
        position, count = self.position, 0
        for found, behind in self._spool.read(self.position, self._most):
            position, count = behind, count + 1
            if isinstance(found, Damage):
                damaged += found.end - found.start
                self._logger.error(
                    "damaged bytes in the spool, passed over",
                    segment=behind.segment, start=found.start, end=found.end,
                )  # fmt: skip
                continue
            if self.oldest is None:
                self.oldest = found.received
            record = None if self._set_aside else _record(found)
            if isinstance(record, Call):
                calls.append(rater.rated(record))
            elif record is None:
                raw.append((found.received, found.payload))
            else:
                legs.append(record)
        if count:
            added = store.add(self._spool.id, position, calls, raw, legs)
            added.seconds = time.perf_counter() - began
            self.position, self.oldest = position, None
            self._counted(added, damaged)
            self._spool.forget(position)
            if self._set_aside:
                self._most, self._set_aside = _BATCH, False
        self._remove_old(store)
        if count >= self._most:
            return True
        return self._pack_old(store)

    def _look_at_decks(self, store: CallStore) -> None:
        if time.monotonic() - self._decks_at < _DECK_SECONDS and self._decks_at:
            return
        self._decks_at = time.monotonic()
        try:
            routing = self._open_routing()
            if routing is None:
                return
            try:
                if take_over_decks(routing, store):
                    self._rater = None
            finally:
                routing.close()
        except StoreError as error:
            # Calls are rated by the decks known so far: better than to let them wait.
            self._logger.warning("decks cannot be read; rating goes on by those known",
                                 error=str(error))  # fmt: skip

    def _pack_old(self, store: CallStore) -> bool:
        """Pack calls of an earlier version, some a turn; return whether there may be more."""
        if self._packed:
            return False
        self._packed = not store.pack_some()
        return not self._packed

    def _remove_old(self, store: CallStore) -> None:
        """Remove, a part a turn, what is older than is kept; once a day there is something."""
        before = day_before(self._keep_days, time.time()) if self._keep_days else 0
        if before <= self._removed_until:
            return
        gone = store.remove_before(before)
        if gone:
            self._logger.info("old calls removed", calls=gone, keep_days=self._keep_days)
        else:
            self._removed_until = before


def _record(record: Record) -> Call | LegRecord | None:
    decoder = _decoders.get(record.kind)
    if decoder is None:
        return None
    try:
        return decoder.decode(record.payload)
    except msgspec.DecodeError:
        return None  # kept as it is, among the raw records
