"""The profile ``compare``: ways into a FreeSWITCH beside each other, same calls, fresh switches.

Rounds go through all ways, each round from another one on, so that what disturbs the machine for a
minute does not fall upon one way alone. On each switch calls at a steady rate are measured first,
then the knee is looked for.
"""

from __future__ import annotations

import socket
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from vnroute.loadtest.capacity import Capacity
from vnroute.loadtest.errors import INTERRUPTED, LoadTestError
from vnroute.loadtest.figures import percentiles, report_data
from vnroute.loadtest.freeswitch import NOT_LOADED
from vnroute.loadtest.machine import Tools, run_address
from vnroute.loadtest.peers import PeerCommand, prepare_peer
from vnroute.loadtest.process import Child, process_tree, wait_until
from vnroute.loadtest.profile import Profile
from vnroute.loadtest.real import run_real
from vnroute.loadtest.report import run_page, table
from vnroute.loadtest.routes import Routes, given_routes
from vnroute.loadtest.run import Options, Progress, Result, conclude
from vnroute.loadtest.traffic import plan_traffic
from vnroute.loadtest.ways import GATEWAY, WAYS, Way, dialplan, files, plan_actions
from vnroute.loadtest.wire import Wire
from vnroute.loadtest.xml_route import command as xml_command

__all__ = ["compare_ways", "markdown", "ways_table"]

_SERVER_PORT = 40
"""Of the way's own server, after the first port of the run."""


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
    names = list(profile.ways or WAYS)
    unknown = [name for name in names if name not in WAYS]
    if unknown:
        raise LoadTestError(f"ways: no {', '.join(unknown)}; there are {', '.join(WAYS)}")
    options = replace(options, address=options.address or run_address())
    rows: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    shown: Result | None = None
    stopped = ""
    near: dict[str, float] = {}
    for count in range(1, rounds + 1):
        first = (count - 1) * len(names) // rounds
        for name in names[first:] + names[:first]:
            if name in left_out or stopped:
                continue
            progress(f"round {count} of {rounds}: {name}", {})
            measured = _Measured(name, profile, options, tools, progress, count, near.get(name))
            result = measured.run()
            if result is None or result.stopped.startswith(NOT_LOADED):
                left_out[name] = measured.why or (result.stopped if result else "")
                progress(f"{name} is left out: {left_out[name]}", {})
                continue
            if result.stopped == INTERRUPTED:
                stopped = INTERRUPTED
            row = {"round": count, "way": name, "stopped": result.stopped, **measured.figures()}
            rows.append(row)
            if row["knee"]:
                near[name] = row["knee"]
            if name == "vnroute" or shown is None:
                shown = result
    if shown is None:
        raise LoadTestError("no way was measured")
    data = report_data(shown, about, command)
    data["stopped"] = stopped
    _check(data, rows)
    data["ways"] = {
        "rows": rows, "left_out": left_out, "knee": msgspec.to_builtins(profile.knee),
        "table": ways_table(rows, names),
    }  # fmt: skip
    data["summary"] = markdown(data).splitlines()
    return data, run_page(data, _plots(data) if plots else [], _section(data))


