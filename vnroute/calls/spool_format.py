"""The spool's files: records one after the other, each with its checksum.

A segment begins with 32 bytes, little-endian: magic ``VNRSPL1\\n``, u64 number of the segment, u64
when it was made (Unix us), u32 CRC-32 of those 24 bytes, u32 zero. A record is 24 bytes of head
and its payload::

    0   u32  marker 0x43445256 ("VRDC"), by which the next record is found behind damaged bytes
    4   u32  bytes of payload
    8   u32  CRC-32 of bytes 0 to 7, 12 to 23 and the payload
    12  u32  kind, below 256
    16  u64  when it was received (Unix us)
    24       payload

CRC-32 is zlib's: it finds a write that was torn, and what rots; it is no signature. What a stranger
wrote cannot pass for a record behind damaged bytes: a head holds zero bytes, and no payload does so
in text (names are cleaned of them, and JSON does not allow them).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "HEAD_BYTES",
    "KIND_CALL",
    "KIND_LEG",
    "KIND_RAW",
    "SEGMENT_HEAD_BYTES",
    "Damage",
    "Position",
    "Record",
    "encode_record",
    "encode_segment_head",
    "read_records",
    "segment_name",
    "segments",
]

_MAGIC = b"VNRSPL1\n"
_MARKER = 0x43445256
_MARKER_BYTES = struct.pack("<I", _MARKER)
_SEGMENT = struct.Struct("<8sQQII")
_HEAD = struct.Struct("<IIIIQ")
SEGMENT_HEAD_BYTES = _SEGMENT.size
HEAD_BYTES = _HEAD.size
_MOST_BYTES = 64 * 1024 * 1024

KIND_CALL = 1
"""Payload: a :class:`vnroute.calls.record.Call` in MessagePack."""
KIND_RAW = 2
"""Payload: JSON that could not be read though it should; kept as it came."""
KIND_LEG = 3
"""Payload: a :class:`vnroute.calls.record.LegRecord` in MessagePack."""

_NAME = re.compile(r"cdr-(\d{10})\.spool", re.ASCII)


class Position(NamedTuple):
    """A place in the spool: behind it nothing has been stored yet."""

    segment: int
    offset: int


class Record(NamedTuple):
    """One record, and the place behind it."""

    kind: int
    received: int
    payload: bytes
    end: int


class Damage(NamedTuple):
    """Bytes that are no record: from ``start`` to before ``end``."""

    start: int
    end: int


def segment_name(number: int) -> str:
    """Return a segment's file name."""
    return f"cdr-{number:010}.spool"


def segments(directory: Path) -> list[int]:
    """Return the numbers of the segments there, ascending."""
    found = (_NAME.fullmatch(entry.name) for entry in directory.iterdir())
    return sorted(int(match[1]) for match in found if match)


def encode_segment_head(number: int, created: int) -> bytes:
    """Return the first bytes of a segment."""
    head = _SEGMENT.pack(_MAGIC, number, created, 0, 0)
    return head[:24] + struct.pack("<II", zlib.crc32(head[:24]), 0)


def encode_record(kind: int, received: int, payload: bytes) -> bytes:
    """Return a record's bytes."""
    bare = _HEAD.pack(_MARKER, len(payload), 0, kind, received)
    checksum = zlib.crc32(payload, zlib.crc32(bare[12:], zlib.crc32(bare[:8])))
    return bare[:8] + struct.pack("<I", checksum) + bare[12:] + payload


def _record_at(data: bytes, at: int) -> Record | int | None:
    """Return the record there; how many bytes would be needed to tell; None where there is none."""
    if at + HEAD_BYTES > len(data):
        return HEAD_BYTES
    marker, size, checksum, kind, received = _HEAD.unpack_from(data, at)
    if marker != _MARKER or size > _MOST_BYTES or kind > 255:
        return None
    end = at + HEAD_BYTES + size
    if end > len(data):
        return HEAD_BYTES + int(size)
    payload = data[at + HEAD_BYTES : end]
    head = data[at : at + HEAD_BYTES]
    if zlib.crc32(payload, zlib.crc32(head[12:], zlib.crc32(head[:8]))) != checksum:
        return None
    return Record(kind, received, payload, end)


def read_records(data: bytes, start: int, whole: bool = True) -> Iterator[Record | Damage]:
    """Yield the records of a segment's bytes from ``start`` on, and what is damaged between.

    Where ``data`` is the ``whole`` of it, a last :class:`Damage` that reaches to the end is a write
    that was torn. Where more may follow, what cannot be told yet is left out: read on from the end
    of what was yielded last, with more bytes.
    """
    at = start
    while at < len(data):
        record = _record_at(data, at)
        if isinstance(record, Record):
            yield record
            at = record.end
            continue
        if isinstance(record, int) and not whole:
            return
        # Behind damaged bytes the next sound record counts: one bad sector loses no more than
        # the records in it.
        behind = data.find(_MARKER_BYTES, at + 1)
        while behind >= 0 and not isinstance(_record_at(data, behind), Record):
            behind = data.find(_MARKER_BYTES, behind + 1)
        if behind < 0:
            if whole:
                yield Damage(at, len(data))
            return
        yield Damage(at, behind)
        at = behind
