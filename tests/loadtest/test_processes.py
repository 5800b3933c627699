"""Processes of a run: killed means gone, and a node that has started is the one that answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vnroute.eventsocket.stats import read_stats
from vnroute.loadtest.node import Node
from vnroute.loadtest.process import Child, children_of, wait_until

ROUTES = """\
accounts: [{id: acme}]
plans: [{id: main, account: acme, steps: [{hangup: USER_BUSY}]}]
numbers: [{number: "+18005551234", account: acme, plan: main}]
"""

# A process with a lot of memory, which takes the kernel a while to take down: its sockets are
# closed after that.
LISTENS = """
import socket, sys, time
much = bytearray(b"x") * 300_000_000
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
time.sleep(600)
"""
STARTS_IT = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {LISTENS!r}])
time.sleep(600)
"""


def takes_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_what_a_killed_process_has_started_holds_no_port_any_more(tmp_path: Path) -> None:
    child = Child("parent", [sys.executable, "-c", STARTS_IT], tmp_path)
    try:
        wait_until("it says its port", lambda: child.tail().strip() != "", 30)
        port = int(child.tail())
        assert takes_connections(port)
        child.kill()
        assert not takes_connections(port)
    finally:
        child.kill()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("VNROUTE_CONTROL_PORT", "0")
    (tmp_path / "routes.yaml").write_text(ROUTES)
    for command in (("load", "routes.yaml"), ("compile",)):
        subprocess.run(
            [sys.executable, "-m", "vnroute.cli", *command], cwd=tmp_path, check=True, timeout=60,
            env={**os.environ, "VNROUTE_HOME": str(tmp_path)}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    yield tmp_path


def test_a_node_has_started_when_its_own_workers_answer(home: Path) -> None:
    """A worker left over from the node before takes connections: that is not the new one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    before = Node(home, "127.0.0.1", port)
    after = Node(home, "127.0.0.1", port, workers=2)
    try:
        before.start()
        (left_over,) = (pid for pid in before.pids[1:] if pid in pids(home))
        os.kill(before.pids[0], signal.SIGKILL)
        assert takes_connections(port)
        after.start()
        own = set(children_of(after.pids[0])) & pids(home)
        assert len(own) == 2
        assert left_over not in own
    finally:
        after.stop()
        before.kill()


def pids(home: Path) -> set[int]:
    """Return the workers that have said that they answer."""
    return {page.values["pid"] for page in read_stats(home / "state" / "workers.stats")}
