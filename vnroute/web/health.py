"""Carriers' health in the control process: what is heard goes in, the state page comes out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vnroute import log
from vnroute.calls.record import Call
from vnroute.carriers.breaker import STATES, Breaker, BreakerState, Limits
from vnroute.carriers.by_hand import ByHand
from vnroute.carriers.gateway_report import GatewayReport
from vnroute.carriers.health import CarrierEntry, GatewayEntry, Health, KnownGateway
from vnroute.carriers.memory import Memory
from vnroute.carriers.quality import class_of
from vnroute.carriers.recent_calls import CallLimits
from vnroute.carriers.status import as_data
from vnroute.carriers.switches import SwitchAddress, Switches
from vnroute.image.keys import Kind
from vnroute.image.state_page import PageError, StatePage
from vnroute.settings import Settings, SwitchSettings
from vnroute.store import StoreError, open_store
from vnroute.store.opening import store_exists

__all__ = ["HealthMetrics", "HealthService", "switch_address"]

_TICK_SECONDS = 0.1
_LOOK_SECONDS = 2.0
_QUALITY_SECONDS = 10.0
_KEEP_SECONDS = 60.0
_GOOD_FOR_SECONDS = 600
_REFRESH_SECONDS = 60.0


class HealthService:
    """Judges all gateways as long as the control process runs, and tells the workers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._logger = log.get_logger(process="health")
        self._by_hand = ByHand(settings.state / "carriers")
        self._memory = Memory(settings.state / "carriers", self._logger)
        health = settings.health
        self.health = Health(
            [switch.name for switch in settings.switches],
            Limits(open_seconds=health.open_seconds, open_most_seconds=health.open_most_seconds),
            CallLimits(
                failures=health.failures,
                short_seconds=health.short_seconds,
                pdd_seconds=health.pdd_seconds,
            ),
            health.window_minutes,
            self._moved,
        )
        self.switches = Switches(
            [switch_address(switch) for switch in settings.switches],
            self._heard,
            self._logger,
            poll_seconds=health.poll_seconds,
            recycle_seconds=health.recycle_seconds,
        )
        self._changed = True
        self._told_gateways: list[GatewayEntry] = []
        self._told_carriers: list[CarrierEntry] = []
        self._told_at = 0.0
        self._counter = -1
        self._page: StatePage | None = None
        self._trouble = ""

    def called(self, call: Call) -> None:
        """Take a call that has ended."""
        try:
            self.health.called(call, time.time())
        except Exception as error:  # a record must be kept whatever is wrong here
            self._logger.exception("a call could not be judged", error=str(error))

    def status(self) -> dict[str, Any]:
        """Return what is known of gateways, carriers and switches, as plain data."""
        return as_data(self.health, self.switches.states.values(), time.time())

    async def run(self) -> None:
        """Judge until cancelled."""
        self.health.remember(self._memory.breakers(), self._memory.minutes())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.switches.run())
            tasks.create_task(self._judge())

    async def _judge(self) -> None:
        looked = kept = measured = 0.0
        try:
            while True:
                now = time.time()
                try:
                    if now - looked >= _LOOK_SECONDS:
                        looked = now
                        await self._look()
                    self.health.drain(self._by_hand.all())
                    self.health.tick(now)
                    self._tell(now)
                    if now - measured >= _QUALITY_SECONDS:
                        measured = now
                        self._tell_quality(now)
                    if self._changed:
                        self._changed = False
                        self._memory.keep_breakers(self.health.kept_breakers())
                    if now - kept >= _KEEP_SECONDS:
                        kept = now
                        self._memory.keep_minutes(self.health.kept_minutes())
                    self._trouble = ""
                except (OSError, ValueError, PageError, StoreError) as error:
                    if str(error) != self._trouble:
                        self._trouble = str(error)
                        self._logger.error("gateways cannot be judged now", error=self._trouble)
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            self._memory.keep_breakers(self.health.kept_breakers())
            self._memory.keep_minutes(self.health.kept_minutes())

    async def _look(self) -> None:
        """Take over the gateways of the routing data where those have changed."""
        found = await asyncio.to_thread(self._gateways)
        if found is not None:
            self.health.know(found, time.time())

    def _gateways(self) -> list[KnownGateway] | None:
        address = self._settings.store_address
        if not store_exists(address):
            return None
        store = open_store(address, create=False)
        try:
            with store.snapshot() as snapshot:
                counter = snapshot.change_counter()
                if counter == self._counter:
                    return None
                carriers = snapshot.carriers()
        finally:
            store.close()
        self._counter = counter
        return [
            KnownGateway(
                gateway.id,
                gateway.gateway,
                carrier.id,
                gateway.progress_seconds,
                (gateway.limits or carrier.limits) is not None,
            )
            for carrier in carriers
            for gateway in carrier.gateways
        ]

    def _heard(self, switch: str, at: float, gateways: tuple[GatewayReport, ...]) -> None:
        self.health.heard(switch, at, gateways)
        self._tell(at)

    def _moved(self, gateway: str, switch: str, before: BreakerState, breaker: Breaker) -> None:
        self._changed = True
        tell = self._logger.warning if breaker.state == "open" else self._logger.info
        tell("gateway " + breaker.state, gateway=gateway, switch=switch or "-", was=before,
             why=breaker.why, openings=breaker.openings,
             seconds=max(0.0, round(breaker.until - breaker.since, 1)))  # fmt: skip

    def _tell(self, now: float) -> None:
        """Write the gateways on the page, where something is to be said anew."""
        entries = self.health.gateway_entries()
        if entries == self._told_gateways and now - self._told_at < _REFRESH_SECONDS:
            return
        until = int(now) + _GOOD_FOR_SECONDS
        self._open_page().replace(
            [Kind.GATEWAY],
            [
                (Kind.GATEWAY, entry.gateway, entry.share, entry.badness,
                 0 if entry.for_good else until, 0)
                for entry in entries
            ],
        )  # fmt: skip
        self._told_gateways, self._told_at = entries, now

    def _tell_quality(self, now: float) -> None:
        entries = self.health.carrier_entries(now)
        if entries != self._told_carriers:
            self._open_page().replace(
                [Kind.QUALITY],
                [
                    (Kind.QUALITY, entry.carrier, entry.quality, 0, 0, entry.zones)
                    for entry in entries
                ],
            )
            self._told_carriers = entries

    def _open_page(self) -> StatePage:
        if self._page is None:
            self._page = StatePage.open(self._settings.state_page, create=True)
        return self._page


