"""Known phones that say where somebody is: a whole server, from the call to the next one."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.support import Home
from vnroute.here_spool import MOST_WAITING, Said, keep, waiting
from vnroute.matcher.explain import applications_of, channel_data

MOBILE, DESK, STRANGER = "+19175550123", "+12125550100", "+34911234567"
ANA, AT_MOBILE, AT_DESK, SCHEDULE = (f"+1800555{n:04}" for n in (1, 10, 11, 12))
ROUTES = f"""\
accounts: [{{id: acme, time_zone: America/New_York, trust_ani: true}}]
persons:
  - {{id: ana, account: acme, place: desk, places: {{desk: "{DESK}", mobile: "{MOBILE}"}}}}
plans:
  - {{id: hers, account: acme, steps: [{{ring: ["person:ana"]}}, {{hangup: relay}}]}}
  - id: at-mobile
    account: acme
    steps: [{{here: {{person: ana, at: mobile, until: 8h}}}}, {{hangup: INCOMING_CALL_BARRED}}]
  - id: at-desk
    account: acme
    steps: [{{here: {{person: ana, at: desk}}}}, {{hangup: INCOMING_CALL_BARRED}}]
  - id: by-schedule
    account: acme
    steps: [{{here: {{person: ana, clear: true}}}}, {{hangup: INCOMING_CALL_BARRED}}]
numbers:
  - {{number: "{ANA}", account: acme, plan: hers}}
  - {{number: "{AT_MOBILE}", account: acme, plan: at-mobile}}
  - {{number: "{AT_DESK}", account: acme, plan: at-desk}}
  - {{number: "{SCHEDULE}", account: acme, plan: by-schedule}}
carriers: [{{id: alpha, gateways: [{{id: alpha-1, gateway: gwA}}]}}]
"""
BARRED = ["hangup INCOMING_CALL_BARRED"]


class HereHome(Home):
    """A server over these routes, called by whom it should be."""

    def place(self, number: str, caller: str = STRANGER, more: bytes = b"") -> list[str]:
        """Place a call as FreeSWITCH does; return the applications behind the variables."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as peer:
            block = channel_data(number, caller)
            peer.sendall(block[:-1] + more + b"\n")
            heard = b""
            while not heard.endswith(b"exit\n\n"):
                data = peer.recv(65536)
                assert data, heard
                heard += data
        return [f"{name} {argument}" for name, argument in applications_of(heard)[1:]]

    def rings(self) -> str:
        """The number that a call to ana rings now."""
        (bridge,) = (
            one for one in self.place(ANA) if one.startswith("bridge") and "vn_go" not in one
        )
        return "+" + bridge.rpartition("/")[2]

    def says(self, number: str, caller: str = MOBILE) -> None:
        """Call as ana does, and be heard."""
        assert [one.partition(" ")[0] for one in self.place(number, caller)] == [
            "answer", "playback", "hangup"
        ]  # fmt: skip

    def follows(self, to: str) -> None:
        """Wait until calls to ana ring a number; a second is enough on a machine at rest."""
        self.until(lambda: self.rings() == to)

    @property
    def spool(self) -> Path:
        return self.path / "spool" / "here"

    def metric(self, name: str) -> float:
        found = [line for line in self.get("/metrics")[1].splitlines() if line.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def whereabouts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("here", "--person", "ana", "--json").stdout)
        return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[HereHome]:
    made = HereHome(tmp_path / "home")
    made.load(ROUTES)
    try:
        yield made
    finally:
        made.close()


