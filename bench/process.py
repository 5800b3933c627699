"""Starting a server to be measured, and reading what its processes cost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Whether a socket listens on ``port``; read from /proc, so that the server sees no call."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and fields[1].endswith(wanted):
                return True
    return False


def process_tree(root: int) -> list[int]:
    """``root`` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                # The name may hold spaces and brackets: fields count from the last bracket.
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry))
    tree, todo = [], [root]
    while todo:
        pid = todo.pop()
        tree.append(pid)
        todo += children.get(pid, [])
    return tree


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of these processes, ended threads included, in nanosecond steps.

    /proc/PID/stat counts in ticks of 10 ms. The kernel's clock of another process (man
    clock_getcpuclockid) has the same figure unrounded; its id is made as glibc makes it.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def resident_mib(pids: Sequence[int]) -> float:
    """Proportional share of resident memory (PSS), so that what workers share counts once."""
    kib = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return kib / 1024


def open_files(pids: Sequence[int]) -> int:
    """File descriptors that these processes hold."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


class Server:
    """A server process in a group of its own; a context manager that starts and ends it."""

    def __init__(
        self, name: str, command: Sequence[str], port: int, env: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self.command = list(command)
        self.port = port
        self.env = os.environ | (env or {})
        self.pids: list[int] = []

    def __enter__(self) -> Self:
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env=self.env,
            start_new_session=True,
        )
        deadline = time.monotonic() + 20
        while not is_listening(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.said()
                self.__exit__(None, None, None)
                raise RuntimeError(f"{self.name} did not come up: {said}")
            time.sleep(0.02)
        time.sleep(0.2)  # workers that follow the first one
        self.pids = process_tree(self.process.pid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.log.close()

    def said(self) -> str:
        """The last lines of what it printed."""
        self.log.seek(0)
        return " / ".join(self.log.read().splitlines()[-4:])

    def cpu_seconds(self) -> float:
        """CPU time of the whole process tree so far."""
        return cpu_seconds(self.pids)
