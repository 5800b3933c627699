"""The state page on the command line: written where it can be, told where it cannot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vnroute.image.state_page import StatePage

__all__ = ["writable_page"]


def writable_page(path: Path) -> tuple[StatePage, bool]:
    """Return the page to write, and whether it is made anew: what is stored is not on it yet."""
    from vnroute.live.page import open_page

    missing = not path.exists()
    page, why = open_page(path)
    if why:
        sys.stderr.write(f"vnroute: {why}; a new one is made\n")
    return page, missing or bool(why)
