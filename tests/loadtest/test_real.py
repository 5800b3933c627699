"""``vnroute loadtest`` on a real FreeSWITCH with SIPp, where this machine has them."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.loadtest.test_command import SHORT, _alive, _descendants, report, run, write
from tests.loadtest.test_dips import SHORT as DIPS
from vnroute.loadtest.machine import find_tools

missing = find_tools().missing
pytestmark = [
    pytest.mark.freeswitch,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(missing is not None, reason=missing or ""),
]


def test_smoke_on_a_real_switch(tmp_path: Path) -> None:
    done = run(tmp_path, "smoke", "--real", "--no-plots")
    assert done.returncode == 0, done.stdout + done.stderr
    data = report(tmp_path, "smoke")
    assert data["held"] and not data["simulated"]
    assert "FreeSWITCH" in data["versions"] and "SIPp" in data["versions"]
    names = [check["name"] for check in data["checks"]]
    assert "each call has one call record" in names
    assert "no call is left in FreeSWITCH (show channels count)" in names


def test_dips_on_a_real_switch(tmp_path: Path) -> None:
    write(tmp_path, DIPS)
    done = run(tmp_path, "short.yaml", "--real", "--no-plots")
    assert done.returncode == 0, done.stdout + done.stderr
    checks = {check["name"]: check for check in report(tmp_path, "short")["checks"]}
    assert checks["dips were asked for, kept, late and skipped"]["looked_at"] > 50


def test_one_wrong_expectation_fails_on_a_real_switch(tmp_path: Path) -> None:
    write(tmp_path, SHORT + "expect: [{to: direct, code: 486}]\n")
    done = run(tmp_path, "short.yaml", "--real", "--no-plots")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the profile's expect: SIP 200, expected 486" in done.stdout
    assert "plan, 3 legs" in done.stdout


def test_a_carrier_that_is_down_beside_a_closed_port(tmp_path: Path) -> None:
    carriers = "carriers: {gwA: down, gwB: closed}\n"
    write(tmp_path, SHORT + carriers)
    done = run(tmp_path, "short.yaml", "--real", "--no-plots")
    assert done.returncode == 0, done.stdout + done.stderr
    data = report(tmp_path, "short")
    assert data["codes"]["200"] > 10
    # A gateway that is down gets no leg at all; one at a closed port gets one that fails.
    assert set(data["gateways"]) == {"gwC", "no carrier"}


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    write(tmp_path, SHORT.replace("seconds: 1}", "seconds: 60}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "vnroute.cli", "loadtest", "short.yaml", "--real", "--no-plots"],
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("calls: ") and not line.startswith("calls: 0 "):
            break
    time.sleep(1)
    started = _descendants(process.pid)
    assert len(started) >= 6  # a switch, a supervisor with its worker, three carriers and callers
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert report(tmp_path, "short")["stopped"] == "stopped by Ctrl-C"
    assert [pid for pid in started if _alive(pid)] == []


def test_a_switch_that_does_not_start_shows_its_last_lines(tmp_path: Path) -> None:
    fake = tmp_path / "freeswitch"
    fake.write_text("#!/bin/sh\necho cannot bind anything today\nexit 3\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    write(tmp_path, SHORT)
    done = run(tmp_path, "short.yaml", "--no-plots", VNROUTE_FREESWITCH=os.fspath(fake))
    assert done.returncode == 2
    text = done.stdout + done.stderr
    assert "FreeSWITCH does not start: it ended by itself with 3" in text
    assert "cannot bind anything today" in text
