"""A loop that only carriers close: they send back to us what we send to them.

Each pass could try either carrier, for either target. That would be 4 to the 69th calls; by the
built-in tables all hunting ends at the first 483 (tests/loops_table.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.freeswitch.harness import FreeSwitch, Gateway, place, variable, wait_until
from tests.freeswitch.raw_sip import RawCaller
from tests.freeswitch.test_main_job import Node, vnroute
from tests.loops_table import DOUBLING, FORMAT, LINEAR, NUMBER, TARGET, passes
from vnroute.model import Policy

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]


def routing(policy: Policy) -> str:
    """Return a routing file with a policy: two carriers, two targets, one way round."""
    gateway = f'gateway: gwBack, format: "{FORMAT}"'
    tables = "".join(
        f", {name}: {{{', '.join(f'{key}: {action}' for key, action in table.items())}}}"
        for name, table in (("hunt", policy.hunt), ("advance", policy.advance))
        if table
    )
    return f"""
accounts: [{{id: acme}}]
carriers:
  - {{id: back, gateways: [{{id: back-1, {gateway}}}]}}
  - {{id: again, gateways: [{{id: again-1, {gateway}}}]}}
policies: [{{id: {policy.id}{tables}}}]
plans:
  - id: round
    account: acme
    policy: {policy.id}
    steps: [{{ring: ["{TARGET}", "{TARGET}"]}}, {{hangup: relay}}]
numbers: [{{number: "{NUMBER}", account: acme, plan: round}}]
"""


@contextmanager
def going_round(policy: Policy, home: Path) -> Iterator[tuple[Node, FreeSwitch]]:
    """Run vnroute, and a switch whose one gateway is that switch itself."""
    (home / "routes.yaml").write_text(routing(policy))
    vnroute(home, "load", "routes.yaml")
    vnroute(home, "compile")
    with Node(home) as node:
        switch = FreeSwitch([node.address], [Gateway("gwBack", 1)])
        gateways = switch.conf / "sip_profiles" / "vnroute" / "loadtest.xml"
        text = gateways.read_text()
        assert f"{switch.host}:1" in text
        gateways.write_text(text.replace(f"{switch.host}:1", f"{switch.host}:{switch.sip_port}"))
        with switch:
            yield node, switch


@pytest.mark.parametrize("name", LINEAR)
def test_each_pass_makes_one_call_and_the_caller_gets_483(
    tmp_path: Path, report: Callable[[str], None], name: str
) -> None:
    wanted, code = passes(LINEAR[name], tmp_path)
    with going_round(LINEAR[name], tmp_path) as (node, switch):
        placed = place(switch.address, [(NUMBER, "34911234567")], give_up_ms=20_000)
        switch.wait_idle(30)
        wait_until("the records", lambda: len(switch.cdrs()) >= wanted, 20)
        records = switch.cdrs()
        refused = [variable(record, "vn_refused") for record in records]
        causes = {variable(record, "hangup_cause") for record in records}
        report(f"{placed.summary()}; {len(records)} passes; causes {sorted(map(str, causes))}")
        assert len(records) == wanted
        assert refused.count("too_many_hops") == 1
        assert placed.code() == code
        wait_until("the log", lambda: "forwarded too often" in log(node), 10)
    (line,) = [line for line in log(node).splitlines() if "forwarded too often" in line]
    report(line)
    assert "12025550100" in line


@pytest.mark.parametrize("name", DOUBLING)
def test_what_it_would_be_otherwise(
    tmp_path: Path, report: Callable[[str], None], name: str
) -> None:
    wanted, code = passes(DOUBLING[name], tmp_path, forwards=6)
    with going_round(DOUBLING[name], tmp_path) as (_, switch):
        with RawCaller(switch.address, NUMBER, "<sip:+34911234567@a>", forwards=6) as caller:
            assert caller.final.wait(30)
            switch.wait_idle(30)
            wait_until("the records", lambda: len(switch.cdrs()) >= wanted, 20)
        report(f"Max-Forwards 6: {len(switch.cdrs())} passes, {caller.code}")
        assert (len(switch.cdrs()), caller.code) == (wanted, code)


def log(node: Node) -> str:
    """Return what the node has said so far."""
    return "".join(path.read_text(errors="replace") for path in sorted(node.home.glob("*.out")))
