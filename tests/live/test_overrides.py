"""Overrides: checked against what is loaded, kept, and decided by with the very next call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import MONDAY_NOON_IN_NEW_YORK
from vnroute.compiler import build_generation
from vnroute.image.generations import current_image
from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage
from vnroute.importing import Input, load
from vnroute.live.overrides import clear_override, overrides_in_force, set_override, zone_of
from vnroute.live.page import fill_page, open_page
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import Explanation, applications_of, channel_data, explain
from vnroute.matcher.image import RouteImage
from vnroute.matcher.upcoming import upcoming_answers
from vnroute.model import FieldError
from vnroute.model.override import Override, parse_until
from vnroute.store import Store, open_store

NOON = datetime.fromtimestamp(MONDAY_NOON_IN_NEW_YORK, UTC)
ROUTES = """\
accounts:
  - {id: acme, time_zone: America/New_York, allow: ["+1", "+44"]}
  - {id: other}
schedules: [{id: office, open: [{days: mon-fri, hours: "09:00-17:00"}], account: acme}]
plans:
  - id: main
    account: acme
    steps: [{when: office, ring: ["+12125550100"]}, {ring: ["+19175550123"]}, {hangup: USER_BUSY}]
  - {id: night, account: acme, steps: [{ring: ["+13105550100"]}, {hangup: NO_ANSWER}]}
  - {id: to-night, account: acme, steps: [{ring: ["+18005550002"]}, {hangup: relay}]}
  - {id: theirs, account: other, steps: [{hangup: NO_ANSWER}]}
numbers:
  - {number: "+18005550001", account: acme, plan: main}
  - {number: "+18005550002", account: acme, plan: night}
  - {number: "+18005550003", account: acme, plan: to-night}
  - {number: "+18005550004", account: acme, plan: main, state: suspended}