def test_a_known_phone_calls_and_the_next_call_goes_to_it(home: HereHome) -> None:
    home.serve()
    assert home.rings() == DESK
    home.says(AT_MOBILE)
    home.follows(MOBILE)
    there = home.whereabouts()
    assert there["at"] == "mobile"
    assert there["override"]["by"] == (
        f"{MOBILE} (phone, call 00000000-0000-4000-8000-000000000000)"
    )
    assert there["override"]["reason"] == f"said by a call to {AT_MOBILE}"
    until = there["override"]["until"]
    assert until[10:] != "" and until.endswith(("-05:00", "-04:00"))
    (entry,) = home.get("/api/v1/audit?kind=overrides")[1]["items"]
    assert entry["who"] == there["override"]["by"]
    assert entry["key"] == "person/ana"
    status, told = home.get("/api/v1/persons/ana/whereabouts")
    assert (status, told["at"]) == (200, "mobile")
    home.until(lambda: waiting(home.spool) == [])
    home.says(SCHEDULE, DESK)
    home.follows(DESK)
    assert home.whereabouts()["override"] is None
    home.until(lambda: home.metric("vnroute_here_kept_total") == 2)
    assert home.metric('vnroute_here_heard_total{result="set"}') == 1
    assert home.metric('vnroute_here_heard_total{result="cleared"}') == 1
    assert home.metric("vnroute_here_failed_total") == 0
    assert home.metric("vnroute_here_waiting") == 0
    assert '"whereabouts set"' in home.logged()


def test_strangers_are_not_heard_and_nothing_is_written(home: HereHome) -> None:
    home.serve()
    hidden = b"Caller-Privacy-Hide-Number: true\n"
    failed = b"variable_sip_verstat: TN-Validation-Failed\n"
    assert home.place(AT_MOBILE, STRANGER) == BARRED
    assert home.place(AT_MOBILE, "anonymous") == BARRED
    assert home.place(AT_MOBILE, MOBILE, hidden) == BARRED
    assert home.place(AT_MOBILE, MOBILE, failed) == BARRED
    # Who only asks what would be writes nothing either.
    told = json.loads(home.run("route", AT_MOBILE, "--from", MOBILE, "--json").stdout)
    assert [(step["kind"], step["said"]) for step in told["steps"]] == [("here", "ana:mobile:8h")]
    text = home.run("route", AT_MOBILE, "--from", MOBILE).stdout
    assert "person ana is at mobile for 8h from now on: answered with a sound, hung up" in text
    text = home.run("route", AT_MOBILE, "--from", STRANGER, check=False).stdout
    assert f"{STRANGER} calls, not {DESK}, {MOBILE}: passed over" in text
    answer = home.get(f"/api/v1/route?number=%2B{AT_MOBILE[1:]}&caller=%2B{MOBILE[1:]}")[1]
    assert answer["answers"][0]["steps"][0]["said"] == "ana:mobile:8h"
    assert not home.spool.exists()
    assert home.rings() == DESK


def test_what_is_said_while_the_control_process_is_down_is_heard_when_it_is_back(
    home: HereHome,
) -> None:
    home.serve()
    control = home.children()["control"]
    os.kill(control, signal.SIGSTOP)
    home.says(AT_MOBILE)
    home.says(AT_MOBILE, DESK)
    assert len(waiting(home.spool)) == 2
    assert home.rings() == DESK
    os.kill(control, signal.SIGKILL)
    home.follows(MOBILE)
    home.until(lambda: waiting(home.spool) == [])
    assert home.whereabouts()["override"]["by"].startswith(DESK)
    # All of it over a restart: what was said holds, and what is said before one is heard after it.
    home.close()
    keep(home.spool, Said(person="ana", at="desk", caller=MOBILE, number=AT_DESK, time=time.time()))
    (home.spool / "00000000000000001-1-1.json").write_bytes(b'{"person": "ana"')
    home.serve()
    home.follows(DESK)
    assert [path.suffix for path in home.spool.iterdir()] == [".broken"]
    assert "set aside" in home.logged()
    home.says(AT_MOBILE)
    home.follows(MOBILE)


def test_what_somebody_says_later_wins(home: HereHome) -> None:
    home.serve()
    control = home.children()["control"]
    os.kill(control, signal.SIGSTOP)
    home.says(AT_MOBILE)
    home.run("here", "--person", "ana", "--at", "desk", "--until", "1h")
    home.run("here", "--person", "ana", "--clear")
    os.kill(control, signal.SIGCONT)
    home.until(lambda: waiting(home.spool) == [])
    assert home.whereabouts()["override"] is None
    assert home.rings() == DESK
    assert '"whereabouts superseded"' in home.logged()


