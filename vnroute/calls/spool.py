"""The spool: what has been answered with 200 and is not in the store yet, safe on disk.

One process appends; nothing is ever written over. A batch of records is written at once and made
durable by one fdatasync (group commit); only then is it *committed*, and only what is committed is
read. On opening, a torn write at the end of the last segment is cut off: it was never answered.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO
from uuid import uuid4

from vnroute.calls.spool_format import (
    SEGMENT_HEAD_BYTES,
    Damage,
    Position,
    Record,
    encode_segment_head,
    read_records,
    segment_name,
    segments,
)

__all__ = ["Spool", "SpoolError"]

_SEGMENT_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


class SpoolError(Exception):
    """The spool cannot be opened or written; nothing of the batch counts as kept."""


class Spool:
    """The spool in a directory, held by this process alone.

    :meth:`append` is for one thread, :meth:`read` and :meth:`forget` for one other.
    """

    def __init__(self, directory: Path, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self.directory = directory
        self.segment_bytes = segment_bytes
        self.torn_bytes = 0
        """Bytes cut off at opening: writes that a crash had torn, never answered."""
        self.grown = threading.Event()
        """Set when something was committed."""
        self._handle = -1
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = self._hold(directory)
            self.id = self._identity(directory)
            existing = segments(directory)
            self._number = existing[-1] if existing else 0
            self._committed = Position(self._number, self._mend() if existing else 0)
        except OSError as error:
            raise SpoolError(f"{directory}: {error.strerror or error}") from error

    @staticmethod
    def _hold(directory: Path) -> IO[bytes]:
        lock = open(directory / "lock", "ab")  # noqa: SIM115 - held as long as the spool
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SpoolError(f"{directory}: another process takes CDRs there") from None
        return lock

    @staticmethod
    def _identity(directory: Path) -> str:
        """Return this spool's own name, by which a store remembers how far it has read."""
        path = directory / "id"
        if not path.exists():
            temporary = directory / "id.new"
            temporary.write_text(f"{uuid4()}\n")
            os.replace(temporary, path)
            _sync_directory(directory)
        return path.read_text().strip()

    def _mend(self) -> int:
        """Cut off a torn write at the end of the last segment; return its sound size."""
        path = self.directory / segment_name(self._number)
        data = path.read_bytes()
        sound = SEGMENT_HEAD_BYTES
        for found in read_records(data, SEGMENT_HEAD_BYTES):
            # Damage inside is passed over when it is read; only a torn end is cut off.
            if isinstance(found, Record):
                sound = found.end
        handle = os.open(path, os.O_RDWR)
        try:
            if len(data) < SEGMENT_HEAD_BYTES:
                os.pwrite(handle, encode_segment_head(self._number, _now()), 0)
            if len(data) > sound:
                self.torn_bytes = len(data) - sound
                os.ftruncate(handle, sound)
            os.fsync(handle)
        finally:
            os.close(handle)
        return sound

    @property
    def committed(self) -> Position:
        """Up to where records are durable."""
        return self._committed

    def append(self, records: Sequence[bytes]) -> None:
        """Write records and make them durable; raise :class:`SpoolError`, and keep none, if not.

        After an error the segment is left as it was, as far as that can be done, and the next
        batch opens another: what a failed fsync wrote may or may not be there
        (fsync(2): errors are reported once).
        """
        data = b"".join(records)
        start = self._committed
        try:
            if self._handle < 0 or start.offset + len(data) > self.segment_bytes:
                start = self._next_segment()
            written = 0
            view = memoryview(data)
            while written < len(data):
                written += os.pwrite(self._handle, view[written:], start.offset + written)
            os.fdatasync(self._handle)
        except OSError as error:
            also = self._abandon(start)
            raise SpoolError(f"{self.directory}: {error.strerror or error}{also}") from error
        self._committed = Position(start.segment, start.offset + len(data))
        self.grown.set()

    def _next_segment(self) -> Position:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        last = segments(self.directory)
        self._number = max(self._number, last[-1] if last else 0) + 1
        path = self.directory / segment_name(self._number)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            head = encode_segment_head(self._number, _now())
            if os.pwrite(handle, head, 0) != len(head):
                raise OSError(28, "No space left on device")
            os.fsync(handle)
            _sync_directory(self.directory)
        except BaseException:
            os.close(handle)
            path.unlink(missing_ok=True)
            raise
        self._handle = handle
        self._committed = Position(self._number, SEGMENT_HEAD_BYTES)
        return self._committed

    def _abandon(self, start: Position) -> str:
        """After a failed write: take back what may be there, and write no more to this segment."""
        if self._handle < 0:
            return ""
        also = ""
        try:
            os.ftruncate(self._handle, start.offset)
        except OSError as error:
            # What stays behind is passed over if it is torn, and stored if it is whole: the switch
            # sends it again, and it is known by its uuid.
            also = f"; nor could the write be taken back ({error.strerror or error})"
        os.close(self._handle)
        self._handle = -1
        return also

    def read(self, after: Position, most: int) -> Iterator[tuple[Record | Damage, Position]]:
        """Yield up to ``most`` committed records behind a place, each with the place behind it.

        Segments that are gone are passed over. Raises :class:`SpoolError` if a file cannot be read.
        """
        self.grown.clear()
        committed = self._committed
        count = 0
        for number in segments(self.directory):
            if number < after.segment or number > committed.segment:
                continue
            start = after.offset if number == after.segment else SEGMENT_HEAD_BYTES
            start = max(start, SEGMENT_HEAD_BYTES)
            for found in self._read_segment(number, start, committed):
                yield found, Position(number, found.end)
                count += 1
                if count >= most:
                    return

    def _read_segment(
        self, number: int, start: int, committed: Position
    ) -> Iterator[Record | Damage]:
        path = self.directory / segment_name(number)
        chunk = _CHUNK_BYTES
        try:
            with open(path, "rb") as file:
                end = committed.offset if number == committed.segment else path.stat().st_size
                while start < end:
                    file.seek(start)
                    data = file.read(min(chunk, end - start))
                    at = 0
                    for found in read_records(data, 0, whole=start + len(data) >= end):
                        at = found.end
                        yield _moved(found, start)
                    # One record, or one stretch of damage, is longer than the chunk.
                    chunk = _CHUNK_BYTES if at else 2 * chunk
                    start += at
        except OSError as error:
            raise SpoolError(f"{path}: {error.strerror or error}") from error

    def waiting_bytes(self, after: Position) -> int:
        """Return how many committed bytes lie behind a place."""
        committed = self._committed
        total = 0
        for number in segments(self.directory):
            if number < after.segment or number > committed.segment:
                continue
            if number == committed.segment:
                size = committed.offset
            else:
                size = (self.directory / segment_name(number)).stat().st_size
            start = after.offset if number == after.segment else SEGMENT_HEAD_BYTES
            total += max(0, size - max(start, SEGMENT_HEAD_BYTES))
        return total

    def forget(self, before: Position) -> int:
        """Remove segments that lie wholly before a place; return how many.

        The segment of the place itself stays, so that numbers never begin again.
        """
        gone = 0
        for number in segments(self.directory):
            if number < before.segment and number < self._committed.segment:
                (self.directory / segment_name(number)).unlink(missing_ok=True)
                gone += 1
        return gone

    def close(self) -> None:
        """Close the spool; another process may take it."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._lock.close()


def _moved(found: Record | Damage, by: int) -> Record | Damage:
    if isinstance(found, Record):
        return found._replace(end=found.end + by)
    return Damage(found.start + by, found.end + by)


def _now() -> int:
    return time.time_ns() // 1000


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
