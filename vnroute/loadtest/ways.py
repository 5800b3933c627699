"""The profile ``compare``: ways into a FreeSWITCH beside each other, same calls, fresh switches.

Each way routes every call to one carrier that answers at once. Rounds go through all ways in turn,
so that what disturbs the machine for a minute does not fall upon one way alone.
"""

from __future__ import annotations

import socket
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from vnroute.loadtest.errors import LoadTestError
from vnroute.loadtest.figures import percentiles, report_data
from vnroute.loadtest.knee import step_figures
from vnroute.loadtest.machine import Tools, run_address
from vnroute.loadtest.process import Child, wait_until
from vnroute.loadtest.profile import Profile
from vnroute.loadtest.real import run_real
from vnroute.loadtest.report import run_page, table
from vnroute.loadtest.routes import Routes, given_routes
from vnroute.loadtest.run import Options, Progress, Result, conclude
from vnroute.loadtest.timing import duration
from vnroute.loadtest.traffic import plan_traffic

__all__ = ["WAYS", "compare_ways"]

_GATEWAY = "gwA"


@dataclass(frozen=True)
class Way:
    """A way in: its dialplan's actions (none: fs-conf's own), modules and files."""

    about: str
    actions: tuple[tuple[str, str], ...] = ()
    modules: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


_BRIDGE = f"sofia/gateway/{_GATEWAY}/${{destination_number}}"
WAYS = {
    "static": Way(
        "static XML dialplan, one bridge",
        (("set", "hangup_after_bridge=true"), ("bridge", _BRIDGE)),
    ),
    "vnroute": Way("fs-conf as shipped: sync socket, xferext"),
    "lua": Way(
        "mod_lua: a script that bridges",
        (("lua", "route.lua"),),
        ("mod_lua",),
        (
            (
                "scripts/route.lua",
                'session:setVariable("hangup_after_bridge", "true")\n'
                'local number = session:getVariable("destination_number")\n'
                f'session:execute("bridge", "sofia/gateway/{_GATEWAY}/" .. number)\n',
            ),
        ),
    ),
    "xml_curl": Way(
        "mod_xml_curl: the dialplan over HTTP, from a small server in Python",
        (),
        ("mod_xml_curl",),
        (
            (
                "conf/autoload_configs/xml_curl.conf.xml",
                '<configuration name="xml_curl.conf" description="cURL XML"><bindings>'
                '<binding name="route"><param name="gateway-url" value="{url}"'
                ' bindings="dialplan"/></binding></bindings></configuration>\n',
            ),
        ),
    ),
}
"""Ways that the profile may name in ``ways``; it takes all where it names none."""


def _dialplan(way: Way) -> str | None:
    if not way.actions:
        return None
    lines = "\n".join(
        f'<action application="{name}" data="{escape(data)}"/>' for name, data in way.actions
    )
    # FreeSWITCH's pre-processor works by lines, and drops those with "include" in them.
    return (
        '<include>\n<context name="vnroute"><extension name="way"><condition>\n'
        f"{lines}\n</condition></extension></context>\n</include>\n"
    )


