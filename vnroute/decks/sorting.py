"""Sorting more rows than memory should hold: runs on disk, put together a stretch at a time."""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import IO

import msgspec

__all__ = ["RUN", "SortedRows", "Staged"]

RUN = 200_000
"""Rows that are held; some 70 MB."""
_BLOCK = 4000

Staged = tuple[str, str, str, int, int, str, int, str, str, int, int, bool, str]
"""Prefix, origin, time class, effective, line, change, end, rate, fee, first, next, blocked,
destination: in the order in which rows of a deck are sorted, those of one key and time by line."""

_prefix = itemgetter(0)
"""Rows are sorted by this alone, which takes a third of the time of whole rows; the few that share
their prefix are put in order as they come out."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Staged]).decode


class SortedRows:
    """Takes rows in any order and gives them back sorted."""

    def __init__(self) -> None:
        self.rows: list[Staged] = []
        """Rows may be added here; :meth:`settle` is to be called now and then."""
        self._runs: list[list[tuple[int, int]]] = []
        self._file: IO[bytes] | None = None

    def settle(self) -> None:
        """Write what is held to disk if it has become too much."""
        if len(self.rows) < RUN:
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self.rows.sort(key=_prefix)
        run = []
        for start in range(0, len(self.rows), _BLOCK):
            data = _encode(self.rows[start : start + _BLOCK])
            run.append((self._file.tell(), len(data)))
            self._file.write(data)
        self._runs.append(run)
        self.rows.clear()

    def __iter__(self) -> Iterator[Staged]:
        """Yield all rows, sorted."""
        same: list[Staged] = []
        for row in self._by_prefix():
            if same and same[0][0] != row[0]:
                if len(same) > 1:
                    same.sort()
                yield from same
                same.clear()
            same.append(row)
        yield from sorted(same)

    def _by_prefix(self) -> Iterator[Staged]:
        self.rows.sort(key=_prefix)
        if not self._runs:
            yield from self.rows
            return
        sides = [self._blocks(run) for run in self._runs]
        sides.append(self.rows[at : at + _BLOCK] for at in range(0, len(self.rows), _BLOCK))
        held = [next(side, []) for side in sides]
        while True:
            open_sides = [place for place, block in enumerate(held) if block]
            if not open_sides:
                return
            # Whatever is not above the least of the blocks' ends has been read of every run.
            cut = min(held[place][-1][0] for place in open_sides)
            window: list[Staged] = []
            for place in open_sides:
                block = held[place]
                size = bisect_right(block, cut, key=_prefix)
                window += block[:size]
                held[place] = block[size:] or next(sides[place], [])
            window.sort(key=_prefix)
            yield from window

    def _blocks(self, run: list[tuple[int, int]]) -> Iterator[list[Staged]]:
        assert self._file is not None
        for place, size in run:
            self._file.seek(place)
            yield _decode(self._file.read(size))

    def close(self) -> None:
        """Give back disk and memory."""
        self.rows.clear()
        if self._file is not None:
            self._file.close()
