"""How far a compilation is: a bar a stage on a terminal, nothing elsewhere (it takes seconds)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vnroute.compiler import Progress

__all__ = ["shown_stages"]


@contextmanager
def shown_stages(show: bool) -> Iterator[Progress]:
    """Give a compilation's ``progress``, shown on standard error if that is a terminal."""
    if not show or not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("compile: {task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=max(total, 1))

        yield tell
