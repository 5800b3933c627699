"""CDRs of simulated calls: read by vnroute as a real switch's are, none lost, none doubled."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.calls.support import captured
from tests.simulator.canned import PLAN, canned_server, refusing_server
from tests.web.support import Home
from vnroute.calls.base import CallFilter
from vnroute.calls.collect import collect
from vnroute.calls.opening import open_calls
from vnroute.calls.reading import read_record
from vnroute.calls.record import Call
from vnroute.simulator import Caller, CallOptions, CallRecord, CdrPost, Gateways, Simulator
from vnroute.simulator.callers import HOSTILE_NAMES

ANSWERED_ON_SECOND = "gateways:\n  gwA: {refuse: 503}\n  gwB: {answer: 200ms, talk: 30s}\n"
BUSY = "gateways:\n  gwA: {refuse: 486}\n  gwB: {refuse: 486}\n"
SILENT = "gateways:\n  gwA: silent\n  gwB: silent\n"
FAILED = "gateways:\n  gwA: {refuse: 503}\n  gwB: {refuse: 503}\n"
# The captured calls' plan ended so.
_AS_CAPTURED = PLAN.replace(b"hangup USER_BUSY", b"hangup ${originate_disposition}")
TOGETHER = (
    b"sendmsg\ncall-command: xferext\n"
    b"application: multiset ^^;vn_number=+18005551234;vn_generation=7;hangup_after_bridge=true;"
    b"vn_legs=alpha-1,beta-1;nolocal:api_hangup_hook=uuid_setvar ${uuid} "
    b"vn_c\\\\\\${uuid:0:2} \\\\\\${hangup_cause};export_vars=nolocal:api_hangup_hook;"
    b"origination_nested_vars=true\n"
    b"application: bridge {leg_timeout=25}"
    b"[origination_uuid=00a10298-7200-8cd8-aa51-9d2c022d1bb9]sofia/gateway/gwA/12125550100:_:"
    b"{leg_timeout=25}"
    b"[origination_uuid=019f8972-d54e-8171-8dca-655e5e8a85f2]sofia/gateway/gwB/442079460123\n\n"
    b"exit\n\n"
)


class Receiver:
    """Takes POSTs as the control process does, or not."""

    def __init__(self) -> None:
        self.status, self.bodies = 200, list[bytes]()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("POST /cdr HTTP/1.1\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
        assert fields["content-type"] == "application/json"
        self.bodies.append(await reader.readexactly(int(fields["content-length"])))
        writer.write(b"HTTP/1.1 %d Some\r\nContent-Length: 0\r\n\r\n" % self.status)
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/cdr"


def placed(
    gateways: str, answer: bytes | None = None, caller: Caller | None = None, **options: Any
) -> tuple[CallRecord, bytes]:
    """Place a call; return its record and its CDR."""

    async def main() -> tuple[CallRecord, bytes]:
        receiver = Receiver()
        serve = canned_server(answer or _AS_CAPTURED)
        async with receiver.listening() as url, serve as (server, _):
            simulator = Simulator(
                [server], Gateways.from_text(gateways, "t"),
                CallOptions(cdr=CdrPost(url), **options),
            )  # fmt: skip
            record = await simulator.call("18005551234", caller or Caller("+34911234567", "Ana"))
        (body,) = receiver.bodies
        assert record.cdr == "taken"
        return record, body

    return asyncio.run(main())


def read(body: bytes) -> Call:
    return read_record(body, time.time_ns() // 1000)


@pytest.mark.parametrize(
    "name, gateways",
    [("answered_on_second", ANSWERED_ON_SECOND), ("busy", BUSY), ("silent", SILENT),
     ("all_503", FAILED)],
)  # fmt: skip
def test_it_reads_as_a_real_switch_s_of_the_same_call(name: str, gateways: str) -> None:
    """One or two legs here, two or three there: outcome, causes, codes, who was picked up."""
    real, ours = read_record(captured(name), 1_795_400_000_000_000), read(placed(gateways)[1])
    for field in ("outcome", "cause", "q850", "sip", "number", "account", "caller", "caller_name",
                  "routed", "refused", "clock_off"):  # fmt: skip
        assert getattr(ours, field) == getattr(real, field), field
    shown = [(leg.outcome, leg.cause, leg.sip) for leg in real.legs]
    assert [(leg.outcome, leg.cause, leg.sip) for leg in ours.legs] == shown[-len(ours.legs) :]
    assert (ours.talk_ms > 0, ours.pdd_ms is None) == (real.talk_ms > 0, real.pdd_ms is None)


def test_every_name_that_vnroute_reads_of_a_captured_record_is_in_a_simulated_one() -> None:
    from vnroute.calls.reading import READ

    for name, gateways in (("answered_on_second", ANSWERED_ON_SECOND), ("busy", BUSY)):
        real = json.loads(captured(name))
        ours = json.loads(placed(gateways)[1])
        assert set(ours) == set(real)
        wanted = set(READ) & set(real["variables"]) - {"vn_campaign"}  # not in this plan
        assert wanted - set(ours["variables"]) == set(), name
        (flow,) = ours["callflow"]
        assert set(flow["caller_profile"]) - set(real["callflow"][0]["caller_profile"]) == set()


def test_legs_rung_together() -> None:
    gateways = "gateways:\n  gwA: {ringing: 50ms, ring: forever}\n  gwB: {answer: 1s, talk: 9s}\n"
    call = read(placed(gateways, TOGETHER)[1])
    assert [(leg.gateway, leg.outcome, leg.cause) for leg in call.legs] == [
        ("alpha-1", "cancelled", "LOSE_RACE"),
        ("beta-1", "answered", "NORMAL_CLEARING"),
    ]
    assert 9000 <= call.talk_ms < 9100


def test_its_times() -> None:
    before = time.time()
    record, body = placed(ANSWERED_ON_SECOND)
    call = read(body)
    # No call ends in the future: it is over when its CDR comes.
    assert before * 1e6 <= call.ended <= time.time() * 1e6 + 1000
    assert call.talk_ms == 30_000
    assert abs(call.duration_ms - record.duration * 1000) < 1000
    assert call.started < before * 1e6
    gave_up = read(placed(SILENT, patience=3.0)[1])
    assert (gave_up.outcome, gave_up.sip, gave_up.answered) == ("cancelled", 487, 0)
    assert 3000 <= gave_up.duration_ms < 3500


def test_names_that_strangers_write() -> None:
    for name in HOSTILE_NAMES:
        call = read(placed(BUSY, caller=Caller("+34911234567", name))[1])
        assert call.caller == "+34911234567"
        assert call.outcome == "busy"
        assert "\n" not in call.caller_name


def test_a_call_that_no_server_answered() -> None:
    async def main() -> bytes:
        receiver = Receiver()
        async with receiver.listening() as url:
            simulator = Simulator([refusing_server()], options=CallOptions(cdr=CdrPost(url)))
            await simulator.call("18005551234", Caller("+34911234567"))
        return receiver.bodies[0]

    call = read(asyncio.run(main()))
    assert (call.routed, call.outcome, call.sip, call.legs) == (False, "failed", 503, ())


def test_what_is_not_taken_is_on_disk_and_collected(tmp_path: Path) -> None:
    async def main() -> None:
        receiver = Receiver()
        async with receiver.listening() as url, canned_server() as (server, _):
            post = CdrPost(url, tmp_path / "json_cdr")
            simulator = Simulator([server], options=CallOptions(cdr=post))
            receiver.status = 503
            first = await simulator.call("18005551234", Caller("+34911234567"))
            post.port = 1  # the control process is down
            second = await simulator.call("18005551234", Caller("+34911234567"))
            assert [first.cdr, second.cdr] == ["kept", "kept"]
            files = {path.name for path in (tmp_path / "json_cdr").iterdir()}
            assert files == {f"{first.uuid}.cdr.json", f"{second.uuid}.cdr.json"}
            taken: list[bytes] = []

            async def take(body: bytes) -> int:
                taken.append(body)
                return 200

            assert (await collect(tmp_path / "json_cdr", take, 0.0)).taken == 2
            assert {read(body).uuid for body in taken} == {first.uuid, second.uuid}
            lost = Simulator([server], options=CallOptions(cdr=CdrPost("http://127.0.0.1:1/cdr")))
            assert (await lost.call("18005551234", Caller("+34911234567"))).cdr == "lost"

    asyncio.run(main())


def test_addresses() -> None:
    for url in ("", "ftp://127.0.0.1/cdr", "127.0.0.1:8085", "http://"):
        with pytest.raises(ValueError, match="no address for CDRs"):
            CdrPost(url)
    elsewhere = CallOptions(cdr=CdrPost("http://198.51.100.1/cdr"))
    with pytest.raises(ValueError, match="not on this machine"):
        Simulator([refusing_server()], options=elsewhere)


def test_calls_placed_are_calls_stored(tmp_path: Path) -> None:
    """While the control process is killed: none lost, none twice, and the same counts."""
    home = Home(tmp_path / "home")
    home.environment["VNROUTE_CDR_COLLECT"] = str(tmp_path / "json_cdr")
    home.load()
    (tmp_path / "gateways.yaml").write_text(
        "gateways:\n  gwA: {mix: [{weight: 50, answer: 1s, talk: [5s, 90s]},"
        " {weight: 30, refuse: 503}, {weight: 20, refuse: 486}]}\n"
    )
    home.serve()
    try:
        words = ["simulate", "18005551234", "18005559999", "--port", str(home.port), "--json",
                 "--calls", "600", "--rate", "300", "--hostile", "--seed", "26",
                 "--gateways", str(tmp_path / "gateways.yaml"),
                 "--cdr", f"http://127.0.0.1:{home.control_port}/cdr",
                 "--cdr-dir", str(tmp_path / "json_cdr")]  # fmt: skip
        placing = subprocess.Popen(
            [sys.executable, "-m", "vnroute.cli", *words],
            env=home.environment, text=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        home.until(lambda: _stored(home)[0] > 20)
        os.kill(home.children()["control"], signal.SIGKILL)
        said, _ = placing.communicate(timeout=60)
        assert placing.returncode == 0
        summary = json.loads(said)
        assert sum(summary["cdrs"].values()) == 600
        assert summary["cdrs"]["kept"] > 0, "the control process was never missed"
        home.until(lambda: _stored(home)[0] >= 600, 30)
        count, codes, gateways = _stored(home)
        assert count == 600
        assert codes == {int(code): times for code, times in summary["sip"].items()}
        assert gateways == {"alpha-1": summary["gateways"]["gwA"]["tried"]}
        assert not list((tmp_path / "json_cdr").glob("*.json"))
    finally:
        home.close()


def _stored(home: Home) -> tuple[int, Counter[int], Counter[str]]:
    if not (home.path / "cdr.db").exists():
        return 0, Counter(), Counter()
    store = open_calls(str(home.path))
    try:
        calls = list(store.calls(CallFilter()))
    finally:
        store.close()
    legs = Counter(leg["gateway"] for call in calls for leg in call["legs"])
    return len(calls), Counter(call["sip"] for call in calls), legs
