"""The state page on the command line: read where it can be, told where it cannot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vnroute.image.state_page import StatePage

__all__ = ["read_page", "writable_page"]


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


def writable_page(path: Path) -> tuple[StatePage, bool]:
    """Return the page to write, and whether it is made anew: what is stored is not on it yet."""
    from vnroute.live.page import open_page

    missing = not path.exists()
    page, why = open_page(path)
    if why:
        sys.stderr.write(f"vnroute: {why}; a new one is made\n")
    return page, missing or bool(why)
