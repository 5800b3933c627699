"""Putting changes in force: compiled aside, one compilation at a time, changes in between together.

So a thousand edits a second make no queue: what comes while one compilation runs goes into the
next. A change that is answered is stored; whether it is live is told by its generation.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from vnroute import log
from vnroute.image.layout import ImageError
from vnroute.image.state_page import PageError
from vnroute.settings import Settings
from vnroute.store import StoreError, open_store
from vnroute.web.building import BUSY, Built
from vnroute.web.told import encode
from vnroute.web.tracing import Tracing

if TYPE_CHECKING:
    from vnroute.compiler.overlay import Overlays, OverlayState

__all__ = ["Live", "Publisher"]

_GATHER_SECONDS = 0.02
_AGAIN_SECONDS = 0.5


class Live(NamedTuple):
    """By which generation a change is in force, and by which overlay over it, if by one."""

    generation: int
    overlay: int | None


class Publisher:
    """Compiles whenever told of a change. Lives on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wanted = asyncio.Event()
        self._moved = asyncio.Condition()
        self._laying = asyncio.Lock()
        self._overlays: Overlays | None = None
        self.laid: OverlayState | None = None
        """What lies over the image in force."""
        self._task: asyncio.Task[None] | None = None
        self._logger = log.get_logger(process="control")
        self.built: Built | None = None
        """The last compilation that succeeded."""
        self.error = ""
        """Why the last one failed, empty where it did not."""
        self.failed_at = 0.0
        self.running = False
        self.tracing: Tracing | None = None

    def start(self) -> None:
        """Begin to wait for changes."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop, and a compilation that runs with it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._overlays is not None:
            self._overlays.close()

    async def lay_numbers(self, counter: int) -> None:
        """Put numbers in force that a change up to ``counter`` changed, without compiling; compile
        what is more, or where it is time to.
        """
        async with self._laying:
            if self.laid is not None and self.laid.holds(counter):
                return  # along with one that came just before
            try:
                self.laid = await asyncio.to_thread(self._lay)
            except (ImageError, PageError, StoreError, OSError) as error:
                self.laid = None
                self._logger.error("numbers not laid over the image; compiling", error=str(error))
        if self.laid is None or self.laid.needs_compilation:
            self.changed()

    def _lay(self) -> OverlayState | None:
        from vnroute.compiler.overlay import Overlays
        from vnroute.live.numbers import put_numbers_in_force

        settings = self._settings
        if self._overlays is None:
            self._overlays = Overlays(settings.images)
        store = open_store(settings.store_address, create=False)
        try:
            return put_numbers_in_force(store, settings.images, settings.state_page, self._overlays)
        finally:
            store.close()

    def changed(self) -> None:
        """Say that the store has changed."""
        self._wanted.set()

    async def live(self, counter: int, seconds: float) -> Live | None:
        """Wait until a change is live, for so many seconds at most; None if it is not by then."""
        laid = self.laid
        if laid is not None and laid.holds(counter):
            return Live(laid.generation, laid.serial)
        built = await self._built(counter, seconds)
        return None if built is None else Live(built.generation, None)

    async def _built(self, counter: int, seconds: float) -> Built | None:

        def done() -> bool:
            return self.built is not None and self.built.changes >= counter

        began = time.monotonic()
        if seconds <= 0 or done():
            return self.built if done() else None
        try:
            async with self._moved:
                await asyncio.wait_for(
                    self._moved.wait_for(lambda: done() or self.failed_at > began), seconds
                )
        except TimeoutError:
            return None
        return self.built if done() else None

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(_GATHER_SECONDS)  # what comes together is compiled together
            self._wanted.clear()
            self.running = True
            try:
                again = not await self._build()
            finally:
                self.running = False
            async with self._moved:
                self._moved.notify_all()
            if again:
                self._wanted.set()
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _build(self) -> bool:
        """Compile once; False if it must be tried again."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "vnroute.web.building", encode(self._settings),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                said, wrong = await process.communicate()
            except asyncio.CancelledError:
                # What it has not put in force is not in force; the next start compiles anew.
                process.terminate()
                await process.wait()
                raise
        except OSError as error:
            return self._fail(f"cannot start the compiler: {error}")
        if process.returncode == BUSY:
            return False
        if process.returncode != 0:
            lines = wrong.decode("utf-8", "replace").strip().splitlines()
            return self._fail(lines[-1] if lines else f"exit status {process.returncode}")
        self.built, self.error = msgspec.json.decode(said, type=Built), ""
        self._logger.info("compiled", **msgspec.structs.asdict(self.built))
        if self.tracing is not None:
            self.tracing.note(
                "compile", self.built.seconds, generation=self.built.generation,
                bytes=self.built.bytes,
            )  # fmt: skip
        return True

    def _fail(self, why: str) -> bool:
        """Keep why it failed. It is tried again with the next change: the same would fail again."""
        self.error, self.failed_at = why, time.monotonic()
        self._logger.error("not compiled; the generation in force stays", error=why)
        return True

    def state(self) -> dict[str, Any]:
        """Return what people ask of it."""
        return {
            "running": self.running,
            "error": self.error,
            "last": self.built and msgspec.structs.asdict(self.built),
        }
