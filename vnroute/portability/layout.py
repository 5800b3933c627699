"""A portability table as a file: header and sections (docs/portability.md).

Little-endian::

    0    8 bytes  magic, b"VNPORTED"
    8    u32      format version
    12   u32      spare, 0
    16   u64      size of the file in bytes
    24   u64      generation
    32   i64      built at, Unix seconds
    40   u64      rows
    48   u64      blocks
    56   u64      routing numbers
    64   u64      bytes of the blocks' words, which begin at 128
    72   u32      CRC-32 of all behind the header
    76   u32      CRC-32 of bytes 0 to 75
    128           blocks; then u64 first number of each; u32 place of each, in words, and one more;
                  u64 routing numbers. Each section begins on a multiple of 64.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from vnroute.image.layout import ImageError

__all__ = ["HEADER_BYTES", "MAGIC", "VERSION", "Header", "pack_header", "read_header"]

MAGIC = b"VNPORTED"
VERSION = 1
HEADER_BYTES = 128
ALIGNMENT = 64
_HEAD = struct.Struct("<8sIIQQqQQQQI")


def aligned(size: int) -> int:
    """Return a size filled up to where the next section may begin."""
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says; places of the sections follow from it, in bytes."""

    file_bytes: int
    generation: int
    built_at: int
    rows: int
    blocks: int
    routing_numbers: int
    block_bytes: int
    crc: int

    @property
    def firsts(self) -> int:
        """Where the first numbers of the blocks begin."""
        return aligned(HEADER_BYTES + self.block_bytes)

    @property
    def places(self) -> int:
        """Where the places of the blocks begin."""
        return aligned(self.firsts + 8 * self.blocks)

    @property
    def routing(self) -> int:
        """Where the routing numbers begin."""
        return aligned(self.places + 4 * (self.blocks + 1))

    @property
    def end(self) -> int:
        """The size that the file has by its counts."""
        return aligned(self.routing + 8 * self.routing_numbers)


def pack_header(header: Header) -> bytes:
    """Return the header's bytes, its own checksum included."""
    head = _HEAD.pack(
        MAGIC, VERSION, 0, header.file_bytes, header.generation, header.built_at, header.rows,
        header.blocks, header.routing_numbers, header.block_bytes, header.crc,
    )  # fmt: skip
    return (head + struct.pack("<I", zlib.crc32(head))).ljust(HEADER_BYTES, b"\0")


def read_header(data: memoryview, name: str) -> Header:
    """Read the header of a table mapped at ``data``; ``name`` is for errors.

    Raises :class:`ImageError` for a foreign, cut or damaged header, or another version.
    """
    if len(data) < HEADER_BYTES:
        raise ImageError(f"{name}: {len(data)} bytes, too short for a portability table's header")
    magic, version, _, *rest = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ImageError(f"{name}: begins with {magic!r}, so it is no portability table")
    if version != VERSION:
        raise ImageError(
            f"{name}: portability format {version}, this vnroute reads format {VERSION};"
            " import anew"
        )
    if zlib.crc32(data[: _HEAD.size]) != struct.unpack_from("<I", data, _HEAD.size)[0]:
        raise ImageError(f"{name}: the header's checksum does not match: the file is damaged")
    header = Header(*rest)
    if header.file_bytes != len(data):
        raise ImageError(
            f"{name}: {len(data)} bytes, its header says {header.file_bytes}: it was cut or grew"
        )
    if header.block_bytes % 8 or header.end != header.file_bytes or header.block_bytes < 8:
        raise ImageError(f"{name}: sections that do not make up the file")
    return header
