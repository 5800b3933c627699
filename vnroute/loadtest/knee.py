"""Finding the knee: the highest rate that holds, and what the bottleneck is.

Each step is a run of its own, on a FreeSWITCH of its own, with all checks; so no step suffers from
what the one before left behind.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import msgspec

from vnroute.loadtest.errors import LoadTestError
from vnroute.loadtest.figures import report_data
from vnroute.loadtest.machine import Tools
from vnroute.loadtest.profile import Callers, Knee, Profile
from vnroute.loadtest.report import run_page, table
from vnroute.loadtest.run import Options, Progress, Result
from vnroute.loadtest.timing import duration

__all__ = ["bottleneck", "find_knee", "step_figures", "too_much"]

_BELOW = 0.8
"""Of the knee's rate, the share that is held at the end."""


def find_knee(
    profile: Profile,
    options: Options,
    tools: Tools,
    about: dict[str, Any],
    command: str,
    progress: Progress,
    *,
    plots: bool,
) -> tuple[dict[str, Any], str]:
    """Ramp until a limit is passed, hold below it; return the report's data and page."""
    from vnroute.loadtest.start import run_calls

    knee = profile.knee
    steps: list[dict[str, Any]] = []
    rate, good, why, limit = options.rate or knee.start, 0.0, "", ""
    while rate <= knee.most:
        progress(f"step: {rate:g} calls a second", {})
        work = options.work / f"step-{rate:g}"
        work.mkdir(parents=True)
        try:
            result = run_calls(
                _at(profile, rate, knee.seconds), replace(options, work=work, rate=None), tools,
                progress, simulated=False,
            )  # fmt: skip
        except LoadTestError as error:
            # A setting such as sessions-per-second is a bottleneck too: it forbids the next step.
            limit, why = "a setting", str(error)
            break
        step = step_figures(result, rate)
        steps.append(step)
        if result.stopped:
            why, limit = result.stopped, "the run was stopped"
            break
        why = too_much(step, knee)
        if why:
            limit = bottleneck(step, result)
            break
        good = rate
        rate += knee.step
    if good == 0.0 and not steps:
        raise LoadTestError(why)
    held_rate = round(_BELOW * (good or knee.start), 1)
    if not steps or not result.stopped:
        progress(f"holding {held_rate:g} calls a second", {})
        work = options.work / "hold"
        work.mkdir(parents=True)
        result = run_calls(
            _at(profile, held_rate, knee.hold), replace(options, work=work, rate=None), tools,
            progress, simulated=False,
        )  # fmt: skip
    data = report_data(result, about, command)
    data["knee"] = {
        "rate": good, "why": why or f"the profile goes no higher than {knee.most:g}",
        "bottleneck": limit or "none was met", "steps": steps,
    }  # fmt: skip
    found = data["knee"]
    data["summary"] = [
        f"the knee is at {good:g} calls a second: {found['why']}",
        f"bottleneck: {found['bottleneck']}",
        f"held for {knee.hold:g} s: {held_rate:g} calls a second, {100 * _BELOW:.0f} % of the knee",
    ]
    return data, run_page(data, _plots(data) if plots else [], _section(data))


def _at(profile: Profile, rate: float, seconds: float) -> Profile:
    """Return the profile with all callers together at one steady rate."""
    groups = profile.callers or (Callers(name="callers", arrivals={"steady": 1, "seconds": 1}),)
    share = rate / len(groups)
    callers = tuple(
        msgspec.structs.replace(group, arrivals={"steady": share, "seconds": seconds})
        for group in groups
    )
    return msgspec.structs.replace(profile, kind="calls", callers=callers)


def step_figures(result: Result, rate: float) -> dict[str, Any]:
    """Return what a step came to."""
    data = report_data(result, {"machine": {}, "versions": {}}, "")
    placed = data["calls"]["placed"]
    # The first and last second of a step are its start and its end.
    shares = [share for _, share in result.samples.machine][1:-1]
    return {
        "rate": rate,
        "achieved": data["calls"]["a_second"],
        "placed": placed,
        "failures": _failures(result) / placed if placed else 1.0,
        "pdd": data["delays"]["pdd"],
        "through": data["delays"]["through"],
        "vnroute_us": data["delays"]["vnroute_us"],
        "machine": round(statistics.fmean(shares), 3) if shares else None,
        "others": data["others_cores"],
        "cores": {
            name: round(statistics.fmean([c for _, c, _ in rows]), 3) if rows else 0.0
            for name, rows in result.samples.parts.items()
        },
        "ms_a_call": {name: row["ms_a_call"] for name, row in data["cpu"].items()},
    }


