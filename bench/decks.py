"""Rate decks at a million rows: ``python -m bench.decks [ROWS]``.

Each step is a process of its own, as people run it, so that its peak memory is its own. Seconds
are of the wall clock; CPU seconds stand beside them, since other programs share the machine. From
file to serving is the clock from where the import begins to where a call of ``vnroute serve`` is
answered by the image with that deck in it.
"""

from __future__ import annotations

import os
import random
import re
import socket
import sys
import tempfile
import time
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


def main(rows: int = 1_000_000) -> None:
    """Measure, and print a table."""
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
    main(*map(int, sys.argv[1:2]))