def compare_ways(
    profile: Profile,
    options: Options,
    tools: Tools,
    about: dict[str, Any],
    command: str,
    progress: Progress,
    *,
    rounds: int,
    plots: bool,
) -> tuple[dict[str, Any], str]:
    """Measure each way in each round; return the report's data and page.

    The page shows the last run of vnroute below the table. Raises :class:`LoadTestError` for a way
    that there is not.
    """
    names = profile.ways or tuple(WAYS)
    unknown = [name for name in names if name not in WAYS]
    if unknown:
        raise LoadTestError(f"ways: no {', '.join(unknown)}; there are {', '.join(WAYS)}")
    rows: list[dict[str, Any]] = []
    shown: Result | None = None
    stopped = ""
    for count in range(1, rounds + 1):
        for name in names:
            progress(f"round {count} of {rounds}: {name}", {})
            work = options.work / f"{count}-{name}"
            work.mkdir(parents=True)
            result = _run(name, profile, replace(options, work=work), tools, progress)
            rows.append({"round": count, "way": name, **_figures(result, name)})
            if name == "vnroute" or shown is None:
                shown = result
            if result.stopped:
                stopped = result.stopped
                break
        if stopped:
            break
    if shown is None:
        raise LoadTestError("no way was measured")
    if profile.knee.most and not stopped:
        _knees(profile, options, tools, names, rows, progress)
    data = report_data(shown, about, command)
    data["stopped"] = stopped
    wrong = [f"{row['way']}, round {row['round']}" for row in rows if row["unanswered"]]
    data["checks"].append(
        {
            "name": "every call of every way was answered",
            "looked_at": len(rows), "failed": len(wrong), "notes": wrong, "held": not wrong,
        }
    )  # fmt: skip
    data["held"] = not stopped and all(check["held"] for check in data["checks"])
    data["ways"] = {"rows": rows, "table": _table(rows, names)}
    data["summary"] = [
        f"{row['way']}: {row['cpu_ms']:.2f} ms of FreeSWITCH's CPU a call ({row['ratio']}),"
        f" INVITE to INVITE p50 {row['through_ms']} ms"
        + (f", knee {row['knee']} calls/s" if row["knee"] != "-" else "")
        for row in data["ways"]["table"]
    ]
    return data, run_page(data, _plots(data) if plots else [], _section(data))


def _run(
    name: str,
    profile: Profile,
    options: Options,
    tools: Tools,
    progress: Progress,
    rate: float | None = None,
    seconds: float | None = None,
) -> Result:
    way = WAYS[name]
    routes = _routes(options.work / "node1", profile, options.seed)
    callers = profile.callers
    if rate is not None:
        callers = tuple(
            msgspec.structs.replace(group, arrivals={"steady": rate, "seconds": seconds})
            for group in callers
        )
    one = msgspec.structs.replace(
        profile, kind="calls", callers=callers, nodes=1, carriers={_GATEWAY: {"answer": "0ms"}}
    )
    planned = plan_traffic(one, routes, seed=options.seed, rate=None if rate else options.rate)
    files = dict(way.files)
    address, side = options.address, None
    if name == "xml_curl":
        address, side = _xml_server(options)
        url = f"http://{address}:{options.port + 40}/"
        files = {path: text.format(url=url) for path, text in files.items()}
    try:
        result = run_real(
            one, replace(options, address=address), tools, routes, planned, progress,
            node_homes=[options.work / "node1"], dialplan=_dialplan(way), modules=way.modules,
            files=files,
        )  # fmt: skip
    finally:
        if side is not None:
            side.stop()
    if name == "vnroute":
        conclude(result, routes)
    return result


def _xml_server(options: Options) -> tuple[str, Child]:
    address = options.address or run_address()
    port = options.port + 40
    child = Child(
        "xml-route",
        [sys.executable, "-m", "vnroute.loadtest.xml_route", address, str(port), _GATEWAY],
        options.work,
    )

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((address, port)) == 0

    wait_until("the dialplan server listens", listens, 10)
    return address, child


def _routes(home: Path, profile: Profile, seed: int) -> Routes:
    home.mkdir(parents=True)
    lines = [
        "accounts: [{id: lab}]",
        f"carriers: [{{id: alpha, gateways: [{{id: alpha-1, gateway: {_GATEWAY}}}]}}]",
        "plans:",
        *(
            f"  - {{id: p{n}, account: lab, steps: [{{ring: ['+121255501{n:02}'], seconds: 20}},"
            " {hangup: relay}]}"
            for n in range(50)
        ),
        "numbers:",
        *(f"  - {{number: '+180055512{n:02}', account: lab, plan: p{n}}}" for n in range(50)),
    ]
    (home / "routes.yaml").write_text("\n".join(lines) + "\n")
    return given_routes(home, [str(home / "routes.yaml")], profile.numbers, seed)


