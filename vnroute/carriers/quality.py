"""How well carriers do, by sliding windows over their legs: ASR, NER, ACD and PDD, and a class.

The class is one number from 0 (best) to 7 (worst), so that the matcher can order carriers by it
with a load from the state page. It is the sum of four judgements, each 0, 1 or 2 (and 1 for the
last), against bounds that the wholesale market uses:

| figure | 0 | 1 | 2 |
|---|---|---|---|
| NER, the network's own part (E.425) | from 97 % | from 90 % | below |
| ASR (E.411) | from 45 % | from 25 % | below |
| PDD, mean to ringing (E.721: 5 s local, 11 s international) | to 3 s | to 6 s | above |
| ACD, mean talk | from 60 s | below | |

A carrier with fewer than ``LEAST_LEGS`` legs in the window has class 3, ``UNKNOWN``, in what is
shown, and no entry on the state page: there it is class 0 (docs/carriers.md), so that it gets the
calls by which it becomes known.

On the state page the entry ``QUALITY`` of a carrier has its class over all destinations in
``value``; ``more`` has a nibble for each E.164 world zone z (first digit, 1 to 9) at bits 4z to
4z + 3: 8 + class where the carrier has enough legs to that zone, 0 where not.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["LEAST_LEGS", "UNKNOWN", "WORST", "Figures", "Window", "class_of", "packed_zones",
           "zone_class"]  # fmt: skip

UNKNOWN, WORST = 3, 7
LEAST_LEGS = 50


@dataclass(slots=True)
class Figures:
    """Sums over legs. ``pdd_ms`` is over ``pdd_legs``, those whose record tells it."""

    legs: int = 0
    answered: int = 0
    network: int = 0
    talk_ms: int = 0
    pdd_ms: int = 0
    pdd_legs: int = 0

    def add(self, other: Figures) -> None:
        """Add another's sums."""
        self.legs += other.legs
        self.answered += other.answered
        self.network += other.network
        self.talk_ms += other.talk_ms
        self.pdd_ms += other.pdd_ms
        self.pdd_legs += other.pdd_legs

    @property
    def asr(self) -> float | None:
        """Answer-seizure ratio, 0 to 1."""
        return self.answered / self.legs if self.legs else None

    @property
    def ner(self) -> float | None:
        """Network effectiveness ratio, 0 to 1."""
        return self.network / self.legs if self.legs else None

    @property
    def acd_seconds(self) -> float | None:
        """Average call duration."""
        return self.talk_ms / 1000 / self.answered if self.answered else None

    @property
    def pdd_seconds(self) -> float | None:
        """Average post-dial delay."""
        return self.pdd_ms / 1000 / self.pdd_legs if self.pdd_legs else None


def class_of(figures: Figures) -> int:
    """Return the class, 0 (best) to 7 (worst); 3 for too few legs to tell."""
    asr, ner, acd, pdd = figures.asr, figures.ner, figures.acd_seconds, figures.pdd_seconds
    if figures.legs < LEAST_LEGS or asr is None or ner is None:
        return UNKNOWN
    found = 0 if ner >= 0.97 else 1 if ner >= 0.90 else 2
    found += 0 if asr >= 0.45 else 1 if asr >= 0.25 else 2
    if pdd is not None:
        found += 0 if pdd <= 3.0 else 1 if pdd <= 6.0 else 2
    return found + (acd is None or acd < 60.0)


def packed_zones(classes: dict[int, int]) -> int:
    """Return the word ``more`` of classes by world zone (1 to 9)."""
    word = 0
    for zone, found in classes.items():
        word |= (8 | found) << 4 * zone
    return word


def zone_class(extra: int, more: int, digits: str) -> int:
    """Return the class of an entry for a number, as the matcher reads it."""
    nibble = more >> 4 * int(digits[0]) & 15
    return nibble & 7 if nibble else extra & 7


class Window:
    """Figures over the last ``minutes``, kept a minute at a time; the minute at hand counts."""

    __slots__ = ("_minutes", "_parts")

    def __init__(self, minutes: int = 60) -> None:
        self._minutes = minutes
        self._parts: deque[tuple[int, Figures]] = deque()

    def add(self, at: float, figures: Figures) -> None:
        """Add legs tried at a moment (Unix seconds), in any order within the window."""
        minute = int(at // 60)
        parts = self._parts
        if not parts or parts[-1][0] < minute:
            parts.append((minute, Figures()))
            while parts[0][0] <= minute - self._minutes:
                parts.popleft()
            parts[-1][1].add(figures)
            return
        for place in range(len(parts) - 1, -1, -1):
            if parts[place][0] == minute:
                parts[place][1].add(figures)
                return
            if parts[place][0] < minute:
                parts.insert(place + 1, (minute, figures))
                return
        if minute > parts[-1][0] - self._minutes:
            parts.appendleft((minute, figures))

    def parts(self) -> list[tuple[int, Figures]]:
        """Return the figures of each minute (Unix time / 60)."""
        return list(self._parts)

    def sum(self, now: float) -> Figures:
        """Return the figures of the last minutes."""
        oldest = int(now // 60) - self._minutes
        total = Figures()
        for minute, figures in self._parts:
            if minute > oldest:
                total.add(figures)
        return total
