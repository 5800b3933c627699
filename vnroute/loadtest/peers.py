"""Other outbound servers that calls can be routed by: libraries, and floors that do almost nothing.

They stand in a checkout's ``bench/peers``, and what they need in ``.venv-peers`` (``make bench``
makes it); ``compare`` and the benchmarks start them by what is here. Each answers a call with one
bridge, as its library's own documentation tells.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PEERS", "Peer", "PeerCommand", "prepare_peer"]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "bench" / "peers"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"


@dataclass(frozen=True)
class Peer:
    """A server: what it is, the module it needs (none: it is C), whether from the peers' own
    environment, and how FreeSWITCH's ``socket`` application is told to use it.
    """

    about: str
    module: str = ""
    apart: bool = False
    mode: str = ""


PEERS = {
    "floor_epoll": Peer("floor: C, epoll, a canned answer"),
    "floor_uvloop": Peer("floor: uvloop, one header found", "uvloop"),
    "streams_uvloop": Peer("by hand: asyncio streams on uvloop", "uvloop"),
    "greenswitch": Peer("greenswitch (gevent)", "greenswitch", True, " async full"),
    "python_esl": Peer("python-ESL, a thread a call", "ESL", False, " async full"),
    "genesis": Peer("genesis (asyncio on uvloop)", "genesis", True, " async full"),
}
"""By name. The libraries' documentation has ``async full``; the floors take the cheapest mode."""


@dataclass(frozen=True)
class PeerCommand:
    """How a peer is started: its command, what is added to the environment, and from where."""

    command: list[str]
    env: dict[str, str]
    folder: Path = ROOT


def prepare_peer(
    name: str,
    folder: Path,
    port: int,
    host: str = "127.0.0.1",
    routes: Mapping[str, str] | None = None,
    canned: str = "",
) -> PeerCommand | str:
    """Return how to start a peer, or why it cannot be had here.

    ``routes`` (dial string by number called) and ``canned`` (the floor's one dial string) replace
    the benchmark's own; ``folder`` takes what has to be written or built for it.
    """
    peer = PEERS[name]
    if not FOLDER.is_dir():
        return "the peers come with a checkout of vnroute (bench/peers), not with the package"
    if not peer.module:
        binary = folder / name
        try:
            subprocess.run(["cc", "-O2", "-o", binary, FOLDER / f"{name}.c"], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return f"no C compiler: {error}"
        return PeerCommand([str(binary), str(port), host, *([canned] if canned else [])], {})
    python = str(PYTHON) if peer.apart else sys.executable
    if not os.access(python, os.X_OK):
        return "the peers' environment is not set up: make bench does it"
    probe = subprocess.run(
        [python, "-W", "ignore", "-c", f"import {peer.module}"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    if probe.returncode:
        return f"{peer.module} is not installed"
    # A server imports its dial plan from the checkout, whatever the working directory.
    env = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    if routes is not None:
        file = folder / f"{name}.routes.json"
        file.write_text(json.dumps(dict(routes)))
        env["PEER_ROUTES"] = str(file)
    return PeerCommand([python, "-m", f"bench.peers.serve_{name}", str(port), host], env)
