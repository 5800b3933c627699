"""Processes that a run starts, and ends: all of them, whatever happens, and no other."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vnroute.loadtest.errors import LoadTestError, RunBroken

__all__ = ["Child", "children_of", "group_usage", "process_tree", "wait_until"]

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def wait_until(what: str, ready: Callable[[], bool], seconds: float, step: float = 0.05) -> None:
    """Wait until ``ready`` is true; :class:`RunBroken`, naming ``what``, after so many seconds."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise RunBroken(f"not in {seconds:g} s: {what}")
        time.sleep(step)


class Child:
    """One process of the run, in a process group of its own so that it can be ended whole.

    A Ctrl-C on the terminal does not reach it: the run ends its children itself, in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.output = folder / f"{name}.out"
        try:
            with self.output.open("ab") as out:
                self._process = subprocess.Popen(
                    list(command),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,
                )
        except OSError as error:
            raise LoadTestError(f"cannot start {name}: {command[0]}: {error.strerror}") from None
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group too."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of what it wrote."""
        try:
            text = self.output.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL the process and all it started: no chance to say good-bye.

        Returns when all of them are gone (after ten seconds at most): one that is dying still holds
        its sockets, and the kernel goes on taking connections for it.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        end = time.monotonic() + 10
        while _group_runs(self._process.pid) and time.monotonic() < end:
            time.sleep(0.005)
        atexit.unregister(self.stop)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 5.0) -> None:
        """End the process and all it started: a signal, a wait, then SIGKILL."""
        if self._process.poll() is None:
            self.send(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()


def _group_runs(group: int) -> bool:
    """Whether a process of a group still runs, or is still being taken down."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            # A zombie has closed its files, once its last thread has ended.
            if int(its_group) == group and (
                state not in "ZX" or len(os.listdir(folder / "task")) > 1
            ):
                return True
        except (OSError, ValueError):
            continue  # it ended while it was looked at
    return False


def group_usage(pids: Sequence[int]) -> tuple[float, int]:
    """Return CPU seconds and resident bytes of processes; those that are gone count nothing."""
    cpu, memory = 0.0, 0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            continue
        cpu += (int(stat[11]) + int(stat[12])) / _TICK
        memory += int(resident) * _PAGE
    return cpu, memory


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def process_tree(pid: int) -> list[int]:
    """Return a process and all that it started, and those in turn, as far as they still run."""
    found = [pid]
    for child in children_of(pid):
        found += process_tree(child)
    return found
