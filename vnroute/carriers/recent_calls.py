"""A gateway's recent calls, as their records tell: failures in a row, delay, calls cut short.

A record comes when its call has ended, so of two legs tried at the same time the failed one may be
told of minutes before the answered one, or after. Legs therefore count by when they were tried.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from vnroute.carriers.verdict import Verdict

__all__ = ["CallLimits", "RecentCalls"]

_KEPT = 200


@dataclass(frozen=True, slots=True)
class CallLimits:
    """When calls say that a gateway does not work.

    ``failures`` in a row, tried within the last ``within_seconds``; or, of the last
    ``short_calls`` answered, ``short_share`` shorter than ``short_seconds``: a carrier that
    answers by itself and hangs up bills without connecting (false answer supervision); or a
    median post-dial delay above ``pdd_seconds`` over the last 20 that rang. 0 turns each off.
    """

    failures: int = 5
    within_seconds: float = 600.0
    short_calls: int = 30
    short_seconds: float = 0.0
    short_share: float = 0.95
    pdd_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Tried:
    at: float
    verdict: Verdict


class RecentCalls:
    """The last legs of one gateway."""

    __slots__ = ("_after", "_limits", "_pdd", "_short", "_tried")

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._tried: deque[_Tried] = deque(maxlen=_KEPT)
        self._short: deque[bool] = deque(maxlen=limits.short_calls)
        self._pdd: deque[float] = deque(maxlen=20)
        self._after = 0.0

    def add(
        self,
        at: float,
        verdict: Verdict,
        talk_seconds: float | None = None,
        pdd_seconds: float | None = None,
    ) -> None:
        """Note a leg tried at a moment; ``talk_seconds`` is None where it was not answered."""
        if at < self._after:
            return
        if verdict != "nothing":
            self._tried.append(_Tried(at, verdict))
        if talk_seconds is not None:
            self._short.append(talk_seconds < self._limits.short_seconds)
        if pdd_seconds is not None:
            self._pdd.append(pdd_seconds)

    def forget(self, before: float) -> None:
        """Judge by legs tried from this moment on: those before have been judged."""
        self._after = before
        self._tried.clear()
        self._short.clear()
        self._pdd.clear()

    def failing_since(self, now: float) -> float | None:
        """Return when the first of the failures in a row was tried; None for fewer than enough."""
        limits = self._limits
        if not limits.failures:
            return None
        last_good = max((leg.at for leg in self._tried if leg.verdict == "good"), default=0.0)
        since = max(last_good, now - limits.within_seconds)
        bad = [leg.at for leg in self._tried if leg.verdict == "bad" and leg.at > since]
        return min(bad) if len(bad) >= limits.failures else None

    def trouble(self) -> str:
        """Return what else says that it should take no calls: ``short``, ``pdd`` or ""."""
        limits = self._limits
        if len(self._short) == limits.short_calls and (
            sum(self._short) >= limits.short_share * limits.short_calls
        ):
            return "short"
        if limits.pdd_seconds and len(self._pdd) == 20 and (
            sorted(self._pdd)[10] > limits.pdd_seconds
        ):  # fmt: skip
            return "pdd"
        return ""
