"""A thread that takes one turn after the other: looks, tells once what is wrong, waits longer.

What works beside calls (stores them, tells of them, judges them, puts them away) has a thread of
its own, so that nothing it waits for holds up anybody else.
"""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from vnroute.store import StoreError

__all__ = ["Turns"]


class Turns(ABC):
    """Takes turns until it is stopped, whatever a turn raises.

    A turn that finds nothing more to do is followed by the next when ``some`` is set, after
    ``look_seconds`` at most. One that raises is tried again after ``first_wait`` seconds; each
    further failure doubles them, up to ``longest_wait``. Why is told once, and when it is over.
    """

    fails: ClassVar[str]
    """What is told when turns begin to fail."""
    well: ClassVar[str]
    """What is told when they succeed again."""
    expected: ClassVar[tuple[type[Exception], ...]] = (StoreError, OSError)
    """What the world may do to a turn; anything else is a fault of ours, told with its trace."""
    look_seconds: ClassVar[float] = 1.0
    longest_wait: ClassVar[float] = 60.0

    def __init__(self, name: str, logger: Any, first_wait: float = 1.0) -> None:
        self._logger = logger
        self._first_wait = first_wait
        self._stop = threading.Event()
        self.some = threading.Event()
        """Set where there is something to do."""
        self.failing = ""
        """Why turns fail now; empty where they do not."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """End after the turn at hand; what it leaves undone waits for the next start."""
        self._stop.set()
        self.some.set()
        self._thread.join(seconds)

    @abstractmethod
    def turn(self) -> bool:
        """Do some of the work; return whether there may be more."""

    def idle(self) -> None:
        """Wait until there may be something to do."""
        self.some.wait(self.look_seconds)
        self.some.clear()

    def failed(self, error: Exception, wait: float) -> float:
        """Put right what a failure leaves; return how long to wait, 0 for not at all."""
        return wait

    def ended(self) -> None:  # noqa: B027 - most have something to clean up, not all
        """Clean up behind the last turn."""

    def _run(self) -> None:
        wait = self._first_wait
        while not self._stop.is_set():
            try:
                more = self.turn()
            except Exception as error:
                # Nothing may end this thread unseen.
                wait = self._failed(error, wait)
                continue
            if self.failing:
                self._logger.warning(self.well)
                self.failing = ""
            wait = self._first_wait
            if not more:
                self.idle()
        self.ended()

    def _failed(self, error: Exception, wait: float) -> float:
        """Tell, and wait; return how long to wait the next time."""
        expected = isinstance(error, self.expected)
        why = (str(error) if expected else "") or f"{type(error).__name__}: {error}".rstrip(": ")
        if why != self.failing:
            (self._logger.error if expected else self._logger.exception)(self.fails, error=why)
        self.failing = why
        asked = self.failed(error, wait)
        if not asked:
            return wait
        # Not all nodes at the same moment, when what they wait for comes back.
        self._stop.wait(asked * random.uniform(0.75, 1.25))
        return min(2 * asked, self.longest_wait)
