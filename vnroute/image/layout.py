"""The route image as a file: magic, header, section table (docs/route-image.md).

The header and table are little-endian::

    0   8 bytes  magic, b"VNROUTE\\n"
    8   u32      format version
    12  u32      number of sections
    16  u64      size of the file in bytes
    24  u64      generation
    32  i64      compiled at, Unix seconds
    40  i64      horizon: first second that schedules are settled for
    48  i64      horizon: the second after the last
    56  u64      change counter of the store that it was compiled from
    64  12 bytes spare, 0
    76  u32      CRC-32 of bytes 0 to 75 and of the section table
    80  48 bytes a section: u32 id, u32 CRC-32, u64 offset, u64 bytes, u64 rows, u64 parameter,
                 u64 spare

CRC-32 (zlib's) finds what rots or is cut off; it is no signature. What a file that passes it
refers to is checked for range besides, before anything is read through it.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

__all__ = [
    "HEADER_BYTES",
    "MAGIC",
    "VERSION",
    "Header",
    "ImageError",
    "Section",
    "SectionId",
    "image_name",
    "read_header",
    "write_image",
]

MAGIC = b"VNROUTE\n"
VERSION = 6
HEADER_BYTES = 80
ALIGNMENT = 64
_HEAD = struct.Struct("<8sIIQQqqqQQI")
_ROW = struct.Struct("<IIQQQQQ")
_MAX_SECTIONS = 64


class ImageError(Exception):
    """A file that is no route image, or a damaged one; the text says which and why."""


class SectionId(IntEnum):
    """The sections of an image; each is there once, empty or not."""

    TEXT = 1
    NUMBERS = 2
    BLOCKS = 3
    ASSIGNMENTS = 4
    ACCOUNTS = 5
    PLANS = 6
    PROGRAMS = 7
    SCHEDULES = 8
    TRANSITIONS = 9
    PREFIX_INDEX = 10
    PREFIXES = 11
    CHOICES = 12
    RATES = 13
    CARRIERS = 14
    GATEWAYS = 15
    POLICIES = 16
    TARGETS = 17
    STATE_HASHES = 18
    PLAN_KEYS = 19
    CALLERS = 20
    LIST_SETS = 21
    LISTS = 22
    SCREENS = 23
    DESTINATIONS = 24
    ORDERS = 25
    SHARES = 26
    RUNG_NUMBERS = 27
    SCREEN_KEYS = 28
    FORMATS = 29
    ALLOWED = 30
    LANGUAGES = 31


@dataclass(frozen=True, slots=True)
class Section:
    """One section to be written: its bytes, its rows, and a number that its reader needs."""

    id: SectionId
    data: bytes | bytearray | memoryview
    rows: int
    parameter: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """A section as found in a file."""

    crc: int
    offset: int
    size: int
    rows: int
    parameter: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says: generation, times in Unix seconds, the store's change counter, and where
    each section lies.
    """

    generation: int
    compiled_at: int
    horizon_start: int
    horizon_end: int
    changes: int
    file_bytes: int
    sections: dict[SectionId, Placed]


def image_name(generation: int) -> str:
    """Return the file name of a generation's image."""
    return f"route-{generation:010d}.vni"


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def write_image(
    path: Path,
    sections: Sequence[Section],
    *,
    generation: int,
    compiled_at: int,
    changes: int,
    horizon: tuple[int, int],
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write an image beside ``path``, fsync it, and rename it there; return its size in bytes.

    Whoever opens ``path`` sees the whole new image or what was there before, also after a power
    cut: the file is synced before the rename, the directory after it. ``progress`` is called with
    (bytes written, bytes in all).
    """
    offset = _aligned(HEADER_BYTES + _ROW.size * len(sections))
    rows: list[bytes] = []
    places: list[int] = []
    for section in sections:
        size = memoryview(section.data).nbytes
        crc = zlib.crc32(section.data)
        places.append(offset)
        rows.append(_ROW.pack(section.id, crc, offset, size, section.rows, section.parameter, 0))
        offset = _aligned(offset + size)
    total, table = offset, b"".join(rows)
    head = _HEAD.pack(
        MAGIC, VERSION, len(sections), total, generation, compiled_at, *horizon, changes, 0, 0
    )
    head += struct.pack("<I", zlib.crc32(head + table))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(temporary, "wb") as file:
            file.write(head + table)
            for section, place in zip(sections, places, strict=True):
                file.seek(place)
                file.write(section.data)
                if progress is not None:
                    progress(file.tell(), total)
            file.truncate(total)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return total


def read_header(data: memoryview, name: str) -> Header:
    """Read the header and section table of an image mapped at ``data``; ``name`` is for errors.

    Raises :class:`ImageError` for a foreign, truncated or damaged header, a version that this
    code does not read, sections that overlap, leave the file, or are missing. The sections'
    own checksums are not looked at here.
    """
    if len(data) < HEADER_BYTES:
        raise ImageError(f"{name}: {len(data)} bytes, too short for a route image's header")
    magic, version, count, size, generation, at, start, end, changes, _, _ = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ImageError(f"{name}: begins with {magic!r}, so it is no route image")
    if version != VERSION:
        raise ImageError(
            f"{name}: image format {version}, this vnroute reads format {VERSION}; compile anew"
        )
    if size != len(data):
        raise ImageError(f"{name}: {len(data)} bytes, its header says {size}: it was cut or grew")
    stop = HEADER_BYTES + count * _ROW.size
    if count > _MAX_SECTIONS or stop > len(data):
        raise ImageError(f"{name}: a table of {count} sections does not fit the file")
    crc = zlib.crc32(data[HEADER_BYTES:stop], zlib.crc32(data[: HEADER_BYTES - 4]))
    if crc != struct.unpack_from("<I", data, HEADER_BYTES - 4)[0]:
        raise ImageError(f"{name}: the header's checksum does not match: the file is damaged")
    sections: dict[SectionId, Placed] = {}
    end_of_last = stop
    for position in range(count):
        number, crc, offset, length, rows, parameter, _ = _ROW.unpack_from(
            data, HEADER_BYTES + position * _ROW.size
        )
        if number not in SectionId.__members__.values():
            raise ImageError(f"{name}: unknown section {number}")
        if offset % ALIGNMENT or offset < end_of_last or offset + length > len(data):
            raise ImageError(f"{name}: section {SectionId(number).name} lies outside the file")
        end_of_last = offset + length
        sections[SectionId(number)] = Placed(crc, offset, length, rows, parameter)
    missing = [section.name for section in SectionId if section not in sections]
    if missing:
        raise ImageError(f"{name}: sections missing: {', '.join(missing)}")
    return Header(generation, at, start, end, changes, size, sections)
