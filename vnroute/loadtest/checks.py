"""The checks: each call against the decision for it, and every call accounted for exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vnroute.eventsocket.stats import WorkerStats
from vnroute.loadtest.observed import Evidence, SeenCall, SeenLeg
from vnroute.loadtest.predict import Decision, code_of, ends_of, is_once, relayed, stops
from vnroute.loadtest.profile import Expect

__all__ = ["Check", "Mismatch", "Moments", "account", "judge", "judge_all"]

ROUTED = ("routed", "ended_by_plan")
_TRANSACTION = 32.0
"""Seconds for which a message that is lost is sent again (RFC 3261, timer B)."""

DECISIONS = (*ROUTED, "unknown_number", "suspended", "no_carrier", "too_many_hops", "failed")


@dataclass(slots=True)
class Check:
    """One thing that had to hold: what, how many were looked at, how many did not hold, and why."""

    name: str
    looked_at: int
    failed: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether it did."""
        return self.failed == 0


@dataclass(slots=True)
class Mismatch:
    """A call that did not do what it should."""

    call: SeenCall
    decision: Decision
    why: str


@dataclass(frozen=True)
class Moments:
    """When something was wrong on purpose, in Unix seconds: (from, to).

    ``without_node``: no vnroute listened. ``killed``: a worker or a node had just died.
    ``changing``: a gateway's carrier was changing or gone.
    """

    without_node: tuple[tuple[float, float], ...] = ()
    killed: tuple[tuple[float, float], ...] = ()
    changing: tuple[tuple[str, float, float], ...] = ()
    closed: tuple[tuple[str, float, float], ...] = ()
    down: frozenset[str] = frozenset()

    def off(self, at: float) -> bool:
        """Whether no node listened."""
        return any(low <= at <= high for low, high in self.without_node)

    def dying(self, at: float) -> bool:
        """Whether a process of vnroute had just died."""
        return any(low <= at <= high for low, high in self.killed)

    def unsettled(self, gateway: str, low: float, high: float) -> bool:
        """Whether a gateway's carrier changed between two moments."""
        return any(name == gateway and a <= high and low <= b for name, a, b in self.changing)

    def is_closed(self, gateway: str, at: float) -> bool:
        """Whether nobody listened on a gateway's port."""
        return any(name == gateway and a <= at <= b for name, a, b in self.closed)


def judge_all(
    evidence: Evidence,
    decide: Callable[[SeenCall], list[Decision]],
    moments: Moments,
    expects: Sequence[tuple[frozenset[str], Expect]],
    *,
    slack: float,
) -> tuple[list[Mismatch], int, int]:
    """Judge all calls.

    Returns the mismatches, how many calls no plan reached outside of a time without nodes, and how
    many of those fell into a moment when a process died. ``decide`` gives the decision for a call
    at each of the moments that may count.
    """
    mismatches: list[Mismatch] = []
    lost = lost_in_kill = 0
    for call in evidence.calls:
        decisions = decide(call)
        if call.sent and not call.got_plan and (call.records or evidence.simulated):
            at = call.sent_at or 0.0
            if not moments.off(at):
                if moments.dying(at):
                    lost_in_kill += 1
                elif not _gave_up_early(call, slack):
                    lost += 1
            why = None if call.code in (503, 487) else f"no plan, and SIP {call.code}, expected 503"
            if why is None and call.legs:
                why = "no plan, and yet legs were tried"
            if why is not None:
                mismatches.append(Mismatch(call, decisions[0], why))
            continue
        told: list[str] = []
        for decision in decisions:
            why = judge(call, decision, moments, slack=slack, simulated=evidence.simulated)
            if why is None:
                break
            told.append(why)
        else:
            mismatches.append(Mismatch(call, decisions[0], told[0]))
            continue
        for numbers, expect in expects:
            if call.planned.called in numbers:
                why = _against(call, expect)
                if why is not None:
                    mismatches.append(Mismatch(call, decisions[0], f"the profile's expect: {why}"))
                    break
    return mismatches, lost, lost_in_kill


def _gave_up_early(call: SeenCall, slack: float) -> bool:
    """Whether the caller cancelled so soon that vnroute may not have been asked, or that its answer
    came to a call that was gone: within a second, and as much later as the machine may be late.
    """
    if call.cancelled_at is None or call.sent_at is None:
        return False
    return call.cancelled_at - call.sent_at < 1.0 + slack


def _against(call: SeenCall, expect: Expect) -> str | None:
    tried = [leg.gateway for leg in call.legs]
    if expect.gateways is not None and list(expect.gateways) != tried:
        return f"gateways {', '.join(tried) or 'none'}, expected {', '.join(expect.gateways)}"
    if expect.code is not None and call.code != expect.code:
        return f"SIP {call.code}, expected {expect.code}"
    return None


