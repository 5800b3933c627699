"""What is loaded, compiled and running, as plain data: for the command line and for HTTP."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vnroute.settings import Settings

__all__ = ["OUTCOMES", "StatusReader", "collect", "worker_pages"]

OUTCOMES = (
    "routed", "ended_by_plan", "unknown_number", "suspended", "no_carrier", "too_many_hops",
    "failed", "reserved", "quarantined", "ported_out", "not_yet", "expired",
    "screened", "at_capacity", "blocked",
)  # fmt: skip
"""What a decision can be; from the third on, a refusal."""


_COUNT_RARELY = 20
"""Counting the store's rows takes one part in so many of the time."""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def worker_pages(settings: Settings) -> list[dict[str, Any]]:
    """Return what each worker that runs has written to its page, with its delays' percentiles.

    ``delays_us`` at [i] is how many answers took from 2**(i-1) up to 2**i us.
    """
    from vnroute.eventsocket.stats import percentile_us, read_stats

    return [
        {
            "worker": page.worker,
            **page.values,
            "delay_us_p50": percentile_us(page.delays, 0.50),
            "delay_us_p99": percentile_us(page.delays, 0.99),
            "delays_us": page.delays,
        }
        for page in read_stats(settings.state / "workers.stats")
        if _alive(page.values["pid"])
    ]


class StatusReader:
    """Reads the status again and again, and what is dear only when it has changed.

    An image is opened when another is in force; the store's rows are counted when its change
    counter has moved, and for a twentieth of the time at most: ten million numbers take half a
    second. ``counted_at`` is the change counter of the rows. Not for two threads at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._image_key: tuple[Path, int] | None = None
        self._image: dict[str, Any] | None = None
        self._stored: dict[str, Any] | None = None
        self._count_after = 0.0

    def read(self) -> dict[str, Any]:
        """Return what ``vnroute status --json`` prints; a store that fails is told in its place."""
        from vnroute.store import StoreError

        stored: dict[str, Any] | None
        try:
            stored = self.store()
        except StoreError as error:
            stored = {"error": str(error), "change_counter": None}
        return self.assemble(stored)

    def assemble(self, stored: dict[str, Any] | None) -> dict[str, Any]:
        """Return the status with the store's part given."""
        from vnroute.eventsocket.home import home_is_held

        image, workers = self.image(), worker_pages(self.settings)
        generation = image["generation"] if image else None
        overlay = self.overlay(generation)
        counter = stored["change_counter"] if stored else None
        held = image.get("change_counter") if image else None
        if overlay and "error" not in overlay and not overlay["waiting"]:
            held = overlay["serial"]
        return {
            "home": str(self.settings.home),
            "store": stored,
            "image": image,
            "overlay": overlay,
            "stale": bool(image) and counter is not None and counter != held,
            "serving": bool(workers),
            "supervised": home_is_held(self.settings.state),
            "lagging": [w["worker"] for w in workers if w["generation"] != generation],
            "workers": workers,
        }

    def overlay(self, generation: int | None) -> dict[str, Any] | None:
        """Return what lies over the image in force: numbers changed since, None where none were.

        ``serial`` is the change counter of the store that it goes up to, ``waiting`` how many
        changes up to that one are not in it and wait for a compilation.
        """
        from vnroute.image.generations import overlay_path
        from vnroute.image.layout import ImageError
        from vnroute.image.overlay import overlay_header

        if generation is None:
            return None
        path = overlay_path(self.settings.images, generation)
        try:
            header = overlay_header(path)
        except (ImageError, OSError) as error:
            return {"path": str(path), "error": str(error), "serial": None}
        if header is None:
            return None
        return {
            "path": str(path),
            "serial": header.serial,
            "numbers": header.numbers,
            "waiting": header.waiting,
        }

    def store(self) -> dict[str, Any] | None:
        """Return the store's counts, None where nothing was ever loaded.

        Raises :class:`vnroute.store.StoreError` where it cannot be read.
        """
        import msgspec

        from vnroute.store import open_store
        from vnroute.store.opening import store_exists

        if not store_exists(self.settings.store_address):
            self._stored = None
            return None
        store = open_store(self.settings.store_address, create=False)
        try:
            counter = store.change_counter()
            began = time.monotonic()
            if self._stored is None or (
                self._stored["counted_at"] != counter and began >= self._count_after
            ):
                self._stored = {
                    "location": store.location,
                    "change_counter": counter,
                    "counted_at": counter,
                    **msgspec.structs.asdict(store.counts()),
                }
                took = time.monotonic() - began
                self._count_after = began + took * _COUNT_RARELY
            else:
                self._stored = self._stored | {"change_counter": counter}
        finally:
            store.close()
        return self._stored

    def image(self) -> dict[str, Any] | None:
        """Return what the image in force says of itself, None where none was compiled."""
        from vnroute.image.generations import current_image
        from vnroute.image.layout import ImageError
        from vnroute.matcher.image import RouteImage

        path = current_image(self.settings.images)
        if path is None:
            self._image_key = self._image = None
            return None
        try:
            key = (path, path.stat().st_mtime_ns)
            if key != self._image_key:
                opened = RouteImage(path)
                self._image = {
                    "path": str(path),
                    "generation": opened.generation,
                    "change_counter": opened.header.changes,
                    "bytes": opened.header.file_bytes,
                    "compiled_at": opened.header.compiled_at,
                    "horizon_end": opened.header.horizon_end,
                    "rows": opened.counts(),
                }
                self._image_key = key
        except (ImageError, OSError) as error:
            self._image_key = None
            return {"path": str(path), "error": str(error), "generation": None}
        return self._image


def collect(settings: Settings) -> dict[str, Any]:
    """Gather what ``status`` shows. Raises :class:`vnroute.store.StoreError`."""
    reader = StatusReader(settings)
    return reader.assemble(reader.store())
