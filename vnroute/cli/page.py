"""The state page on the command line: read where it can be, told where it cannot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vnroute.image.state_page import StatePage
    from vnroute.matcher.image import RouteImage
    from vnroute.matcher.overlay import Overlay

__all__ = ["read_overlay", "read_page", "writable_page"]


def read_page(path: Path) -> StatePage | None:
    """Return the page, None where none was made; say so of one that cannot be read."""
    from vnroute.image.state_page import PageError, StatePage

    try:
        return StatePage.open(path)
    except FileNotFoundError:
        return None
    except (PageError, OSError) as error:
        sys.stderr.write(f"vnroute: {error}; shown as if nothing were set\n")
        return None


def read_overlay(images: Path, image: RouteImage) -> Overlay | None:
    """Return the numbers changed since an image; None where there are none, or they are refused."""
    from vnroute.image.generations import overlay_path
    from vnroute.image.layout import ImageError
    from vnroute.matcher.overlay import Overlay

    try:
        return Overlay(overlay_path(images, image.generation), image)
    except FileNotFoundError:
        return None
    except (ImageError, OSError) as error:
        sys.stderr.write(f"vnroute: {error}; shown as if no number had been changed\n")
        return None


def writable_page(path: Path) -> tuple[StatePage, bool]:
    """Return the page to write, and whether it is made anew: what is stored is not on it yet."""
    from vnroute.live.page import open_page

    missing = not path.exists()
    page, why = open_page(path)
    if why:
        sys.stderr.write(f"vnroute: {why}; a new one is made\n")
    return page, missing or bool(why)
