"""Pages: the rows of a deck's version, packed.

A version of a deck is some thousands of pages, each a few hundred rows in the order of their keys,
as MessagePack, deflated: eight bytes a row or so, a fifth of what rows of a table take. Where a
page ends is told by the prefixes themselves, so that a row more or less changes one page and not
all that follow it, and a version shares with those before it every page that did not change. To
roll back is then to name another version; nothing is copied.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from vnroute.model.deck import DeckRate

__all__ = ["Page", "pack", "unpack"]

_LEAST, _MOST, _MASK = 256, 2048, 0xFF
"""Rows: a page ends after the least, at a prefix whose checksum has no bit of the mask (every
256th), or after the most."""
_AHEAD = 16
"""Pages that wait to be deflated."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[DeckRate]).decode


class Page(NamedTuple):
    """Rows of a deck in a row. ``first`` and ``last`` are the prefixes at its ends."""

    first: str
    last: str
    rows: int
    digest: bytes
    data: bytes


def pack(rows: Iterable[DeckRate]) -> Iterator[Page]:
    """Pack rows, which come sorted. Rows of one prefix are never in two pages.

    Pages are deflated in a thread beside, while the rows of the next ones come.
    """
    with ThreadPoolExecutor(1) as beside:
        waiting: deque[Future[Page]] = deque()
        for page in _parted(rows):
            packed = _encode(page)
            waiting.append(beside.submit(_deflated, page[0][0], page[-1][0], len(page), packed))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _parted(rows: Iterable[DeckRate]) -> Iterator[list[DeckRate]]:
    page: list[DeckRate] = []
    last = ""
    for row in rows:
        prefix = row[0]
        if len(page) >= _LEAST and prefix != last:
            ends = not zlib.crc32(prefix.encode("ascii")) & _MASK
            if ends or len(page) >= _MOST:
                yield page
                page = []
        page.append(row)
        last = prefix
    if page:
        yield page


def _deflated(first: str, last: str, rows: int, plain: bytes) -> Page:
    digest = blake2b(plain, digest_size=16).digest()
    return Page(first, last, rows, digest, zlib.compress(plain, 1))


def unpack(data: bytes) -> list[DeckRate]:
    """Return a page's rows. Raises ValueError for what is none."""
    try:
        return _decode(zlib.decompress(data))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"a damaged page of a rate deck ({error})") from None
