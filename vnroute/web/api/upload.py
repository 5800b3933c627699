"""Files that come as the body of a request."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from litestar import Request

from vnroute.web.api.problems import Refused

__all__ = ["MOST_FILE", "received"]

MOST_FILE = 1_000_000_000
"""Bytes of one file; the largest decks that carriers send have some 100 MB."""


async def received(request: Request[Any, Any, Any], directory: Path) -> Path:
    """Write a request's body to a file; raise 413 where it is too long, 400 for an empty one."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / uuid.uuid4().hex
    size = 0
    try:
        with open(file, "xb") as target:
            async for part in request.stream():
                size += len(part)
                if size > MOST_FILE:
                    raise Refused(413, f"more than {MOST_FILE} bytes")
                target.write(part)
        if not size:
            raise Refused(400, "an empty file")
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return file
