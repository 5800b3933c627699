"""A running vnroute that watches for fraud: by the shell and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.support import record
from tests.web.support import Home

RULES = "rules:\n  - {id: often, calls: 2, window: 1h, then: block, hold: 2h, by: number}\n"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    (tmp_path / "fraud.yaml").write_text(RULES)
    made.environment["VNROUTE_FRAUD_RULES"] = str(tmp_path / "fraud.yaml")
    made.load()
    try:
        yield made
    finally:
        made.close()


def test_hits_are_listed_and_lifted(home: Home, tmp_path: Path) -> None:
    home.serve()
    home.until(lambda: 'vnroute_fraud_hits_total{rule="often"' in home.get("/metrics")[1])
    for _ in range(3):
        home.until(lambda: home.post(record(account="acme"))[0] == 200)
    line = 'vnroute_fraud_hits_total{rule="often",then="block"} 1.0'
    home.until(lambda: line in home.get("/metrics")[1])
    told = json.loads(home.run("fraud", "list", "--json").stdout)
    (hit,) = told["hits"]
    assert (hit["rule"], hit["account"], hit["to"]) == ("often", "acme", "+12125550100")
    assert hit["did"] == "blocked: acme:+12125550100 for 2h"
    assert [block["id"] for block in told["blocks"]] == ["acme:+12125550100"]
    assert "3 calls in 1h, 2 calls allowed" in home.run("fraud", "list").stdout
    assert "lifted: calls of account acme" in home.run("fraud", "lift", "acme:+12125550100").stdout
    assert json.loads(home.run("fraud", "list", "--json").stdout)["blocks"] == []
    tried = json.loads(home.run("fraud", "test", str(tmp_path / "fraud.yaml"), "--json").stdout)
    assert tried["calls"] == 3 and [one["rule"] for one in tried["hits"]] == ["often"]
