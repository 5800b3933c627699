"""A gateway's circuit breaker, as pure logic: moments in, a share of calls out.

Closed, every call may take the gateway. It opens for a reason (its pings fail, its calls fail), and
then no call takes it for a time that doubles each time it opens anew. When that time is over it is
half open: a trickle of calls tries it. Enough of them done well widen the trickle step by step
until the breaker is closed; a few that fail open it again. The form is M. Nygard's (Release It!,
5); what is counted, and by whom, is in :mod:`vnroute.carriers.health`.

A breaker draws no random numbers and reads no clock: the same moments give the same states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["ALL", "STATES", "Breaker", "BreakerState", "Limits"]

BreakerState = Literal["closed", "open", "half-open"]

STATES: tuple[BreakerState, ...] = get_args(BreakerState)

ALL = 1000
"""The share of calls admitted, in thousandths, that is all of them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a breaker moves.

    ``open_seconds`` is the first time it stays open, ``open_most_seconds`` the longest;
    ``trickle`` the shares of calls (in thousandths) admitted half open, step by step; ``trials``
    how many calls must do well on each step; ``failures`` how many may fail on a step before it
    opens again, as long as more do well; ``forget_seconds`` how long it must have been closed for
    the next opening to be a first one.
    """

    open_seconds: float = 5.0
    open_most_seconds: float = 300.0
    trickle: tuple[int, ...] = (20, 100, 400)
    trials: int = 3
    failures: int = 3
    forget_seconds: float = 120.0

    def seconds_open(self, openings: int) -> float:
        """Return how long the ``openings``-th opening in a row lasts, from 1."""
        return float(min(self.open_most_seconds, self.open_seconds * 2.0 ** min(openings - 1, 32)))


class Breaker:
    """One gateway's breaker. Moments are Unix seconds, and never go back.

    ``why`` says in a word what opened it last; ``since`` is when its state began; ``until`` when an
    open one becomes half open by itself, 0 where it waits for a ping. ``floor`` is the least share
    that a half-open one admits, for gateways that so few calls take that the trickle would be none.
    """

    __slots__ = ("_bad", "_good", "_step", "down", "floor", "limits", "openings", "since", "state",
                 "until", "why")  # fmt: skip

    def __init__(self, limits: Limits, now: float = 0.0) -> None:
        self.limits = limits
        self.state: BreakerState = "closed"
        self.since = now
        self.until = 0.0
        self.openings = 0
        self.why = ""
        self.down = False
        self.floor = 0
        self._step = self._good = self._bad = 0

    @property
    def share(self) -> int:
        """The share of calls that may take the gateway, in thousandths."""
        if self.state == "closed":
            return ALL
        if self.state == "open":
            return 0
        return min(ALL, max(self.floor, self.limits.trickle[self._step]))

    def trip(self, now: float, why: str) -> bool:
        """Open it for what was seen of calls; return whether its state changed.

        An open one stays as it is: what fails now was begun before.
        """
        if self.state == "open":
            return False
        self._open(now, why)
        return True

    def ping(self, now: float, up: bool) -> bool:
        """Note what the switch says of its pings; return whether the state changed.

        While they fail the switch itself refuses calls, so the breaker stays open however long.
        Once they are answered again it is half open at once: the pings have been its trials.
        """
        if up != self.down:
            return False
        self.down = not up
        if not up:
            if self.state == "open":
                self.why, self.until = "ping", 0.0
                return False
            self._open(now, "ping")
            return True
        self._half_open(now)
        return True

    def good(self, now: float, count: int = 1) -> bool:
        """Note calls that did well; return whether the state or the share changed."""
        if self.state != "half-open" or count <= 0:
            return False
        self._good += count
        if self._good < self.limits.trials:
            return False
        self._good = self._bad = 0
        if self._step + 1 < len(self.limits.trickle):
            self._step += 1
        else:
            self.state, self.since, self.until = "closed", now, 0.0
        return True

    def bad(self, now: float, count: int = 1) -> bool:
        """Note calls that failed by the carrier's fault; return whether the state changed.

        Closed, single failures mean nothing here: who counts them trips the breaker.
        """
        if self.state != "half-open" or count <= 0:
            return False
        self._bad += count
        if self._bad < self.limits.failures or self._good >= self._bad:
            return False
        self._open(now, "trial")
        return True

    def tick(self, now: float) -> bool:
        """Let time pass; return whether the state changed."""
        if self.state == "open" and not self.down and now >= self.until:
            self._half_open(now)
            return True
        return False

    def _open(self, now: float, why: str) -> None:
        if self.state == "closed" and now - self.since >= self.limits.forget_seconds:
            self.openings = 0
        self.openings += 1
        self.state, self.since, self.why = "open", now, why
        self.until = 0.0 if self.down else now + self.limits.seconds_open(self.openings)

    def _half_open(self, now: float) -> None:
        self.state, self.since, self.until = "half-open", now, 0.0
        self._step = self._good = self._bad = 0
