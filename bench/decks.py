"""Rate decks: ``python -m bench.decks [ROWS]``, a million of them if nothing is said.

With ``--us`` ten decks of the United States instead, of 200,000 exchanges each, with rates between
and within states, beside the same without origin; with ``--xlsx`` a workbook of 100,000 rows.

Each step is a process of its own, as people run it, so that its peak memory is its own. Seconds
are of the wall clock; CPU seconds stand beside them, since other programs share the machine. From
file to serving is the clock from where the import begins to where a call of ``vnroute serve`` is
answered by the image with that deck in it.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import socket
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from bench.fake_switch import channel_data
from bench.process import Server, free_port

__all__ = ["main"]

_ROUTING = """\
carriers: [{id: alpha, gateways: [{id: a1, gateway: gwA}]}]
accounts: [{id: acme, allow: ["+44"]}]
plans:
  - {id: main, account: acme, steps: [{ring: ["+442079460123"]}, {hangup: relay}]}
numbers: [{number: "+18005551234", account: acme, plan: main}]
"""


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
    """Run a subcommand; print its seconds, CPU seconds and peak memory, if it has a name."""
    began = time.monotonic()
    arguments = [sys.executable, "-m", "vnroute.cli", *command]
    quiet = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, quiet, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)]
    process = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    os.close(quiet)
    if status:
        raise SystemExit(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}")
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024
    if name:
        print(f"| {name} | {time.monotonic() - began:.1f} | {cpu:.1f} | {peak} |", flush=True)


def _generation(port: int) -> int:
    """Place a call; return the generation of the image that answers it."""
    ((_, message),) = channel_data(["18005551234"])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as call:
        call.recv(100)
        call.sendall(message)
        said = b""
        while (found := re.search(rb"vn_generation=(\d+)", said)) is None:
            more = call.recv(65536)
            if not more:
                raise SystemExit(f"no generation in {said[:200]!r}")
            said += more
    return int(found[1])


def _serving(run: tuple[str, ...], path: Path, port: int, name: str) -> None:
    """Import a deck and compile while calls are answered; print how long it is until one is
    answered by the new image.
    """
    before = _generation(port)
    began = time.monotonic()
    _timed(f"import, {name}", *run, "deck", "import", "alpha", str(path))
    _timed("compile and put in force", *run, "compile")
    while _generation(port) == before:
        time.sleep(0.005)
    seconds = time.monotonic() - began
    print(f"| **{name}: from file to the first call answered by it** | **{seconds:.1f}** | | |")


def _workbook(path: Path, rows: int) -> None:
    import openpyxl

    draw = random.Random(1)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Rates")
    sheet.append(["Destination", "Dial Code", "Rate (USD)", "Effective Date", "Billing Increment"])
    for place, prefix in enumerate(draw.sample(range(10**5, 10**9), rows)):
        rate, day = draw.randrange(100, 900) / 10_000, datetime(2026, 11, 1 + place % 20)
        sheet.append([f"Destination {place % 5000}", prefix, rate, day, "60/6"])
    book.save(path)


def _import_workbook(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home, deck = Path(folder), Path(folder) / "deck.xlsx"
        (home / "routing.yaml").write_text(_ROUTING)
        child = os.fork()
        if not child:
            _workbook(deck, rows)
            os._exit(0)
        os.waitpid(child, 0)
        run = ("--home", str(home / "home"))
        print(f"{rows:,} rows\n\n| step | seconds | CPU seconds | peak MB |\n|---|---|---|---|")
        _timed("", *run, "load", str(home / "routing.yaml"))
        for name in ("import of a workbook", "the same again"):
            _timed(name, *run, "deck", "import", "alpha", str(deck))


def main() -> None:
    """Measure what is asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="?", type=int)
    parser.add_argument("--us", action="store_true", help="decks of the United States")
    parser.add_argument("--xlsx", action="store_true", help="a workbook")
    options = parser.parse_args()
    if options.us:
        # Not above: what this process holds would count as the peak of what it starts.
        from bench.us_decks import measure

        measure(options.rows or 200_000, _timed)
    elif options.xlsx:
        _import_workbook(options.rows or 100_000)
    else:
        _to_the_first_call(options.rows or 1_000_000)


def _to_the_first_call(rows: int) -> None:
    """Measure from file to serving."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "routing.yaml").write_text(_ROUTING)
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
        _timed("load a carrier and a number", *run, "load", str(home / "routing.yaml"))
        _timed("compile", *run, "compile")
        port = free_port()
        command = [sys.executable, "-m", "vnroute.cli", *run, "serve", "--port", str(port),
                   "--workers", "1", "--control-port", "none"]  # fmt: skip
        with Server("vnroute", command, port):
            _serving(run, first, port, "a first deck")
            image = max((home / "home").rglob("*.vni"), key=lambda file: file.stat().st_mtime)
            size = image.stat().st_size
            _serving(run, second, port, "every tenth rate dearer")
            _timed("roll back", *run, "deck", "rollback", "alpha")
            _timed("compile and put in force", *run, "compile")
        print(f"\nthe route image: {size / rows:.1f} bytes a rate")
        size = (home / "home" / "routing.db").stat().st_size
        print(f"\nthe store with both versions: {size / rows:.1f} bytes a row")


if __name__ == "__main__":
    main()