def _check(data: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """Add what must hold of every way; of a peer, what did not hold is told and fails nothing."""
    for own in (True, False):
        mine = [row for row in rows if (not WAYS[row["way"]].peer) == own]
        wrong = [
            f"{row['way']}, round {row['round']}: "
            + (row["stopped"].splitlines()[0] if row["stopped"] else f"{row['unanswered']} calls")
            for row in mine
            if row["unanswered"] or row["stopped"]
        ]
        name = "every call at the steady rate was answered" + ("" if own else ", by the peers")
        data["checks"].append(
            {
                "name": name if own else f"{name} (told, not judged)",
                "looked_at": len(mine), "failed": len(wrong) if own else 0, "notes": wrong,
                "held": not wrong or not own,
            }
        )  # fmt: skip
    data["held"] = not data["stopped"] and all(check["held"] for check in data["checks"])


@dataclass
class _Measured:
    """One way in one round: its server, its switch, its calls, its knee."""

    name: str
    profile: Profile
    options: Options
    tools: Tools
    progress: Progress
    count: int
    near: float | None
    why: str = ""
    result: Result | None = None
    capacity: Capacity | None = None
    wire: Wire | None = None
    server: Child | None = None
    pids: list[int] = field(default_factory=list)

    def run(self) -> Result | None:
        """Measure; None, and ``why``, where the way cannot be had here."""
        way = WAYS[self.name]
        host = self.options.address or "127.0.0.1"
        work = self.options.work / f"{self.count}-{self.name}"
        work.mkdir(parents=True)
        own = self.name == "vnroute"
        routes = _routes(work / "node1", self.profile, self.options.seed)
        one = msgspec.structs.replace(
            self.profile, kind="calls", nodes=1, carriers={GATEWAY: {"answer": "0ms"}}
        )
        planned = plan_traffic(one, routes, seed=self.options.seed, rate=self.options.rate)
        # vnroute's first node listens behind SIP, control and the spare port.
        port = self.options.port + (3 if own else _SERVER_PORT)
        with ExitStack() as stack:
            if way.peer or self.name == "xml_curl":
                told = _command(way, work, host, port, routes)
                if isinstance(told, str):
                    self.why = told
                    return None
                self.server = _start(self.name, told, work, host, port)
                stack.callback(self.server.stop)
            if self.profile.knee.search > 0 and self.tools.sipp is not None:
                self.capacity = Capacity(
                    self.tools.sipp, work / "sipp", one, routes, self.options.seed, self.near,
                    lambda rate: self.progress(
                        f"round {self.count}: knee of {self.name}: {rate:g} calls a second", {}
                    ),
                )  # fmt: skip
            if way.marks:
                self.wire = stack.enter_context(Wire(port, way.marks))
            self.result = run_real(
                one, replace(self.options, work=work), self.tools, routes, planned, self.progress,
                node_homes=[work / "node1"] if own else [],
                dialplan=dialplan(way, f"{host}:{port}", plan_actions(routes)), modules=way.modules,
                files=files(way, f"{host}:{port}"),
                server=self._pids if self.server is not None else None, then=self._then,
            )  # fmt: skip
        if own and self.result.stopped != INTERRUPTED:
            conclude(self.result, routes)
        return self.result

    def _pids(self) -> list[int]:
        return process_tree(self.server.pid) if self.server is not None else []

    def _then(self, bench: Any) -> None:
        if self.wire is not None:
            # What comes now are probes, past the knee too.
            self.wire.pause()
        if self.capacity is not None:
            self.capacity(bench)

    def figures(self) -> dict[str, Any]:
        """Return the round's figures; delays are seconds."""
        result = self.result
        assert result is not None
        calls = result.evidence.calls
        placed = sum(call.sent for call in calls) or 1
        used = result.samples.cpu_seconds
        side = used["vnroute"] if self.name == "vnroute" else used.get("server")
        found = report_data(result, {"machine": {}, "versions": {}}, "")
        return {
            "placed": placed,
            "unanswered": sum(call.code != 200 for call in calls),
            "cpu_ms": round(1000 * used["FreeSWITCH"] / placed, 3),
            "server_ms": None if side is None else round(1000 * side / placed, 3),
            "reply": percentiles(self.wire.delays) if self.wire is not None else None,
            "reply_note": self.wire.refused if self.wire is not None else "",
            "through": percentiles(
                min(leg.invited_at for leg in call.legs if leg.invited_at) - call.sent_at
                for call in calls
                if call.sent_at and any(leg.invited_at for leg in call.legs)
            ),
            "pdd": found["delays"]["pdd"],
            "final": found["delays"]["final"],
            "knee": self.capacity.knee if self.capacity is not None else None,
            "probes": [
                msgspec.to_builtins(probe)
                for probe in (self.capacity.probes if self.capacity is not None else ())
            ],
            "others_cores": found["others_cores"],
        }


def _command(way: Way, work: Path, host: str, port: int, routes: Routes) -> PeerCommand | str:
    if not way.peer:
        return PeerCommand(xml_command(host, port, GATEWAY), {}, work)
    numbers = [number.removeprefix("+") for number in routes.called(())]
    dial = f"sofia/gateway/{GATEWAY}/"
    return prepare_peer(
        way.peer, work, port, host,
        {number: dial + number for number in numbers}, f"{dial}${{destination_number}}",
    )  # fmt: skip


def _start(name: str, told: PeerCommand, work: Path, host: str, port: int) -> Child:
    child = Child(name, told.command, work, env=told.env)

    def listens() -> bool:
        if child.status is not None:
            raise LoadTestError(f"{name} ended by itself\n{child.tail()}")
        with socket.socket() as probe:
            return probe.connect_ex((host, port)) == 0

    try:
        wait_until(f"{name} listens", listens, 15)
    except BaseException:
        child.stop()
        raise
    return child


def _routes(home: Path, profile: Profile, seed: int) -> Routes:
    home.mkdir(parents=True)
    lines = [
        "accounts: [{id: lab}]",
        f"carriers: [{{id: alpha, gateways: [{{id: alpha-1, gateway: {GATEWAY}}}]}}]",
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


def ways_table(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each way: medians over its rounds, and the rounds themselves.

    Delays are milliseconds. ``added_ms`` is what stands between INVITE and INVITE beyond the static
    dialplan's in the same round: the switch's asking, and the server's answer.
    """
    found = []
    static = {
        row["round"]: row["through"]["p50"]
        for row in rows
        if row["way"] == "static" and row["through"]
    }
    base: float | None = None
    for name in names:
        mine = sorted((row for row in rows if row["way"] == name), key=lambda row: row["round"])
        if not mine:
            continue
        cpu = [row["cpu_ms"] for row in mine]
        base = statistics.median(cpu) if base is None else base
        added = [
            1000 * (row["through"]["p50"] - static[row["round"]])
            for row in mine
            if row["through"] and row["round"] in static
        ]
        found.append(
            {
                "way": name,
                "about": WAYS[name].about,
                "cpu_ms": cpu,
                "ratio": round(statistics.median(cpu) / base, 2) if base else None,
                "server_ms": [row["server_ms"] for row in mine if row["server_ms"] is not None],
                "reply_p50_ms": _ms(mine, "reply", "p50"),
                "reply_p99_ms": _ms(mine, "reply", "p99"),
                "added_ms": [] if name == "static" else [round(value, 2) for value in added],
                "pdd_p50_ms": _ms(mine, "pdd", "p50"),
                "pdd_p99_ms": _ms(mine, "pdd", "p99"),
                "knee": [row["knee"] for row in mine if row["knee"] is not None],
                "unanswered": sum(row["unanswered"] for row in mine),
            }
        )
    return found


def _ms(rows: Sequence[dict[str, Any]], key: str, name: str) -> list[float]:
    return [round(1000 * row[key][name], 2) for row in rows if row[key]]


def _spread(values: Sequence[float], form: str = ".2f") -> str:
    """Return the median, and behind it the lowest and the highest of several."""
    if not values:
        return "-"
    middle = format(statistics.median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):{form}} to {max(values):{form}})"


_HEAD = (
    "way in", "FreeSWITCH's CPU, ms a call", "beside static", "server's CPU, ms a call",
    "connect to reply p50, ms", "p99, ms", "delay added beside static, ms", "PDD p50, ms",
    "PDD p99, ms", "knee, calls/s",
)  # fmt: skip


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    name = f"{row['way']}: {row['about']}"
    if row["unanswered"]:
        name += f"; {row['unanswered']} calls not answered"
    return (
        name,
        _spread(row["cpu_ms"]),
        "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
        _spread(row["server_ms"]),
        _spread(row["reply_p50_ms"]),
        _spread(row["reply_p99_ms"]),
        _spread(row["added_ms"]),
        _spread(row["pdd_p50_ms"], ".1f"),
        _spread(row["pdd_p99_ms"], ".0f"),
        _spread(row["knee"], ".0f"),
    )


def markdown(data: dict[str, Any]) -> str:
    """Return the table of ways as Markdown, for docs; ``data`` is a report of ``compare``."""
    ways = data["ways"]
    rounds = max((row["round"] for row in ways["rows"]), default=0)
    lines = [
        f"| {' | '.join(_HEAD)} |",
        f"|{'---|' * len(_HEAD)}",
        *(f"| {' | '.join(_cells(row))} |" for row in ways["table"]),
        "",
        f"Medians of {rounds} rounds, lowest and highest round in brackets. {_note(data)}",
    ]
    lines += [f"Left out: {name}: {why}." for name, why in ways["left_out"].items()]
    return "\n".join(lines)


def _note(data: dict[str, Any]) -> str:
    knee = data["ways"]["knee"]
    others = [row["others_cores"] for row in data["ways"]["rows"] if row["others_cores"]]
    busy = f" Other work kept {max(others):.2f} cores busy at the most." if others else ""
    return (
        f"The knee is the highest of rates in steps of {knee['step']:g} calls a second"
        f" ({knee['start']:g} to {knee['most']:g}) at which {knee['seconds']:g} s of calls kept the"
        f" post-dial delay's p99 within {knee['pdd_p99']}.{busy}"
    )


def _section(data: dict[str, Any]) -> str:
    left = "".join(
        f"<p class=note>Left out: {escape(name)}: {escape(why)}</p>"
        for name, why in data["ways"]["left_out"].items()
    )
    return (
        f"<h2>Ways in</h2>{table([_cells(row) for row in data['ways']['table']], _HEAD)}"
        f"<p class=note>Medians; the lowest and highest round in brackets. {escape(_note(data))}"
        f"</p>{left}<p class=note>What follows is vnroute's last round.</p>"
    )


def _plots(data: dict[str, Any]) -> list[tuple[str, str]]:
    from vnroute.loadtest.plots import run_plots, ways_plot

    shown: list[tuple[str, Callable[[dict[str, Any]], Sequence[float]], str]] = [
        ("FreeSWITCH's CPU a call, each round", lambda row: row["cpu_ms"], "ms"),
        ("Knee, each round", lambda row: row["knee"], "calls/s"),
    ]
    return [
        *(
            ways_plot(
                title, [(row["way"], pick(row)) for row in data["ways"]["table"]], label, f"w{n}"
            )
            for n, (title, pick, label) in enumerate(shown)
        ),
        *run_plots(data),
    ]
