"""What known phones said of where somebody is, on its way from workers to the control process.

A file for each call that said it, written in one step, so that a reader finds all of it or nothing.
A worker writes and goes on; whoever reads takes the files in the order of the calls, and removes
each when it is done. The names of files that cannot be read get ``.broken`` behind them.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import msgspec

from vnroute.files import write_whole
from vnroute.model.here import read_said

__all__ = [
    "MOST_BROKEN",
    "MOST_WAITING",
    "Said",
    "SpoolFull",
    "keep",
    "read",
    "set_aside",
    "waiting",
]

MOST_WAITING = 1000
"""Files that wait at most: one more is refused, since nobody seems to read them."""
MOST_BROKEN = 100
"""Files set aside at most: the oldest goes where there is one more."""
_MOST_BYTES = 4096

_NAME = re.compile(r"\d{17}-\d+-\d+\.json", re.ASCII)
_numbers = itertools.count()


class SpoolFull(OSError):
    """As many files wait as there may be."""


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one call said: that a ``person`` is ``at`` a place ``until`` a time of day or for a
    span (empty: for good), or, with no place, that he follows his schedule again.

    ``caller`` and ``number`` are who called which number, E.164; ``call`` is the call's uuid, and
    ``time`` when it came, in Unix seconds.
    """

    person: str
    at: str = ""
    until: str = ""
    caller: str
    number: str
    call: str = ""
    time: float

    @classmethod
    def from_text(cls, text: str, caller: int, number: int, call: str, time: float) -> Said:
        """Return what a text of a route image (``PERSON:PLACE:UNTIL``) says in a call."""
        person, at, until = read_said(text)
        return cls(person=person, at=at, until=until, caller=f"+{caller}", number=f"+{number}",
                   call=call, time=time)  # fmt: skip


_decoder = msgspec.json.Decoder(Said)


def keep(directory: Path, said: Said) -> Path:
    """Write a file of it, safe on disk; return its path. Raises OSError where that cannot be."""
    if len(waiting(directory)) >= MOST_WAITING:
        raise SpoolFull(f"{MOST_WAITING} files wait in {directory}")
    path = directory / f"{int(said.time * 1e6):017}-{os.getpid()}-{next(_numbers)}.json"
    write_whole(path, msgspec.json.encode(said))
    return path


def waiting(directory: Path) -> list[Path]:
    """Return the files that wait, in the order of the calls; none where there is no directory."""
    try:
        return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    except FileNotFoundError:
        return []


def read(path: Path) -> Said:
    """Return what a file says. Raises ValueError for one that is no such file, and OSError."""
    with open(path, "rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"longer than {_MOST_BYTES} bytes")
    try:
        said = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    if not 0 <= said.time < 1 << 33:
        raise ValueError(f"no moment: {said.time}")
    return said


def set_aside(path: Path) -> Path:
    """Put a file where it is read no more; return where."""
    aside = path.with_name(f"{path.name}.broken")
    os.replace(path, aside)
    for old in sorted(path.parent.glob("*.broken"))[:-MOST_BROKEN]:
        old.unlink(missing_ok=True)
    return aside
