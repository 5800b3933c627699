"""Ways into the switch beside each other: the knee's search, the probes, the wire, the tables."""

from __future__ import annotations

import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.loadtest import peers
from vnroute.loadtest.capacity import judge_probe, search
from vnroute.loadtest.compare import markdown, ways_table
from vnroute.loadtest.freeswitch import Gateway
from vnroute.loadtest.peers import PEERS, prepare_peer
from vnroute.loadtest.profile import Knee
from vnroute.loadtest.routes import made_routes
from vnroute.loadtest.ways import WAYS, dialplan, files, plan_actions
from vnroute.loadtest.wire import Wire

RATES = [40.0 + 10 * n for n in range(17)]


@given(knee=st.integers(-1, 16), near=st.none() | st.sampled_from(RATES))
def test_the_knee_is_found_wherever_it_was_before(knee: int, near: float | None) -> None:
    asked: list[float] = []

    def passes(rate: float) -> bool:
        asked.append(rate)
        return RATES.index(rate) <= knee

    assert search(RATES, passes, near=near) == (RATES[knee] if knee >= 0 else 0.0)
    assert len(asked) <= 8


@given(knee=st.integers(0, 16), accident=st.integers(0, 7))
def test_one_accident_below_the_knee_costs_little(knee: int, accident: int) -> None:
    """A probe that fails for no reason of its own is asked again before it is believed."""
    count = 0

    def passes(rate: float) -> bool:
        nonlocal count
        count += 1
        return count - 1 != accident and RATES.index(rate) <= knee

    found = search(RATES, passes)
    assert found <= RATES[knee]
    if accident == 0:
        # The worst: the first question, in the middle. Three more rates are tried above it.
        assert found >= min(RATES[knee], RATES[8 + 2])


def test_the_search_ends_with_its_time() -> None:
    asked: list[float] = []
    found = search(RATES, lambda rate: asked.append(rate) is None, time_left=lambda: not asked)
    assert (found, asked) == (120.0, [120.0])


def lines(rate: int, count: int, wait: float, code: int = 200) -> list[list[str]]:
    found = []
    for n in range(count):
        at = 1000 + n / rate
        found.append(["SENT", f"d\tt\t{at}", f"p-{n}", "18005551234", "3491"])
        found.append(["FINAL", f"d\tt\t{at + wait}", f"p-{n}", str(code)])
    return found


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (lines(100, 250, 0.05), ""),
        (lines(100, 250, 0.05, 503), "250 of 250 calls not answered in time"),
        (lines(100, 250, 0.6), "post-dial delay p99 600 ms"),
        (lines(80, 250, 0.05), "the callers only made 80 calls a second"),
        (lines(100, 240, 0.05), "10 of 250 calls not answered in time"),
        ([], "250 of 250 calls not answered in time"),
    ],
)
def test_what_a_probe_says(log: list[list[str]], why: str) -> None:
    assert judge_probe(100, log, 250, Knee(pdd_p99="500ms")).why == why


# -- the wire --------------------------------------------------------------------------------------


def frame(source: int, target: int, flags: int, payload: bytes = b"") -> bytes:
    hosts = bytes((127, 0, 0, 2)), bytes((127, 0, 0, 3))
    here, there = hosts if target == 8084 else reversed(hosts)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 6, 0, here, there)
    tcp = struct.pack("!HHIIBBHHH", source, target, 0, 0, 0x50, flags, 0, 0, 0)
    return b"\0" * 12 + b"\x08\x00" + ip + tcp + payload


def test_connect_to_reply_is_from_the_syn_to_the_answer() -> None:
    wire = Wire(8084, (b"sendmsg",))
    wire.packet(frame(4000, 8084, 0x02), 10.0)
    wire.packet(frame(8084, 4000, 0x12), 10.001)
    wire.packet(frame(8084, 4000, 0x18, b"connect\n\n"), 10.002)
    wire.packet(frame(8084, 4000, 0x18, b"sendmsg\ncall-command: xferext\n"), 10.005)
    wire.packet(frame(8084, 4000, 0x18, b"sendmsg again"), 10.5)
    assert wire.delays == [pytest.approx(0.005)]
    # A probe whether anybody listens is no call, and its port may come again later.
    wire.packet(frame(4001, 8084, 0x02), 11.0)
    wire.packet(frame(4001, 8084, 0x11), 11.1)
    wire.pause()
    wire.packet(frame(4001, 8084, 0x02), 20.0)
    wire.packet(frame(8084, 4001, 0x18, b"sendmsg"), 20.1)
    assert len(wire.delays) == 1