def _failures(result: Result) -> int:
    wrong = {id(mismatch.call) for mismatch in result.mismatches}
    return sum(
        id(call) in wrong or call.code is None or call.code >= 500 for call in result.evidence.calls
    )


def too_much(step: dict[str, Any], knee: Knee) -> str:
    """Return which limit a step passed, in words; empty where it passed none."""
    if step["failures"] > knee.failures:
        return f"{100 * step['failures']:.1f} % of the calls failed at {step['rate']:g} a second"
    pdd, most = step["pdd"], duration(knee.pdd_p99, "knee.pdd_p99")
    if pdd is not None and pdd["p99"] > most:
        return (
            f"the post-dial delay's p99 was {1000 * pdd['p99']:.0f} ms at {step['rate']:g} a second"
        )
    if step["achieved"] is not None and step["achieved"] < (1 - knee.late) * step["rate"]:
        return f"the callers only made {step['achieved']:g} of {step['rate']:g} calls a second"
    if step["machine"] is not None and step["machine"] > knee.cpu:
        return f"{100 * step['machine']:.0f} % of all cores were busy at {step['rate']:g} a second"
    return ""


def bottleneck(step: dict[str, Any], result: Result) -> str:
    """Return what held a step back: a setting, a part that fills its core, or the machine."""
    for line in result.complaints:
        for words, setting in (
            ("Over Session Rate", "sessions-per-second"), ("Over Session Limit", "max-sessions"),
        ):  # fmt: skip
            if words in line:
                return f"FreeSWITCH's setting {setting}"
    cores = step["cores"]
    # One worker and one SIPp are one thread each; FreeSWITCH has as many as there are cores.
    for name in ("vnroute", "SIPp callers", "SIPp carriers"):
        threads = result.profile.nodes * result.profile.workers if name == "vnroute" else 1
        if cores.get(name, 0.0) > 0.9 * threads:
            return f"{name}: {cores[name]:.2f} of the {threads} cores that it can use"
    if step["machine"] is not None and step["machine"] > 0.85 and cores:
        most = max(cores, key=lambda name: cores[name])
        others = step["others"] or 0.0
        if others > cores[most]:
            return f"other work on this machine: {others:.2f} cores, more than any part of the run"
        used = ", ".join(f"{name} {busy:.2f}" for name, busy in cores.items())
        return f"the machine's CPU, mostly {most} (cores busy: {used})"
    return "neither a setting nor CPU: see FreeSWITCH's warnings"


def _section(data: dict[str, Any]) -> str:
    from html import escape

    rows = []
    for step in data["knee"]["steps"]:
        pdd, cores = step["pdd"], step["cores"]
        own = step["vnroute_us"]["p99"]
        rows.append(
            (
                f"{step['rate']:g}", step["achieved"] or "-", f"{100 * step['failures']:.1f} %",
                f"{1000 * pdd['p50']:.0f} ms" if pdd else "-",
                f"{1000 * pdd['p99']:.0f} ms" if pdd else "-",
                f"≤ {own:,} µs" if own else "-",
                f"{100 * step['machine']:.0f} %" if step["machine"] is not None else "-",
                *(f"{cores.get(name, 0):.2f}" for name in _PARTS),
            )
        )  # fmt: skip
    head = (
        "calls/s", "achieved", "failed", "PDD p50", "PDD p99", "vnroute p99", "machine", *_PARTS
    )  # fmt: skip
    lines = "".join(f"<p><b>{escape(text)}</b></p>" for text in data["summary"])
    return (
        f"<h2>The knee</h2>{lines}{table(rows, head)}"
        "<p class=note>Parts: mean cores busy. What follows is the run that held the rate below"
        " the knee.</p>"
    )


_PARTS = ("FreeSWITCH", "vnroute", "SIPp callers", "SIPp carriers")


def _plots(data: dict[str, Any]) -> list[tuple[str, str]]:
    from vnroute.loadtest.plots import run_plots, steps_plot

    steps = data["knee"]["steps"]
    points = [(step["rate"], step["pdd"]["p99"]) for step in steps if step["pdd"]]
    busy = [(step["rate"], 100 * step["machine"]) for step in steps if step["machine"] is not None]
    return [
        steps_plot("Post-dial delay p99 over rate", points, "calls/s", "seconds", "k1"),
        steps_plot("Machine busy over rate", busy, "calls/s", "per cent", "k2"),
        *run_plots(data),
    ]
