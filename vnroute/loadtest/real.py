"""A run on a real FreeSWITCH, with SIPp on both sides."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from vnroute.eventsocket.stats import WorkerStats
from vnroute.loadtest import machine
from vnroute.loadtest.dip_checks import DipWatch
from vnroute.loadtest.errors import INTERRUPTED, LoadTestError, RunBroken
from vnroute.loadtest.freeswitch import CHANGES, FreeSwitch, Gateway, shipped_setting
from vnroute.loadtest.node import Node
from vnroute.loadtest.observed import Evidence
from vnroute.loadtest.process import wait_until
from vnroute.loadtest.profile import Carriers, Profile
from vnroute.loadtest.routes import Routes
from vnroute.loadtest.run import Events, Options, Progress, Result, total, watch_of
from vnroute.loadtest.sampling import Sampler
from vnroute.loadtest.sipp import SippCallers, SippCarrier
from vnroute.loadtest.timing import duration
from vnroute.loadtest.traces import gather, read_records
from vnroute.loadtest.traffic import PlannedCall

__all__ = ["Bench", "check_limits", "run_real"]

_FILES_A_CALL = 12
"""File descriptors of a call with its legs: RTP and RTCP of each, and the socket to vnroute."""
_PING = 5
"""Seconds between the pings of a gateway that shall be down; FreeSWITCH takes no fewer."""
_DRAIN = 45.0
"""Seconds after the last caller in which FreeSWITCH must be idle: an INVITE without any answer is
repeated for 32 s."""


def check_limits(
    profile: Profile, fs_conf: Any, planned: dict[str, list[PlannedCall]], legs: int
) -> dict[str, str]:
    """Check that the rate asked for fits; return the ``vnroute_*`` values that the profile sets.

    Raises :class:`LoadTestError` for too few file descriptors, sessions or sessions a second.
    """
    variables: dict[str, str] = {}
    for name, value in (
        ("vnroute_sessions_per_second", profile.switch.sessions_per_second),
        ("vnroute_max_sessions", profile.switch.max_sessions),
        ("vnroute_loglevel", profile.switch.loglevel),
    ):
        if value:
            variables[name] = str(value)
    moments = sorted(call.at for calls in planned.values() for call in calls)
    peak = _most_within(moments, 1.0)
    each = variables.get("vnroute_sessions_per_second") or shipped_setting(
        fs_conf, "vnroute_sessions_per_second"
    )
    if each and each.isdigit() and peak * (1 + legs) > int(each):
        raise LoadTestError(
            f"{peak} calls in a second with up to {legs} legs each want {peak * (1 + legs):,}"
            f" sessions a second, and FreeSWITCH is set to {each}: set switch:"
            " {sessions_per_second: ...} in the profile, or ask for a lower rate"
        )
    live = max(_most_live(planned), 1)
    most = variables.get("vnroute_max_sessions") or shipped_setting(fs_conf, "vnroute_max_sessions")
    if most and most.isdigit() and 2 * live > int(most):
        raise LoadTestError(
            f"about {live:,} calls will be up at once, {2 * live:,} sessions, and FreeSWITCH is set"
            f" to {most}: set switch: {{max_sessions: ...}} in the profile"
        )
    machine.raise_descriptors(1000 + _FILES_A_CALL * live, f"a run with {live:,} live calls")
    return variables


def _most_within(moments: list[float], seconds: float) -> int:
    most = first = 0
    for last, at in enumerate(moments):
        while at - moments[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def _most_live(planned: dict[str, list[PlannedCall]]) -> int:
    """Return about how many calls will be up at once, each ten seconds longer than it is held."""
    steps = []
    for calls in planned.values():
        for call in calls:
            steps += [(call.at, 1), (call.at + call.hold + 10, -1)]
    live = most = 0
    for _, step in sorted(steps):
        live += step
        most = max(most, live)
    return most


class Bench:
    """Everything that runs, so that everything can be ended."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.carriers: dict[str, SippCarrier] = {}
        self.callers: list[SippCallers] = []
        self.switch: FreeSwitch | None = None
        self.dips: DipWatch | None = None
        self.spare_port = 0
        """A port that nothing of the run takes, for callers that come later."""

    def stop(self) -> None:
        """End all, callers first; nothing may keep the next from being ended."""
        ends: list[Callable[[], None]] = [one.stop for one in self.callers]
        ends += [one.stop for one in self.carriers.values()]
        if self.switch is not None:
            ends.append(self.switch.stop)
        ends += [one.stop for one in self.nodes]
        if self.dips is not None:
            ends.append(self.dips.service.stop)
        for end in ends:
            try:
                end()
            except Exception:
                continue  # the others must be ended all the same