def test_the_wire_times_a_real_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            time.sleep(0.05)
            connection.sendall(b"sendmsg\n\n")
            connection.close()

        thread = threading.Thread(target=answer)
        with Wire(port, (b"sendmsg",)) as wire:
            if wire.refused:
                pytest.skip(wire.refused)
            thread.start()
            with socket.create_connection(("127.0.0.1", port)) as client:
                assert client.recv(100)
            thread.join()
            until = time.monotonic() + 5
            while not wire.delays and time.monotonic() < until:
                time.sleep(0.02)
        (delay,) = wire.delays
        assert delay >= 0.05


# -- ways and peers --------------------------------------------------------------------------------


def test_each_way_has_a_dialplan_or_files_of_its_own_but_vnroutes() -> None:
    for name, way in WAYS.items():
        text = dialplan(way, "127.9.9.1:8084", [("bridge", "sofia/gateway/gwA/1")])
        shown = (text or "") + "".join(files(way, "127.9.9.1:8084").values())
        assert bool(shown) == (name != "vnroute")
        assert "{place}" not in shown and "{url}" not in shown
        assert ("127.9.9.1:8084" in shown) == bool(way.peer or name == "xml_curl")


def test_the_static_plan_is_vnroutes_answer_with_a_uuid_of_each_call(tmp_path: Path) -> None:
    routes = made_routes(tmp_path, 8, 1, progress_seconds=2)
    actions = plan_actions(routes)
    assert [name for name, _ in actions][:2] == ["multiset", "bridge"]
    assert "vn_legs=" in actions[0][1]
    bridge = actions[1][1]
    assert bridge.count("origination_uuid=") == bridge.count("${uuid:4}]sofia/gateway/") > 1
    text = dialplan(WAYS["static_plan"], "", actions)
    assert text is not None
    found = [
        (action.get("application"), action.get("data"))
        for action in ElementTree.fromstring(text).iter("action")
    ]
    assert found == list(actions)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_that_is_not_here_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "FOLDER", tmp_path / "none")
    found = prepare_peer(name, tmp_path, 8084)
    assert found == "the peers come with a checkout of vnroute (bench/peers), not with the package"


def test_peers_without_their_environment_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "no-python")
    for name in ("greenswitch", "genesis"):
        assert prepare_peer(name, tmp_path, 8084) == (
            "the peers' environment is not set up: make bench does it"
        )


def row(way: str, count: int, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "round": count, "way": way, "stopped": "", "unanswered": 0, "cpu_ms": 10.0 + count,
        "server_ms": None, "reply": None, "through": {"p50": 0.003, "p99": 0.005},
        "pdd": {"p50": 0.03, "p99": 0.04}, "knee": 120.0, "others_cores": 0.1,
    }  # fmt: skip
    return found | more


def test_the_table_has_medians_and_the_spread_of_the_rounds() -> None:
    rows = [row("static", n) for n in (1, 2, 3)]
    through = {"p50": 0.005, "p99": 0.009}
    reply = {"p50": 0.002, "p99": 0.004}
    rows += [
        row("vnroute", n, cpu_ms=12.0 + n, through=through, reply=reply, server_ms=0.5, knee=90.0)
        for n in (1, 2, 3)
    ]
    rows.append(row("genesis", 1, unanswered=7, through=None, pdd=None, knee=None))
    found = ways_table(rows, list(WAYS))
    assert [one["way"] for one in found] == ["static", "vnroute", "genesis"]
    assert found[1]["ratio"] == round(14 / 12, 2)
    assert found[1]["added_ms"] == [2.0, 2.0, 2.0]
    knee = {"step": 10.0, "start": 40.0, "most": 200.0, "seconds": 2.5, "pdd_p99": "500ms"}
    ways = {"rows": rows, "table": found, "left_out": {"lua": "not loaded"}, "knee": knee}
    text = markdown({"ways": ways})
    head, _, static, vnroute, genesis, *_ = text.splitlines()
    assert len({line.count("|") for line in (head, static, vnroute, genesis)}) == 1
    assert (
        "| 14.00 (13.00 to 15.00) | 1.17 | 0.50 (0.50 to 0.50) | 2.00 (2.00 to 2.00) |" in vnroute
    )
    assert "7 calls not answered" in genesis
    assert "Left out: lua: not loaded." in text


def test_a_gateway_is_pinged_only_where_it_is_asked_for() -> None:
    assert "ping" not in Gateway("gwA", 5070).xml("127.0.0.1")
    assert '<param name="ping" value="5"/>' in Gateway("gwA", 5070, 5).xml("127.0.0.1")
