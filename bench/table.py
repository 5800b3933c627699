"""Run every benchmark and print one table: ``python -m bench.table``, or ``make bench``.

Figures are medians over alternating rounds, with the lowest and the highest round beside them.
``vs`` is how many times vnroute's median the row's median is, in this run on this machine.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.servers import SERVERS
from vnroute.loadtest.peers import PYTHON, ROOT

SUITES = {
    "lookup": "bench/test_lookup.py",
    "decide": "bench/test_decide.py",
    "plans": "bench/test_decide_plans.py",
    "screens": "bench/test_screens.py",
    "server": "bench/test_server.py",
}
#: What a table of sizes is measured by, vnroute being the only subject.
ONE_OF_EACH = "one of each"
PACKAGES = ("vnroute", "Cython", "uvloop", "cyac", "marisa-trie", "python-ESL")
PEER_PACKAGES = ("greenswitch", "gevent", "genesis", "uvloop")


def machine() -> dict[str, str]:
    """What the figures were taken on, and with which versions."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    told = {
        "processor": f"{model}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }
    for name in PACKAGES:
        try:
            told[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    peer_paths = [str(path) for path in PYTHON.parent.parent.glob("lib/python3*/site-packages")]
    for found in importlib.metadata.distributions(path=peer_paths):
        if found.name in PEER_PACKAGES:
            told.setdefault(f"peers' {found.name}", found.version)
    return told


def run(suites: list[str], verbose: bool) -> dict[str, Any]:
    """Run these suites under pytest-benchmark; its JSON, with what was skipped and why."""
    with tempfile.TemporaryDirectory() as directory:
        figures = Path(directory) / "benchmark.json"
        command = [
            *(sys.executable, "-m", "pytest", *suites, "-q", "-rs", "-p", "no:xdist"),
            *("--benchmark-only", "--timeout=0" if _has_timeout() else "-q"),
            f"--benchmark-json={figures}",
        ]
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if verbose or done.returncode not in (0, 5):
            print(done.stdout, done.stderr, file=sys.stderr)
        results: dict[str, Any] = (
            json.loads(figures.read_text())
            if figures.exists() and figures.stat().st_size
            else {"benchmarks": []}
        )
    results["failed"] = done.returncode not in (0, 5)
    results["skipped"] = [
        line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith("SKIPPED")
    ]
    return results


def _has_timeout() -> bool:
    try:
        importlib.metadata.version("pytest-timeout")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def shown(seconds: float) -> str:
    """A time in the unit that suits it."""
    for factor, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


def rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each subject of each group, in the order they ran."""
    references = {
        one["group"]: one["stats"]["median"]
        for one in results["benchmarks"]
        if one["params"]["name"] in ("vnroute", ONE_OF_EACH)
    }
    made = []
    for one in results["benchmarks"]:
        stats, reference = one["stats"], references.get(one["group"])
        made.append(
            {
                "group": one["group"],
                "name": one["params"]["name"],
                "median_s": stats["median"],
                "min_s": stats["min"],
                "max_s": stats["max"],
                "rounds": stats["rounds"],
                "vs_vnroute": stats["median"] / reference if reference else None,
                **one["extra_info"],
            }
        )
    return made


def render(made: list[dict[str, Any]]) -> Table:
    """The one table."""
    table = Table(title="vnroute beside its peers", title_justify="left", pad_edge=False)
    table.add_column("subject")
    for heading in ("median", "min - max", "a second", "vs vnroute"):
        table.add_column(heading, justify="right")
    table.add_column("also")
    group = None
    for row in made:
        if row["group"] != group:
            group = row["group"]
            table.add_section()
            table.add_row(f"[bold]{group}[/bold]")
        known = (
            ("calls_per_s", "{} calls/s reached"),
            ("p50_ms", "p50 {} ms"),
            ("p99_ms", "p99 {} ms"),
            ("memory_mib", "{} MiB"),
            ("bytes_per_prefix", "{} B a prefix"),
            ("open_files_after", "{} descriptors after"),
        )
        also = [text.format(row[key]) for key, text in known if row.get(key)]
        if row.get("failures"):
            also += [f"[red]{n} calls: {why}[/red]" for why, n in row["failures"].items()]
        versus = row["vs_vnroute"]
        serves = "failed_calls" in row
        label = SERVERS[row["name"]] if serves else row["name"]
        is_burst = "open_files_after" in row
        per_second = "" if is_burst else f"{1 / row['median_s']:,.0f}"
        table.add_row(
            f"  {label}",
            shown(row["median_s"]) + (" p99" if is_burst else ""),
            f"{shown(row['min_s'])} - {shown(row['max_s'])}" if row["rounds"] > 1 else "",
            per_second,
            "" if versus is None else f"{versus:.2f}x",
            ", ".join(also),
            style="bold" if row["name"] == "vnroute" else None,
        )
    return table


def main() -> int:
    """Run, print, and save if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="all, if none is named")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, too")
    parser.add_argument("--verbose", action="store_true", help="show what pytest printed")
    given = parser.parse_args()

    console = Console(width=None if sys.stdout.isatty() else 150)
    told, started = machine(), time.monotonic()
    console.print("measuring; this takes about two minutes", style="dim")
    results = run([SUITES[name] for name in given.suites or SUITES], given.verbose)
    made = rows(results)
    console.print(render(made))
    for reason in dict.fromkeys(results["skipped"]):
        console.print(f"left out: {reason}", style="yellow", markup=False)
    console.print(
        "; ".join(f"{name} {value}" for name, value in told.items()), style="dim", markup=False
    )
    console.print(f"{time.monotonic() - started:.0f} s", style="dim")
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"machine": told, "rows": made}, indent=2) + "\n")
    return 1 if results["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
