"""How far a load is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vnroute.importing import Progress

__all__ = ["shown_progress"]

_SECONDS = 2.0
"""Between two lines where there is no terminal; what is done sooner says nothing."""


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Give a load's ``progress``, shown on standard error."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(file: str, rows: int, fraction: float | None) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=None if fraction is None else 1.0, rows=0)
            bars.update(tasks[file], completed=fraction or 0.0, rows=rows)

        yield tell


class _Lines:
    """A line every two seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _SECONDS

    def __call__(self, file: str, rows: int, fraction: float | None) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _SECONDS
            part = "" if fraction is None else f", {fraction:.0%} of the file"
            sys.stderr.write(f"{file}: {rows:,} rows{part}\n")
