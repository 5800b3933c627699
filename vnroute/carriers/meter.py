"""A gateway's own counters on a switch, read a few times a second: does it still work?

FreeSWITCH counts, for each gateway, the legs it made and those that ended without an answer
(``ob_calls`` and ``ob_failed_calls`` of mod_sofia's gateways, shown by ``sofia xmlstatus gateway``
as calls-out and failed-calls-out). The second moves the moment a leg fails, while a call record
comes only when the whole call has ended, which is minutes later where the next carrier took it.
It counts the busy and the unanswered too, so a single failure says nothing; that nearly all fail,
where they did not before, does.
"""

from __future__ import annotations

import math
from bisect import bisect_right

__all__ = ["Meter"]

_SPANS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0)
_LATEST = 30.0
_LAG_STEP = 2.0
_LEARN_LATE = max(_SPANS) + 2.0
_KEPT_SECONDS = _LEARN_LATE + _LATEST + max(_SPANS)
_MOST_SPENT = 256
_LEGS_LEARNT, _FIRST_LEGS, _FIRST_USUAL = 2000.0, 50.0, 0.85
_LEAST_USUAL = 0.3
_SIGMAS = 5.0
_LEAST_LOST = 0.5


class Meter:
    """Samples of (legs made, legs failed) of one gateway on one switch.

    ``progress_seconds`` is how late a silent carrier's failure shows at most.
    """

    __slots__ = (
        "_failed_sum",
        "_judged",
        "_made_sum",
        "_mark",
        "_readings",
        "_times",
        "progress_seconds",
    )

    def __init__(self, progress_seconds: float = 5.0) -> None:
        self.progress_seconds = progress_seconds
        self._made_sum, self._failed_sum = _FIRST_LEGS, _FIRST_USUAL * _FIRST_LEGS
        self._times: list[float] = []
        self._readings: list[tuple[int, int]] = []
        self._judged = 0.0
        self._mark: tuple[int, int] | None = None

    def sample(self, now: float, made: int, failed: int, learn: bool = True) -> None:
        """Take a reading. ``learn`` is off while what fails is not usual (the breaker is not
        closed). Counters that went back are those of a switch that was started anew.
        """
        times, readings = self._times, self._readings
        if times:
            before, (made_before, failed_before) = times[-1], readings[-1]
            if made < made_before or failed < failed_before or now <= before:
                times.clear()
                readings.clear()
                self._mark = None
            elif learn:
                self._learn(before, now)
        times.append(now)
        readings.append((made, failed))
        spent = bisect_right(times, now - _KEPT_SECONDS)
        if spent > _MOST_SPENT:
            del times[:spent], readings[:spent]

    def _learn(self, before: float, now: float) -> None:
        # What alarms must not have become usual meanwhile, so it is learnt late. What was made
        # half a minute before has failed by then, or will not.
        ends = [
            self._at(moment - late)
            for late in (_LEARN_LATE, _LEARN_LATE + _LATEST)
            for moment in (before, now)
        ]
        if None in ends:
            return
        (_, failed_before), (_, failed_now), (made_before, _), (made_now, _) = (
            end for end in ends if end is not None
        )
        made, failed = made_now - made_before, failed_now - failed_before
        # Sums that fade with each leg: a busy gateway is known sooner than a quiet one.
        fades = math.exp(-made / _LEGS_LEARNT)
        self._failed_sum = self._failed_sum * fades + failed
        self._made_sum = self._made_sum * fades + made

    @property
    def usual(self) -> float:
        """The share of legs that usually fails, learnt over some 2,000 legs. At first nothing is
        known, so much must fail until it is no chance.
        """
        return min(1.0, self._failed_sum / self._made_sum)

    def _at(self, moment: float) -> tuple[int, int] | None:
        """Return the counters at a moment: those of the last reading that is not later."""
        place = bisect_right(self._times, moment)
        return self._readings[place - 1] if place else None

    def restart(self) -> None:
        """Judge by what comes from now on: what was before has been judged."""
        self._judged = self._times[-1] if self._times else 0.0

    def rate(self, seconds: float = 30.0) -> float:
        """Return legs made a second, over the last seconds or as many as are known."""
        if not self._times:
            return 0.0
        now, (made, _) = self._times[-1], self._readings[-1]
        first = min(bisect_right(self._times, now - seconds), len(self._times) - 1)
        spent = now - self._times[first]
        return (made - self._readings[first][0]) / spent if spent > 0 else 0.0

    def alarm(self) -> bool:
        """Whether so many legs fail now that it is no chance.

        Over spans from half a second to half a minute, k legs failed and n were made. A leg fails
        at once, or by the progress timer, or once it has rung; so n is the most of the same span
        now and at each such moment before, else the end of a burst would look like a death. Both
        are counts of chance (Poisson): it alarms where k is five standard deviations above what
        usually fails of n, which chance hardly ever does, and half at least of
        what usually goes well is lost. Where 40 % usually fail that takes some 40 legs, where 30 %
        or less do, some 20. The first half minute has no past to hold against: no alarm then.
        """
        if not self._times:
            return False
        now, failed_now = self._times[-1], self._readings[-1][1]
        usual = min(max(self.usual, _LEAST_USUAL), 1.0)
        for span in _SPANS:
            start = self._at(now - span)
            if start is None or now - span < self._judged:
                return False
            failed = failed_now - start[1]
            if failed * (1 - usual) ** 2 < _SIGMAS**2 * usual * (1 + usual):
                continue  # too few, if they were all there are
            made = failed
            for lag in self._lags(span):
                end, begin = self._at(now - lag), self._at(now - lag - span)
                if end is None or begin is None:
                    return False
                made = max(made, end[0] - begin[0])
            expected = usual * made
            if failed >= expected + max(
                _SIGMAS * math.sqrt(expected * (1 + usual)), _LEAST_LOST * (made - expected)
            ):
                return True
        return False

    def _lags(self, span: float) -> list[float]:
        """Return how long before a span its failed legs may have been made."""
        step = max(span, _LAG_STEP)
        lags = [self.progress_seconds]
        lags += [place * step for place in range(math.ceil(_LATEST / step) + 1)]
        return lags

    def mark(self) -> None:
        """Begin to count trials."""
        self._mark = self._readings[-1] if self._readings else None

    def trials(self) -> tuple[int, int]:
        """Return how many legs begun since :meth:`mark` have done well, and how many failed."""
        if self._mark is None:
            self.mark()
        if self._mark is None:
            return 0, 0
        return self._since(self._mark)

    def well_since(self, moment: float) -> int:
        """Return how many legs begun since a moment of the last minute have done well."""
        if not self._readings:
            return 0
        return self._since(self._at(moment) or self._readings[0])[0]

    def _since(self, start: tuple[int, int]) -> tuple[int, int]:
        """Count from a reading of the counters.

        Well has done what did not fail within the progress timer and two seconds more: it rings,
        or was answered. Legs that rang before and end unanswered count as failed, so a little too
        few are well.
        """
        settled = self._at(self._times[-1] - self.progress_seconds - 2.0)
        failed = self._readings[-1][1] - start[1]
        made = 0 if settled is None else max(0, settled[0] - start[0])
        return max(0, made - failed), failed
