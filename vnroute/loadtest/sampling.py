"""CPU and memory of what takes part in a run, sampled while it goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vnroute.loadtest.process import group_usage

__all__ = ["Sampler", "Samples", "cores"]


@dataclass
class Samples:
    """Rows of (Unix seconds, CPU cores busy since the row before, resident bytes) by part.

    ``machine`` is the share of all cores that was busy, 0 to 1, whoever used them.
    """

    parts: dict[str, list[tuple[float, float, int]]] = field(default_factory=dict)
    machine: list[tuple[float, float]] = field(default_factory=list)
    cpu_seconds: dict[str, float] = field(default_factory=dict)


class Sampler:
    """Takes a sample at most every ``every`` seconds."""

    def __init__(
        self, parts: Mapping[str, Callable[[], Sequence[int]]], every: float = 0.5
    ) -> None:
        self.samples = Samples({name: [] for name in parts}, [], dict.fromkeys(parts, 0.0))
        self._parts = parts
        self._every = every
        self._next = 0.0
        self._before: dict[str, tuple[float, dict[int, float]]] = {}
        self._machine: tuple[float, float] | None = None

    def look(self, force: bool = False) -> None:
        """Take a sample if it is time."""
        now = time.time()
        if now < self._next and not force:
            return
        self._next = now + self._every
        for name, pids in self._parts.items():
            usage = {pid: group_usage([pid]) for pid in pids() if pid}
            cpu = {pid: used for pid, (used, _) in usage.items()}
            memory = sum(bytes_ for _, bytes_ in usage.values())
            before = self._before.get(name)
            if before is not None and now > before[0]:
                # A process that came since then counts from its start, one that went is forgotten.
                used = sum(max(0.0, value - before[1].get(pid, 0.0)) for pid, value in cpu.items())
                self.samples.parts[name].append((now, used / (now - before[0]), memory))
                self.samples.cpu_seconds[name] += used
            self._before[name] = (now, cpu)
        self._look_at_machine(now)

    def _look_at_machine(self, now: float) -> None:
        try:
            words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        except OSError:
            return
        ticks = [int(word) for word in words]
        idle, total = float(ticks[3] + ticks[4]), float(sum(ticks[:8]))
        if self._machine is not None and total > self._machine[1]:
            share = 1 - (idle - self._machine[0]) / (total - self._machine[1])
            self.samples.machine.append((now, min(1.0, max(0.0, share))))
        self._machine = (idle, total)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
