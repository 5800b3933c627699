"""Rate decks at a million rows: ``python -m bench.decks [ROWS]``.

Each step is a process of its own, as people run it, so that its peak memory is its own. Seconds
are of the wall clock; CPU seconds stand beside them, since other programs share the machine.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path

__all__ = ["main"]

_CARRIER = "carriers: [{id: alpha, gateways: [{id: a1, gateway: gwA}]}]\n"


def _write(path: Path, rows: int, dearer: bool) -> None:
    draw = random.Random(1)
    prefixes: dict[str, None] = {}
    while len(prefixes) < rows:
        prefixes[str(draw.randrange(10**5, 10**9))] = None
    with path.open("w") as file:
        file.write("Destination,Dial Code,Rate (USD),Effective Date,Billing Increment\n")
        for place, prefix in enumerate(prefixes):
            rate = draw.randrange(100, 900) + (dearer and place % 10 == 0)
            day = 1 + place % 20
            file.write(f"Destination {place % 5000},{prefix},0.{rate:04},2026-11-{day:02},60/6\n")


def _timed(name: str, *command: str) -> None:
    """Run a subcommand; print its seconds, CPU seconds and peak memory."""
    began = time.monotonic()
    arguments = [sys.executable, "-m", "vnroute.cli", *command]
    quiet = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, quiet, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)]
    process = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    os.close(quiet)
    if status:
        raise SystemExit(f"{name}: status {os.waitstatus_to_exitcode(status)}")
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024
    print(f"| {name} | {time.monotonic() - began:.1f} | {cpu:.1f} | {peak} |", flush=True)


def main(rows: int = 1_000_000) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "carriers.yaml").write_text(_CARRIER)
        first, second = home / "first.csv", home / "second.csv"
        # In a child: what this process ever held would count as its children's peak.
        child = os.fork()
        if not child:
            _write(first, rows, dearer=False)
            _write(second, rows, dearer=True)
            os._exit(0)
        os.waitpid(child, 0)
        run = ("--home", str(home / "home"))
        print(f"{rows:,} rows\n\n| step | seconds | CPU seconds | peak MB |\n|---|---|---|---|")
        _timed("load the carrier", *run, "load", str(home / "carriers.yaml"))
        _timed("import, a first deck", *run, "deck", "import", "alpha", str(first))
        _timed("compile and put in force", *run, "compile")
        _timed("import, every tenth rate dearer", *run, "deck", "import", "alpha", str(second))
        _timed("roll back", *run, "deck", "rollback", "alpha")
        _timed("compile and put in force", *run, "compile")
        size = (home / "home" / "routing.db").stat().st_size
        print(f"\nthe store with both versions: {size / rows:.1f} bytes a row")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
