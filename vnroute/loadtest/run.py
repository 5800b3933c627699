"""One run, whatever plays the switch: what is asked, what comes out, what happens in between."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vnroute.eventsocket.stats import WorkerStats
from vnroute.loadtest.checks import Check, Mismatch, Moments, account, judge_all
from vnroute.loadtest.dip_checks import DipWatch, Told
from vnroute.loadtest.dip_service import DipService
from vnroute.loadtest.node import Node
from vnroute.loadtest.observed import Evidence, SeenCall
from vnroute.loadtest.predict import Decision, decide
from vnroute.loadtest.profile import CLOSED, Event, Expect, Profile
from vnroute.loadtest.routes import Routes, ported_to
from vnroute.loadtest.sampling import Samples
from vnroute.loadtest.timing import duration
from vnroute.loadtest.traffic import PlannedCall
from vnroute.matcher.decide import Matcher
from vnroute.matcher.image import RouteImage

__all__ = ["Events", "Options", "Progress", "Result", "conclude", "total", "watch_of"]

_AFTER_KILL = 1.0
"""Seconds after a process was killed in which a call may still feel it."""
_CHANGE = 0.5
"""Seconds that a carrier takes to become another."""


@dataclass(frozen=True)
class Options:
    """What a run is told beside its profile. ``work`` is where its processes write."""

    name: str
    work: Path
    seed: int
    rate: float | None = None
    routing: tuple[str, ...] = ()
    address: str | None = None
    port: int = 11000


Progress = Callable[[str, dict[str, Any]], None]
"""Called with the stage a run is in, and figures of it."""


@dataclass
class Result:
    """All that came of a run. ``stopped`` says why it is only a part, or is empty."""

    profile: Profile
    options: Options
    simulated: bool
    began: float
    ended: float
    evidence: Evidence
    samples: Samples
    pages: list[WorkerStats]
    moments: Moments
    events: list[tuple[float, str]]
    checks: list[Check] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    channels_left: int | None = None
    stopped: str = ""
    dips: DipWatch | None = None

    @property
    def held(self) -> bool:
        """Whether the run is whole and every check held."""
        return not self.stopped and all(check.held for check in self.checks)


class Events:
    """Plays a profile's events at their moments, and remembers what was wrong when."""

    def __init__(
        self,
        profile: Profile,
        nodes: Sequence[Node],
        become: Callable[[str, Any], None],
        seed: int,
        carriers: dict[str, Any],
        dips: DipWatch | None = None,
    ) -> None:
        self.dips = dips
        self.left = sorted(profile.events, key=lambda event: event.seconds)
        self.nodes = nodes
        self.become = become
        self.rng = random.Random(f"{seed}/events")
        self.told: list[tuple[float, str]] = []
        self.carriers = dict(carriers)
        self.killed: list[tuple[float, float]] = []
        self.changing: list[tuple[str, float, float]] = []
        self.closed: list[list[Any]] = []
        self.off: list[list[float]] = []
        now = time.time()
        for name, what in carriers.items():
            if what == CLOSED:
                self.closed.append([name, now, float("inf")])

    def play(self, seconds: float) -> None:
        """Play what is due so many seconds after the callers began."""
        while self.left and self.left[0].seconds <= seconds:
            self._play(self.left.pop(0))

    def look(self) -> None:
        """Read the counters of all nodes; call it often."""
        for node in self.nodes:
            node.look()
        if self.dips is not None:
            self.dips.look(self.nodes, time.time())

    def _play(self, event: Event) -> None:
        began = time.time()
        if event.carrier:
            for span in self.closed:
                if span[0] == event.carrier and span[2] == float("inf"):
                    span[2] = began + _CHANGE
            self.become(event.carrier, event.becomes)
            self.carriers[event.carrier] = event.becomes
            after = time.time()
            self.changing.append((event.carrier, began, after + _CHANGE))
            if event.becomes == CLOSED:
                self.closed.append([event.carrier, began, float("inf")])
            self._tell(began, f"{event.carrier} becomes {event.becomes}")
        elif event.dips:
            if self.dips is not None:
                self.dips.service.become(event.dips)
            self._tell(began, f"the service of dips becomes {event.dips}")
        elif event.kill:
            node = self.nodes[event.node - 1]
            if event.kill == "worker":
                node.kill_worker(self.rng)
                self._tell(began, f"SIGKILL of a worker of node {event.node}")
            else:
                node.kill()
                self._tell(began, f"SIGKILL of node {event.node} and its workers")
            self.killed.append((began - 0.1, time.time() + _AFTER_KILL))
            # A node with one worker answers nobody until the supervisor has started another.
            if not any(other.running for other in self.nodes):
                self.off.append([began - 0.1, float("inf")])
        else:
            node = self.nodes[event.node - 1]
            if not node.running:
                node.start()
            for span in self.off:
                if span[1] == float("inf"):
                    span[1] = time.time() + 0.1
            self._tell(began, f"node {event.node} is started again")

    def _tell(self, at: float, what: str) -> None:
        self.told.append((at, what))

    def moments(self, down: frozenset[str]) -> Moments:
        """Return what was wrong when."""
        return Moments(
            tuple((low, high) for low, high in self.off),
            tuple(self.killed),
            tuple(self.changing),
            tuple((name, low, high) for name, low, high in self.closed),
            down,
        )


