"""What the machine has: FreeSWITCH and SIPp, versions, cores, file descriptors, addresses."""

from __future__ import annotations

import os
import platform
import random
import re
import resource
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vnroute import __version__
from vnroute.loadtest.errors import LoadTestError

__all__ = ["Tools", "describe", "find_tools", "free_ports", "raise_descriptors", "run_address"]

FREESWITCH_VARIABLE = "VNROUTE_FREESWITCH"
SIPP_VARIABLE = "VNROUTE_SIPP"
FS_CONF_VARIABLE = "VNROUTE_FS_CONF"


@dataclass(frozen=True)
class Tools:
    """The programs that a run on a real switch needs, or why there are none."""

    freeswitch: str | None
    sipp: str | None
    fs_conf: Path | None

    @property
    def missing(self) -> str | None:
        """Why a real run is not possible, or None."""
        if self.freeswitch is None:
            return f"no FreeSWITCH found: put it on PATH or name it in {FREESWITCH_VARIABLE}"
        if self.sipp is None:
            return f"no SIPp found: put it on PATH or name it in {SIPP_VARIABLE}"
        if self.fs_conf is None:
            return f"no fs-conf directory found: name vnroute's in {FS_CONF_VARIABLE}"
        return None


def _binary(name: str, variable: str) -> str | None:
    named = os.environ.get(variable)
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise LoadTestError(f"{variable}: found {named}, expected a program that can be run")
        return named
    return shutil.which(name)


def find_tools() -> Tools:
    """Find FreeSWITCH, SIPp and fs-conf; :class:`LoadTestError` where a variable names nothing."""
    named = os.environ.get(FS_CONF_VARIABLE)
    if named:
        conf: Path | None = Path(named)
        if not (Path(named) / "freeswitch.xml").is_file():
            raise LoadTestError(
                f"{FS_CONF_VARIABLE}: found {named}, expected a directory with freeswitch.xml"
            )
    else:
        # An installed vnroute has it inside the package, a checkout beside it.
        package = Path(__file__).resolve().parents[1]
        found = (package / "fs-conf", package.parent / "fs-conf")
        conf = next((path for path in found if (path / "freeswitch.xml").is_file()), None)
    return Tools(_binary("freeswitch", FREESWITCH_VARIABLE), _binary("sipp", SIPP_VARIABLE), conf)


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[0] if lines else "unknown"


def describe(tools: Tools, simulated: bool) -> dict[str, Any]:
    """Return versions and machine, for the report. Paths of the machine are left out."""
    try:
        model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        model = memory = None
    versions = {"vnroute": __version__, "Python": platform.python_version()}
    if not simulated and tools.freeswitch and tools.sipp:
        said = _first_line([tools.freeswitch, "-version"])
        versions["FreeSWITCH"] = said.removeprefix("FreeSWITCH version: ")
        versions["SIPp"] = _first_line([tools.sipp, "-v"]).removeprefix("SIPp ").rstrip(".")
    return {
        "versions": versions,
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "processor": model[1] if model else platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_bytes": int(memory[1]) * 1024 if memory else None,
            "load_average_before": list(os.getloadavg()),
        },
    }


def raise_descriptors(needed: int, what: str) -> int:
    """Raise the limit of open files to what a run needs; return the limit in force.

    Raises :class:`LoadTestError` where the hard limit forbids it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise LoadTestError(
            f"{what} takes about {needed:,} open files, and this session may have {hard:,}: raise"
            f" the limit (ulimit -Hn, LimitNOFILE= or limits.conf), or ask for a lower rate"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        soft = needed
    return soft


def run_address() -> str:
    """Return a loopback address for this run: ports of other runs and switches do not matter."""
    rng = random.Random(os.getpid() ^ random.getrandbits(30))
    for _ in range(100):
        address = f"127.{rng.randrange(16, 240)}.{rng.randrange(1, 250)}.1"
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        except OSError:
            continue
        return address
    return "127.0.0.1"


def _free(address: str, port: int) -> bool:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind((address, port))
            udp.bind((address, port))
        except OSError:
            return False
    return True


def free_ports(address: str, first: int, count: int) -> list[int]:
    """Return so many ports from ``first`` on, all free for UDP and TCP.

    Raises :class:`LoadTestError` naming those that are taken.
    """
    ports = list(range(first, first + count))
    taken = [port for port in ports if not _free(address, port)]
    if taken:
        listed = ", ".join(map(str, taken[:8])) + (", ..." if len(taken) > 8 else "")
        raise LoadTestError(
            f"ports taken on {address}: {listed}; a run needs {count} from {first} on"
            " (--address and --port choose others)"
        )
    return ports
