"""The report of a run: one HTML file with everything in it, and JSON beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from vnroute.loadtest.errors import LoadTestError
from vnroute.loadtest.figures import FORMAT

__all__ = [
    "compare_page",
    "compare_rows",
    "disturbed",
    "page",
    "read_report",
    "run_page",
    "table",
    "write",
]

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#222}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem}
h3{font-size:1rem;margin:1rem 0 .2rem}
table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.2rem .8rem .2rem 0;text-align:left;
vertical-align:top;border-bottom:1px solid #e4e4e4}td.n,th.n{text-align:right;
font-variant-numeric:tabular-nums}
.ok{color:#2a7f3f}.bad{color:#b3261e;font-weight:600}.note{color:#666}
.banner{border:2px solid #b3261e;color:#b3261e;padding:.5rem .8rem;margin:1rem 0;font-weight:600}
pre{background:#f6f6f6;padding:.8rem;overflow-x:auto;font-size:12px;line-height:1.3}
svg{max-width:100%;height:auto}
@media print{.banner{position:running(banner)}}
"""

SIMULATED = (
    "SIMULATED: no FreeSWITCH and no SIPp took part. vnroute's own processes answered a simulated"
    " switch, whose clock costs no time; delays on the caller's side are not a network's."
)


def write(folder: Path, data: Mapping[str, Any], html: str) -> tuple[Path, Path]:
    """Write report.html and report.json into a folder, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "report.html", folder / "report.json"
    text = msgspec.json.format(msgspec.json.encode(data), indent=1)
    for path, content in zip(paths, (html.encode(), text), strict=True):
        scratch = path.with_name(path.name + ".tmp")
        scratch.write_bytes(content)
        os.replace(scratch, path)
    return paths


def read_report(path: Path) -> dict[str, Any]:
    """Read a report's JSON; :class:`LoadTestError` for what is none."""
    try:
        found: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise LoadTestError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise LoadTestError(f"{path}: found {error}, expected a report's JSON") from None
    data: dict[str, Any] = found if isinstance(found, dict) else {}
    if data.get("format") != FORMAT or "profile" not in data:
        raise LoadTestError(
            f"{path}: found format {data.get('format')!r}, expected a report of format {FORMAT}"
        )
    return data


def table(rows: Sequence[Sequence[Any]], head: Sequence[str] = (), numbers: bool = True) -> str:
    """Return an HTML table; every column after the first is of numbers unless told otherwise."""
    css = ' class="n"' if numbers else ""
    parts = ["<table>"]
    if head:
        cells = [
            f"<th{css if place else ''}>{escape(name)}</th>" for place, name in enumerate(head)
        ]
        parts.append(f"<tr>{''.join(cells)}</tr>")
    for row in rows:
        cells = [
            f"<td{css if place else ''}>{cell if isinstance(cell, _Html) else escape(str(cell))}"
            "</td>"
            for place, cell in enumerate(row)
        ]
        parts.append(f"<tr>{''.join(cells)}</tr>")
    return "".join(parts) + "</table>"


class _Html(str):
    """Text that is HTML already."""


def page(title: str, body: str, banners: Sequence[str] = ()) -> str:
    """Return a whole HTML page; banners stand at its top and at its end."""
    shown = "".join(f'<div class="banner">{escape(text)}</div>' for text in banners)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>"
        f"<h1>{escape(title)}</h1>{shown}{body}{shown}</body></html>\n"
    )


def _banners(data: Mapping[str, Any]) -> list[str]:
    found = []
    if data["stopped"]:
        found.append(f"PARTIAL: this run did not come to its end. {data['stopped']}")
    if data["simulated"]:
        found.append(SIMULATED)
    return found


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{1000 * value:.1f} ms" if value < 10 else f"{value:.1f} s"


def _micros(value: int | None) -> str:
    return "-" if value is None else f"≤ {value:,} µs"


def _verdict(held: bool) -> _Html:
    return _Html('<span class="ok">held</span>' if held else '<span class="bad">NOT HELD</span>')


