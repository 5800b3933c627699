"""The servers that are measured beside each other: vnroute, two floors, and the peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import vnroute_side
from bench.process import Server, free_port
from vnroute.loadtest.peers import PEERS, prepare_peer

#: Name -> what it is. The order is that of the tables.
SERVERS = {
    "vnroute": "vnroute, one worker, the whole job",
    **{name: peer.about for name, peer in PEERS.items()},
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
    prepared = prepare_peer(name, directory, port)
    if isinstance(prepared, str):
        return Unavailable(prepared)
    return Server(name, prepared.command, port, prepared.env)
