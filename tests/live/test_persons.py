"""Persons: calls go where somebody says he is, else where his schedule says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.live.test_overrides import NOON, House
from tests.support.images import MONDAY_NOON_IN_NEW_YORK
from vnroute.importing import Input, load
from vnroute.live.here import whereabouts
from vnroute.live.overrides import clear_override
from vnroute.model import FieldError, RoutingDataError

ROUTES = """\
accounts:
  - {id: acme, time_zone: America/New_York, allow: ["+1"]}
  - {id: other}
schedules:
  - id: bens-week
    account: acme
    rules: [{days: mon-fri, hours: "09:00-17:00", state: office}]
    otherwise: home
persons:
  - id: ana
    account: acme
    name: Ana Alvarez
    places:
      mobile: "+19175550123"
      desk: {to: "user:1001@pbx.example", seconds: 12}
      away: plan:night
      shared: "+18005550002"
    place: mobile
  - id: ben
    account: acme
    places: {office: "+12125550100", home: "+12125550199"}
    schedule: bens-week
plans:
  - id: main
    account: acme
    steps: [{ring: ["person:ana"], seconds: 20, show: did}, {ring: ["person:ben"]}, {hangup: relay}]
  - id: night
    account: acme
    steps: [{ring: ["+13105550100"]}, {hangup: NO_ANSWER}]
  - id: turns
    account: acme
    steps: [{ring: ["person:ana", "person:ben"], how: rotate}, {hangup: relay}]
numbers:
  - {number: "+18005550001", account: acme, plan: main}
  - {number: "+18005550002", account: acme, plan: night}
  - {number: "+18005550003", account: acme, plan: turns}
carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}]
"""
GW = "sofia/gateway/gwA/"
BEN_OFFICE, BEN_HOME = GW + "12125550100", GW + "12125550199"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, ROUTES)
    yield made
    made.store.close()


def test_a_person_is_rung_where_the_routing_data_says(house: House) -> None:
    assert house.explain("+18005550001").plan == "main"
    assert house.rung("+18005550001") == [GW + "19175550123", BEN_OFFICE]
    assert house.rung("+18005550001", MONDAY_NOON_IN_NEW_YORK + 6 * 3600)[1] == BEN_HOME
    assert sorted(house.rung("+18005550003")) == [BEN_OFFICE, GW + "19175550123"]


@pytest.mark.parametrize(
    ("place", "rung"),
    [
        ("mobile", GW + "19175550123"),
        ("desk", "user/1001@pbx.example"),
        ("away", GW + "13105550100"),
        ("shared", GW + "13105550100"),
    ],
)
def test_calls_follow_where_a_person_says_to_be(house: House, place: str, rung: str) -> None:
    house.set("person", "ana", NOON + timedelta(hours=1), state=place)
    told = house.explain("+18005550001")
    assert house.rung("+18005550001") == [rung, BEN_OFFICE]
    assert [(s.id, s.state, s.set_by_hand) for s in told.schedules] == [
        ("person:ana", place, True), ("person:ben", "office", False)
    ]  # fmt: skip
    assert house.rung("+18005550001", MONDAY_NOON_IN_NEW_YORK + 3600)[0] == GW + "19175550123"
    assert whereabouts(house.store, "ana", NOON).place == place
    assert clear_override(house.store, house.page, "person", "ana") is not None
    assert house.rung("+18005550001")[0] == GW + "19175550123"


def test_a_place_has_its_own_seconds_and_the_rest_from_the_step(house: House) -> None:
    house.set("person", "ana", state="desk")
    first = house.explain("+18005550001").steps[0].targets[0]
    assert (first.seconds, first.show) == (12, "did")
    assert house.explain("+18005550001").steps[1].targets[0].seconds == 25


def test_where_a_person_is_without_saying(house: House) -> None:
    noon, night = NOON, NOON + timedelta(hours=8)
    assert whereabouts(house.store, "ana", noon).to == "+19175550123"
    assert whereabouts(house.store, "ben", noon).place == "office"
    assert whereabouts(house.store, "ben", night).place == "home"
    assert whereabouts(house.store, "ben", noon).schedule == "bens-week"
    with pytest.raises(FieldError, match="did you mean ben"):
        whereabouts(house.store, "bem", datetime.now(UTC))


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [("ana", "moon", "one of the places: mobile, desk, away, shared"),
     ("anna", "mobile", "did you mean ana")],
)  # fmt: skip
def test_nobody_is_where_there_is_no_such_place(
    house: House, name: str, place: str, said: str
) -> None:
    with pytest.raises(FieldError) as error:
        house.set("person", name, state=place)
    assert said in str(error.value)
    assert house.page.items() == []


def test_a_diversion_that_a_persons_place_would_close_to_a_loop_is_refused(house: House) -> None:
    with pytest.raises(FieldError, match="a forwarding loop"):
        house.set("number", "+18005550002", to="+18005550001")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("place: mobile", "place: moon", "one of the places"),
        ("place: mobile", "place: mobile\n    schedule: bens-week", "both of place and schedule"),
        ("schedule: bens-week", "schedule: bens-weak", "did you mean bens-week"),
        ("otherwise: home", "otherwise: beach", "the state 'beach'"),
        ('mobile: "+19175550123"', 'mobile: "+34911234567"', "allows: +1"),
        ('mobile: "+19175550123"', 'mobile: "+19005550123"', "allow_premium"),
        ('mobile: "+19175550123"', "mobile: person:ben", "no other person"),
        ("away: plan:night", "away: plan:nigth", "did you mean night"),
        ("away: plan:night", "away: plan:main", "a forwarding loop"),
        ('shared: "+18005550002"', 'shared: "+18005550001"', "a forwarding loop"),
        ('ring: ["person:ana"]', 'ring: ["person:anna"]', "did you mean ana"),
        ("how: rotate", "how: together", "no person among"),
        ("id: ana\n    account: acme", "id: ana\n    account: other", "a person of the account"),
    ],
)
def test_persons_that_cannot_be_are_refused_with_place_and_meaning(
    house: House, before: str, after: str, said: str
) -> None:
    assert before in ROUTES
    path = house.home / "routes.yaml"
    path.write_text(ROUTES.replace(before, after))
    with pytest.raises(RoutingDataError) as error:
        load(house.store, [Input(str(path))])
    told = "\n".join(map(str, error.value.problems))
    assert said in told
    assert f"{path}:" in told
