"""The example of a personal number: what each phone says, and where calls go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_route import Home

EXAMPLE = Path(__file__).parents[2] / "docs/examples/personal-number.yaml"
NOON = "2026-11-23T12:00-05:00"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("personal") / "home")
    made.load(EXAMPLE.read_text())
    return made


def steps(home: Home, number: str, caller: str) -> list[dict[str, Any]]:
    told = json.loads(home.run("route", number, "--from", caller, "--at", NOON, "--json").stdout)
    return list(told["steps"])


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+18005550101", "ana:mobile:18:00"),
        ("+18005550102", "ana:home:8h"),
        ("+18005550103", "ana"),
    ],
)
@pytest.mark.parametrize("phone", ["+19175550123", "+12125550199", "+12125550101"])
def test_each_of_her_phones_says_it(home: Home, number: str, said: str, phone: str) -> None:
    (step,) = steps(home, number, phone)
    assert (step["kind"], step["said"]) == ("here", said)
    (step,) = steps(home, number, "+34911234567")
    assert step["cause"] == "INCOMING_CALL_BARRED"


def test_calls_go_where_she_is(home: Home) -> None:
    assert (
        steps(home, "+18005550100", "+34911234567")[0]["targets"][0]["to"]
        == "user/1001@pbx.example"
    )
    home.run("here", "--person", "ana", "--at", "home")
    assert steps(home, "+18005550100", "+34911234567")[0]["targets"][0]["to"] == "+12125550199"