def judge(
    call: SeenCall, decision: Decision, moments: Moments, *, slack: float, simulated: bool = False
) -> str | None:
    """Return how a call differs from the decision for it, or None."""
    if not call.sent:
        return "never placed"
    if call.code is None:
        return "no final answer" + (" to the CANCEL" if call.cancelled_at else "")
    if not simulated and call.records != 1:
        return f"{call.records} call records, expected 1"
    if call.refused != decision.refused:
        return f"refused as {call.refused or 'nothing'}, expected {decision.refused or 'a route'}"
    if not decision.legs:
        if call.legs:
            return f"{len(call.legs)} legs were tried, expected none"
        if call.cancelled_at is not None and call.code == 487:
            return None
        return None if call.code == decision.code else f"SIP {call.code}, expected {decision.code}"
    if not simulated and call.labels != len(decision.legs):
        return f"a plan of {call.labels} legs, expected {len(decision.legs)}"
    if not decision.orderly:
        return _among(call, decision)
    return _Walk(call, decision, moments, slack, simulated).run()


def _among(call: SeenCall, decision: Decision) -> str | None:
    """Return what is wrong with a call whose targets ring together or take turns.

    Their order is not known beforehand: each leg tried must be one of the decision's.
    """
    planned = {(leg.gateway, leg.dialled) for leg in decision.legs}
    for leg in call.legs:
        if leg.gateway and (leg.gateway, leg.dialled) not in planned:
            return f"leg {leg.place + 1}: {leg.gateway} to {leg.dialled}, expected none of these"
    if any(leg.answered for leg in call.legs) != (call.code == 200):
        return f"SIP {call.code}, and {'a' if call.code != 200 else 'no'} leg was answered"
    return None


class _Walk:
    """The decision's legs, walked by the rules of hunting beside what happened."""

    def __init__(
        self, call: SeenCall, decision: Decision, moments: Moments, slack: float, simulated: bool
    ) -> None:
        self.call = call
        self.decision = decision
        self.moments = moments
        self.slack = slack
        self.simulated = simulated
        self.least = self.most = 0.0
        """Seconds that the legs so far may have taken."""
        self.timed = True

    def run(self) -> str | None:
        """Return the first difference, or None."""
        call = self.call
        seen = {leg.place: leg for leg in call.legs}
        if len(seen) != len(call.legs):
            return "a leg of the plan was tried twice"
        causes: list[str] = []
        done: set[int] = set()
        ended_target = -1
        once: set[int] = set()
        for place, planned in enumerate(self.decision.legs):
            if planned.target == ended_target:
                continue
            leg = seen.get(place)
            if leg is None:
                if planned.gateway in self.moments.down:
                    continue  # refused before it was made: no record lists it
                if call.cancelled_at is not None:
                    return self._gave_up(len(done))
                return f"stopped after {len(done)} legs, expected {self._name(place)} next"
            done.add(place)
            why = self._leg(place, leg)
            if why is not None:
                return why
            if leg.answered:
                break
            if leg.cause == "ORIGINATOR_CANCEL" and call.cancelled_at is None:
                return f"{self._name(place)}: cancelled, but not by the caller"
            if call.cancelled_at is not None and len(done) == len(call.legs):
                return self._gave_up(len(done))
            code = code_of(leg.script)
            if stops(leg.cause, code, planned.target in once):
                ended_target = planned.target
            if leg.cause != "CALL_REJECTED" or stops(leg.cause, code, False):
                causes.append(leg.cause)
            if is_once(code):
                once.add(planned.target)
        extra = sorted(set(seen) - done)
        if extra:
            place = extra[0]
            name = self._name(place) if place < len(self.decision.legs) else f"leg {place + 1}"
            return f"{name}: tried, expected not to be"
        return self._end(causes)

    def _name(self, place: int) -> str:
        planned = self.decision.legs[place]
        return f"leg {place + 1} ({planned.gateway} to {planned.dialled})"

    def _leg(self, place: int, leg: SeenLeg) -> str | None:
        planned = self.decision.legs[place]
        if leg.gateway and (leg.gateway, leg.dialled) != (planned.gateway, planned.dialled):
            return f"{self._name(place)}: found {leg.gateway} to {leg.dialled}"
        began = leg.invited_at if leg.invited_at is not None else self._earliest()
        until = (began or 0.0) + planned.ring_seconds + 2
        unsettled = began is not None and self.moments.unsettled(planned.gateway, began - 1, until)
        if unsettled:
            self.timed = False
            return None
        if leg.invited_at is None and not self.simulated:
            # The INVITE reached nobody: right where the port was closed, or the caller was gone.
            if leg.cause == "ORIGINATOR_CANCEL":
                return None
            if began is None or not self.moments.is_closed(planned.gateway, began):
                return f"{self._name(place)}: {leg.cause}, but its carrier saw no INVITE"
        ends = ends_of(leg.script, planned, self.slack)
        if self.call.cancelled_at is not None and place == max(one.place for one in self.call.legs):
            # The caller's CANCEL ended it; FreeSWITCH gives it the cause of the leg before, if a
            # timer ended that.
            return None
        found = next((end for end in ends if end.cause == leg.cause), None)
        if found is None:
            expected = " or ".join(end.cause for end in ends)
            return f"{self._name(place)}: {leg.cause}, expected {expected}"
        self.least += found.after
        self.most += found.before
        return None

    def _earliest(self) -> float | None:
        return None if self.call.sent_at is None else self.call.sent_at + self.least

    def _gave_up(self, legs: int) -> str | None:
        code = self.call.code
        if code == 487:
            return None
        return f"the caller cancelled during leg {legs}; SIP {code}, expected 487"

    def _end(self, causes: list[str]) -> str | None:
        call = self.call
        if any(leg.answered for leg in call.legs):
            if call.code != 200 and not (call.code == 487 and call.cancelled_at is not None):
                return f"SIP {call.code}, expected 200"
        elif call.cancelled_at is not None and call.code == 487:
            return None
        elif not (self.simulated and self.decision.relays):
            # The simulator does not run the API by which a plan relays the cause that matters.
            expected = relayed(causes) if self.decision.relays else self.decision.code
            if call.code != expected:
                return f"SIP {call.code}, expected {expected} after {', '.join(causes) or 'no leg'}"
        return self._seconds()

    def _seconds(self) -> str | None:
        call = self.call
        waited = call.waited
        if waited is not None and self.timed:
            # Every leg of the plan may be late on a busy machine.
            low, high = self.least - 0.1, self.most + self.slack * max(1, len(call.legs))
            if call.planned.lossy:
                high += _TRANSACTION
            if not low <= waited <= high:
                return (
                    f"final answer after {waited:.2f} s, expected {max(0.0, low):.2f} to"
                    f" {high:.2f} s"
                )
        if call.code == 200 and call.billed is not None and call.hung_up_at and call.final_at:
            held = call.hung_up_at - call.final_at
            if abs(held - call.billed) > 1.0 + self.slack:
                return f"billed {call.billed:.2f} s, and held {held:.2f} s"
        return None