carriers: [{id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}]
rates: [{prefix: "+1", carrier: alpha, rate: "0.01"}]
"""


class House:
    """A store, an image of it, a matcher and the page that it reads."""

    def __init__(self, home: Path, routes: str = ROUTES) -> None:
        self.home = home
        self.store: Store = open_store(str(home))
        (home / "routes.yaml").write_text(routes)
        load(self.store, [Input(str(home / "routes.yaml"))])
        self.matcher = Matcher(self.compile())
        self.page, _ = open_page(home / "state" / "state.page")
        self.matcher.use_page(StatePage.open(home / "state" / "state.page"))

    def compile(self) -> RouteImage:
        with self.store.snapshot() as reading:
            build_generation(
                reading, self.home / "images", horizon_years=1, max_attempts=6,
                now=int(MONDAY_NOON_IN_NEW_YORK),
            )  # fmt: skip
        path = current_image(self.home / "images")
        assert path is not None
        return RouteImage(path)

    def set(self, kind: Any, name: str, until: datetime | None = None, **fields: Any) -> Any:
        override = Override(kind=kind, id=name, since=NOON, until=until, **fields)
        return set_override(self.store, self.page, override)

    def explain(self, number: str, now: float = MONDAY_NOON_IN_NEW_YORK) -> Explanation:
        told = explain(self.matcher, number, "+34911234567", now)
        rung = [leg.dial for leg in _legs(told.steps)]
        assert rung == self.rung(number, now), "explain and the matcher differ"
        return told

    def rung(self, number: str, now: float = MONDAY_NOON_IN_NEW_YORK) -> list[str]:
        """The dial strings of a decision, in order."""
        applications = applications_of(
            self.matcher.decide(channel_data(number, "+34911234567"), now)
        )
        return [
            leg.rpartition("]")[2]
            for name, argument in applications
            if name == "bridge"
            for leg in argument.split("|")
        ]


def _legs(steps: Any) -> Iterator[Any]:
    for step in steps:
        for target in step.targets:
            yield from target.legs
            yield from _legs(target.steps)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


A, B, NIGHT = (
    f"sofia/gateway/gwA/1{digits}" for digits in ("2125550100", "9175550123", "3105550100")
)
X = "sofia/gateway/gwA/14155550100"


def test_a_schedule_is_what_is_set_until_it_ends(house: House) -> None:
    assert house.rung("+18005550001") == [A, B]
    house.set("schedule", "office", NOON + timedelta(hours=2), state="closed")
    told = house.explain("+18005550001")
    assert house.rung("+18005550001") == [B]
    assert told.schedules[0].set_by_hand
    assert told.schedules[0].until == MONDAY_NOON_IN_NEW_YORK + 7200
    assert house.rung("+18005550001", MONDAY_NOON_IN_NEW_YORK + 7199) == [B]
    assert house.rung("+18005550001", MONDAY_NOON_IN_NEW_YORK + 7200) == [A, B]
    answers = upcoming_answers(
        house.matcher, "+18005550001", "", MONDAY_NOON_IN_NEW_YORK, MONDAY_NOON_IN_NEW_YORK + 86400
    )
    assert [moment - MONDAY_NOON_IN_NEW_YORK for moment, _ in answers] == [
        0, 7200, 5 * 3600, 21 * 3600
    ]  # fmt: skip


def test_a_state_set_by_hand_survives_generations_with_other_numbers_for_it(house: House) -> None:
    house.set("schedule", "office", state="closed")
    (house.home / "routes.yaml").write_text(
        ROUTES.replace(
            'open: [{days: mon-fri, hours: "09:00-17:00"}]',
            "rules: [{state: lunch, hours: '12:00-13:00'}, {state: open, hours: '09:00-17:00'},"
            " {state: closed, hours: '17:00-18:00'}], otherwise: night",
        )
    )
    load(house.store, [Input(str(house.home / "routes.yaml"))])
    house.matcher.swap(house.compile())
    assert house.explain("+18005550001").schedules[0].state == "closed"


def test_calls_of_a_number_a_plan_and_an_account_are_diverted(house: House) -> None:
    house.set("account", "acme", to="+14155550100")
    assert house.rung("+18005550001") == house.rung("+18005550002") == [X]
    house.set("plan", "main", to="plan:night")
    assert house.rung("+18005550001") == [NIGHT]
    assert house.rung("+18005550002") == [X]
    house.set("number", "+18005550001", to="+13125550100", seconds=7)
    assert house.rung("+18005550001") == ["sofia/gateway/gwA/13125550100"]
    reply = house.matcher.decide(channel_data("+18005550001", ""), MONDAY_NOON_IN_NEW_YORK)
    assert b"{leg_timeout=7}" in reply
    assert b";vn_diverted=true" in reply
    told = house.explain("+18005550001")
    assert [(d.kind, d.to) for d in told.diversions] == [("number", "+13125550100")]
    assert told.steps[-1].cause == "relay"
    assert clear_override(house.store, house.page, "number", "+18005550001") is not None
    assert clear_override(house.store, house.page, "number", "+18005550001") is None
    assert house.rung("+18005550001") == [NIGHT]


def test_a_diversion_to_one_of_our_numbers_follows_that_number(house: House) -> None:
    house.set("number", "+18005550001", to="+18005550003")
    assert house.explain("+18005550001").plan == "main"
    assert house.rung("+18005550001") == [NIGHT]
    house.set("number", "+18005550002", NOON + timedelta(hours=1), to="+14155550100")
    assert house.rung("+18005550001") == [X]
    assert house.rung("+18005550003") == [X]
    assert house.rung("+18005550001", MONDAY_NOON_IN_NEW_YORK + 3600) == [NIGHT]


def test_nothing_rings_where_the_number_diverted_to_is_suspended(house: House) -> None:
    house.set("number", "+18005550001", to="+18005550004")
    told = house.explain("+18005550001")
    assert house.rung("+18005550001") == []
    assert [step.cause for step in told.steps] == ["relay"]


def test_an_account_may_divert_to_a_number_of_its_own(house: House) -> None:
    house.set("account", "acme", to="+18005550002")
    assert house.rung("+18005550001") == [NIGHT]
    assert house.rung("+18005550002") == [NIGHT]


@pytest.mark.parametrize(
    ("kind", "name", "fields", "said"),
    [
        ("schedule", "ofice", {"state": "closed"}, "did you mean office"),
        ("schedule", "office", {"state": "shut"}, "one of its states: closed, open"),
        ("schedule", "office", {"to": "+12125550100"}, "diverts no calls"),
        ("number", "+18005559999", {"to": "+12125550100"}, "a number of ours"),
        ("number", "+18005550001", {"to": "+34911234567"}, "allows: +1, +44"),
        ("number", "+18005550001", {"to": "+19005550100"}, "premium"),
        ("number", "+18005550001", {"to": "sip:a@b"}, "E.164 number or"),
        ("number", "+18005550001", {"to": ""}, "E.164 number"),
        ("number", "+18005550001", {"state": "closed"}, "calls are diverted"),
        ("number", "+18005550001", {"to": "plan:theirs"}, "a plan of the account 'acme'"),
        ("number", "+18005550001", {"to": "+18005550001"}, "a forwarding loop"),
        ("plan", "night", {"to": "+18005550003"}, "a forwarding loop"),
        ("plan", "main", {"to": "plan:main"}, "a forwarding loop"),
        ("number", "+18005550002", {"to": "plan:to-night"}, "a forwarding loop"),
        ("plan", "nite", {"to": "plan:main"}, "did you mean night"),
        ("account", "nobody", {"to": "+12125550100"}, "an account that is loaded"),
        ("account", "acme", {"to": "+12125550100", "seconds": 0}, "1 to 600"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    house: House, kind: str, name: str, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(FieldError) as error:
        house.set(kind, name, **fields)
    assert said in str(error.value)
    assert house.store.overrides() == []
    assert house.page.items() == []


def test_a_loop_over_two_overrides_is_refused(house: House) -> None:
    house.set("number", "+18005550001", NOON + timedelta(hours=1), to="+18005550003")
    with pytest.raises(FieldError, match="a forwarding loop"):
        house.set("number", "+18005550002", to="+18005550001")
    later = Override(
        kind="number", id="+18005550002", to="+18005550001", since=NOON + timedelta(hours=1)
    )
    set_override(house.store, house.page, later)  # the first is over by then
    assert [each.id for each in house.store.overrides()] == ["+18005550002"]


def test_what_a_page_says_of_loops_ends_all_the_same(house: House) -> None:
    """A load after an override may close a circle that nobody saw."""
    house.page.put(Kind.DIVERT_NUMBER, "+18005550001", 0, 25, 0, 18005550002)
    house.page.put(Kind.DIVERT_NUMBER, "+18005550002", 0, 25, 0, 18005550001)
    assert house.explain("+18005550001").steps


@pytest.mark.parametrize("more", [0, 1, 2**64 - 1, 10**15, 10**15 - 1])
@pytest.mark.parametrize("value", [0, 1, 7])
def test_a_page_that_says_nonsense_breaks_no_call(house: House, value: int, more: int) -> None:
    house.page.put(Kind.DIVERT_NUMBER, "+18005550001", value, 0, 0, more)
    house.page.put(Kind.SCHEDULE, "office", value, 0, 0, more)
    reply = house.matcher.decide(channel_data("+18005550001", ""), MONDAY_NOON_IN_NEW_YORK)
    assert reply.endswith(b"\n\nexit\n\n")


def test_a_page_made_anew_is_filled_from_the_store(house: House) -> None:
    house.set("schedule", "office", state="closed")
    house.set("account", "other", NOON + timedelta(hours=1), to="plan:theirs")
    assert len(overrides_in_force(house.store, NOON)) == 2
    path = Path(house.page.path)
    path.write_bytes(b"torn")
    page, why = open_page(path)
    assert "too short" in why
    fill_page(page, house.store.overrides(), MONDAY_NOON_IN_NEW_YORK + 3600)
    assert [item.kind for item in page.items()] == [Kind.SCHEDULE]


@pytest.mark.parametrize(
    ("text", "zone", "now", "until"),
    [
        ("14:00", "America/New_York", "2026-11-23T12:00-05:00", "2026-11-23T14:00-05:00"),
        ("14:00", "America/New_York", "2026-11-23T14:00-05:00", "2026-11-24T14:00-05:00"),
        ("02:30", "America/New_York", "2026-03-07T22:00-05:00", "2026-03-08T03:30-04:00"),
        ("01:30", "America/New_York", "2026-10-31T22:00-04:00", "2026-11-01T01:30-04:00"),
        ("9:00", "America/New_York", "2026-03-07T22:00-05:00", "2026-03-08T09:00-04:00"),
        ("2026-12-01T08:00", "Asia/Kolkata", "2026-11-23T12:00Z", "2026-12-01T08:00+05:30"),
        ("2026-12-01", "Asia/Kolkata", "2026-11-23T12:00Z", "2026-12-01T00:00+05:30"),
        ("2026-12-01T08:00+01:00", "Asia/Kolkata", "2026-11-23T12:00Z", "2026-12-01T07:00Z"),
        ("90m", "UTC", "2026-11-23T12:00Z", "2026-11-23T13:30Z"),
        ("3 d", "UTC", "2026-11-23T12:00Z", "2026-11-26T12:00Z"),
    ],
)
def test_an_end_is_read_on_the_clock_there(text: str, zone: str, now: str, until: str) -> None:
    at = datetime.fromisoformat(now).astimezone(UTC)
    assert parse_until(text, zone, at) == datetime.fromisoformat(until)


@pytest.mark.parametrize(
    "text", ["25:00", "noon", "2020-01-01T00:00", "", "0m", "9999-12-31T23:59"]
)
def test_what_is_no_time_to_come_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        parse_until(text, "America/New_York", NOON)


def test_times_are_those_of_the_schedule_or_the_account(house: House) -> None:
    for kind, name in (("schedule", "office"), ("number", "+18005550001"), ("plan", "main"),
                       ("account", "acme")):  # fmt: skip
        assert zone_of(house.store, kind, name) == "America/New_York"
    assert zone_of(house.store, "account", "other") == "UTC"
