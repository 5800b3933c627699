"""Fraud on the real switch: records of calls block those that come, until it is lifted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    SippCarrier,
    free_port,
    place,
    wait_until,
)
from tests.web.support import Home

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]

MINE, OTHERS = "+18005551201", "+18005551202"
ROUTES = f"""
accounts: [{{id: acme}}, {{id: other}}]
carriers: [{{id: alpha, gateways: [{{id: alpha-1, gateway: gwA}}]}}]
plans:
  - {{id: far, account: acme, steps: [{{ring: ["+442079460123"]}}, {{hangup: relay}}]}}
  - {{id: too, account: other, steps: [{{ring: ["+442079460124"]}}, {{hangup: relay}}]}}
numbers:
  - {{number: "{MINE}", account: acme, plan: far}}
  - {{number: "{OTHERS}", account: other, plan: too}}
rates: [{{prefix: "+44", carrier: alpha, rate: "0.01"}}]
"""
RULES = "rules:\n  - {id: often, calls: 3, by: country, then: block, hold: 1h}\n"


def test_calls_are_blocked_by_their_records_and_lifted(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (tmp_path / "fraud.yaml").write_text(RULES)
    home.environment["VNROUTE_FRAUD_RULES"] = str(tmp_path / "fraud.yaml")
    home.load(ROUTES)
    home.serve()
    gateway = Gateway("gwA", free_port())
    url = f"http://127.0.0.1:{home.control_port}/cdr"
    try:
        with (
            FreeSwitch([f"127.0.0.1:{home.port}"], [gateway], cdr=url) as switch,
            SippCarrier.answers(gateway) as carrier,
        ):
            home.until(lambda: 'vnroute_fraud_hits_total{rule="often"' in home.get("/metrics")[1])
            assert place(switch.address, [MINE], calls=4).codes() == {200: 4}
            wait_until("the block", lambda: blocks(home) == ["acme:GB"], 20)
            assert place(switch.address, [MINE], calls=3).codes() == {403: 3}
            assert place(switch.address, [OTHERS]).codes() == {200: 1}
            assert carrier.count() == 5
            home.run("fraud", "lift", "acme:GB")
            assert place(switch.address, [MINE]).codes() == {200: 1}
            wait_until("all are judged", lambda: judged(home) == 9, 20)
            assert blocks(home) == []
    finally:
        home.close()


def blocks(home: Home) -> list[str]:
    told = json.loads(home.run("fraud", "list", "--json").stdout)
    return [block["id"] for block in told["blocks"]]


def judged(home: Home) -> int:
    metrics = home.get("/metrics")[1]
    return int(float(metrics.partition("\nvnroute_fraud_judged_total ")[2].partition("\n")[0]))
