"""The example of the nearest office by area code, as its customers see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_route import Home

EXAMPLE = Path(__file__).parents[2] / "docs/examples/nearest-office.yaml"
EAST, TEXAS, WEST = "+12125550100", "+12145550100", "+14155550100"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("nearest") / "home")
    made.load(EXAMPLE.read_text())
    return made


@pytest.mark.parametrize(
    ("caller", "at", "rung"),
    [
        # At noon in New York all three are open.
        ("+15125550199", "2026-11-23T12:00-05:00", [TEXAS, EAST, TEXAS, WEST]),
        ("+14155550199", "2026-11-23T12:00-05:00", [WEST, EAST, TEXAS, WEST]),
        ("+12125550199", "2026-11-23T12:00-05:00", [EAST, TEXAS, WEST]),
        ("+34911234567", "2026-11-23T12:00-05:00", [EAST, TEXAS, WEST]),
        ("anonymous", "2026-11-23T12:00-05:00", [EAST, TEXAS, WEST]),
        # At half past nine in New York it is too early for the others.
        ("+15125550199", "2026-11-23T09:30-05:00", [EAST]),
        ("+14155550199", "2026-11-23T09:30-05:00", [EAST]),
        # At seven in the evening only the west is open.
        ("+15125550199", "2026-11-23T19:30-05:00", [WEST]),
        ("+14155550199", "2026-11-23T19:30-05:00", [WEST, WEST]),
        ("+12125550199", "2026-11-22T12:00-05:00", []),
    ],
)
def test_callers_reach_the_office_nearest_to_them(
    home: Home, caller: str, at: str, rung: list[str]
) -> None:
    found = home.run("route", "+18005551234", "--from", caller, "--at", at, "--json")
    told = json.loads(found.stdout)
    targets = [target["to"] for step in told["steps"] for target in step["targets"]]
    assert targets == rung
    assert told["steps"][-1]["kind"] == "voicemail"
