"""What is known of gateways and carriers, kept over a restart: two small files.

``breakers.json`` is written at each change of a breaker, ``quality.json`` once a minute. A file
that is damaged is passed over, and told: to begin anew is better than not to begin.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from vnroute.carriers.breaker import Breaker, BreakerState
from vnroute.carriers.quality import Figures
from vnroute.files import write_whole

__all__ = ["KeptBreaker", "KeptMinute", "Memory"]


class KeptBreaker(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that is not closed."""

    gateway: str
    switch: str
    state: BreakerState
    since: float
    until: float
    openings: int
    why: str

    def restore(self, breaker: Breaker) -> None:
        """Put a breaker into this state."""
        breaker.state, breaker.since, breaker.until = self.state, self.since, self.until
        breaker.openings, breaker.why = self.openings, self.why


class KeptMinute(msgspec.Struct, frozen=True, array_like=True):
    """A carrier's figures to a world zone in a minute (Unix time / 60)."""

    carrier: str
    zone: int
    minute: int
    figures: Figures


class Memory:
    """The files, in a directory."""

    def __init__(self, directory: Path, logger: Any) -> None:
        self._directory = directory
        self._logger = logger

    def breakers(self) -> list[KeptBreaker]:
        """Return the breakers that were not closed."""
        found: list[KeptBreaker] = self._load("breakers.json", list[KeptBreaker])
        return found

    def minutes(self) -> list[KeptMinute]:
        """Return the carriers' figures."""
        found: list[KeptMinute] = self._load("quality.json", list[KeptMinute])
        return found

    def keep_breakers(self, breakers: list[KeptBreaker]) -> None:
        """Write the breakers that are not closed."""
        write_whole(self._directory / "breakers.json", msgspec.json.encode(breakers))

    def keep_minutes(self, minutes: list[KeptMinute]) -> None:
        """Write the carriers' figures."""
        write_whole(self._directory / "quality.json", msgspec.json.encode(minutes))

    def _load(self, name: str, kind: Any) -> Any:
        path = self._directory / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as error:
            self._logger.error("cannot read what was known of gateways; it begins anew",
                               file=str(path), error=str(error))  # fmt: skip
            return []
