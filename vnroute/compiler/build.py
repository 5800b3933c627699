"""Building a generation: compile beside what is in force, check the result, put it in force."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from vnroute.compiler.compile import Compiled, Progress, Routing, compile_image
from vnroute.compiler.overlay import NumberLog, write_overlay_of
from vnroute.image.generations import building, overlaying, publish
from vnroute.image.layout import image_name

__all__ = ["build_generation"]


def build_generation(
    routing: Routing,
    images: Path,
    *,
    horizon_years: int,
    max_attempts: int,
    latest: Callable[[], AbstractContextManager[NumberLog]] | None = None,
    now: int | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Compiled:
    """Compile ``routing`` into the next generation under ``images``, and put it in force.

    ``latest`` opens a view of what is stored by the end: numbers that were changed during the
    compilation are laid over it. Raises :class:`vnroute.image.generations.Busy` where another
    process is compiling there; what :func:`compile_image` raises leaves the generation in force
    as it is.
    """
    with building(images) as generation:
        compiled = compile_image(
            routing,
            images / image_name(generation),
            generation=generation,
            now=now,
            horizon_years=horizon_years,
            max_attempts=max_attempts,
            progress=progress,
        )
        with overlaying(images):
            if latest is not None:
                with latest() as log:
                    write_overlay_of(images, generation, log)
            publish(images, generation)
    return compiled