def watch_of(profile: Profile, host: str, port: int) -> DipWatch | None:
    """Return the service of dips that a profile asks for, not started; None for none."""
    if profile.dips is None:
        return None
    return DipWatch(DipService(host, port, profile.dips, ported_to))


def conclude(result: Result, routes: Routes) -> None:
    """Judge all calls of a run and account for them; write the checks into the result."""
    matcher = Matcher(RouteImage(routes.image))
    profile = result.profile
    known: dict[tuple[str, str, int, Told], Decision] = {}
    dips = result.dips
    slack = duration(profile.limits.slack, "slack")

    def decided(call: SeenCall, moment: int, told: Told = ()) -> Decision:
        caller = "" if call.planned.withheld else call.planned.caller
        key = (call.planned.called, caller, moment, told)
        if key not in known:
            matcher.dip({number: (routing, math.inf) for number, routing in told} or None)
            known[key] = decide(matcher, call.planned.called, caller, moment)
        return known[key]

    def numbers_of(call: SeenCall) -> list[int]:
        return _dialled(decided(call, int(call.sent_at or result.began)))

    def decisions(call: SeenCall) -> list[Decision]:
        # A schedule may change while a call is set up; FreeSWITCH asks a moment after the INVITE.
        at = call.sent_at or result.began
        found = []
        for moment in (int(at), int(at) + 1, int(at) + 2):
            tolds: list[Told] = [()]
            if dips is not None:
                tolds = dips.tolds(_dialled(decided(call, moment)), at, slack)
            for told in tolds:
                decision = decided(call, moment, told)
                if decision not in found:
                    found.append(decision)
        return found

    expects = [_numbers(expect, routes) for expect in profile.expect]
    evidence = result.evidence
    if result.stopped:
        # Of a run that was cut off, only the calls that came to their end can be judged; what
        # vnroute counted, and what reached the carriers, is of others as well.
        ended = [call for call in evidence.calls if call.finals and call.records]
        evidence = replace(evidence, calls=ended, strays=[])
    mismatches, lost, lost_in_kill = judge_all(
        evidence, decisions, result.moments, expects, slack=slack
    )
    result.mismatches = mismatches
    result.checks = account(
        evidence,
        None if result.stopped else result.pages,
        result.moments,
        result.channels_left,
        slack,
    )
    result.checks.insert(
        0,
        Check(
            "each call went the way that vnroute route says",
            len(evidence.calls),
            len(mismatches),
            [f"{m.call.planned.id} to {m.call.planned.called}: {m.why}" for m in mismatches[:10]],
        ),
    )
    result.checks.append(_lost("no call was left without a plan", lost, profile.limits.lost))
    if result.moments.killed:
        result.checks.append(
            _lost(
                "calls left without a plan within a second of a death",
                lost_in_kill,
                profile.limits.lost_in_kill,
            )
        )
    if dips is not None:
        result.checks += dips.checks(evidence.calls, numbers_of, slack)
    if profile.covers:
        result.checks.append(_covers(result))
    if profile.limits.growth_mb:
        result.checks.append(_growth(result))


def _dialled(decision: Decision) -> list[int]:
    """Return the numbers that a decision rings, as generated carriers dial them."""
    return list(dict.fromkeys(int(leg.dialled) for leg in decision.legs))


def _numbers(expect: Expect, routes: Routes) -> tuple[frozenset[str], Expect]:
    return frozenset(routes.called([expect.to])), expect


def _lost(name: str, lost: int, allowed: int) -> Check:
    notes = [f"{lost} calls, {allowed} allowed"] if lost else []
    return Check(name, lost, max(0, lost - allowed), notes)


def _covers(result: Result) -> Check:
    sent: dict[str, set[int]] = {}
    for call in result.evidence.calls:
        for leg in call.legs:
            final = next((s for _, s in leg.script.signals if s >= 200), 0) if leg.script else 0
            sent.setdefault(leg.gateway, set()).add(final)
    wanted = [(name, code) for name, codes in result.profile.covers.items() for code in codes]
    missing = [f"{name} {code}" for name, code in wanted if code not in sent.get(name, set())]
    return Check(
        "each gateway has sent each code that the profile covers",
        len(wanted),
        len(missing),
        [f"not seen: {', '.join(missing)}"] if missing else [],
    )


def _growth(result: Result) -> Check:
    """Check that vnroute's memory is at the end of a run what it was after its first tenth."""
    rows = [memory for _, _, memory in result.samples.parts.get("vnroute", [])]
    tenth = max(1, len(rows) // 10)
    name, allowed = "vnroute's memory did not grow", result.profile.limits.growth_mb
    if len(rows) < 20:
        return Check(name, len(rows), 0, ["the run was too short to tell"])
    grown = (sum(rows[-tenth:]) - sum(rows[tenth : 2 * tenth])) / tenth / 1e6
    notes = [f"{grown:+.1f} MB, {allowed:g} MB allowed"]
    return Check(name, len(rows), int(grown > allowed), notes)


def total(planned: dict[str, list[PlannedCall]]) -> int:
    """Return how many calls are planned."""
    return sum(len(calls) for calls in planned.values())
