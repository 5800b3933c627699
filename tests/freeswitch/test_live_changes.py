"""Overrides, numbers and persons changed while calls run on the real switch.

Each call that is begun a fifth of a second after a command goes by it, and none is lost.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.freeswitch.harness import FreeSwitch, Gateway, SippCaller, SippCarrier, free_port
from tests.freeswitch.test_main_job import Node, vnroute

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]

NUMBER = "+18005552100"
RATE = 20
IN_FORCE = 0.2
"""Seconds from the end of the command to the call that must go by it."""

ROUTING = f"""
accounts: [{{id: acme}}]
persons:
  - id: ana
    account: acme
    place: desk
    places: {{desk: "gateway:gwA/1", home: "gateway:gwB/1"}}
plans:
  - id: day
    account: acme
    steps: [{{ring: ["gateway:gwA/1"]}}, {{hangup: relay}}]
  - id: night
    account: acme
    steps: [{{ring: ["gateway:gwB/1"]}}, {{hangup: relay}}]
  - id: hers
    account: acme
    steps: [{{ring: ["person:ana"]}}, {{hangup: relay}}]
numbers: [{{number: "{NUMBER}", account: acme, plan: day}}]
"""

CHANGES = (
    (("override", "set", "number", NUMBER, "--to", "plan:night"), "gwB"),
    (("override", "clear", "number", NUMBER), "gwA"),
    (("number", "set", NUMBER, "--plan", "night"), "gwB"),
    (("override", "set", "plan", "night", "--to", "plan:day"), "gwA"),
    (("override", "clear", "plan", "night"), "gwB"),
    (("number", "set", NUMBER, "--plan", "hers"), "gwA"),
    (("here", "--person", "ana", "--at", "home"), "gwB"),
    (("here", "--person", "ana", "--clear"), "gwA"),
)
"""Commands one after the other, and the gateway that calls go to from then on."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "routes.yaml").write_text(ROUTING)
    vnroute(tmp_path, "load", "routes.yaml")
    vnroute(tmp_path, "compile")
    yield tmp_path


def test_calls_follow_every_change_and_none_is_lost(
    home: Path, report: Callable[[str], None]
) -> None:
    gateways = [Gateway(name, free_port()) for name in ("gwA", "gwB")]
    callers = [(NUMBER, f"3491{n:07}") for n in range(RATE * 60)]
    with (
        SippCarrier.answers(gateways[0]) as one,
        SippCarrier.answers(gateways[1]) as two,
        Node(home) as node,
        FreeSwitch([node.address], gateways) as switch,
        SippCaller(switch.address, callers, rate=RATE, hold_ms=100) as running,
    ):
        begun: list[tuple[float, float, str]] = [(0.0, 0.0, "gwA")]
        for command, where in CHANGES:
            time.sleep(1.0)
            before = time.time()
            vnroute(home, *command)
            begun.append((before, time.time(), where))
        time.sleep(2.0)
        end = time.time()
        placed = running.placed()
        seen = {
            re.sub(r"\D", "", re.sub(r"@.*", "", invite.sender)): name
            for carrier, name in ((one, "gwA"), (two, "gwB"))
            for invite in carrier.invites()
        }
    checked = dict.fromkeys((" ".join(command) for command, _ in CHANGES), 0)
    for call in placed.calls:
        if call.sent_at > end - 0.5:
            continue  # under way when the carriers were looked at
        assert call.code == 200, call
        went = next(name for digits, name in seen.items() if digits.endswith(call.caller))
        for place, (command, where) in enumerate(CHANGES):
            _, since, _ = begun[place + 1]
            until = begun[place + 2][0] if place + 2 < len(begun) else end
            if since + IN_FORCE <= call.sent_at < until:
                assert went == where, (command, call.sent_at - since)
                checked[" ".join(command)] += 1
    for command, count in checked.items():
        report(f"{command}: {count} calls, all by it")
        assert count >= RATE * 0.5
