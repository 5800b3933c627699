"""The overlay of numbers as a file: what was changed since a route image was compiled.

Little-endian (docs/route-image.md has what the records mean)::

    0   8 bytes  magic, b"VNOVERL\\n"
    8   u32      format version
    12  u32      slots: the hash table's size, a power of two
    16  u64      generation of the image that it lies over
    24  u64      serial: the change counter of the store that it goes up to
    32  u64      change counter of the image
    40  u64      changes up to the serial that are not in it, and wait for a compilation
    48  i64      when the image was compiled, Unix seconds
    56  u32      assignments
    60  u32      numbers
    64  u32      bytes of text
    68  u32      CRC-32 of everything from byte 128 on
    72  u32      spare, 0
    76  u32      CRC-32 of bytes 0 to 75
    80  48 bytes spare, 0
    128          slots of 16 bytes, then assignments of 64 bytes, then text
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from vnroute.image.layout import ImageError

__all__ = [
    "ASSIGNMENT_BYTES",
    "HEADER_BYTES",
    "SLOT_BYTES",
    "OverlayHeader",
    "overlay_header",
    "read_overlay_header",
    "write_overlay",
]

MAGIC = b"VNOVERL\n"
VERSION = 1
HEADER_BYTES = 128
SLOT_BYTES = 16
ASSIGNMENT_BYTES = 64
_HEAD = struct.Struct("<8sIIQQQQqIIIII")


@dataclass(frozen=True, slots=True)
class OverlayHeader:
    """What the header says; :func:`read_overlay_header` has the words."""

    generation: int
    serial: int
    base_changes: int
    waiting: int
    compiled_at: int
    slots: int
    assignments: int
    numbers: int
    text_bytes: int
    crc: int = 0

    @property
    def file_bytes(self) -> int:
        """How long the file is."""
        table = self.slots * SLOT_BYTES + self.assignments * ASSIGNMENT_BYTES
        return HEADER_BYTES + table + self.text_bytes


def write_overlay(path: Path, header: OverlayHeader, body: bytes) -> None:
    """Write an overlay beside ``path``, fsync it, and put it there in one step.

    After a power cut there is this one or the one before: each says what it goes up to.
    """
    head = _HEAD.pack(
        MAGIC, VERSION, header.slots, header.generation, header.serial, header.base_changes,
        header.waiting, header.compiled_at, header.assignments, header.numbers,
        header.text_bytes, zlib.crc32(body), 0,
    )  # fmt: skip
    head += struct.pack("<I", zlib.crc32(head))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(temporary, "wb") as file:
            file.write(head.ljust(HEADER_BYTES, b"\0") + body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_overlay_header(data: bytes, size: int, name: str) -> OverlayHeader:
    """Read the header from the first bytes of a file of a size; ``name`` is for errors.

    Raises :class:`ImageError` for what is foreign, cut, damaged or of another version. The
    checksum of what follows is not looked at here.
    """
    if len(data) < HEADER_BYTES:
        raise ImageError(f"{name}: {len(data)} bytes, too short for an overlay's header")
    magic, version, slots, generation, serial, base, waiting, at, rows, numbers, text, crc, _ = (
        _HEAD.unpack_from(data)
    )
    if magic != MAGIC:
        raise ImageError(f"{name}: begins with {magic!r}, so it is no overlay of numbers")
    if version != VERSION:
        raise ImageError(f"{name}: overlay format {version}, this vnroute reads {VERSION}")
    if zlib.crc32(data[: _HEAD.size]) != struct.unpack_from("<I", data, _HEAD.size)[0]:
        raise ImageError(f"{name}: the header's checksum does not match: the file is damaged")
    header = OverlayHeader(generation, serial, base, waiting, at, slots, rows, numbers, text, crc)
    if size != header.file_bytes:
        raise ImageError(
            f"{name}: {size} bytes, its header says {header.file_bytes}: it was cut or grew"
        )
    return header


def overlay_header(path: Path) -> OverlayHeader | None:
    """Return what an overlay says of itself; None where there is none."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return read_overlay_header(file.read(HEADER_BYTES), size, str(path))
    except FileNotFoundError:
        return None
