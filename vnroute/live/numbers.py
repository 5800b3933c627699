"""Numbers that were changed, put in force at once: laid over the image, and the workers told."""

from __future__ import annotations

from pathlib import Path

from vnroute.compiler.overlay import OverlayState, refresh_overlays
from vnroute.live.page import fill_page, open_page
from vnroute.store.base import Store

__all__ = ["put_numbers_in_force"]


def put_numbers_in_force(store: Store, images: Path, page: Path) -> OverlayState | None:
    """Lay what is stored of numbers over the generation in force, and tell the workers.

    Returns what lies there now: whether a change is in force by it, and whether it is time to
    compile. None where nothing was compiled yet. Raises ImageError for an image that is damaged,
    PageError and OSError where nothing can be written.
    """
    state = refresh_overlays(images, store.snapshot)
    if state is not None:
        is_new = not page.exists()
        opened, why = open_page(page)
        if is_new or why:
            fill_page(opened, store.overrides())
        if opened.overlay != state.serial:
            opened.set_overlay(state.serial)
    return state
