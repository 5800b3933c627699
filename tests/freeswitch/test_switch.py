"""fs-conf/ on the real switch: it loads clean, and no call is ever left without an answer."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.freeswitch import canned
from tests.freeswitch.canned import Canned, Stage, xferext
from tests.freeswitch.harness import (
    FS_CONF,
    LOOPBACK,
    EventSocket,
    FreeSwitch,
    Gateway,
    HarnessError,
    SippCaller,
    SippCarrier,
    free_port,
    place,
    variable,
    wait_until,
)
from tests.freeswitch.lab import NUMBER, Lab, channel, hunt

pytestmark = pytest.mark.freeswitch


def test_shipped_configuration_loads_without_a_complaint() -> None:
    gateways = (FS_CONF / "sip_profiles" / "vnroute" / "gateways.xml").read_text()
    with FreeSwitch(["127.0.0.1:8084"], loglevel="info", cdr="off") as switch:
        (switch.conf / "sip_profiles" / "vnroute" / "test.xml").write_text(gateways)
        switch.api("reloadxml")
        switch.api("sofia profile vnroute rescan")
        wait_until("gwC is known", lambda: "gwC" in switch.api("sofia status"), 10)
        status = switch.api("sofia status")
        assert all(f"vnroute::{name}" in status for name in ("gwA", "gwB", "gwC"))
        assert switch.complaints() == []


def test_values_of_the_shipped_configuration_are_in_force() -> None:
    with FreeSwitch(["127.0.0.1:8084"], cdr="off") as switch:
        status = switch.api("status")
        assert "8000 session(s) max" in status
        assert "max 400" in status  # sessions per second
        profile = switch.api("sofia status profile vnroute")
        assert "vnroute" in profile
        assert "PCMU,PCMA" in profile


def test_without_any_node_a_caller_gets_503_at_once() -> None:
    nodes = [f"{LOOPBACK}:{free_port()}", f"{LOOPBACK}:{free_port()}"]
    with FreeSwitch(nodes, cdr="off") as switch:
        placed = place(switch.address, [NUMBER], calls=20, rate=50)
        assert placed.codes() == {503: 20}
        assert placed.slowest() < 1.0
        switch.wait_idle()


def test_second_node_answers_for_one_that_refuses_or_dies() -> None:
    gateway = Gateway("gwA", free_port())
    with contextlib.ExitStack() as stack:
        carrier = stack.enter_context(SippCarrier.answers(gateway))
        reply = xferext([channel(), hunt(carrier), "hangup USER_BUSY"])
        good = stack.enter_context(Canned(lambda _: reply))
        dying = stack.enter_context(Canned(lambda _: reply, fails_at="connect"))
        for first in (f"{LOOPBACK}:{free_port()}", dying.node):
            with FreeSwitch([first, good.node], [gateway], cdr="off") as switch:
                assert place(switch.address, [NUMBER]).codes() == {200: 1}
                switch.wait_idle()


def test_stranger_is_refused_by_the_acl() -> None:
    variables = {"vnroute_peer_cidr": "192.0.2.0/24"}
    with FreeSwitch(["127.0.0.1:1"], cdr="off", variables=variables) as switch:
        assert place(switch.address, [NUMBER]).codes() == {403: 1}


def test_control_port_is_closed_to_strangers_and_wrong_passwords() -> None:
    with (
        FreeSwitch(["127.0.0.1:1"], cdr="off") as switch,
        pytest.raises(HarnessError, match="refused us"),
    ):
        EventSocket(LOOPBACK, switch.control_port, "wrong")


def test_dead_gateway_is_marked_down_by_ping() -> None:
    gateway = Gateway("gwA", free_port(), ping=5)
    with (
        Canned(lambda _: xferext([channel(), hunt(carrier), "hangup USER_BUSY"])) as server,
        FreeSwitch([server.node], [gateway]) as switch,
    ):
        carrier = SippCarrier.closed(gateway)
        wait_until("gwA is down", lambda: "DOWN" in switch.api("sofia status gateway gwA"), 30, 0.5)
        assert place(switch.address, [NUMBER]).code() == 486
        wait_until("a record", lambda: bool(switch.cdrs()), 5)
        assert variable(switch.cdrs()[0], "originate_disposition") == "GATEWAY_DOWN"


@pytest.mark.parametrize("cdr", ["http", "disk"])
def test_every_call_leaves_one_record_posted_or_on_disk(cdr: str) -> None:
    with Lab(cdr=cdr) as lab:
        lab.applications = [channel("vn_plan=main"), "hangup UNALLOCATED_NUMBER"]
        placed = place(lab.switch.address, [NUMBER], calls=30, rate=50)
        assert placed.codes() == {404: 30}
        wait_until("30 records", lambda: len(lab.switch.cdrs()) == 30, 10)
        records = lab.switch.cdrs()
        assert {variable(record, "vn_plan") for record in records} == {"main"}
        assert {variable(record, "hangup_cause") for record in records} == {"UNALLOCATED_NUMBER"}


@contextlib.contextmanager
def _stalling(reply: bytes, stage: Stage, folder: Path) -> Iterator[tuple[int, Callable[[], None]]]:
    """A canned server in a process of its own: its port, and how to kill it."""
    port, file = free_port(), folder / "reply"
    file.write_bytes(reply)
    command = [sys.executable, canned.__file__, "--port", str(port), "--reply", str(file)]
    process = subprocess.Popen([*command, "--stall", stage])

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, port)) == 0

    def kill() -> None:
        process.kill()
        process.wait(10)

    try:
        wait_until("the canned server listens", listens, 10)
        yield port, kill
    finally:
        kill()


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        ("accept", 503),
        ("connect", 503),
        ("middle", 503),
        ("before-plan", 503),
        ("before-exit", 200),
    ],
)
def test_server_killed_while_a_call_asks_it(tmp_path: Path, stage: Stage, code: int) -> None:
    """Half a plan is never run; a whole one is, even without "exit". Nobody is left parked."""
    gateway = Gateway("gwA", free_port())
    with contextlib.ExitStack() as stack:
        carrier = stack.enter_context(SippCarrier.answers(gateway))
        reply = xferext([channel(), hunt(carrier), "hangup USER_BUSY"])
        port, kill = stack.enter_context(_stalling(reply, stage, tmp_path))
        switch = stack.enter_context(FreeSwitch([f"{LOOPBACK}:{port}"], [gateway], cdr="off"))
        caller = stack.enter_context(SippCaller(switch.address, [NUMBER]))
        wait_until("the call waits for its answer", lambda: switch.channels() == 1, 5)
        time.sleep(0.3)
        killed = time.time()
        kill()
        placed = caller.wait()
        assert placed.code() == code
        (call,) = placed.calls
        assert call.seconds is not None
        assert call.sent_at + call.seconds - killed < 1.0
        assert carrier.count() == (code == 200)
        switch.wait_idle()
