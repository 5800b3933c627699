"""Calls beside the service that vnroute asks for routing numbers: who is routed by an answer.

Which numbers a call may be routed by is told from what the service did and from what vnroute's
counters say of the moment: nothing of it is taken from the call's own decision.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

from vnroute.loadtest.checks import Check
from vnroute.loadtest.dip_service import DipService, Says
from vnroute.loadtest.node import Node
from vnroute.loadtest.observed import SeenCall
from vnroute.loadtest.timing import duration

__all__ = ["DipWatch", "Told"]

Told = tuple[tuple[int, int], ...]
"""Numbers with the routing numbers by which a call is routed."""

_CALM_SECONDS = 5.5
"""After a failure a number is asked for again no sooner than five seconds later; and a worker
writes its counters every fifth of a second."""
_STALL_SECONDS = 0.15
"""Between two looks, of which there are twenty a second: the machine did something else."""
_AFTER_SHUT = 0.5
_LEAST_STRICT = 0.5


@dataclass(frozen=True, slots=True)
class _Look:
    """What vnroute's counters said at a moment."""

    at: float
    shut: bool
    amiss: int
    """Questions that failed or came too late, so far."""


@dataclass
class DipWatch:
    """A run's service, vnroute's counters of dips over time, and what calls should have done."""

    service: DipService
    looks: list[_Look] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        """The settings by which vnroute asks the service."""
        return self.service.dips.environ(f"{self.service.host}:{self.service.port}")

    def look(self, nodes: Sequence[Node], now: float) -> None:
        """Note what the counters say now."""
        pages = [page for node in nodes for page in node.pages.values()]
        names = ("asked", "ported", "not_ported", "failed", "late", "skipped")
        self.counts = {n: sum(page.values[f"dips_{n}"] for page in pages) for n in names}
        shut = any(page.values["dips_shut"] for page in pages)
        self.looks.append(_Look(now, shut, self.counts["failed"] + self.counts["late"]))

    def tolds(self, targets: Iterable[int], at: float, slack: float) -> list[Told]:
        """Return what a call placed at a moment may have been told of the numbers it rings.

        While all is calm it is each number's routing number. Else it may be that no answer was
        there in time; and a number may only be routed by an answer where the service gave one.
        """
        calm = self.is_calm(at - _CALM_SECONDS, at + slack)
        choices: list[list[tuple[int, int]]] = []
        for number in dict.fromkeys(targets):
            routing = self.service.routing(number)
            if not routing:
                continue
            if calm:
                choices.append([(number, routing)])
            elif self._was_told(number, at, slack):
                choices.append([(number, routing), (number, 0)])
        return [tuple(pair for pair in each if pair[1]) for each in product(*choices)]

    def is_calm(self, low: float, high: float) -> bool:
        """Whether the service answered in time all the while, and vnroute had every answer."""
        if any(not self._is_well(says) for says in self._during(low, high)):
            return False
        first = max(0, bisect_left(self.looks, low, key=lambda look: look.at) - 1)
        last = bisect_left(self.looks, high + 0.3, key=lambda look: look.at)
        looks = self.looks[first : last + 1]
        if not looks or any(look.shut for look in looks):
            return False
        # Before the first look nothing had been asked.
        before = looks[0].amiss if first else 0
        return looks[-1].amiss == before

    def _is_well(self, says: Says) -> bool:
        return says.seconds < duration(self.service.dips.deadline, "deadline")

    def _during(self, low: float, high: float) -> list[Says]:
        history = self.service.history
        first = max(0, bisect_left(history, low, key=lambda says: says.since) - 1)
        return [says for says in history[first:] if says.since <= high]

    def _was_told(self, number: int, at: float, slack: float) -> bool:
        # The moment of a decision counts in whole seconds.
        kept = duration(self.service.dips.kept, "kept") + 1.0
        answered = self.service.answered
        first = bisect_left(answered, at - kept - slack, key=lambda each: each[0])
        return any(n == number for t, n in answered[first:] if t <= at + slack)

    def _stalled(self, began: float, seconds: float) -> float:
        """Return for how much of some seconds the machine left everything waiting."""
        looks = self.looks
        first = max(0, bisect_left(looks, began, key=lambda look: look.at) - 1)
        last = bisect_left(looks, began + seconds, key=lambda look: look.at)
        gaps = [b.at - a.at for a, b in pairwise(looks[first : last + 1])]
        return min(seconds, sum(gap for gap in gaps if gap > _STALL_SECONDS))

    def _shut_spans(self) -> list[tuple[float, float]]:
        """Return when vnroute asked nobody but for trials: (from, to)."""
        spans: list[tuple[float, float]] = []
        since = 0.0
        for look in self.looks:
            if look.shut and not since:
                since = look.at
            elif not look.shut and since:
                spans.append((since, look.at))
                since = 0.0
        if since:
            spans.append((since, float("inf")))
        return spans

    def _outages(self) -> list[tuple[float, float]]:
        """Return when the service did not answer in time: (from, to)."""
        history = [*self.service.history, Says(float("inf"), self.service.dips.answer)]
        spans: list[tuple[float, float]] = []
        for says, after in pairwise(history):
            if self._is_well(says):
                continue
            if spans and spans[-1][1] == says.since:
                spans[-1] = spans[-1][0], after.since
            else:
                spans.append((says.since, after.since))
        return spans

    def checks(
        self,
        calls: Sequence[SeenCall],
        numbers_of: Callable[[SeenCall], list[int]],
        slack: float,
    ) -> list[Check]:
        """Return what must hold of the dips. ``numbers_of`` gives the numbers that a call rings."""
        deadline = duration(self.service.dips.deadline, "deadline")
        asking: list[tuple[SeenCall, float]] = []
        others: list[tuple[SeenCall, float]] = []
        ported: list[SeenCall] = []
        for call in calls:
            numbers = numbers_of(call)
            waited = call.plan_seconds
            if waited is None:
                waited = call.through if numbers else call.waited
            if waited is not None and call.cancelled_at is None:
                waited -= self._stalled(call.sent_at or 0.0, waited)
                (asking if numbers else others).append((call, waited))
            if any(map(self.service.routing, numbers)):
                ported.append(call)
        shut = self._shut_spans()
        outages = self._outages()

        def within(spans: Sequence[tuple[float, float]], call: SeenCall, inner: float) -> bool:
            at = call.sent_at or 0.0
            return any(low + inner <= at <= high - inner for low, high in spans)

        strict = [
            call for call in ported
            if self.is_calm((call.sent_at or 0.0) - _CALM_SECONDS, (call.sent_at or 0.0) + slack)
        ]  # fmt: skip
        after = [c for c in strict if outages and (c.sent_at or 0.0) > outages[-1][1]]
        skipping = [(c, w) for c, w in asking if within(shut, c, _AFTER_SHUT)]
        amiss = [(c, w) for c, w in others if within(outages, c, 0.0)]
        well = [(c, w) for c, w in others if not within(outages, c, 0.0)]
        return [
            _waits("no call waits longer for dips than the deadline", asking, deadline + slack),
            _waits("no call waits for dips while they are given up on", skipping, deadline),
            _waits("calls that ring nobody wait for no dip, the service being bad", amiss, deadline,
                   f"; the service being well: {_told(well)}"),
            self._breaker(outages, shut),
            self._asked(len(ported), len(strict), len(after), bool(outages)),
        ]  # fmt: skip

    def _breaker(
        self, outages: Sequence[tuple[float, float]], shut: Sequence[tuple[float, float]]
    ) -> Check:
        check = Check("dips are given up on in each outage, and taken up again", len(outages))
        for low, high in outages:
            found = [span for span in shut if low <= span[0] <= high]
            if not found or found[-1][1] == float("inf"):
                check.failed += 1
                what = "never taken up again" if found else "never given up on"
                check.notes.append(f"outage of {high - low:.1f} s: {what}")
                continue
            waits = found[0][0] - low, found[-1][1] - high
            check.notes.append(
                f"outage of {high - low:.1f} s: given up on after {waits[0]:.1f} s, taken up again"
                f" {waits[1]:.1f} s after its end"
            )
        return check

    def _asked(self, ported: int, strict: int, after: int, outages: bool) -> Check:
        """Check that the run tried what it says it does."""
        counts = self.counts
        missing = [name for name in ("ported", "not_ported") if not counts.get(name)]
        if outages:
            missing += [name for name in ("late", "skipped") if not counts.get(name)]
            missing += [] if after else ["calls by an answer after the last outage"]
        if len(self.service.asked) > counts.get("asked", 0):
            missing.append("questions of vnroute's own for all that the service was asked")
        if not strict:
            missing.append("calls while all was calm")
        told = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items())
        notes = [
            f"{told}; of {ported} calls to ported numbers {strict} could go by an answer alone"
        ]
        notes += [f"not seen: {', '.join(missing)}"] if missing else []
        return Check("dips were asked for, kept, late and skipped", ported, len(missing), notes)


def _told(waits: Sequence[tuple[SeenCall, float]]) -> str:
    if not waits:
        return "no call"
    ordered = sorted(wait for _, wait in waits)
    middle, most = ordered[len(ordered) // 2], ordered[-1]
    late = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"{1000 * middle:.1f} ms, p99 {1000 * late:.1f}, most {1000 * most:.1f}"


def _waits(
    name: str, waits: Sequence[tuple[SeenCall, float]], most: float, more: str = ""
) -> Check:
    """Check that nobody waited as long as ``most``, stalls of the machine left out; notes tell how
    long they did.
    """
    late = [(call, wait) for call, wait in waits if wait >= most]
    notes = [f"{_told(waits)}; allowed {1000 * most:.0f} ms{more}"]
    notes += [f"{call.planned.id}: {1000 * wait:.1f} ms" for call, wait in late[:5]]
    return Check(name, len(waits), len(late), notes)
