"""A vnroute that serves a home, for what measures its API and console."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

__all__ = ["Served"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """``vnroute serve`` with one worker, from when it is ready until the block is left."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port, self.control = _free_port(), _free_port()

    def __enter__(self) -> Served:
        environment = {
            **os.environ,
            "VNROUTE_HOME": str(self.home),
            "VNROUTE_SERVER_PORT": str(self.port),
            "VNROUTE_CONTROL_PORT": str(self.control),
            # What a machine can do is asked, not what one key may.
            "VNROUTE_CONTROL_REQUESTS_PER_SECOND": "100000",
        }
        self._log = open(self.home / "serve.log", "a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vnroute.cli", "serve", "--workers", "1"],
            env=environment, stdout=subprocess.DEVNULL, stderr=self._log,
        )  # fmt: skip
        self._until_ready()
        return self

    def _until_ready(self) -> None:
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.control}/readyz", timeout=5):
                    return
            except (OSError, urllib.error.URLError):
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    @property
    def key(self) -> str:
        """The owner's key."""
        return (self.home / "state" / "owner.key").read_text().strip()

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self._log.close()
