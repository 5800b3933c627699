"""A known phone says where somebody is, on the real switch: the tone, and the calls after it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    SippCarrier,
    free_port,
    place,
    variable,
    wait_until,
)
from tests.freeswitch.test_main_job import Node, vnroute
from vnroute.here_spool import waiting

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]

MOBILE, STRANGER = "19175550123", "34911234567"
ANA, AT_HOME, SCHEDULE = (f"+1800555{n}" for n in (2300, 2301, 2302))
ROUTING = f"""
accounts: [{{id: acme, trust_ani: true}}]
persons:
  - id: ana
    account: acme
    place: desk
    phones: ["+{MOBILE}"]
    places: {{desk: "gateway:gwA/1", home: "gateway:gwB/1"}}
plans:
  - {{id: hers, account: acme, steps: [{{ring: ["person:ana"]}}, {{hangup: relay}}]}}
  - id: at-home
    account: acme
    steps: [{{here: {{person: ana, at: home, until: 8h}}}}, {{hangup: INCOMING_CALL_BARRED}}]
  - id: by-schedule
    account: acme
    steps: [{{here: {{person: ana, clear: true}}}}, {{hangup: INCOMING_CALL_BARRED}}]
numbers:
  - {{number: "{ANA}", account: acme, plan: hers}}
  - {{number: "{AT_HOME}", account: acme, plan: at-home}}
  - {{number: "{SCHEDULE}", account: acme, plan: by-schedule}}
"""
CALLS = 5


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "vnroute.toml").write_text(f"[control]\nport = {free_port()}\n")
    (tmp_path / "routes.yaml").write_text(ROUTING)
    vnroute(tmp_path, "load", "routes.yaml")
    vnroute(tmp_path, "compile")
    yield tmp_path


def whereabouts(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(vnroute(home, "here", "--person", "ana", "--json"))
    return found


def test_a_known_phone_hears_a_tone_and_calls_follow(
    home: Path, report: Callable[[str], None]
) -> None:
    gateways = [Gateway(name, free_port()) for name in ("gwA", "gwB")]
    with ExitStack() as stack:
        desk, at_home = (stack.enter_context(SippCarrier.answers(one)) for one in gateways)
        node = stack.enter_context(Node(home))
        switch = stack.enter_context(FreeSwitch([node.address], gateways))

        def went() -> tuple[int, int]:
            """Place a call to ana; return how many INVITEs each place has had."""
            assert place(switch.address, [(ANA, STRANGER)]).code() == 200
            return desk.count(), at_home.count()

        def says(number: str) -> float:
            """Call as ana does; return how long after her call began calls go by it."""
            (call,) = place(switch.address, [(number, MOBILE)], hold_ms=20_000).calls
            assert (call.code, call.bye_received) == (200, True)
            return call.sent_at

        # Strangers, and one who withholds the very number that is known, get 403.
        assert went() == (1, 0)
        assert place(switch.address, [(AT_HOME, STRANGER)]).code() == 403
        withheld = place(switch.address, [(AT_HOME, MOBILE)], headers=["Privacy: id"])
        assert withheld.code() == 403
        assert place(switch.address, [(AT_HOME, "anonymous")]).code() == 403
        assert not (home / "spool" / "here").exists()
        assert went() == (2, 0)

        began = says(AT_HOME)
        wait_until("it is in force", lambda: whereabouts(home)["at"] == "home", 10)
        report(f"in force {time.time() - began:.2f} s after the INVITE, tone and command included")
        assert went() == (2, 1)
        assert "phone, call" in whereabouts(home)["override"]["by"]
        says(SCHEDULE)
        wait_until("it is in force", lambda: whereabouts(home)["at"] == "desk", 10)
        assert went() == (3, 1)

        # Where nothing can be kept she is not told that it was.
        spool = home / "spool" / "here"
        wait_until("nothing waits", lambda: waiting(spool) == [], 10)
        os.rename(spool, spool.with_name("kept"))
        spool.write_text("no directory")
        assert place(switch.address, [(AT_HOME, MOBILE)]).code() == 403
        spool.unlink()
        assert went() == (4, 1)

        switch.wait_idle(30)
        wait_until("call records", lambda: len(switch.cdrs()) >= 11, 20)
        heard = [record for record in switch.cdrs() if variable(record, "vn_here")]
        assert [variable(record, "vn_here") for record in heard] == ["ana:home:8h", "ana"]
        for record in heard:
            played = int(variable(record, "playback_ms") or 0)
            report(
                f"{variable(record, 'vn_here')}: {variable(record, 'hangup_cause')}, tone of"
                f" {played} ms, {variable(record, 'rtp_audio_out_media_packet_count')} packets"
            )
            assert variable(record, "hangup_cause") == "NORMAL_CLEARING"
            assert 350 <= played <= 600
            assert int(variable(record, "rtp_audio_out_media_packet_count") or 0) >= 15
        assert [line for line in switch.complaints() if "CRIT" in line] == []


def test_a_worker_and_the_control_process_killed_lose_nothing_that_was_heard(home: Path) -> None:
    gateways = [Gateway(name, free_port()) for name in ("gwA", "gwB")]
    with ExitStack() as stack:
        desk, at_home = (stack.enter_context(SippCarrier.answers(one)) for one in gateways)
        node = stack.enter_context(Node(home))
        switch = stack.enter_context(FreeSwitch([node.address], gateways))
        assert place(switch.address, [(AT_HOME, MOBILE)], hold_ms=20_000).code() == 200
        # Heard or on disk: it makes no difference when the whole node is killed.
        node.kill()
        node.start()
        wait_until("it is in force", lambda: whereabouts(home)["at"] == "home", 20)
        assert place(switch.address, [(ANA, STRANGER)]).code() == 200
        assert (desk.count(), at_home.count()) == (0, 1)