def run_real(
    profile: Profile,
    options: Options,
    tools: machine.Tools,
    routes: Routes,
    planned: dict[str, list[PlannedCall]],
    progress: Progress,
    *,
    node_homes: list[Any],
    dialplan: str | None = None,
    modules: tuple[str, ...] = (),
    files: dict[str, str] | None = None,
    server: Callable[[], list[int]] | None = None,
    then: Callable[[Bench], None] | None = None,
) -> Result:
    """Play a profile on a FreeSWITCH of its own and return what was seen.

    ``server`` gives the processes of an outbound server that is no vnroute; ``then`` is called when
    the last call has ended and all has been read, while everything still runs.

    Raises :class:`LoadTestError` before anything is started. What goes wrong later, Ctrl-C
    included, ends the run: the result then says why it is only a part.
    """
    if tools.freeswitch is None or tools.sipp is None or tools.fs_conf is None:
        raise LoadTestError(tools.missing or "no FreeSWITCH")
    legs = max(1, len(routes.gateways))
    variables = check_limits(profile, tools.fs_conf, planned, legs)
    address = options.address or machine.run_address()
    count = 4 + len(node_homes) + len(routes.gateways) + len(profile.callers)
    ports = iter(machine.free_ports(address, options.port, count))
    bench = Bench()
    carriers = Carriers(profile.carriers, profile.default, routes.gateways)
    silent = [name for name, what in carriers.given.items() if what is None]
    if silent:
        raise LoadTestError(
            f"the profile does not say what {', '.join(silent)} does; add it to carriers, or set"
            " default"
        )
    down = frozenset(name for name, what in carriers.given.items() if what == "down")
    sip_port, control_port, bench.spare_port = next(ports), next(ports), next(ports)
    bench.dips = watch_of(profile, address, next(ports))
    bench.nodes = [
        Node(
            home, address, next(ports), profile.workers, bench.dips.environ if bench.dips else None
        )
        for home in node_homes
    ]
    gateways = [
        Gateway(name, next(ports), _PING if name in down else 0) for name in routes.gateways
    ]
    for gateway in gateways:
        bench.carriers[gateway.name] = SippCarrier(
            tools.sipp, options.work / "sipp", gateway.name, address, gateway.port, options.seed
        )
    for group in profile.callers:
        bench.callers.append(
            SippCallers(
                tools.sipp, options.work / "sipp", group, planned[group.name],
                address=address, port=next(ports), target=f"{address}:{sip_port}",
            )
        )  # fmt: skip
    switch = FreeSwitch(
        tools.freeswitch, tools.fs_conf, options.work / "freeswitch",
        host=address, sip_port=sip_port, control_port=control_port,
        nodes=[node.address for node in bench.nodes], gateways=gateways, variables=variables,
        dialplan=dialplan, modules=modules, files=files,
    )  # fmt: skip
    bench.switch = switch
    sampler = Sampler(
        {
            "FreeSWITCH": lambda: [switch.pid],
            "vnroute": lambda: [pid for node in bench.nodes for pid in node.pids],
            **({"server": server} if server is not None else {}),
            "SIPp callers": lambda: [caller.pid for caller in bench.callers],
            "SIPp carriers": lambda: [carrier.pid for carrier in bench.carriers.values()],
        }
    )

    def become(name: str, what: Any) -> None:
        bench.carriers[name].stop()
        bench.carriers[name].start(what)

    events: Events | None = None
    began = ended = time.time()
    stopped = ""
    channels: int | None = None
    seen: tuple[Evidence, list[WorkerStats], list[str]] | None = None

    def read() -> tuple[Evidence, list[WorkerStats], list[str]]:
        evidence = gather(bench.callers, bench.carriers.values(), read_records(switch.cdr_dir))
        pages = [page for node in bench.nodes for page in node.pages.values()]
        return evidence, pages, switch.complaints()

    try:
        progress("starting FreeSWITCH, vnroute and SIPp", {})
        if bench.dips is not None:
            bench.dips.service.start()
        for node in bench.nodes:
            node.start()
        for name, carrier in bench.carriers.items():
            carrier.start(carriers.given[name])
        switch.start()
        for name in down:
            wait_until(f"gateway {name} is down", lambda n=name: switch.gateway_is_down(n), 40, 0.5)  # type: ignore[misc]
        events = Events(profile, bench.nodes, become, options.seed, carriers.given, bench.dips)
        sampler.look(force=True)
        began = time.time()
        _play(bench, switch, events, sampler, planned, profile, progress, began)
        progress("waiting until FreeSWITCH is idle", {})
        _drain(bench, switch, sampler)
        channels = switch.channels()
        if then is not None:
            sampler.look(force=True)
            ended = time.time()
            seen = read()
            then(bench)
    except KeyboardInterrupt:
        stopped = INTERRUPTED
    except (RunBroken, OSError) as error:
        stopped = str(error)
    finally:
        try:
            if seen is None:
                ended = time.time()
                sampler.look(force=True)
        finally:
            bench.stop()
    progress("reading what was seen", {})
    evidence, pages, complaints = seen or read()
    result = Result(
        profile, options, False, began, ended, evidence, sampler.samples, pages,
        events.moments(down) if events else Events(profile, [], become, 0, {}).moments(down),
        events.told if events else [],
        channels_left=channels, stopped=stopped, complaints=complaints, dips=bench.dips,
    )  # fmt: skip
    result.settings = {
        "fs_conf_changes": [*CHANGES, *(f"{name}={value}" for name, value in variables.items())],
        "sessions_per_second": variables.get("vnroute_sessions_per_second")
        or shipped_setting(tools.fs_conf, "vnroute_sessions_per_second"),
        "nodes": profile.nodes,
        "workers": profile.workers,
    }
    return result