def run_page(data: Mapping[str, Any], plots: Sequence[tuple[str, str]], more: str = "") -> str:
    """Return the page of a run."""
    calls = data["calls"]
    word = "every check held" if data["held"] else "NOT every check held"
    body = [
        f"<p>{escape(data['about'])}</p>",
        f'<p class="{"ok" if data["held"] else "bad"}">{calls["placed"]:,} calls,'
        f" {calls['legs']:,} legs: {word}.</p>",
        "<h2>Checks</h2>",
        table(
            [
                (
                    check["name"],
                    f"{check['looked_at']:,}",
                    _verdict(check["held"]),
                    "; ".join(check["notes"]),
                )
                for check in data["checks"]
            ],
            ("what", "looked at", "", "notes"),
            numbers=False,
        ),
        more,
    ]
    if data["ladders"]:
        body.append(f"<h2>What went wrong: {data['mismatches']:,} calls</h2>")
        body += [f"<pre>{escape(text)}</pre>" for text in data["ladders"]]
    body += ["<h2>Delays</h2>", _delays(data), "<h2>Calls</h2>", _calls(data)]
    if data["events"]:
        body += [
            "<h2>Events</h2>",
            table([(f"{at:.2f} s", what) for at, what in data["events"]], numbers=False),
        ]
    if plots:
        body.append("<h2>Over time</h2>")
        body += [f"<h3>{escape(title)}</h3>{svg}" for title, svg in plots]
    body += ["<h2>CPU and memory</h2>", _usage(data), "<h2>Made by</h2>", _made_by(data)]
    if data["complaints"]:
        lines = "\n".join(data["complaints"])
        body.append(f"<h2>FreeSWITCH's warnings</h2><pre>{escape(lines)}</pre>")
        if data["more_complaints"]:
            body.append(f"<p class=note>and {data['more_complaints']:,} more</p>")
    return page(f"vnroute loadtest: {data['profile']}", "".join(body), _banners(data))


def _delays(data: Mapping[str, Any]) -> str:
    delays = data["delays"]
    own = delays["vnroute_us"]
    rows: list[tuple[str, ...]] = [
        (
            "added by vnroute: connect to reply",
            f"{own['count']:,}",
            *(_micros(own[name]) for name in ("p50", "p95", "p99", "p99_9")),
            "",
        )
    ]
    for name, words in (
        ("plan", "connect to plan, as the simulated switch sees it"),
        ("through", "INVITE in to first INVITE out: FreeSWITCH and vnroute"),
        ("pdd", "post-dial delay as the caller sees it"),
        ("final", "to the final answer"),
    ):
        found = delays[name]
        if found:
            rows.append(
                (
                    words,
                    f"{found['count']:,.0f}",
                    *(_seconds(found[n]) for n in ("p50", "p95", "p99", "p99_9", "max")),
                )
            )
    return table(rows, ("delay", "of", "p50", "p95", "p99", "p99.9", "max"))


def _calls(data: Mapping[str, Any]) -> str:
    calls = data["calls"]

    def share(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f} %"

    parts = [
        table(
            [
                ("calls placed, of planned", f"{calls['placed']:,} of {calls['planned']:,}"),
                ("calls a second", calls["a_second"] or "-"),
                ("answered (ASR)", f"{calls['answered']:,} ({share(calls['asr'])})"),
                ("network effectiveness (NER)", share(calls["ner"])),
                ("calls that took a further carrier", f"{calls['further_carrier']:,}"),
            ]
        ),
        table(
            [
                (name, ", ".join(f"{code}: {count:,}" for code, count in codes.items()))
                for name, codes in data["groups"].items()
            ],
            ("callers", "final codes"),
            numbers=False,
        ),
        table(
            [
                (
                    name,
                    f"{row['tried']:,}",
                    f"{row['answered']:,}",
                    ", ".join(f"{cause} {count:,}" for cause, count in row["causes"].items()),
                )
                for name, row in data["gateways"].items()
            ],
            ("gateway", "tried", "answered", "causes"),
            numbers=False,
        ),
    ]
    return "".join(parts)


def _usage(data: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            f"{row['seconds']:.2f} s",
            "-" if row["ms_a_call"] is None else f"{row['ms_a_call']:.2f} ms",
            f"{row['most_cores']:.2f}",
            f"{row['most_memory'] / 1e6:.0f} MB",
        )
        for name, row in data["cpu"].items()
    ]
    shown = table(rows, ("", "CPU", "a call", "most cores", "most memory"))
    if disturbed(data):
        shown += f'<p class="bad">{escape(disturbed(data))}</p>'
    return shown


