"""Whether vnroute lives, whether it routes, and all that ``vnroute status`` knows."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from vnroute.settings import Settings
from vnroute.status import StatusReader

__all__ = ["LiveStatus", "health_handlers", "status_handlers"]

_FRESH_SECONDS = 0.5


class LiveStatus:
    """The status, read at most twice a second however many ask, in a thread beside the loop."""

    def __init__(self, settings: Settings) -> None:
        self.reader = StatusReader(settings)
        self._lock = asyncio.Lock()
        self._at = 0.0
        self._last: dict[str, Any] = {}

    async def read(self) -> dict[str, Any]:
        """Return the status, half a second old at most."""
        async with self._lock:
            if time.monotonic() - self._at > _FRESH_SECONDS or not self._last:
                self._last = await asyncio.to_thread(self.reader.read)
                self._last["time"] = time.time()
                self._at = time.monotonic()
            return self._last


@get("/healthz", sync_to_thread=False)
def healthz() -> dict[str, str]:
    """Say that this process answers. It asks nothing else, so it tells only of itself."""
    return {"status": "ok"}


def health_handlers(live: LiveStatus) -> list[HTTPRouteHandler]:
    """Return the handlers of /healthz and /readyz, which ask nobody who they are."""

    @get("/readyz")
    async def readyz() -> Response[dict[str, Any]]:
        """200 where workers answer by the newest image; 503, and why, where none runs or lags."""
        why = _not_ready(await live.read())
        return Response(
            {"status": "not ready" if why else "ready", "why": why}, status_code=503 if why else 200
        )

    return [healthz, readyz]


def status_handlers(live: LiveStatus) -> list[HTTPRouteHandler]:
    """Return the handler of the status."""

    @get("/status", tags=["status"], summary="Read the status", operation_id="status")
    async def status(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Return what ``vnroute status --json`` prints, and the ``time`` it was read at.

        To one who is limited to an account, only whether calls are answered, and by which image.
        """
        all_of_it = await live.read()
        if not request.user.account:
            return all_of_it
        image = all_of_it["image"] or {}
        return {
            "time": all_of_it["time"],
            "serving": all_of_it["serving"],
            "image": {"generation": image.get("generation")},
        }

    return [status]


def _not_ready(status: dict[str, Any]) -> list[str]:
    why = []
    if status["image"] is None:
        why.append("no route image was compiled")
    elif "error" in status["image"]:
        why.append(f"the route image is refused: {status['image']['error']}")
    if not status["serving"]:
        why.append("no worker answers")
    if status["lagging"]:
        why.append(f"workers with an older image: {', '.join(map(str, status['lagging']))}")
    return why