def _play(
    bench: Bench,
    switch: FreeSwitch,
    events: Events,
    sampler: Sampler,
    planned: dict[str, list[PlannedCall]],
    profile: Profile,
    progress: Progress,
    began: float,
) -> None:
    """Start the callers, play the events, and wait for the last caller."""
    for caller in bench.callers:
        caller.start()
    calls = total(planned)
    last = max(call.at + call.hold for group in planned.values() for call in group)
    patience = max(duration(group.patience, "patience") for group in profile.callers)
    lead = max(caller.lead for caller in bench.callers)
    # The slowest way down: every leg silent for its time, then a held call, then SIPp's own end.
    limit = last + lead + patience + 90.0
    shown = 0.0
    while any(caller.running for caller in bench.callers) or events.left:
        now = time.time() - began
        events.play(now - lead)
        events.look()
        sampler.look()
        if not switch.running:
            raise RunBroken(f"FreeSWITCH died by itself\n{switch.log_tail()}")
        for caller in bench.callers:
            if not caller.running and caller.child is not None and not caller.lines():
                raise RunBroken(f"SIPp placed no call of {caller.group.name}\n{caller.errors()}")
        if now > limit:
            late = ", ".join(c.group.name for c in bench.callers if c.running)
            raise RunBroken(f"callers still run after {limit:.0f} s: {late}")
        if time.time() - shown > 1.0:
            shown = time.time()
            progress("calls", _figures(bench, calls, now))
        time.sleep(0.05)
    progress("calls", _figures(bench, calls, time.time() - began))


def _figures(bench: Bench, calls: int, seconds: float) -> dict[str, Any]:
    begun = finals = 0
    for caller in bench.callers:
        text = ""
        try:
            text = (caller.folder / f"{caller.name}.log").read_text(errors="replace")
        except OSError:
            continue
        begun += text.count("SENT|")
        finals += text.count("FINAL|")
    return {"calls": calls, "begun": begun, "final": finals, "seconds": seconds}


def _drain(bench: Bench, switch: FreeSwitch, sampler: Sampler) -> None:
    """Wait until FreeSWITCH has no session left, or for as long as it may take."""
    until = time.monotonic() + _DRAIN
    while time.monotonic() < until and switch.sessions():
        sampler.look()
        time.sleep(0.2)
    # The workers write their counters every fifth of a second, the carriers their last BYE.
    time.sleep(0.6)
    for node in bench.nodes:
        node.look()
