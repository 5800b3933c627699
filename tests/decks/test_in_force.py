"""Decks as carriers send them, up to the carriers that a call is tried by."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from vnroute.compiler import build_generation
from vnroute.decks.importing import DeckOptions, import_deck
from vnroute.decks.reading import ReadingOptions
from vnroute.decks.tables import opened_table
from vnroute.importing import Input, load
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import explain
from vnroute.matcher.image import RouteImage
from vnroute.store import open_store

ROUTING = """\
accounts: [{id: acme, time_zone: UTC}]
lists:
  - {id: eu, callers: ["+33*", "+34*", "+49*"]}
schedules:
  - {id: peak, time_zone: UTC, open: [{days: mon-fri, hours: "08:00-20:00"}]}
carriers:
  - {id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}
  - {id: beta, gateways: [{id: beta-1, gateway: gwB}]}
plans: [{id: p, account: acme, steps: [{ring: ["+442079460123"]}, {hangup: relay}]}]
numbers: [{number: "+18005551234", account: acme, plan: p}]
"""
TUESDAY_NOON, TUESDAY_NIGHT = 1_795_521_600, 1_795_564_000


def tried(folder: Path, alpha: str, caller: str, moment: int, **mapping: str) -> list[str]:
    """Import alpha's deck beside a flat one of beta's; return the carriers a call is tried by."""
    (folder / "routing.yaml").write_text(ROUTING)
    store = open_store(str(folder / "home"), create=True)
    load(store, [Input(str(folder / "routing.yaml"))], replace=True)
    for carrier, text, given in (
        ("alpha", alpha, mapping),
        ("beta", "prefix,rate\n44,0.03\n", {}),
    ):
        (folder / "deck.csv").write_text(text)
        with opened_table(str(folder / "deck.csv")) as table:
            options = DeckOptions(owner=carrier, reading=ReadingOptions(mapping=given))
            import_deck(store, table, options, now=int(time.time()))
    with store.snapshot() as reading:
        built = build_generation(reading, folder / "images", horizon_years=3, max_attempts=6)
    store.close()
    found = explain(Matcher(RouteImage(built.path)), "18005551234", caller, moment)
    return [leg.carrier for step in found.steps for to in step.targets for leg in to.legs]


@pytest.mark.parametrize(
    ("caller", "wanted"),
    [
        ("4930123456", ["alpha", "beta"]),
        ("33123456789", ["alpha", "beta"]),
        ("12125550100", ["beta", "alpha"]),
        ("", ["beta", "alpha"]),  # nobody knows who calls: the dearer counts
    ],
)
@pytest.mark.parametrize("layout", ["columns", "rows"])
def test_callers_from_the_eu_have_its_rates(
    tmp_path: Path, layout: str, caller: str, wanted: list[str]
) -> None:
    if layout == "rows":
        text, mapping = "prefix,rate,origin\n44,0.01,eu\n44,0.05,\n", {}
    else:
        text = "Code,EU,Rest\n44,0.01,0.05\n"
        mapping = {"prefix": "Code", "rate.eu": "EU", "rate": "Rest"}
    assert tried(tmp_path, text, caller, TUESDAY_NOON, **mapping) == wanted


def test_rates_by_the_time_of_day(tmp_path: Path) -> None:
    text = "Code,Peak,Off\n44,0.05,0.01\n"
    mapping = {"prefix": "Code", "rate@peak:open": "Peak", "rate@peak:closed": "Off"}
    assert tried(tmp_path, text, "4930123456", TUESDAY_NOON, **mapping) == ["beta", "alpha"]
    assert tried(tmp_path, text, "4930123456", TUESDAY_NIGHT, **mapping) == ["alpha", "beta"]
