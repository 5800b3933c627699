"""A loop that only carriers close: they send back to us what we send to them.

Each pass could try either carrier, for either target. That would be 4 to the 69th calls; the policy
ends all hunting at the first 483.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.freeswitch.harness import FreeSwitch, Gateway, place, variable, wait_until
from tests.freeswitch.test_main_job import Node, vnroute
from vnroute.image.generations import current_image
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import channel_data
from vnroute.matcher.image import RouteImage

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]

NUMBER = "+12025550100"
ROUTING = f"""
accounts: [{{id: acme}}]
carriers:
  - {{id: back, gateways: [{{id: back-1, gateway: gwBack, format: "1{{e164_digits}}"}}]}}
  - {{id: again, gateways: [{{id: again-1, gateway: gwBack, format: "1{{e164_digits}}"}}]}}
policies:
  - id: loops
    hunt: {{EXCHANGE_ROUTING_ERROR: stop}}
    advance: {{EXCHANGE_ROUTING_ERROR: stop}}
plans:
  - id: round
    account: acme
    policy: loops
    steps: [{{ring: ["+2025550100", "+2025550100"]}}, {{hangup: relay}}]
numbers: [{{number: "{NUMBER}", account: acme, plan: round}}]
"""


def passes(home: Path) -> int:
    """Return how often vnroute sends the call on, by the matcher, if each hop counts down once."""
    path = current_image(home / "images")
    assert path is not None
    matcher = Matcher(RouteImage(path))
    for forwards in range(70, -1, -1):
        block = channel_data(NUMBER, "+34911234567").decode()
        block = block.replace("max_forwards: 70", f"max_forwards: {forwards}")
        if b"vn_refused=too_many_hops" in matcher.decide(block.encode(), time.time()):
            return 70 - forwards
    raise AssertionError("round and round")


def test_a_loop_through_a_carrier_ends_with_483(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTING)
    vnroute(tmp_path, "load", "routes.yaml")
    vnroute(tmp_path, "compile")
    wanted = passes(tmp_path)
    with Node(tmp_path) as node:
        switch = FreeSwitch([node.address], [Gateway("gwBack", 1)])
        gateways = switch.conf / "sip_profiles" / "vnroute" / "loadtest.xml"
        text = gateways.read_text()
        assert f"{switch.host}:1" in text
        gateways.write_text(text.replace(f"{switch.host}:1", f"{switch.host}:{switch.sip_port}"))
        with switch:
            placed = place(switch.address, [(NUMBER, "34911234567")], give_up_ms=20_000)
            switch.wait_idle(30)
            wait_until("the records", lambda: len(switch.cdrs()) > wanted, 20)
            records = switch.cdrs()
        refused = [variable(record, "vn_refused") for record in records]
        causes = {variable(record, "hangup_cause") for record in records}
        report(f"{placed.summary()}; {len(records)} passes, of which {wanted} were sent on")
        report(f"causes {sorted(map(str, causes))}")
        assert len(records) == wanted + 1
        assert refused.count("too_many_hops") == 1
        assert placed.code() == 483
        wait_until("the log", lambda: "forwarded too often" in log(node), 10)
    (line,) = [line for line in log(node).splitlines() if "forwarded too often" in line]
    report(line)
    assert "12025550100" in line


def log(node: Node) -> str:
    """Return what the node has said so far."""
    return "".join(path.read_text(errors="replace") for path in sorted(node.home.glob("*.out")))
