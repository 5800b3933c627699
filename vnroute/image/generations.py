"""The files that workers map, by generation: which is in force, which come before it, and the next.

A generation's route image is ``route-0000000042.vni``; the link ``current.vni`` names the one in
force and is replaced in one step, so a reader finds the old or the new and never none. The
portability table is a series of its own in the same directory (``portability-0000000007.vnp``,
linked by ``portability.vnp``). What was changed of numbers since a route image lies beside it in
``overlay-0000000042.vno``, which is replaced in one step with each such change.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "KEPT",
    "PORTABILITY",
    "ROUTES",
    "Busy",
    "Series",
    "building",
    "current_image",
    "generation_of",
    "generations",
    "overlay_path",
    "overlaying",
    "publish",
]

KEPT = 3
"""How many generations are kept: the one in force, and those one may go back to."""


@dataclass(frozen=True, slots=True)
class Series:
    """Generations of one kind of file: how they are named, and the link to the one in force."""

    stem: str
    suffix: str
    link: str
    lock: str

    def name(self, generation: int) -> str:
        """Return the file name of a generation."""
        return f"{self.stem}-{generation:010d}.{self.suffix}"


ROUTES = Series("route", "vni", "current.vni", ".building")
PORTABILITY = Series("portability", "vnp", "portability.vnp", ".porting")


class Busy(Exception):
    """Another process is building into the same directory."""


def generations(directory: Path, series: Series = ROUTES) -> list[int]:
    """Return the generations that have a file, ascending."""
    if not directory.is_dir():
        return []
    name = re.compile(rf"{series.stem}-(\d{{10}})\.{series.suffix}", re.ASCII)
    found = (name.fullmatch(entry.name) for entry in directory.iterdir())
    return sorted(int(match[1]) for match in found if match)


def current_image(directory: Path, series: Series = ROUTES) -> Path | None:
    """Return the file in force, by its own name; None if there is none."""
    try:
        name = os.readlink(directory / series.link)
    except FileNotFoundError:
        return None
    return directory / name


@contextmanager
def building(directory: Path, series: Series = ROUTES) -> Iterator[int]:
    """Hold the right to build, and give the generation to build.

    There is one builder at a time: raises :class:`Busy` if another process holds the right.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / series.lock, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{directory}: another vnroute is building there") from None
        yield max(generations(directory, series), default=0) + 1


def generation_of(path: Path) -> int:
    """Return the generation of a route image by its name."""
    return int(path.stem.rpartition("-")[2])


def overlay_path(directory: Path, generation: int) -> Path:
    """Return where the overlay of a generation of the route image is, if there is one."""
    return directory / f"overlay-{generation:010d}.vno"


@contextmanager
def overlaying(directory: Path) -> Iterator[None]:
    """Hold the right to write overlays, and to put another generation in force; waits for it.

    Who puts a generation in force lays its overlay over it within, so that no number that was
    changed meanwhile goes back to what it was.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".overlaying", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def publish(directory: Path, generation: int, series: Series = ROUTES) -> None:
    """Put a generation in force, and remove those that are older than the last few."""
    temporary = directory / f".{series.link}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(series.name(generation))
    os.replace(temporary, directory / series.link)
    for old in generations(directory, series)[:-KEPT]:
        # A worker that still maps it keeps its pages; only the name goes.
        if old != generation:
            (directory / series.name(old)).unlink(missing_ok=True)
            if series is ROUTES:
                overlay_path(directory, old).unlink(missing_ok=True)
