"""What is kept of an error that nobody expected."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback

from vnroute import __version__

__all__ = ["keep_details"]


def keep_details(error: BaseException) -> str:
    """Write an error's traceback to a file of its own; return a sentence that says where."""
    details = "".join(traceback.format_exception(error))
    # Arguments are kept, the environment is not: it may hold secrets.
    about = f"vnroute {__version__}, Python {platform.python_version()}, {platform.platform()}"
    try:
        handle, path = tempfile.mkstemp(prefix="vnroute-error-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{about}\n{' '.join(map(repr, sys.argv))}\n\n{details}")
    except OSError as failure:
        return f"this should not happen, and its details could not be kept ({failure.strerror})"
    return f"this should not happen: please report it with the details in {path}"
