"""The servers that are measured beside each other: vnroute, two floors, and the peers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import vnroute_side
from bench.process import Server, free_port

ROOT = Path(__file__).parent.parent
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"

#: Name -> what it is. The order is that of the tables.
SERVERS = {
    "vnroute": "vnroute, one worker, the whole job",
    "floor_epoll": "floor: C, epoll, a canned answer",
    "floor_uvloop": "floor: uvloop, one header found",
    "streams_uvloop": "by hand: asyncio streams on uvloop",
    "greenswitch": "greenswitch (gevent)",
    "python_esl": "python-ESL, a thread a call",
    "genesis": "genesis (asyncio on uvloop)",
}


@dataclass(frozen=True)
class Unavailable:
    """Why a server cannot be measured here."""

    reason: str


def prepare(name: str, directory: Path, numbers: Sequence[str]) -> Server | Unavailable:
    """A server ready to be started; ``directory`` takes what has to be built for it."""
    port = free_port()
    if name == "vnroute":
        try:
            command, env = vnroute_side.server(port, directory, numbers)
        except vnroute_side.NotBuilt as missing:
            return Unavailable(str(missing))
        return Server(name, command, port, env)
    if name == "floor_epoll":
        source, binary = ROOT / "bench" / "peers" / "floor_epoll.c", directory / "floor_epoll"
        try:
            subprocess.run(["cc", "-O2", "-o", str(binary), str(source)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return Unavailable(f"no C compiler: {error}")
        return Server(name, [str(binary), str(port)], port)
    if name in ("greenswitch", "genesis"):
        python, module = str(PEERS_PYTHON), name
    else:
        python, module = sys.executable, {"python_esl": "ESL"}.get(name, "uvloop")
    if not Path(python).exists():
        return Unavailable("the peers' environment is not set up: make bench does it")
    probe = subprocess.run(
        [python, "-W", "ignore", "-c", f"import {module}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if probe.returncode:
        return Unavailable(f"{module} is not installed")
    return Server(name, [python, "-m", f"bench.peers.serve_{name}", str(port)], port)
