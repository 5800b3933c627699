"""What has happened to CDRs since this process began, for metrics. Counted by two threads, each its
own fields; a reader sees each number whole.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from vnroute.calls.base import Added

__all__ = ["COMMIT_BOUNDS", "CdrCounts"]

COMMIT_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Upper bounds of the commits' histogram, in seconds."""


@dataclass
class CdrCounts:
    """Counts, by what they are of."""

    requests: Counter[str] = field(default_factory=Counter)
    """Posts by how they ended: kept, leg, foreign, unreadable, too_large, refused_peer, failed."""
    mended: Counter[str] = field(default_factory=Counter)
    """Records that were kept with something put right: charset, clock."""
    stored: Counter[str] = field(default_factory=Counter)
    """Calls stored, by outcome."""
    noted: Counter[str] = field(default_factory=Counter)
    """Records that were doubled, late, reordered, raw or unrated."""
    legs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Legs stored by carrier, gateway and outcome."""
    talk_ms: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Time talked by carrier and gateway."""
    collected: int = 0
    """Records taken from switches' error directories; they are among ``requests`` too."""
    damaged_bytes: int = 0
    commits: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_BOUNDS) + 1))
    commit_seconds: float = 0.0

    def committed(self, seconds: float, records: int) -> None:
        """Note a group commit."""
        place = next((i for i, bound in enumerate(COMMIT_BOUNDS) if seconds <= bound), -1)
        self.commits[place] += 1
        self.commit_seconds += seconds

    def added(self, added: Added, damaged_bytes: int) -> None:
        """Note a batch stored."""
        self.stored.update(added.by_outcome)
        self.legs.update(added.by_leg)
        self.talk_ms.update(added.talk_ms)
        for name in ("doubled", "late", "reordered", "raw", "unrated"):
            self.noted[name] += getattr(added, name)
        self.damaged_bytes += damaged_bytes
