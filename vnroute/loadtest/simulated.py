"""A run on the simulator: real vnroute processes, a FreeSWITCH and carriers that are simulated.

Calls are placed when the profile says so; what follows the plan runs on a clock that costs no time,
so a carrier that is silent for two seconds costs none. There are no SIPp traces and no call
records: those checks are left out, and every page of the report says so.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from vnroute.loadtest.errors import INTERRUPTED, LoadTestError, RunBroken
from vnroute.loadtest.machine import free_ports, run_address
from vnroute.loadtest.node import Node
from vnroute.loadtest.observed import Evidence, SeenCall, SeenLeg
from vnroute.loadtest.profile import Carriers, Profile
from vnroute.loadtest.routes import Routes
from vnroute.loadtest.run import Events, Options, Progress, Result, total, watch_of
from vnroute.loadtest.sampling import Sampler
from vnroute.loadtest.traffic import PlannedCall
from vnroute.simulator import (
    Caller,
    CallOptions,
    CallRecord,
    Gateways,
    Server,
    Simulator,
)
from vnroute.simulator.gateways import Behaviour, Script

__all__ = ["run_simulated"]

_drawn: contextvars.ContextVar[list[Script]] = contextvars.ContextVar("drawn")


@dataclass(frozen=True, slots=True)
class _Recorded(Behaviour):
    """A behaviour that tells the call which script was drawn for it."""

    inner: Behaviour = field(default_factory=Behaviour)

    def script(self, rng: Random) -> Script:
        """Draw one leg's future, and write it down."""
        drawn = self.inner.script(rng)
        _drawn.get().append(drawn)
        return drawn


def _recorded(gateways: Gateways) -> Gateways:
    return Gateways(
        {
            name: _Recorded(down=behaviour.down, inner=behaviour)
            for name, behaviour in gateways.gateways.items()
        }
    )


def run_simulated(
    profile: Profile,
    options: Options,
    routes: Routes,
    planned: dict[str, list[PlannedCall]],
    progress: Progress,
    *,
    node_homes: list[Path],
) -> Result:
    """Play a profile on the simulator and return what was seen."""
    carriers = Carriers(profile.carriers, profile.default, routes.gateways)
    silent = [name for name, what in carriers.given.items() if what is None]
    if silent:
        raise LoadTestError(
            f"the profile does not say what {', '.join(silent)} does; add it to carriers, or set"
            " default"
        )
    down = frozenset(name for name, what in carriers.given.items() if what == "down")
    address = options.address or run_address()
    dip_port, *ports = free_ports(address, options.port, 1 + profile.nodes)
    dips = watch_of(profile, address, dip_port)
    nodes = [
        Node(home, address, port, profile.workers, dips.environ if dips else None)
        for home, port in zip(node_homes, ports, strict=True)
    ]
    sampler = Sampler({"vnroute": lambda: [pid for node in nodes for pid in node.pids]})
    began = time.time()
    stopped = ""
    calls: list[SeenCall] = []
    events: Events | None = None
    try:
        progress("starting vnroute; FreeSWITCH and carriers are simulated", {})
        if dips is not None:
            dips.service.start()
        for node in nodes:
            node.start()
        simulators = {
            group.name: Simulator(
                [Server(address, node.port) for node in (*nodes, *reversed(nodes))],
                _recorded(carriers.behaviours()),
                CallOptions(patience=planned[group.name][0].patience, keep_variables=True),
                seed=options.seed + place,
            )
            for place, group in enumerate(profile.callers)
        }

        def become(name: str, what: Any) -> None:
            changed[name] = what
            now = _recorded(carriers.behaviours(changed))
            for simulator in simulators.values():
                simulator.gateways = now

        changed: dict[str, Any] = {}
        events = Events(profile, nodes, become, options.seed, carriers.given, dips)
        sampler.look(force=True)
        began = time.time()
        asyncio.run(_place_all(simulators, planned, events, nodes, sampler, progress, began, calls))
        time.sleep(0.6)
        events.look()
    except KeyboardInterrupt:
        stopped = INTERRUPTED
    except (RunBroken, OSError) as error:
        stopped = str(error)
    finally:
        ended = time.time()
        try:
            sampler.look(force=True)
        finally:
            for node in nodes:
                node.stop()
            if dips is not None:
                dips.service.stop()
    # A port that is closed refuses with 503 here: what is closed was never silent.
    moments = (
        events.moments(down)
        if events
        else Events(profile, [], lambda *_: None, 0, {}).moments(down)
    )
    seen = {call.planned.id: call for call in calls}
    everyone = [seen.get(call.id) or SeenCall(call) for group in planned.values() for call in group]
    pages = [page for node in nodes for page in node.pages.values()]
    result = Result(
        profile, options, True, began, ended, Evidence(everyone, simulated=True),
        sampler.samples, pages, moments, events.told if events else [], stopped=stopped,
        dips=dips,
    )  # fmt: skip
    result.settings = {"nodes": profile.nodes, "workers": profile.workers}
    return result


