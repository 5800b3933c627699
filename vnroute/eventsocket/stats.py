"""What the workers count, in a small file that each of them maps: read by anyone, without a lock.

A page a worker. Every value is one aligned 64-bit word that one process writes, so a reader sees a
value whole, at most a fifth of a second old.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

__all__ = ["StatsWriter", "WorkerStats", "percentile_us", "read_stats"]

_PAGE = 4096
_MAGIC = 0x31545453524E56  # "VNRSTT1"
_DELAYS = 24
_FIELDS = (
    "magic", "pid", "generation", "started", "updated", "memory",
    "live", "most_live", "accepted", "answered", "refused_peers", "refused_full", "too_long",
    "too_slow", "hung_up_early", "errors", "rejected_replies", "reloads", "failed_reloads",
    "routed", "ended_by_plan", "unknown_number", "suspended", "no_carrier", "too_many_hops",
    "failed", "reserved", "quarantined", "ported_out", "not_yet", "expired",
    "screened", "least_bad",
    "overlay", "at_capacity", "blocked",
    "dip_hits", "dips_asked", "dips_ported", "dips_not_ported", "dips_failed", "dips_late",
    "dips_skipped", "dips_kept", "dips_shut",
    "here_kept", "here_failed",
)  # fmt: skip
_PLACE = {name: place for place, name in enumerate(_FIELDS)}
_DELAYS_AT = 64


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """One worker's page: values by name, and connect-to-reply delays by power of two (us)."""

    worker: int
    values: dict[str, int]
    delays: tuple[int, ...]


class StatsWriter:
    """A worker's own page in the file that all workers of a server share."""

    def __init__(self, path: Path, worker: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if os.fstat(handle).st_size < (worker + 1) * _PAGE:
                os.ftruncate(handle, (worker + 1) * _PAGE)
            self._map = mmap.mmap(handle, (worker + 1) * _PAGE)
        finally:
            os.close(handle)
        self._words = memoryview(self._map).cast("Q")[worker * _PAGE // 8 :]
        for place in range(_PAGE // 8):
            self._words[place] = 0
        self.write({"magic": _MAGIC, "pid": os.getpid()}, ())

    def write(self, values: dict[str, int], delays: tuple[int, ...] | list[int]) -> None:
        """Write values by name; names that the page does not know raise KeyError."""
        for name, value in values.items():
            self._words[_PLACE[name]] = value
        for place, count in enumerate(delays):
            self._words[_DELAYS_AT + place] = count


def read_stats(path: Path) -> list[WorkerStats]:
    """Return the pages that a worker has written; none where there is no file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for worker in range(len(data) // _PAGE):
        words = struct.unpack_from(f"<{_PAGE // 8}Q", data, worker * _PAGE)
        if words[0] == _MAGIC:
            values = {name: words[place] for name, place in _PLACE.items() if name != "magic"}
            delays = words[_DELAYS_AT : _DELAYS_AT + _DELAYS]
            found.append(WorkerStats(worker, values, delays))
    return found


def percentile_us(delays: list[int] | tuple[int, ...], share: float) -> int | None:
    """Return the upper bound, in us, of the bucket that holds a share (0 to 1) of all delays."""
    total = sum(delays)
    if total == 0:
        return None
    seen = 0
    for place, count in enumerate(delays):
        seen += count
        if seen >= share * total:
            return 1 << place
    return 1 << (len(delays) - 1)