def account(
    evidence: Evidence,
    pages: Sequence[WorkerStats] | None,
    moments: Moments,
    channels_left: int | None,
    slack: float = 0.0,
) -> list[Check]:
    """Account for every call exactly once, from all sides that counted; no pages, no counters."""
    calls = evidence.calls
    checks = [
        _each("each call was placed once", calls, lambda c: c.sent == 1),
        _each(
            "each call had one final answer",
            calls,
            lambda c: c.finals == 1,
            lambda c: f"{c.planned.id}: {c.finals} final answers",
        ),
    ]
    if not evidence.simulated:
        checks.append(
            _each(
                "each call has one call record",
                calls,
                lambda c: c.records == 1,
                lambda c: f"{c.planned.id}: {c.records} records",
            )
        )
        strays = Check(
            "each record and each INVITE at a carrier belongs to one call",
            evidence.records + evidence.invites,
            len(evidence.strays),
            [f"{stray.what}: {stray.detail}" for stray in evidence.strays[:5]],
        )
        checks.append(strays)
    if pages is not None:
        checks.append(_counters(evidence, pages, moments, slack))
    if channels_left is not None:
        checks.append(
            Check(
                "no call is left in FreeSWITCH (show channels count)",
                1,
                int(channels_left > 0),
                [f"{channels_left} channels"] if channels_left else [],
            )
        )
    return checks


def _each(
    name: str,
    calls: Sequence[SeenCall],
    holds: Callable[[SeenCall], bool],
    tell: Callable[[SeenCall], str] = lambda call: call.planned.id,
) -> Check:
    wrong = [call for call in calls if not holds(call)]
    return Check(name, len(calls), len(wrong), [tell(call) for call in wrong[:5]])


def _counters(
    evidence: Evidence, pages: Sequence[WorkerStats], moments: Moments, slack: float
) -> Check:
    """Hold vnroute's counters against what the calls say of its decisions.

    A worker writes its counters every fifth of a second, so what one that was killed had decided
    last is not in them; and a decision whose connection died is counted, but reached no call. Only
    where something was killed may the two differ, and by no more than what passed in that time.
    """
    counted: Counter[str] = Counter()
    for page in pages:
        counted.update({name: page.values[name] for name in DECISIONS})
    seen: Counter[str] = Counter()
    for call in evidence.calls:
        if call.got_plan:
            seen[call.refused or "decided"] += 1
    totals = Counter({"decided": sum(counted[name] for name in ROUTED)})
    totals.update({name: counted[name] for name in DECISIONS if name not in ROUTED})
    rates = [
        sum(low - 0.5 <= (call.sent_at or 0.0) <= high + 0.5 for call in evidence.calls)
        for low, high in moments.killed
    ]
    allowed = sum(rates)
    early = sum(_gave_up_early(call, slack) for call in evidence.calls)
    notes = []
    failed = 0
    for name in sorted(set(seen) | set(totals)):
        difference = totals[name] - seen[name]
        if difference and not -allowed <= difference <= allowed + early:
            failed += 1
        if difference:
            notes.append(f"{name}: vnroute counted {totals[name]}, the calls tell {seen[name]}")
    return Check("vnroute's counters and the calls agree", sum(seen.values()), failed, notes)
