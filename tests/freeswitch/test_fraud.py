"""Fraud on the real switch: records of calls block those that come, until it is lifted."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    SippCaller,
    SippCarrier,
    free_port,
    place,
    wait_until,
)
from tests.web.support import Home
from vnroute.loadtest.freeswitch import PASSWORD

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


UP_RULES = """\
rules:
  - {id: long, minutes: 1, by: country, accounts: [acme], then: block, hold: 1h, hang_up: true}
"""


def test_calls_that_are_up_count_and_are_hung_up(tmp_path: Path) -> None:
    """Twelve calls that would be up for minutes: in a good five seconds they have used one."""
    home = Home(tmp_path / "home")
    (tmp_path / "fraud.yaml").write_text(UP_RULES)
    home.environment["VNROUTE_FRAUD_RULES"] = str(tmp_path / "fraud.yaml")
    home.load(ROUTES)
    gateway = Gateway("gwA", free_port())
    url = f"http://127.0.0.1:{home.control_port}/cdr"
    try:
        with (
            FreeSwitch([f"127.0.0.1:{home.port}"], [gateway], cdr=url) as switch,
            SippCarrier.answers(gateway),
        ):
            (tmp_path / "vnroute.toml").write_text(
                f'[[switches]]\nname = "fs1"\naddress = "127.0.0.1:{switch.control_port}"\n'
                f'password = "{PASSWORD}"\n'
            )
            home.environment["VNROUTE_CONFIG"] = str(tmp_path / "vnroute.toml")
            home.serve()
            home.until(lambda: metric(home, 'fraud_calls_up_failing{switch="fs1"}') == 0)
            with (
                SippCaller(switch.address, [MINE], calls=12, rate=12, hold_ms=120_000) as mine,
                SippCaller(switch.address, [OTHERS], calls=2, hold_ms=45_000) as others,
            ):
                wait_until("they count", lambda: metric(home, CALLS_UP) == 14, 20)
                wait_until("the block", lambda: blocks(home) == ["acme:GB"], 40)
                wait_until("they are hung up", lambda: metric(home, CALLS_UP) == 2, 20)
                placed = mine.wait(20)
                assert placed.codes() == {200: 12}
                assert all(call.bye_received for call in placed.calls)
                assert place(switch.address, [MINE]).codes() == {403: 1}
                assert others.wait(90).codes() == {200: 2}
                assert not any(call.bye_received for call in others.placed().calls)
            # Their records came, and add no hit to that of the calls that were up.
            wait_until("all are judged", lambda: judged(home) == 15, 20)
            told = json.loads(home.run("fraud", "list", "--json").stdout)
            (hit,) = told["hits"]
            assert (hit["rule"], hit["calls_up"], hit["ended"]) == ("long", 12, None)
            assert metric(home, "fraud_hung_up_total") == 12
            rows = csv.DictReader(home.run("cdr", "export").stdout.splitlines())
            causes = [row["cause"] for row in rows]
            assert causes.count("OUTGOING_CALL_BARRED") == 13
            # The switch goes away: nothing is known of its calls, and that is told.
            switch.stop()
            wait_until("it is told", lambda: metric(home, FAILING) == 1, 20)
            assert "only when they have ended" in home.logged()
    finally:
        home.close()


CALLS_UP = 'fraud_calls_up{switch="fs1"}'
FAILING = 'fraud_calls_up_failing{switch="fs1"}'


def metric(home: Home, name: str) -> float:
    told = home.get("/metrics")[1].partition(f"\nvnroute_{name} ")[2].partition("\n")[0]
    return float(told or -1)


def blocks(home: Home) -> list[str]:
    told = json.loads(home.run("fraud", "list", "--json").stdout)
    return [block["id"] for block in told["blocks"]]


def judged(home: Home) -> int:
    metrics = home.get("/metrics")[1]
    return int(float(metrics.partition("\nvnroute_fraud_judged_total ")[2].partition("\n")[0]))