def _figures(result: Result, name: str) -> dict[str, Any]:
    calls = result.evidence.calls
    through = percentiles(
        min(leg.invited_at for leg in call.legs if leg.invited_at) - call.sent_at
        for call in calls
        if call.sent_at and any(leg.invited_at for leg in call.legs)
    )
    used = result.samples.cpu_seconds
    placed = sum(call.sent for call in calls) or 1
    return {
        "placed": placed,
        "unanswered": sum(call.code != 200 for call in calls),
        "cpu_ms": round(1000 * used["FreeSWITCH"] / placed, 3),
        "vnroute_ms": round(1000 * used["vnroute"] / placed, 3) if name == "vnroute" else None,
        "through": through,
        "final": percentiles(call.waited for call in calls if call.waited is not None),
    }


def _knees(
    profile: Profile,
    options: Options,
    tools: Tools,
    names: Sequence[str],
    rows: list[dict[str, Any]],
    progress: Progress,
) -> None:
    """Ramp each way once, from the profile's start, until the final answer is too late."""
    knee = profile.knee
    for name in names:
        rate, good = knee.start, 0.0
        while rate <= knee.most:
            progress(f"knee of {name}: {rate:g} calls a second", {})
            work = options.work / f"knee-{name}-{rate:g}"
            work.mkdir(parents=True)
            result = _run(
                name, profile, replace(options, work=work), tools, progress, rate, knee.seconds
            )
            if result.stopped:
                return
            step = step_figures(result, rate)
            pdd = step["pdd"]
            failed = sum(call.code != 200 for call in result.evidence.calls)
            if (
                failed > knee.failures * step["placed"]
                or pdd is None
                or pdd["p99"] > duration(knee.pdd_p99, "knee.pdd_p99")
                or (step["achieved"] or 0) < (1 - knee.late) * rate
            ):
                break
            good = rate
            rate += knee.step
        for row in rows:
            if row["way"] == name:
                row["knee"] = good


def _table(rows: list[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    base = None
    for name in names:
        mine = [row for row in rows if row["way"] == name]
        if not mine:
            continue
        cpu = statistics.median(row["cpu_ms"] for row in mine)
        base = cpu if base is None else base
        through = [row["through"] for row in mine if row["through"]]
        found.append(
            {
                "way": name,
                "about": WAYS[name].about,
                "cpu_ms": round(cpu, 2),
                "rounds": ", ".join(f"{row['cpu_ms']:.2f}" for row in mine),
                "ratio": f"{cpu / base:.2f} times",
                "through_ms": round(1000 * statistics.median(t["p50"] for t in through), 2)
                if through
                else None,
                "through_p99_ms": round(1000 * statistics.median(t["p99"] for t in through), 2)
                if through
                else None,
                "knee": next((f"{row['knee']:g}" for row in mine if row.get("knee")), "-"),
            }
        )
    return found


def _section(data: dict[str, Any]) -> str:
    rows = [
        (
            f"{row['way']}: {row['about']}", row["cpu_ms"], row["rounds"], row["ratio"],
            row["through_ms"] or "-", row["through_p99_ms"] or "-", row["knee"],
        )
        for row in data["ways"]["table"]
    ]  # fmt: skip
    head = ("way in", "CPU ms a call", "rounds", "beside the first", "INVITE to INVITE p50 ms",
            "p99 ms", "knee, calls/s")  # fmt: skip
    return (
        f"<h2>Ways in</h2>{table(rows, head)}<p class=note>FreeSWITCH's CPU, the median of the"
        " rounds. What follows is vnroute's last round.</p>"
    )


def _plots(data: dict[str, Any]) -> list[tuple[str, str]]:
    from vnroute.loadtest.plots import run_plots

    return run_plots(data)
