"""``vnroute loadtest`` as it is typed: on the simulator, and what it says of bad input."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SHORT = """\
about: A second of calls.
callers:
  - name: some
    arrivals: {steady: 20, seconds: 1}
    to: [direct, unknown]
default: {answer: 0ms}
"""


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vnroute.cli", "loadtest", *arguments],
        cwd=folder, env={**os.environ, "TMPDIR": str(folder), **environ},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip


def report(folder: Path, name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "loadtest" / name / "report.json").read_text())
    return data


def write(folder: Path, text: str) -> None:
    (folder / "short.yaml").write_text(text)


def test_smoke_on_the_simulator(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = run(tmp_path, "smoke", "--simulated")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SIMULATED" in done.stdout
    data = report(tmp_path, "smoke")
    assert data["held"] and data["simulated"] and not data["stopped"]
    assert data["calls"]["placed"] == data["calls"]["planned"] > 100
    assert all(check["held"] for check in data["checks"])
    assert {"vnroute", "Python"} <= set(data["versions"])
    assert data["settings"]["seed"] == 26
    page = (tmp_path / "loadtest" / "smoke" / "report.html").read_text()
    assert page.count("SIMULATED") == 2  # at its top and at its end
    assert page.count("<svg") >= 6 and len(page) < 1_000_000
    assert "http://" not in re.sub(r'"http://www\.w3\.org/[^"]*"', "", page)  # all in one file
    both = run(tmp_path, "compare", *["loadtest/smoke/report.json"] * 2, "--out", "both")
    assert both.returncode == 0, both.stderr
    assert "1.00" in both.stdout
    assert "SIMULATED" in (tmp_path / "both" / "compare.html").read_text()


def test_one_wrong_expectation_fails_and_shows_the_ladder(tmp_path: Path) -> None:
    write(tmp_path, SHORT + "expect: [{to: direct, gateways: [gwB, gwA, gwC]}]\n")
    done = run(tmp_path, "short.yaml", "--simulated", "--no-plots", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    data = json.loads(done.stdout)
    assert not data["held"] and data["mismatches"] > 0
    assert "the profile's expect: gateways gw" in data["ladders"][0]
    assert "INVITE 1" in data["ladders"][0] and "INVITE 1" in done.stderr


def test_a_node_that_is_killed_and_comes_back(tmp_path: Path) -> None:
    write(
        tmp_path,
        SHORT.replace("seconds: 1}", "seconds: 4}").replace("direct, unknown", "direct")
        + "events: [{at: 1s, kill: node}, {at: 2500ms, start: node}]\n",
    )
    done = run(tmp_path, "short.yaml", "--simulated", "--no-plots")
    assert done.returncode == 0, done.stdout + done.stderr
    data = report(tmp_path, "short")
    assert data["codes"]["503"] > 5 and data["codes"]["200"] > 20
    assert [what for _, what in data["events"]] == [
        "SIGKILL of node 1 and its workers",
        "node 1 is started again",
    ]


def test_ctrl_c_stops_everything_and_leaves_a_partial_report(tmp_path: Path) -> None:
    write(tmp_path, SHORT.replace("seconds: 1}", "seconds: 60}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "vnroute.cli", "loadtest", "short.yaml", "--simulated",
         "--no-plots"],
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("calls: ") and not line.startswith("calls: 0 "):
            break
    workers = _descendants(process.pid)
    assert workers
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130, rest
    assert "PARTIAL: stopped by Ctrl-C" in rest
    data = report(tmp_path, "short")
    assert data["stopped"] == "stopped by Ctrl-C" and not data["held"]
    assert 0 < data["calls"]["placed"] < data["calls"]["planned"]
    # What came to its end is judged; what was cut off is no mismatch.
    assert data["mismatches"] == 0 and all(check["held"] for check in data["checks"])
    assert "PARTIAL" in (tmp_path / "loadtest" / "short" / "report.html").read_text()
    assert [pid for pid in workers if _alive(pid)] == []


def _descendants(pid: int) -> list[int]:
    found = []
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    for child in map(int, text.split()):
        found += [child, *_descendants(child)]
    return found


def _alive(pid: int) -> bool:
    for _ in range(20):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def a_program(folder: Path, name: str, text: str = "exit 0") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_without_freeswitch_or_sipp_a_real_run_is_refused(tmp_path: Path) -> None:
    nothing = {"PATH": str(tmp_path), "VNROUTE_FREESWITCH": "", "VNROUTE_SIPP": ""}
    done = run(tmp_path, "smoke", "--real", **nothing)
    assert done.returncode == 2
    assert "no FreeSWITCH found: put it on PATH or name it in VNROUTE_FREESWITCH" in done.stderr
    nothing["VNROUTE_FREESWITCH"] = a_program(tmp_path, "switch")
    done = run(tmp_path, "smoke", "--real", **nothing)
    assert done.returncode == 2
    assert "no SIPp found: put it on PATH or name it in VNROUTE_SIPP" in done.stderr


def test_a_rate_that_settings_or_limits_forbid_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    # It is asked for its version, for the report.
    started = tmp_path / "started"
    said = f'[ "$1" = -version ] || echo "$*" >>"{started}"'
    there = {
        "VNROUTE_FREESWITCH": a_program(tmp_path, "switch", said),
        "VNROUTE_SIPP": a_program(tmp_path, "sipp"),
    }
    write(tmp_path, SHORT)
    done = run(tmp_path, "short.yaml", "--real", "--no-plots", "--rate", "300", **there)
    assert done.returncode == 2
    assert "sessions a second, and FreeSWITCH is set to 400: set switch:" in done.stderr
    write(tmp_path, SHORT + "switch: {sessions_per_second: 20000, max_sessions: 20000}\n")
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -n 2000 && exec "$0" "$@"', sys.executable, "-m", "vnroute.cli",
         "loadtest", "short.yaml", "--real", "--no-plots", "--rate", "300"],
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path), **there},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 2
    assert "open files, and this session may have 2,000: raise the limit" in done.stderr
    assert not started.exists() and not (tmp_path / "loadtest").exists()


def test_a_profile_in_less_time(tmp_path: Path) -> None:
    write(tmp_path, SHORT.replace("seconds: 1}", "seconds: 3600}"))
    done = run(tmp_path, "short.yaml", "--simulated", "--no-plots", "--for", "1500ms")
    assert done.returncode == 0, done.stdout + done.stderr
    assert report(tmp_path, "short")["calls"]["placed"] == 30
    done = run(tmp_path, "short.yaml", "--simulated", "--no-plots", "--for", "soon")
    assert done.returncode == 2
    assert "--for: found 'soon', expected a duration such as 200ms or 1.5s" in done.stderr


def test_list_names_every_profile(tmp_path: Path) -> None:
    done = run(tmp_path, "list")
    assert done.returncode == 0
    for name in ("smoke", "refusals", "router-dies", "knee"):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        (["smokey"], {}, "did you mean smoke?"),
        (["smoke", "--real"], {"VNROUTE_FREESWITCH": "/nowhere/freeswitch"},
         "VNROUTE_FREESWITCH: found /nowhere/freeswitch, expected a program"),
        (["knee", "--simulated"], {}, "knee measures a real FreeSWITCH"),
        (["smoke", "--simulated", "--routing", "none.csv"], {}, "none.csv"),
        (["compare", "a.json", "b.json"], {}, "a.json: No such file"),
        (["smoke", "refusals"], {}, "one profile at a time"),
        (["smoke", "--simulated", "--rate", "0"], {}, "--rate"),
    ],
)  # fmt: skip
def test_bad_input_is_told_plainly(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], told: str
) -> None:
    done = run(tmp_path, *arguments, **environ)
    assert done.returncode == 2
    assert told in re.sub(r"\s+", " ", done.stderr)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "loadtest").exists()


def test_ports_that_are_taken_are_named(tmp_path: Path) -> None:
    write(tmp_path, SHORT)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = run(tmp_path, "short.yaml", "--simulated", "--no-plots", "--address", "127.0.0.1",
                   "--port", str(port))  # fmt: skip
    assert done.returncode == 2
    assert f"ports taken on 127.0.0.1: {port}; " in done.stderr


def test_a_carrier_that_is_not_in_the_routing_data(tmp_path: Path) -> None:
    write(tmp_path, SHORT + "carriers: {gwQ: silent}\n")
    done = run(tmp_path, "short.yaml", "--simulated", "--no-plots")
    assert done.returncode == 2
    assert (
        "a carrier that no plan can reach: gwQ; the routing data has gwA, gwB, gwC" in done.stderr
    )
