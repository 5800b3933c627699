"""A worker: one process, one core, one event loop that answers FreeSWITCH.

It needs the image file and nothing else: no database, no control process. A new generation is
noticed by looking at the link every tenth of a second, opened and checked in a thread, and swapped
in between two calls. An image that is refused leaves the one in force.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from vnroute import log
from vnroute.dips.dipper import Dipper
from vnroute.dips.sources import open_source
from vnroute.eventsocket.here import HereKeeper
from vnroute.eventsocket.home import home_is_held
from vnroute.eventsocket.loops import forwarded
from vnroute.eventsocket.outbound import OutboundServer
from vnroute.eventsocket.stats import StatsWriter, read_stats
from vnroute.image.generations import PORTABILITY, current_image, overlay_path
from vnroute.image.layout import ImageError
from vnroute.image.state_page import PageError, StatePage, identity_of
from vnroute.matcher.decide import Matcher
from vnroute.matcher.image import RouteImage
from vnroute.matcher.overlay import Overlay
from vnroute.portability.table import PortabilityTable
from vnroute.settings import DipSettings

__all__ = ["BAD_SETUP", "WorkerSettings", "bound_socket", "listening_socket", "main"]

BAD_SETUP = 78
"""Exit status of a worker that cannot work as it was told to: starting it again is of no use
(EX_CONFIG in sysexits.h)."""

_LOOK_SECONDS = 0.1
_LISTEN_SECONDS = 0.02
"""How often the state page is asked whether numbers were changed: one load each time."""
_WRITE_SECONDS = 0.2
_ORPHAN_SECONDS = 60.0


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told by its supervisor."""

    worker: int
    host: str
    port: int
    backlog: int
    allow: tuple[str, ...]
    max_bytes: int
    max_seconds: float
    max_connections: int
    max_hops: int
    images: str
    stats: str
    page: str
    here: str = ""
    """Where what known phones say is kept for the control process; empty where there is none."""
    dips: DipSettings = DipSettings()
    log_level: str = "info"
    log_format: log.LogFormat = "console"


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is bound beside others on the same port (SO_REUSEPORT).

    It takes no connection until it listens. Raises OSError where host or port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


def listening_socket(host: str, port: int, backlog: int) -> socket.socket:
    """Return a bound socket that listens.

    The kernel spreads connections over the workers' sockets. The backlog is long, since a burst of
    calls opens its connections all at once and one that finds the queue full waits a second for
    the next SYN. Raises OSError where host or port cannot be had.
    """
    listening = bound_socket(host, port)
    try:
        listening.listen(backlog)
    except BaseException:
        listening.close()
        raise
    return listening


def _version_of(path: Path) -> tuple[int, int, int]:
    """Return what is another for each overlay that takes the place of one before."""
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