def test_what_cannot_be_kept_is_not_said_to_be_heard(home: HereHome) -> None:
    home.spool.parent.mkdir(parents=True)
    home.spool.write_text("no directory")
    home.serve()
    assert home.place(AT_MOBILE, MOBILE) == BARRED
    home.until(lambda: home.metric("vnroute_here_failed_total") == 1)
    assert "whereabouts not kept; the call goes on to the next step" in home.logged()
    home.spool.unlink()
    home.says(AT_MOBILE)
    home.follows(MOBILE)


def test_a_full_disk_loses_no_call_and_leaves_nothing_behind(home: HereHome) -> None:
    home.serve()
    worker = home.children()["worker"]
    before = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    # No file may grow any more: what is written to a full disk ends like this as well.
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, before[1]))
    for _ in range(3):
        assert home.place(AT_MOBILE, MOBILE) == BARRED
    assert home.rings() == DESK
    assert list(home.spool.iterdir()) == []
    resource.prlimit(worker, resource.RLIMIT_FSIZE, before)
    home.until(lambda: home.metric("vnroute_here_failed_total") == 3)
    home.says(AT_MOBILE)
    home.follows(MOBILE)


def test_a_spool_that_nobody_reads_is_bounded(home: HereHome) -> None:
    home.serve()
    control = home.children()["control"]
    os.kill(control, signal.SIGSTOP)
    said = Said(person="ana", at="desk", caller=MOBILE, number=AT_DESK, time=1.0)
    first = keep(home.spool, said)
    for place in range(MOST_WAITING - 1):
        (home.spool / f"{place:017}-1-1.json").write_bytes(first.read_bytes())
    assert home.place(AT_MOBILE, MOBILE) == BARRED
    os.kill(control, signal.SIGCONT)


def test_without_a_control_process_nobody_is_told_that_he_was_heard(home: HereHome) -> None:
    home.environment["VNROUTE_CONTROL_PORT"] = "0"
    home.serve(wait=False)
    home.until(lambda: _answers(home))
    assert home.place(AT_MOBILE, MOBILE) == BARRED
    home.until(lambda: "no control process takes it" in home.logged())
    assert not home.spool.exists()


def _answers(home: HereHome) -> bool:
    try:
        return home.rings() == DESK
    except ConnectionRefusedError:
        return False


def test_the_simulator_hears_the_tone_and_a_stranger_gets_403(home: HereHome) -> None:
    home.serve()

    def record(number: str, caller: str) -> dict[str, Any]:
        callers, records = home.path.parent / "callers", home.path.parent / "records"
        callers.write_text(f"{caller},Ana\n")
        subprocess.run(
            [sys.executable, "-m", "vnroute.cli", "simulate", number.removeprefix("+"), "--calls",
             "1", "--json", "--host", "127.0.0.1", "--port", str(home.port), "--callers",
             str(callers), "--records", str(records)],
            env=home.environment, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(records.read_text().splitlines()[0])
        return found

    stranger = record(AT_MOBILE, STRANGER)
    assert stranger["final_sip"] == 403
    known = record(AT_MOBILE, MOBILE)
    assert (known["final_sip"], known["final_cause"]) == (200, "NORMAL_CLEARING")
    assert known.get("legs", []) == []
    home.follows(MOBILE)
    (leg,) = record(ANA, STRANGER)["legs"]
    assert "+" + leg["number"] == MOBILE
    assert record(SCHEDULE, "anonymous")["final_sip"] == 403
    assert record(SCHEDULE, MOBILE)["final_sip"] == 200
    home.follows(DESK)
    (leg,) = record(ANA, STRANGER)["legs"]
    assert "+" + leg["number"] == DESK
