"""Numbers that were changed, put in force at once: laid over the image, and the workers told."""

from __future__ import annotations

from pathlib import Path

from vnroute.compiler.overlay import Overlays, OverlayState
from vnroute.live.page import fill_page, open_page
from vnroute.store.base import Store

__all__ = ["put_numbers_in_force"]


def put_numbers_in_force(
    store: Store, images: Path, page: Path, kept: Overlays | None = None
) -> OverlayState | None:
    """Lay what is stored of numbers over the generation in force, and tell the workers.

    ``kept`` is for who does it again and again: it keeps what was read for the last time.
    Returns what lies there now: whether a change is in force by it, and whether it is time to
    compile. None where nothing was compiled yet. Raises ImageError for an image that is damaged,
    PageError and OSError where nothing can be written.
    """
    overlays = kept or Overlays(images)
    try:
        state = overlays.refresh(store.snapshot)
    finally:
        if kept is None:
            overlays.close()
    if state is not None:
        is_new = not page.exists()
        opened, why = open_page(page)
        if is_new or why:
            fill_page(opened, store.overrides())
        if opened.overlay != state.serial:
            opened.set_overlay(state.serial)
    return state
