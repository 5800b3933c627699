"""The thread that all have which work beside calls: nothing ends it, and it tells once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from vnroute.calls.turns import Turns


class Lines:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda said, error="": self.told.append((level, said, error))


class Work(Turns):
    """Does what it is told to, one thing a turn."""

    fails = "no work"
    well = "work again"

    def __init__(self, *todo: Any, first_wait: float = 0.001) -> None:
        self.lines = Lines()
        super().__init__("work", self.lines, first_wait)
        self.todo, self.turns, self.closed = list(todo), 0, False
        self.done = threading.Event()

    def turn(self) -> bool:
        self.turns += 1
        if not self.todo:
            self.done.set()
            return False
        found = self.todo.pop(0)
        if isinstance(found, Exception):
            raise found
        return bool(found)

    def ended(self) -> None:
        self.closed = True


def test_why_it_fails_is_told_once_and_when_it_is_over() -> None:
    work = Work(OSError("disk"), OSError("disk"), OSError("other"), True, OSError("disk"), True)
    work.start()
    assert work.done.wait(10)
    work.stop()
    assert work.lines.told == [
        ("error", "no work", "disk"), ("error", "no work", "other"), ("warning", "work again", ""),
        ("error", "no work", "disk"), ("warning", "work again", ""),
    ]  # fmt: skip
    assert not work.failing and work.closed and not work._thread.is_alive()


def test_a_fault_of_ours_ends_no_thread_and_is_told_with_its_trace() -> None:
    work = Work(ZeroDivisionError("by zero"), KeyError(), True)
    work.start()
    assert work.done.wait(10)
    work.stop()
    assert work.lines.told == [
        ("exception", "no work", "ZeroDivisionError: by zero"),
        ("exception", "no work", "KeyError"),
        ("warning", "work again", ""),
    ]  # fmt: skip


def test_it_looks_as_soon_as_there_is_some() -> None:
    work = Work()
    work.look_seconds = 3600.0  # type: ignore[misc]
    work.start()
    assert work.done.wait(10)
    before = work.turns
    work.done.clear()
    work.some.set()
    assert work.done.wait(10) and work.turns == before + 1
    began = time.monotonic()
    work.stop()
    assert time.monotonic() - began < 60 and work.closed
