"""Files to be read: from disk or standard input, gzip'ed or plain, and which kind they are."""

from __future__ import annotations

import gzip
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import Literal, cast

from vnroute.model import Problem, RoutingDataError

__all__ = ["STDIN", "Input", "Kind", "Opened", "guess_kind", "opened", "reading", "refused"]

Kind = Literal["routing", "numbers", "rates"]
"""A routing file (YAML), a number list or a rate deck (CSV)."""

STDIN = "-"
_GZIP = b"\x1f\x8b"
_PEEK = 65536
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_COLUMN = re.compile(r"[a-z_]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Input:
    """One file to load. ``path`` is ``-`` for standard input; ``kind`` None means: guess."""

    path: str
    kind: Kind | None = None

    @property
    def name(self) -> str:
        """The file as messages name it."""
        return "<stdin>" if self.path == STDIN else self.path


def refused(name: str, line: int, field: str, found: str, expected: str) -> RoutingDataError:
    """Return the error for a file that cannot be read on."""
    return RoutingDataError([Problem(name, line, field, found, expected)])


@dataclass(slots=True)
class Opened:
    """An open file: its bytes, unpacked, and how much of what is on disk has been read."""

    name: str
    stream: BufferedReader
    fraction: Callable[[], float | None]

    def start(self) -> bytes:
        """Return the first bytes, which are still to be read afterwards."""
        return self.stream.peek(_PEEK)[:_PEEK]


@contextmanager
def opened(source: Input) -> Iterator[Opened]:
    """Open a file, and unpack it if it is gzip'ed, whatever its name.

    Raises :class:`RoutingDataError` for a file that is not there or may not be read, for a broken
    gzip, and for UTF-16 and UTF-32.
    """
    with reading(source.name):
        raw = cast(
            "BufferedReader",
            sys.stdin.buffer if source.path == STDIN else open(source.path, "rb"),  # noqa: SIM115
        )
    try:
        with reading(source.name):
            size = 0 if source.path == STDIN else os.fstat(raw.fileno()).st_size
            stream = raw
            if raw.peek(2)[:2] == _GZIP:
                stream = BufferedReader(cast("RawIOBase", gzip.GzipFile(fileobj=raw)), _PEEK)

            def fraction() -> float | None:
                return min(1.0, raw.tell() / size) if size else None

            file = Opened(source.name, stream, fraction)
            start = file.start()
            if start.startswith(_WIDE) or b"\0" in start[:4]:
                raise refused(source.name, 1, "file", "UTF-16 or UTF-32 text", "UTF-8 text")
        yield file
    finally:
        if source.path != STDIN:
            raw.close()


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Tell what goes wrong while a file is read as a :class:`RoutingDataError`."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refused(name, 0, "file", f"a broken gzip ({error})", "a whole gzip") from None
    except BrokenPipeError:
        # That is whoever read our output, and none of the file's doing.
        raise
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        raise refused(name, 0, "file", found, "a file to be read") from None


def guess_kind(file: Opened) -> Kind:
    """Tell a number list and a rate deck by their header, a routing file by having none.

    Raises :class:`RoutingDataError` for a file named ``.csv`` with neither's header.
    """
    start = file.start().removeprefix(b"\xef\xbb\xbf")
    header = start.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    columns = [column.strip('" ').lower() for column in header.split(",")]
    if len(columns) > 1 and all(map(_COLUMN.fullmatch, columns)):
        if {"number", "account", "plan"} & set(columns):
            return "numbers"
        if {"prefix", "carrier", "rate"} & set(columns):
            return "rates"
    if re.search(r"\.csv(\.gz)?$", file.name, re.IGNORECASE):
        raise refused(
            file.name,
            1,
            "header",
            repr(header[:80]) if header else "nothing",
            'the columns "number,account,plan" of a number list, '
            'or "prefix,carrier,rate" of a rate deck, with commas between',
        )
    return "routing"
