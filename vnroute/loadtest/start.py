"""A load test from its name to its report."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vnroute.loadtest import machine
from vnroute.loadtest.errors import LoadTestError
from vnroute.loadtest.figures import report_data
from vnroute.loadtest.profile import Profile, lasting_for, read_profile
from vnroute.loadtest.report import run_page, write
from vnroute.loadtest.routes import Routes, given_routes, made_routes
from vnroute.loadtest.run import Options, Progress, Result, conclude, total
from vnroute.loadtest.traffic import plan_traffic

__all__ = ["Asked", "Done", "load_test"]


@dataclass(frozen=True)
class Asked:
    """What a person asked for."""

    profile: str
    out: Path
    command: str
    switch: str = "auto"
    """``real``, ``simulated``, or ``auto``: real where FreeSWITCH and SIPp are found."""
    rate: float | None = None
    seed: int | None = None
    routing: tuple[str, ...] = ()
    address: str | None = None
    port: int = 11000
    keep: bool = False
    plots: bool = True
    rounds: int | None = None
    lasts: float | None = None
    """Seconds within which calls begin; else the profile's."""


@dataclass(frozen=True)
class Done:
    """What came of it: the report's data, and where it lies."""

    data: dict[str, Any]
    html: Path
    json: Path
    work: Path | None


def load_test(asked: Asked, progress: Progress) -> Done:
    """Run a load test and write its report.

    Raises RoutingDataError for a profile or routing data that is refused, :class:`LoadTestError`
    for what this machine cannot do; nothing is left running then.
    """
    profile = read_profile(asked.profile)
    if asked.lasts is not None and profile.kind == "calls":
        profile = lasting_for(profile, asked.lasts)
    tools = machine.find_tools()
    simulated = asked.switch == "simulated" or (asked.switch == "auto" and bool(tools.missing))
    if asked.switch == "real" and tools.missing:
        raise LoadTestError(tools.missing)
    if asked.plots:
        _need_matplotlib()
    if profile.kind != "calls" and simulated:
        raise LoadTestError(
            f"{asked.profile} measures a real FreeSWITCH, and the simulator costs none of its CPU:"
            f" {tools.missing or 'leave --simulated out'}"
        )
    name = Path(asked.profile).stem
    about = machine.describe(tools, simulated)
    work = Path(tempfile.mkdtemp(prefix=f"vnroute-loadtest-{name}-"))
    seed = profile.seed if asked.seed is None else asked.seed
    options = Options(name, work, seed, asked.rate, asked.routing, asked.address, asked.port)
    kept = asked.keep
    try:
        if profile.kind == "knee":
            from vnroute.loadtest.knee import find_knee

            data, html = find_knee(
                profile, options, tools, about, asked.command, progress, plots=asked.plots
            )
        elif profile.kind == "compare":
            from vnroute.loadtest.compare import compare_ways

            data, html = compare_ways(
                profile, options, tools, about, asked.command, progress,
                rounds=asked.rounds or profile.rounds, plots=asked.plots,
            )  # fmt: skip
        else:
            result = run_calls(profile, options, tools, progress, simulated=simulated)
            progress("writing the report", {})
            data = report_data(result, about, asked.command)
            html = run_page(data, _plots(data) if asked.plots else [])
        kept = kept or bool(not data["held"])
        paths = write(asked.out, data, html)
        return Done(data, *paths, work if kept else None)
    finally:
        if not kept:
            shutil.rmtree(work, ignore_errors=True)


def run_calls(
    profile: Profile,
    options: Options,
    tools: machine.Tools,
    progress: Progress,
    *,
    simulated: bool,
) -> Result:
    """Play a profile of calls and check them."""
    homes = [options.work / f"node{place + 1}" for place in range(profile.nodes)]
    progress("making routing data" if not options.routing else "loading routing data", {})
    routes = make_routes(profile, options, homes)
    _check_carriers(profile, routes)
    planned = plan_traffic(profile, routes, seed=options.seed, rate=options.rate)
    progress("planned", {"calls": total(planned)})
    if simulated:
        from vnroute.loadtest.simulated import run_simulated

        result = run_simulated(profile, options, routes, planned, progress, node_homes=homes)
    else:
        from vnroute.loadtest.real import run_real

        result = run_real(profile, options, tools, routes, planned, progress, node_homes=homes)
    progress("checking", {})
    conclude(result, routes)
    return result


def make_routes(profile: Profile, options: Options, homes: list[Path]) -> Routes:
    """Return the routing data of a run, loaded and compiled into the home of each node."""
    if options.routing and profile.dips is not None:
        raise LoadTestError("dips tell of generated numbers: leave --routing out")
    if options.routing:
        return given_routes(
            homes[0], options.routing, profile.numbers, options.seed, nodes=homes[1:]
        )
    return made_routes(
        homes[0],
        profile.numbers,
        options.seed,
        progress_seconds=profile.progress_seconds,
        nodes=homes[1:],
    )


def _check_carriers(profile: Profile, routes: Routes) -> None:
    unknown = sorted(set(profile.carriers) - set(routes.gateways))
    if unknown:
        raise LoadTestError(
            f"the profile names a carrier that no plan can reach: {', '.join(unknown)}; the routing"
            f" data has {', '.join(routes.gateways)}"
        )


def _need_matplotlib() -> None:
    """Say before the run, not after it, that its report cannot be drawn."""
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        raise LoadTestError("plots need matplotlib: pip install 'vnroute[loadtest]', or --no-plots")


def _plots(data: dict[str, Any]) -> list[tuple[str, str]]:
    from vnroute.loadtest.plots import run_plots

    return run_plots(data)
