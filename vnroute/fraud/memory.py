"""What is known of fraud across restarts: hits, and how far calls have been judged.

``fraud.json`` in the state directory, written whole. A hit is known by its rule, account,
destination and call, so a call that is judged again after a crash makes no second one.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from vnroute.files import write_whole
from vnroute.fraud.engine import Hit

__all__ = ["KeptHit", "Memory", "read_memory"]

_MOST = 5000


class KeptHit(msgspec.Struct, frozen=True, kw_only=True):
    """A hit, when it was seen (Unix seconds), and what came of it."""

    hit: Hit
    seen: float
    did: str

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What it is known by: its call, or the moment of a hit that no record made."""
        return self.hit.rule, self.hit.account, self.hit.to, self.hit.call or -self.hit.at


class Memory(msgspec.Struct, kw_only=True):
    """The file's content: the id of the call judged last (-1: none ever), hits, the oldest first,
    and how many of all hits ever the webhook was told. ``used`` is what hits have used up of calls
    that were up; ``hanging_up`` what is hung up while its block holds: rule, account, destination
    and block.
    """

    judged: int = -1
    hits: list[KeptHit] = []
    dropped: int = 0
    told: int = 0
    floors: list[tuple[str, str, str, int]] = []
    used: dict[str, dict[str, tuple[int, int]]] = {}
    hanging_up: list[tuple[str, str, str, str]] = []

    def add(self, new: list[KeptHit]) -> list[KeptHit]:
        """Keep hits that are not known yet; return them."""
        known = {kept.key for kept in self.hits}
        fresh = list({kept.key: kept for kept in new if kept.key not in known}.values())
        self.hits = [*self.hits, *fresh]
        drop = max(0, len(self.hits) - _MOST)
        self.hits, self.dropped = self.hits[drop:], self.dropped + drop
        return fresh

    def untold(self) -> list[KeptHit]:
        """Return the hits that the webhook has to be told of."""
        return self.hits[max(0, self.told - self.dropped) :]

    def write(self, path: Path) -> None:
        """Write the file in one step."""
        write_whole(path, msgspec.json.encode(self))


def read_memory(path: Path) -> Memory:
    """Return the file's content, what a new one has where it is not there.

    Raises OSError where it cannot be read, ValueError with its name where it is damaged.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory()
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from None
