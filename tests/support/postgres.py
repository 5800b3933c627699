"""A PostgreSQL of a test's own, on a free port of the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

__all__ = ["Postgres", "missing"]


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path else None


def missing() -> str | None:
    """Return why there can be no PostgreSQL here; None where it can."""
    if _binaries() is None:
        return "no PostgreSQL on this machine"
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL does not run as root, and there is no setpriv"
    return None


class Postgres:
    """A cluster in a directory of its own, and its server; it trusts whoever connects."""

    def __init__(self, *, fsync: bool = False) -> None:
        binaries = _binaries()
        assert binaries is not None
        self._binaries = binaries
        # Not under pytest's directories: those are for one user alone, and each run makes sure.
        self._home = directory = Path(tempfile.mkdtemp(prefix="vnroute-postgres-"))
        self._data = directory / "pgdata"
        self._log = directory / "postgres.log"
        # Off it is quicker, and safe against the death of processes, not of the machine.
        self._fsync = "on" if fsync else "off"
        self._as: list[str] = []
        if os.getuid() == 0:
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(directory, "postgres", "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._run("initdb", "-D", str(self._data), "-U", "vnroute", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync", "--no-instructions")  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [*self._as, str(self._binaries / program), *words],
            capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, wait: bool = True) -> None:
        """Start the server; after a SIGKILL it recovers by its log first."""
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [*self._as, str(self._binaries / "postgres"), "-D", str(self._data),
                 "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                 "-c", "unix_socket_directories=", "-c", "restart_after_crash=off",
                 "-c", f"fsync={self._fsync}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        end = time.monotonic() + 300  # recovery syncs all files first
        while wait and not self._answers():
            assert self.running and time.monotonic() < end, self._log.read_text()[-2000:]
            time.sleep(0.05)

    def _answers(self) -> bool:
        return (
            subprocess.run(
                [
                    str(self._binaries / "pg_isready"),
                    "-q",
                    "-U",
                    "vnroute",
                    "-h",
                    "127.0.0.1",
                    "-p",
                    str(self.port),
                ],
                check=False,
            ).returncode
            == 0
        )

    def kill(self) -> None:
        """SIGKILL the postmaster; its backends notice, and end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        # A new postmaster refuses to start while backends of the old one hold shared memory.
        pid = self._data / "postmaster.pid"
        end = time.monotonic() + 30
        while self._backends() and time.monotonic() < end:
            time.sleep(0.02)
        pid.unlink(missing_ok=True)

    def _backends(self) -> bool:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if (entry / "cwd").readlink() == self._data.resolve():
                        return True
                except OSError:
                    continue  # gone, or not ours
        return False

    def database(self, name: str) -> str:
        """Make an empty database; return its address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "vnroute", name)
        return f"postgresql://vnroute@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """Stop the server, and remove its data."""
        if self.running:
            assert self._process is not None
            self._process.send_signal(signal.SIGINT)  # fast shutdown
            self._process.wait(30)
        shutil.rmtree(self._home)
