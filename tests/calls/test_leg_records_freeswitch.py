"""A real FreeSWITCH with ``log-b-leg``: calls are as many as without, and their legs tell more."""

from __future__ import annotations

import collections
import re
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.calls.test_freeswitch import ROUTES
from tests.freeswitch.harness import FreeSwitch, Gateway, SippCarrier, free_port, missing, place
from tests.freeswitch.raw_sip import LOOPBACK, RawCaller, RawPhone, Udp, sdp
from tests.web.support import Home
from vnroute.calls.base import CallFilter
from vnroute.calls.opening import open_calls

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(180)]

HUNTS, BUSY, UNKNOWN = "+18005551201", "+18005551202", "+18885550000"


class Talker(Udp):
    """Sends silence (PCMU, RFC 3551) to a peer, a packet every 20 ms, each tenth left out."""

    def __init__(self) -> None:
        super().__init__(timeout=0.02)
        self.peer: tuple[str, int] | None = None

    def _run(self) -> None:
        number = 0
        due = time.monotonic()
        while not self._end.is_set():
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))
            if self.peer is None:
                continue
            number += 1
            if number % 10:
                head = bytes((0x80, 0)) + (number & 0xFFFF).to_bytes(2, "big")
                head += (160 * number).to_bytes(4, "big") + b"\x00\x00\x00\x07"
                self._socket.sendto(head + b"\xff" * 160, self.peer)


class TalkingPhone(RawPhone):
    """A phone that answers half a second after it began to ring, and talks."""

    def __init__(self, port: int, talker: Talker) -> None:
        super().__init__(port)
        self._talker = talker

    def take(self, message: str, sender: tuple[str, int]) -> None:
        if message.startswith("INVITE"):
            found = re.search(r"^m=audio (\d+)", message, re.M)
            assert found
            self._talker.peer = (LOOPBACK, int(found[1]))
            self.reply(message, "180 Ringing", sender)
            answer = (message, "200 OK", sender, (), sdp(self._talker.port))
            threading.Timer(0.5, self.reply, answer).start()
        else:
            super().take(message, sender)


@pytest.fixture
def served(tmp_path: Path) -> Home:
    why = missing()
    if why is not None:
        pytest.skip(why)
    home = Home(tmp_path / "home")
    home.environment["VNROUTE_CDR_COLLECT"] = str(tmp_path / "left")
    (tmp_path / "left").mkdir()
    home.load(ROUTES)
    home.serve()
    return home


def test_legs_tell_more_and_calls_are_not_doubled(
    served: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = served
    gateways = [Gateway(name, free_port()) for name in ("gwA", "gwB", "gwC")]
    try:
        with (
            Talker() as talker,
            SippCarrier.refuses(gateways[0], 503) as alpha,
            TalkingPhone(gateways[1].port, talker) as beta,
            SippCarrier.refuses(gateways[2], 486) as gamma,
            switch_that_logs_legs(home, gateways, tmp_path / "left") as switch,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        ):
            ear.bind((LOOPBACK, 0))
            media = ear.getsockname()[1]
            with RawCaller(switch.address, HUNTS, "<sip:+34911234567@a>", media=media) as caller:
                assert caller.final.wait(20) and caller.code == 200
                time.sleep(6)
                caller.hang_up()
                switch.wait_idle()
            assert place(switch.address, [BUSY, UNKNOWN], calls=20, rate=20).codes() == {
                486: 10, 404: 10}  # fmt: skip
            switch.wait_idle()
            seen = {"alpha": alpha.count(), "beta": len(beta.invites), "gamma": gamma.count()}
        home.until(lambda: counted(home, "kept") + counted(home, "leg") == 21 + 12)
        assert (counted(home, "kept"), counted(home, "leg")) == (21, 12)

        def stored() -> int:
            store = open_calls(str(home.path))
            try:
                return store.count(CallFilter())
            finally:
                store.close()

        home.until(lambda: stored() == 21)
        time.sleep(1)
        store = open_calls(str(home.path))
        calls = list(store.calls(CallFilter()))
        store.close()
    finally:
        home.close()
    assert collections.Counter(call["outcome"] for call in calls) == {
        "answered": 1, "busy": 10, "refused": 10}  # fmt: skip
    legs = [leg for call in calls for leg in call["legs"]]
    assert collections.Counter(leg["carrier"] for leg in legs) == seen
    assert seen == {"alpha": 1, "beta": 1, "gamma": 10}
    (hunted,) = (call["legs"] for call in calls if call["number"] == HUNTS)
    with capsys.disabled():
        print(f"\n{hunted[1]}")
    refused, won = hunted
    assert (refused["sip"], refused["cause"], refused["up_ms"]) == (
        503, "NORMAL_TEMPORARY_FAILURE", 0)  # fmt: skip
    assert (refused["mos"], refused["packets_in"]) == (None, None)
    assert (won["sip"], won["cause"], won["read_codec"]) == (200, "NORMAL_CLEARING", "PCMU")
    assert abs(won["up_ms"] - won["talk_ms"]) < 200 and won["up_ms"] > 5500
    assert 150 < won["packets_in"] <= 330
    assert 1 < won["mos"] < 4.5 and won["jitter_ms"] > 0 and won["loss_percent"] is not None
    # Of one leg among two the call's own record cannot tell when it rang.
    assert 0 <= won["pdd_ms"] < 500
    busy = [leg for leg in legs if leg["carrier"] == "gamma"]
    assert {(leg["sip"], leg["cause"], leg["up_ms"]) for leg in busy} == {(486, "USER_BUSY", 0)}


def switch_that_logs_legs(home: Home, gateways: list[Gateway], left: Path) -> FreeSwitch:
    """Return a switch that posts to a control process, its legs' records as well."""
    switch = FreeSwitch(
        [f"127.0.0.1:{home.port}"],
        gateways,
        cdr=f"http://127.0.0.1:{home.control_port}/cdr",
        variables={"vnroute_cdr_dir": str(left)},
    )
    path = switch.conf / "autoload_configs" / "json_cdr.conf.xml"
    off = '<param name="log-b-leg" value="false"/>'
    assert off in path.read_text()
    path.write_text(path.read_text().replace(off, off.replace("false", "true")))
    return switch


def counted(home: Home, result: str) -> int:
    """Return how many posts ended so."""
    found = re.search(rf'requests_total{{result="{result}"}} ([0-9.]+)', home.get("/metrics")[1])
    return int(float(found[1])) if found else 0
