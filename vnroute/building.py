"""Compiling what is stored, as the settings say: for the command and for the control process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vnroute.compiler import Compiled
    from vnroute.compiler.compile import Progress
    from vnroute.settings import Settings
    from vnroute.store import Store

__all__ = ["compile_stored"]


def compile_stored(
    store: Store,
    settings: Settings,
    progress: Progress = lambda stage, done, total: None,
) -> Compiled:
    """Compile a store's data into the next generation, and put it in force.

    Raises what :func:`vnroute.compiler.build_generation` raises.
    """
    from vnroute.compiler import build_generation

    with store.snapshot() as reading:
        return build_generation(
            reading,
            settings.images,
            horizon_years=settings.routing.horizon_years,
            max_attempts=settings.routing.max_attempts,
            latest=store.snapshot,
            progress=progress,
        )
