"""Which gateways calls may take: what switches and calls say, made into breakers and page entries.

Three things are heard: what each switch says of its gateways' pings, its counters of legs made and
failed (:mod:`vnroute.carriers.meter`), and the records of calls that have ended. The first two
are known within a second and are per switch; the last knows causes, and comes late. Where a switch
is watched, its counters tell of failure and success, and records only confirm; where none is,
records are all there is.

Nothing here waits, and nothing is asked of a database: the caller passes time and brings the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vnroute.calls.record import PERSON, Call, Leg
from vnroute.carriers.breaker import ALL, STATES, Breaker, BreakerState, Limits
from vnroute.carriers.by_hand import Drained
from vnroute.carriers.gateway_report import GatewayReport
from vnroute.carriers.memory import KeptBreaker, KeptMinute
from vnroute.carriers.meter import Meter
from vnroute.carriers.quality import LEAST_LEGS, Figures, Window, class_of, packed_zones
from vnroute.carriers.recent_calls import CallLimits, RecentCalls
from vnroute.carriers.verdict import verdict_of

__all__ = ["BADNESS", "CarrierEntry", "GatewayEntry", "GatewayHealth", "Health", "KnownGateway"]

BADNESS = {"closed": 0, "half-open": 1, "open": 2, "down": 3, "drained": 4}
"""How bad a gateway is that calls may not take: where all are bad, the least bad is tried."""

_WATCHED_SECONDS = 5.0
_TRIAL_CHANCE = 0.01
_TRICKLE_A_SECOND = 1.0
_LATE_SECONDS = 3600.0


class KnownGateway(NamedTuple):
    """A gateway of the routing data; ``name`` is what FreeSWITCH calls it.

    ``limited`` is whether it takes so many calls only: FreeSWITCH counts legs beyond as failed, so
    its counters say nothing of such a gateway's health.
    """

    id: str
    name: str
    carrier: str
    progress_seconds: float = 5.0
    limited: bool = False


class GatewayEntry(NamedTuple):
    """What workers are told of a gateway: the share of calls admitted, and how bad it is.

    What breakers say should end by itself, so that no gateway stays shut for ever if nobody
    watches any more; what people say is ``for_good``.
    """

    gateway: str
    share: int
    badness: int
    for_good: bool


class CarrierEntry(NamedTuple):
    """What workers are told of a carrier: its class, and its classes by world zone."""

    carrier: str
    quality: int
    zones: int


@dataclass(slots=True)
class _Watched:
    """A gateway on one switch; the switch is "" where records are all there is."""

    breaker: Breaker
    meter: Meter
    heard: float = 0.0
    well: int = 0
    pinged: bool = False
    ping_ms: float = 0.0


@dataclass(slots=True)
class GatewayHealth:
    """One gateway: its breakers by switch, its recent calls, and who drained it."""

    known: KnownGateway
    calls: RecentCalls
    switches: dict[str, _Watched] = field(default_factory=dict)
    drained: Drained | None = None

    @property
    def state(self) -> BreakerState:
        """The best state that it has on any switch."""
        return min((watched.breaker.state for watched in self.switches.values()),
                   key=lambda state: BADNESS[state], default="closed")  # fmt: skip

    @property
    def share(self) -> int:
        """The share of calls admitted, in thousandths."""
        if self.drained is not None:
            return 0
        return max((watched.breaker.share for watched in self.switches.values()), default=ALL)

    @property
    def badness(self) -> int:
        """How bad it is, as :data:`BADNESS` has it."""
        if self.drained is not None:
            return BADNESS["drained"]
        return min(
            (
                BADNESS["down" if watched.breaker.down else watched.breaker.state]
                for watched in self.switches.values()
            ),
            default=0,
        )


class Health:
    """All gateways. ``switches`` are the names of those that are watched, none where none is.

    ``moved`` is told of each change: (gateway, switch, state before, breaker).
    """

    def __init__(
        self,
        switches: Sequence[str] = (),
        limits: Limits | None = None,
        call_limits: CallLimits | None = None,
        window_minutes: int = 60,
        moved: Callable[[str, str, BreakerState, Breaker], None] = lambda *_: None,
    ) -> None:
        self._switch_names = tuple(switches) or ("",)
        self._limits = limits or Limits()
        self._call_limits = call_limits or CallLimits()
        self._minutes = window_minutes
        self._moved = moved
        self._by_name: dict[str, list[GatewayHealth]] = {}
        self._windows: dict[tuple[str, int], Window] = {}
        self._kept: dict[tuple[str, str], KeptBreaker] = {}
        self.gateways: dict[str, GatewayHealth] = {}
        self.transitions: dict[tuple[str, BreakerState], int] = {}
        """How often a gateway's breaker came into a state."""

    def know(self, gateways: Iterable[KnownGateway], now: float) -> None:
        """Take over the gateways of the routing data; those that stay keep what is known."""
        found: dict[str, GatewayHealth] = {}
        for known in gateways:
            there = self.gateways.get(known.id)
            if there is None or there.known.name != known.name:
                there = GatewayHealth(known, RecentCalls(self._call_limits))
                for name in self._switch_names:
                    breaker = Breaker(self._limits, now)
                    kept = self._kept.get((known.id, name))
                    if kept is not None:
                        kept.restore(breaker)
                    there.switches[name] = _Watched(breaker, Meter())
            there.known = known
            for watched in there.switches.values():
                watched.meter.progress_seconds = known.progress_seconds
            found[known.id] = there
        self.gateways = found
        self._by_name = {}
        for health in found.values():
            self._by_name.setdefault(health.known.name, []).append(health)

    def remember(self, breakers: Iterable[KeptBreaker], minutes: Iterable[KeptMinute]) -> None:
        """Take over what was known before a restart; call it before :meth:`know`."""
        self._kept = {(kept.gateway, kept.switch): kept for kept in breakers}
        for kept in sorted(minutes, key=lambda kept: kept.minute):
            self._window(kept.carrier, kept.zone).add(kept.minute * 60.0, kept.figures)

    def kept_breakers(self) -> list[KeptBreaker]:
        """Return the breakers to remember."""
        return [
            KeptBreaker(
                gateway=name,
                switch=switch,
                state=watched.breaker.state,
                since=watched.breaker.since,
                until=watched.breaker.until,
                openings=watched.breaker.openings,
                why=watched.breaker.why,
            )
            for name, health in self.gateways.items()
            for switch, watched in health.switches.items()
            if watched.breaker.state != "closed"
        ]

    def kept_minutes(self) -> list[KeptMinute]:
        """Return the carriers' figures to remember."""
        return [
            KeptMinute(carrier, zone, minute, figures)
            for (carrier, zone), window in self._windows.items()
            for minute, figures in window.parts()
        ]

    def drain(self, drained: dict[str, Drained]) -> None:
        """Take over what people have drained."""
        for name, health in self.gateways.items():
            health.drained = drained.get(name)

    # What is heard

    def heard(self, switch: str, now: float, reports: Iterable[GatewayReport]) -> None:
        """Take a switch's report of its gateways."""
        for report in reports:
            for health in self._by_name.get(report.name, ()):
                watched = health.switches.get(switch)
                if watched is not None:
                    self._hear(health, switch, watched, now, report)

    def _hear(
        self, health: GatewayHealth, switch: str, watched: _Watched, now: float, said: GatewayReport
    ) -> None:
        breaker, meter = watched.breaker, watched.meter
        watched.heard, watched.pinged, watched.ping_ms = now, said.pinged, said.ping_ms
        before = breaker.state
        if breaker.ping(now, said.up):
            self._note(health, switch, watched, before, now)
        meter.sample(now, said.made, said.failed, learn=breaker.state == "closed")
        if health.known.limited:
            return
        if breaker.state == "closed" and meter.alarm():
            self._trip(health, switch, watched, now, "calls")
        elif breaker.state == "half-open":
            self._try(health, switch, watched, now)

    def _try(self, health: GatewayHealth, switch: str, watched: _Watched, now: float) -> None:
        """Judge the trials of a half-open breaker by the switch's counters."""
        breaker, meter = watched.breaker, watched.meter
        well, failed = meter.trials()
        before = breaker.state
        changed = False
        if well > watched.well:
            changed = breaker.good(now, well - watched.well)
            watched.well = well
        elif well == 0 and failed and min(0.9, max(0.3, meter.usual)) ** failed < _TRIAL_CHANCE:
            # The counter has the busy among the failed: so many are no chance.
            changed = breaker.bad(now, failed)
        if changed:
            self._note(health, switch, watched, before, now)

    def called(self, call: Call, now: float) -> None:
        """Take a call that has ended. Records that come hours late say nothing of today."""
        began = call.started / 1e6
        if began < now - _LATE_SECONDS:
            return
        for leg in call.legs:
            health = self.gateways.get(leg.gateway)
            if health is not None:
                self._measure(health.known.carrier, leg, began)
                self._judge(health, call, leg, began, now)

    def _measure(self, carrier: str, leg: Leg, began: float) -> None:
        figures = Figures(
            legs=1,
            answered=leg.outcome == "answered",
            network=leg.outcome in PERSON,
            talk_ms=leg.talk_ms,
            pdd_ms=leg.pdd_ms or 0,
            pdd_legs=leg.pdd_ms is not None,
        )
        digits = leg.dialled.lstrip("+0*#")
        zone = int(digits[0]) if digits[:1].isdigit() else 0
        self._window(carrier, zone).add(began, figures)

    def _judge(self, health: GatewayHealth, call: Call, leg: Leg, began: float, now: float) -> None:
        verdict = verdict_of(call, leg)
        answered = leg.talk_ms / 1000 if leg.outcome == "answered" else None
        health.calls.add(began, verdict, answered, None if leg.pdd_ms is None else leg.pdd_ms / 1e3)
        since = health.calls.failing_since(now)
        trouble = health.calls.trouble()
        for switch, watched in health.switches.items():
            if call.switch in health.switches and switch != call.switch:
                continue
            breaker, before = watched.breaker, watched.breaker.state
            is_watched = not health.known.limited and now - watched.heard < _WATCHED_SECONDS
            if before == "half-open" and began >= breaker.since:
                if verdict == "bad":
                    changed = breaker.bad(now)
                else:
                    # The switch's counters have told of it while it rang.
                    changed = verdict == "good" and not is_watched and breaker.good(now)
                if changed:
                    self._note(health, switch, watched, before, now)
            elif before == "closed" and trouble:
                self._trip(health, switch, watched, now, trouble)
            elif (
                before == "closed"
                and since is not None
                # Answered calls are told of only when they end; the counters know them now.
                and not (is_watched and watched.meter.well_since(since))
            ):
                self._trip(health, switch, watched, now, "failures")

    def tick(self, now: float) -> None:
        """Let time pass."""
        for health in self.gateways.values():
            for switch, watched in health.switches.items():
                before = watched.breaker.state
                if watched.breaker.tick(now):
                    self._note(health, switch, watched, before, now)

    def _trip(
        self, health: GatewayHealth, switch: str, watched: _Watched, now: float, why: str
    ) -> None:
        before = watched.breaker.state
        if watched.breaker.trip(now, why):
            self._note(health, switch, watched, before, now)

    def _note(
        self, health: GatewayHealth, switch: str, watched: _Watched, before: BreakerState,
        now: float,
    ) -> None:  # fmt: skip
        breaker = watched.breaker
        if breaker.state == before:
            return  # a step of the trickle
        watched.well = 0
        if before == "closed":
            # What it took before it was shut: later nobody knows.
            rate = watched.meter.rate()
            floor = _TRICKLE_A_SECOND / rate * ALL if rate > 0 else ALL / 4
            breaker.floor = int(min(ALL / 2, floor))
        if breaker.state == "half-open":
            watched.meter.mark()
        elif breaker.state == "closed":
            watched.meter.restart()
        health.calls.forget(now)
        place = (health.known.id, breaker.state)
        self.transitions[place] = self.transitions.get(place, 0) + 1
        self._moved(health.known.id, switch, before, breaker)

    # What workers are told

    def gateway_entries(self) -> list[GatewayEntry]:
        """Return the gateways of which there is something to say."""
        return [
            GatewayEntry(name, health.share, health.badness, health.drained is not None)
            for name, health in self.gateways.items()
            if health.badness or health.share < ALL
        ]

    def carrier_figures(self, now: float) -> dict[str, dict[int, Figures]]:
        """Return each carrier's figures in the window, by world zone; 0 is all of them."""
        found: dict[str, dict[int, Figures]] = {}
        for (carrier, zone), window in self._windows.items():
            figures = window.sum(now)
            if figures.legs:
                zones = found.setdefault(carrier, {0: Figures()})
                zones[0].add(figures)
                if zone:
                    zones[zone] = figures
        return found

    def carrier_entries(self, now: float) -> list[CarrierEntry]:
        """Return the carriers whose class is known."""
        found = []
        for carrier, zones in self.carrier_figures(now).items():
            if zones[0].legs >= LEAST_LEGS:
                classes = {
                    zone: class_of(figures)
                    for zone, figures in zones.items()
                    if zone and figures.legs >= LEAST_LEGS
                }
                found.append(CarrierEntry(carrier, class_of(zones[0]), packed_zones(classes)))
        return found

    def counts(self) -> dict[BreakerState, int]:
        """Return how many gateways are in each state."""
        found = dict.fromkeys(STATES, 0)
        for health in self.gateways.values():
            found[health.state] += 1
        return found

    def _window(self, carrier: str, zone: int) -> Window:
        window = self._windows.get((carrier, zone))
        if window is None:
            window = self._windows[carrier, zone] = Window(self._minutes)
        return window
