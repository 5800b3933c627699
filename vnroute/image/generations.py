"""The images of a home directory: which is in force, which come before it, and the next.

A generation's image is ``route-0000000042.vni``; the link ``current.vni`` names the one in
force and is replaced in one step, so a reader finds the old or the new and never none.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vnroute.image.layout import image_name

__all__ = ["KEPT", "Busy", "building", "current_image", "generations", "publish"]

KEPT = 3
"""How many generations are kept: the one in force, and those one may go back to."""

_NAME = re.compile(r"route-(\d{10})\.vni", re.ASCII)
_LINK = "current.vni"


class Busy(Exception):
    """Another process is compiling into the same directory."""


def generations(directory: Path) -> list[int]:
    """Return the generations that have an image, ascending."""
    if not directory.is_dir():
        return []
    found = (_NAME.fullmatch(entry.name) for entry in directory.iterdir())
    return sorted(int(match[1]) for match in found if match)


def current_image(directory: Path) -> Path | None:
    """Return the image in force, by its own name; None if there is none."""
    try:
        name = os.readlink(directory / _LINK)
    except FileNotFoundError:
        return None
    return directory / name


@contextmanager
def building(directory: Path) -> Iterator[int]:
    """Hold the right to build, and give the generation to build.

    There is one builder at a time: raises :class:`Busy` if another process holds the right.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".building", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{directory}: another vnroute is compiling there") from None
        yield max(generations(directory), default=0) + 1


def publish(directory: Path, generation: int) -> None:
    """Put a generation in force, and remove those that are older than the last few."""
    temporary = directory / f".{_LINK}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(image_name(generation))
    os.replace(temporary, directory / _LINK)
    for old in generations(directory)[:-KEPT]:
        # A worker that still maps it keeps its pages; only the name goes.
        if old != generation:
            (directory / image_name(old)).unlink(missing_ok=True)