async def _place_all(
    simulators: Mapping[str, Simulator],
    planned: dict[str, list[PlannedCall]],
    events: Events,
    nodes: list[Node],
    sampler: Sampler,
    progress: Progress,
    began: float,
    calls: list[SeenCall],
) -> None:
    order = sorted((call for group in planned.values() for call in group), key=lambda c: c.at)
    everything = total(planned)

    async def place(call: PlannedCall) -> None:
        drawn: list[Script] = []
        _drawn.set(drawn)
        caller = Caller(call.caller, call.name)
        number = call.called.removeprefix("+")
        record = await simulators[call.group].call(number, caller)
        calls.append(_seen(call, record, drawn))

    async def watch() -> None:
        shown = 0.0
        while True:
            now = time.time() - began
            # Starting a node waits for it: the calls meanwhile go on in this thread's stead.
            await asyncio.to_thread(events.play, now)
            events.look()
            sampler.look()
            if time.time() - shown > 1.0:
                shown = time.time()
                figures = {"calls": everything, "begun": len(calls), "final": len(calls)}
                progress("calls", {**figures, "seconds": now})
            await asyncio.sleep(0.05)

    watcher = asyncio.create_task(watch())
    try:
        async with asyncio.TaskGroup() as group:
            for call in order:
                ahead = began + call.at - time.time()
                if ahead > 0:
                    await asyncio.sleep(ahead)
                group.create_task(place(call))
        while events.left:
            await asyncio.sleep(0.05)
    finally:
        watcher.cancel()
    figures = {"calls": everything, "begun": len(calls), "final": len(calls)}
    progress("calls", {**figures, "seconds": time.time() - began})


def _seen(planned: PlannedCall, record: CallRecord, drawn: list[Script]) -> SeenCall:
    """Turn the simulator's record into what was seen; moments are the simulated clock's."""
    began = record.started
    call = SeenCall(planned, sent_at=began, sent=1, finals=1, records=1)
    call.code = record.final_sip
    call.hangup_cause = record.final_cause
    generation = record.variables.get("vn_generation", "")
    call.generation = int(generation) if generation.isdigit() else None
    call.refused = record.variables.get("vn_refused", "")
    labels = record.variables.get("vn_legs", "")
    call.labels = len(labels.split(",")) if labels else 0
    call.plan_seconds = record.plan_seconds
    call.error = record.error or ""
    if record.pdd is not None:
        call.ringing_at = began + record.pdd
    created = [leg for leg in record.legs if leg.created]
    scripts = drawn if len(drawn) == len(created) else [None] * len(created)
    final = record.duration
    for leg, script in zip(created, scripts, strict=True):
        answered_after = _answer_of(script)
        if leg.answered and answered_after is not None:
            final = leg.t_start + answered_after
        call.legs.append(
            SeenLeg(
                int(leg.uuid[:2], 16),
                leg.gateway,
                leg.number,
                leg.cause,
                leg.uuid,
                began + leg.t_start,
                script,
                leg.answered,
                leg.cause == "ORIGINATOR_CANCEL",
                began + leg.t_end,
            )
        )
    call.final_at = began + final
    call.hung_up_at = began + record.duration if call.code == 200 else None
    if record.final_cause == "ORIGINATOR_CANCEL":
        call.cancelled_at = began + record.duration
    return call


def _answer_of(script: Script | None) -> float | None:
    if script is None:
        return None
    return next((at for at, status in script.signals if status == 200), None)