def switch_address(switch: SwitchSettings) -> SwitchAddress:
    """Return where a switch is asked, with its password."""
    password = switch.password
    if switch.password_file:
        # Read here, so that a file that cannot be read is told by the process that needs it.
        try:
            password = Path(switch.password_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            log.get_logger(process="health").error(
                "no password for a switch", switch=switch.name, error=str(error)
            )
    return SwitchAddress(switch.name, switch.host, switch.port, password)


class HealthMetrics(Collector):
    """Breakers, transitions, carriers and switches, for Prometheus."""

    def __init__(self, service: HealthService) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Yield a family a figure."""
        health = self._service.health
        states = GaugeMetricFamily(
            "vnroute_gateway_state", "1 for the state a gateway's breaker is in.",
            labels=["gateway", "state"],
        )  # fmt: skip
        shares = GaugeMetricFamily(
            "vnroute_gateway_share", "Share of calls that may take a gateway.", labels=["gateway"]
        )
        for name, gateway in list(health.gateways.items()):
            for state in STATES:
                states.add_metric([name, state], float(gateway.state == state))
            states.add_metric([name, "drained"], float(gateway.drained is not None))
            shares.add_metric([name], gateway.share / 1000)
        moved = CounterMetricFamily(
            "vnroute_gateway_transitions", "How often a breaker came into a state.",
            labels=["gateway", "state"],
        )  # fmt: skip
        for (name, state), count in list(health.transitions.items()):
            moved.add_metric([name, state], count)
        quality = GaugeMetricFamily(
            "vnroute_carrier_quality", "Quality class, 0 (best) to 7.", labels=["carrier"]
        )
        for carrier, zones in health.carrier_figures(time.time()).items():
            quality.add_metric([carrier], class_of(zones[0]))
        up = GaugeMetricFamily(
            "vnroute_switch_up", "1 where the control connection to a switch is up.",
            labels=["switch"],
        )  # fmt: skip
        sessions = GaugeMetricFamily(
            "vnroute_switch_sessions", "Sessions on a switch, by its heartbeat.", labels=["switch"]
        )
        restarts = CounterMetricFamily(
            "vnroute_switch_link_restarts", "How often a control connection was begun anew.",
            labels=["switch"],
        )  # fmt: skip
        memory = GaugeMetricFamily(
            "vnroute_switch_link_memory_bytes", "Resident memory of a control connection.",
            labels=["switch"],
        )  # fmt: skip
        for switch in self._service.switches.states.values():
            up.add_metric([switch.name], float(switch.connected))
            sessions.add_metric([switch.name], switch.sessions)
            restarts.add_metric([switch.name], switch.restarts)
            memory.add_metric([switch.name], switch.link_memory)
        yield from (states, shares, moved, quality, up, sessions, restarts, memory)