def disturbed(data: Mapping[str, Any]) -> str:
    """Return a sentence where other work on the machine disturbed the figures, else nothing."""
    others = data.get("others_cores")
    if data["simulated"] or others is None or others < 0.1 * data["machine"]["cores"]:
        return ""
    return (
        f"DISTURBED: other work on this machine kept {others:.2f} of its"
        f" {data['machine']['cores']} cores busy; delays, CPU and rates are worse for it"
    )


def _made_by(data: Mapping[str, Any]) -> str:
    machine = data["machine"]
    memory = machine["memory_bytes"]
    load = " ".join(f"{value:.2f}" for value in machine["load_average_before"])
    rows: list[tuple[str, Any]] = [
        ("command", data["command"]),
        ("began", data["began"]),
        ("lasted", f"{data['seconds']:.1f} s"),
        *data["versions"].items(),
        ("machine", f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"),
        ("memory", f"{memory / 1e9:.1f} GB" if memory else "-"),
        ("load average before", load),
    ]
    for name, value in data["settings"].items():
        shown = "; ".join(map(str, value)) if isinstance(value, list) else value
        rows.append((name.replace("_", " "), "-" if shown is None else shown))
    return table(rows, numbers=False)


def compare_page(
    a: Mapping[str, Any], b: Mapping[str, Any], names: Sequence[str],
    plots: Sequence[tuple[str, str]],
) -> str:  # fmt: skip
    """Return the page with two runs side by side."""
    banners = []
    for data, name in zip((a, b), names, strict=True):
        banners += [f"{name}: {text}" for text in _banners(data)]
    rows = [(row[0], *row[1:]) for row in compare_rows(a, b)]
    body = table(rows, ("", *names, "B / A"))
    body += "".join(f"<h3>{escape(title)}</h3>{svg}" for title, svg in plots)
    for data, name in zip((a, b), names, strict=True):
        body += f"<h2>{escape(name)}</h2>{_made_by(data)}"
    return page(f"vnroute loadtest: {names[0]} beside {names[1]}", body, banners)


def compare_rows(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return (what, A, B, B / A) of two runs' figures."""
    rows: list[tuple[str, str, str, str]] = []

    def add(name: str, x: Any, y: Any, form: Any) -> None:
        if x is None and y is None:
            return
        ratio = (
            f"{y / x:.2f}"
            if isinstance(x, int | float) and isinstance(y, int | float) and x
            else ""
        )
        rows.append((name, "-" if x is None else form(x), "-" if y is None else form(y), ratio))

    wrong = [sum(not check["held"] for check in data["checks"]) for data in (a, b)]
    add("checks not held", wrong[0], wrong[1], str)
    for key, words in (
        ("placed", "calls placed"), ("answered", "answered"), ("legs", "legs tried"),
        ("a_second", "calls a second"), ("asr", "ASR"), ("ner", "NER"),
    ):  # fmt: skip
        add(words, a["calls"][key], b["calls"][key], lambda v: f"{v:,}")
    for name in ("p50", "p99", "p99_9"):
        add(
            f"added by vnroute, {name.replace('_', '.')}",
            a["delays"]["vnroute_us"][name], b["delays"]["vnroute_us"][name], _micros,
        )  # fmt: skip
    for key, words in (
        ("through", "INVITE to INVITE"), ("pdd", "post-dial delay"), ("final", "final answer"),
    ):  # fmt: skip
        for name in ("p50", "p95", "p99", "max"):
            x, y = a["delays"][key], b["delays"][key]
            add(f"{words}, {name}", x and x[name], y and y[name], _seconds)
    for part in dict.fromkeys([*a["cpu"], *b["cpu"]]):
        x, y = a["cpu"].get(part), b["cpu"].get(part)
        add(
            f"CPU a call, {part}", x and x["ms_a_call"], y and y["ms_a_call"],
            lambda v: f"{v:.2f} ms",
        )  # fmt: skip
        add(
            f"most memory, {part}", x and x["most_memory"], y and y["most_memory"],
            lambda v: f"{v / 1e6:.0f} MB",
        )  # fmt: skip
    return rows