class _Worker:
    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.logger = log.get_logger(worker=settings.worker)
        self.images = Path(settings.images)
        path = current_image(self.images)
        if path is None:
            raise ImageError(f"{self.images}: no route image there; run vnroute compile")
        self.seen: Path | None = path
        self.seen_page: tuple[int, int, int] | None = None
        image = RouteImage(path)
        self.matcher = Matcher(image, settings.max_hops)
        self.seen_overlay: tuple[int, int, int] | None = None
        self.rung = 0
        self.matcher.lay(self.open_overlay(image))
        self.look_for_page()
        self.seen_ported: Path | None = None
        loopback = settings.host in ("127.0.0.1", "::1", "localhost")
        self.server = OutboundServer(
            self.matcher,
            log.bounded(self.logger),
            settings.allow,
            settings.max_bytes,
            settings.max_seconds,
            settings.max_connections,
            # Only loopback can reach a loopback address: asking each peer would tell nothing.
            not (loopback and {"127.0.0.0/8", "::1/128"} <= set(settings.allow)),
        )
        self.keeper = HereKeeper(Path(settings.here) if settings.here else None, self.logger)
        self.server.keeper = self.keeper
        self.dipper: Dipper | None = None
        self.stats: StatsWriter | None = None
        self.started = int(time.time())
        self.reloads = self.failed_reloads = 0
        self.draining = asyncio.Event()
        self.look_now = asyncio.Event()
        self.parent = os.getppid()
        self.orphan_since: float | None = None
        self.told_loops = -1.0

    def write_stats(self) -> None:
        """Write the worker's page; it appears only once the worker answers."""
        if self.stats is None:
            self.stats = StatsWriter(Path(self.settings.stats), self.settings.worker)
        self.stats.write(
            {
                **self.server.counts(),
                **self.matcher.counts(),
                "least_bad": self.matcher.least_bad,
                "dip_hits": self.matcher.dip_hits,
                **self.keeper.counts(),
                **({} if self.dipper is None else self.dipper.counts()),
                "generation": self.matcher.image.generation,
                "overlay": 0 if self.matcher.overlay is None else self.matcher.overlay.serial,
                "started": self.started,
                "updated": int(time.time()),
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "reloads": self.reloads,
                "failed_reloads": self.failed_reloads,
            },
            self.server.delays_us(),
        )

    async def reload(self) -> None:
        """Open the image that the link names, if it is another, and swap it in."""
        path = current_image(self.images)
        if path is None or path == self.seen:
            return
        self.seen = path
        began = time.monotonic()
        try:
            image = await asyncio.to_thread(RouteImage, path)
            overlay = await asyncio.to_thread(self.open_overlay, image)
        except (ImageError, OSError) as error:
            self.failed_reloads += 1
            self.logger.error(
                "route image refused",
                error=str(error),
                generation_in_force=self.matcher.image.generation,
            )
            return
        self.matcher.swap(image, overlay)
        self.reloads += 1
        self.logger.info(
            "route image in force",
            generation=image.generation,
            milliseconds=round(1000 * (time.monotonic() - began), 1),
        )

    def open_dips(self) -> None:
        """Ask for numbers over the network from now on, where the settings say so."""
        source = open_source(self.settings.dips)
        if source is not None:
            self.dipper = Dipper(source, self.settings.dips, self.logger)
            self.matcher.dip(self.dipper.found)
            self.server.dipper = self.dipper

    def look_for_page(self) -> None:
        """Map the state page if another one is there. One that is refused changes nothing."""
        try:
            there = identity_of(self.settings.page)
            if there == self.seen_page:
                return
            self.seen_page = there
            self.matcher.use_page(StatePage.open(self.settings.page))
        except FileNotFoundError:
            return  # none was made yet, or it was lost: the last one is still mapped
        except (PageError, OSError) as error:
            page = self.matcher.page
            if page is not None and self.seen_page and page.identity[:2] == self.seen_page[:2]:
                # The very file that is mapped was cut: to read on would be the end (SIGBUS).
                self.matcher.use_page(None)
            self.logger.error("state page refused", error=str(error))

    def open_overlay(self, image: RouteImage) -> Overlay | None:
        """Open what lies over an image; None where nothing does, or what does is refused."""
        path = overlay_path(self.images, image.generation)
        try:
            self.seen_overlay = _version_of(path)
            return Overlay(path, image)
        except FileNotFoundError:
            self.seen_overlay = None
        except (ImageError, OSError) as error:
            self.failed_reloads += 1
            self.logger.error("overlay of numbers refused", error=str(error))
            if self.matcher.image is image:
                return self.matcher.overlay
        return None

    async def reload_overlay(self) -> None:
        """Look numbers up in the overlay over the image in force, if it is another one."""
        image = self.matcher.image
        try:
            there: tuple[int, int, int] | None = _version_of(
                overlay_path(self.images, image.generation)
            )
        except FileNotFoundError:
            there = None
        if there == self.seen_overlay:
            return
        overlay = await asyncio.to_thread(self.open_overlay, image)
        # Another image may have come meanwhile, which brought its own.
        if self.matcher.image is image:
            self.matcher.lay(overlay)
            self.write_stats()

    async def listen_for_numbers(self) -> None:
        """Wait until the state page tells of another overlay. Where there is no page, the overlay
        is looked for along with the images.
        """
        while True:
            await asyncio.sleep(_LISTEN_SECONDS)
            page = self.matcher.page
            if page is not None and page.overlay != self.rung:
                self.rung = page.overlay
                await self.reload_overlay()

    async def reload_portability(self) -> None:
        """Open the portability table that its link names, if it is another, and choose by it.

        A table that is refused leaves the one in force; with none, carriers are chosen by the
        numbers themselves.
        """
        path = current_image(self.images, PORTABILITY)
        if path == self.seen_ported:
            return
        self.seen_ported = path
        if path is None:
            self.matcher.port(None)
            self.logger.info("no portability table any more")
            return
        try:
            table = await asyncio.to_thread(PortabilityTable, path)
        except (ImageError, OSError) as error:
            self.failed_reloads += 1
            self.logger.error("portability table refused", error=str(error))
            return
        self.matcher.port(table)
        self.logger.info("portability table in force", generation=table.generation, rows=len(table))

    async def look_for_images(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self.look_now.wait(), _LOOK_SECONDS)
                # A reload that was asked for opens the file again even if the link is the same.
                self.look_now.clear()
                self.seen = self.seen_ported = None
            except TimeoutError:
                pass
            self.look_for_page()
            await self.reload()
            await self.reload_overlay()
            await self.reload_portability()

    async def housekeeping(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            self.server.close_overdue()
            self.tell_loops()
            self.write_stats()
            if os.getppid() != self.parent and self.orphaned_too_long():
                self.draining.set()

    def tell_loops(self) -> None:
        """Log calls that were forwarded too often: a few a second, the rest counted."""
        if time.monotonic() - self.told_loops < 1:
            return
        looped, more = self.server.take_looped()
        if not looped:
            return
        self.told_loops = time.monotonic()
        for place, block in enumerate(looped, 1):
            left_out = {"left_out": more} if more and place == len(looped) else {}
            self.logger.warning("forwarded too often", **forwarded(block), **left_out)

    def orphaned_too_long(self) -> bool:
        """Whether an orphan should stop: another supervisor's workers answer, or none came in time.

        Whoever starts the supervisor again thus finds calls answered all the while.
        """
        now = time.time()
        if self.orphan_since is None:
            self.orphan_since = now
            self.logger.error("the supervisor is gone; serving on", seconds=_ORPHAN_SECONDS)
        if now - self.orphan_since > _ORPHAN_SECONDS:
            return True
        stats = Path(self.settings.stats)
        return home_is_held(stats.parent) and any(
            page.values["started"] >= int(self.orphan_since) for page in read_stats(stats)
        )

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.draining.set)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # the supervisor's to answer
        loop.add_signal_handler(signal.SIGHUP, self.look_now.set)
        listening = listening_socket(self.settings.host, self.settings.port, self.settings.backlog)
        # The first call is chosen for as all others are.
        await self.reload_portability()
        self.open_dips()
        server = await loop.create_server(
            self.server, sock=listening, backlog=self.settings.backlog
        )
        self.logger.info(
            "answering",
            host=self.settings.host,
            port=self.settings.port,
            generation=self.matcher.image.generation,
        )
        self.write_stats()
        # What lives now lives until the end; the collector need not walk it at every turn.
        gc.freeze()
        tasks = [
            loop.create_task(each)
            for each in (
                self.look_for_images(), self.listen_for_numbers(), self.housekeeping()
            )
        ]  # fmt: skip
        drain = loop.create_task(self.draining.wait())
        done, _ = await asyncio.wait([drain, *tasks], return_when=asyncio.FIRST_COMPLETED)
        server.close()
        for task in done - {drain}:
            task.result()  # a background task ends only by an error: say it, exit non-zero
        until = time.monotonic() + self.settings.max_seconds
        while self.server.live and time.monotonic() < until:
            await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        if self.dipper is not None:
            await self.dipper.close()
        self.write_stats()
        self.logger.info("drained", live=self.server.live)


async def _run(settings: WorkerSettings) -> None:
    await _Worker(settings).run()


def main(arguments: list[str]) -> int:
    """Run a worker until it is told to stop; the one argument is its settings as JSON."""
    settings = msgspec.json.decode(arguments[0], type=WorkerSettings)
    log.configure(settings.log_level, settings.log_format)
    try:
        uvloop.run(_run(settings))
    except (ImageError, ImportError, OSError) as error:
        log.get_logger(worker=settings.worker).error("worker cannot start", error=str(error))
        return BAD_SETUP
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
