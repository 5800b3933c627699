"""What a switch could not post: files in mod_json_cdr's error directory, taken in and removed.

mod_json_cdr writes each record that was not answered with 200 to ``err-log-dir`` as UUID.cdr.json,
and never posts it again. A file is removed only after its record is safe; one that is no record is
renamed to ``.refused``, so that somebody looks at it and it is not tried for ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

__all__ = ["Collected", "collect"]

_SETTLED_SECONDS = 2.0
_AT_ONCE = 5000
_TOGETHER = 100
_REFUSED = (400, 413)


class Collected(NamedTuple):
    """What became of the files of one look."""

    taken: int
    refused: int
    left: int


async def collect(
    directory: Path,
    take: Callable[[bytes], Awaitable[int]],
    settled_seconds: float = _SETTLED_SECONDS,
) -> Collected:
    """Give each record in a directory to ``take``, which returns an HTTP status.

    Files younger than ``settled_seconds`` are left: they may still be written. Stops at the first
    that cannot be taken now, and leaves the rest. Raises OSError where the directory cannot be
    read or a file cannot be removed.
    """
    taken = refused = 0
    names = sorted(path for path in directory.iterdir() if path.name.endswith(".json"))
    for at in range(0, min(len(names), _AT_ONCE), _TOGETHER):
        # Together, so that they share a write to the disk: each alone would wait for its own.
        some = names[at : at + _TOGETHER]
        for result in await asyncio.gather(*(_take(path, take, settled_seconds) for path in some)):
            taken += result == 200
            refused += result in _REFUSED
            if result not in (0, 200, *_REFUSED):
                break
        else:
            continue
        break
    return Collected(taken, refused, len(names) - taken - refused)


async def _take(path: Path, take: Callable[[bytes], Awaitable[int]], settled_seconds: float) -> int:
    """Take one file in; return its status, 0 where there is nothing to do yet."""
    try:
        if time.time() - path.stat().st_mtime < settled_seconds:
            return 0
        body = path.read_bytes()
    except FileNotFoundError:
        return 0  # another collector has taken it
    status = await take(body)
    if status == 200:
        path.unlink(missing_ok=True)
    elif status in _REFUSED:
        path.replace(path.with_name(path.name + ".refused"))
    return status
