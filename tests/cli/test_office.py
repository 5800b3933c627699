"""docs/examples/office.yaml: 9 to 5 to the workplace, weekends to the mobile, else to voicemail.

Asked as `vnroute route … --at` does it, at moments around the changes of the clocks in New York,
London and Sydney, worked out by hand. They are in UTC, so that an offset taken for the wrong side
of a change shows.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.eventsocket.test_serve import Home
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import explain
from vnroute.matcher.image import RouteImage

EXAMPLE = Path(__file__).parents[2] / "docs/examples/office.yaml"

CITIES = {
    "new-york": ("+18005551234", "+12125550100", "+19175550123", "1000@pbx.example"),
    "london": ("+442079460123", "+442079460100", "+447700900123", "2000@pbx.example"),
    "sydney": ("+61255501234", "+61255501000", "+61491570006", "3000@pbx.example"),
}
"""Number, workplace, mobile, mailbox."""

# From each moment on, where calls go; the second before it they went elsewhere.
CHANGES = """
new-york
2026-07-02T21:00:00 voicemail   # Independence Day, a Saturday, is kept on Friday
2026-07-05T04:00:00 mobile      # Sunday
2026-10-30T13:00:00 workplace   # Friday, 09:00 EDT
2026-10-30T21:00:00 voicemail
2026-10-31T04:00:00 mobile      # Saturday
2026-11-02T05:00:00 voicemail   # Monday, 00:00 EST: the Sunday had 25 hours
2026-11-02T14:00:00 workplace   # 09:00 EST
2026-11-02T22:00:00 voicemail
2026-11-25T14:00:00 workplace   # Wednesday
2026-11-25T22:00:00 voicemail   # and through Thanksgiving
2026-11-27T14:00:00 workplace
2027-03-12T14:00:00 workplace   # Friday, 09:00 EST
2027-03-12T22:00:00 voicemail
2027-03-13T05:00:00 mobile
2027-03-15T04:00:00 voicemail   # Monday, 00:00 EDT: the Sunday had 23 hours
2027-03-15T13:00:00 workplace   # 09:00 EDT
2027-03-15T21:00:00 voicemail
london
2026-10-23T08:00:00 workplace   # Friday, 09:00 BST
2026-10-23T16:00:00 voicemail
2026-10-23T23:00:00 mobile      # Saturday, 00:00 BST
2026-10-26T00:00:00 voicemail   # Monday, 00:00 GMT
2026-10-26T09:00:00 workplace   # 09:00 GMT
2026-10-26T17:00:00 voicemail
2026-12-24T17:00:00 voicemail   # through Christmas and Boxing Day, a Saturday
2026-12-27T00:00:00 mobile      # Sunday
2026-12-28T00:00:00 voicemail   # Boxing Day is kept on Monday
2026-12-29T09:00:00 workplace
2027-03-25T09:00:00 workplace   # Thursday, 09:00 GMT
2027-03-25T17:00:00 voicemail   # through Good Friday
2027-03-27T00:00:00 mobile
2027-03-28T23:00:00 voicemail   # Easter Monday, 00:00 BST
2027-03-30T08:00:00 workplace   # Tuesday, 09:00 BST
2027-03-30T16:00:00 voicemail
sydney
2026-10-01T23:00:00 workplace   # Friday, 09:00 AEST
2026-10-02T07:00:00 voicemail
2026-10-02T14:00:00 mobile      # Saturday, 00:00 AEST
2026-10-04T13:00:00 voicemail   # Monday, 00:00 AEDT: Labour Day of New South Wales
2026-10-05T22:00:00 workplace   # Tuesday, 09:00 AEDT
2026-10-06T06:00:00 voicemail
2027-01-25T06:00:00 voicemail   # through Australia Day, a Tuesday
2027-01-26T22:00:00 workplace
2027-04-01T22:00:00 workplace   # Friday, 09:00 AEDT
2027-04-02T06:00:00 voicemail
2027-04-02T13:00:00 mobile      # Saturday, 00:00 AEDT
2027-04-04T14:00:00 voicemail   # Monday, 00:00 AEST
2027-04-04T23:00:00 workplace   # 09:00 AEST
2027-04-05T07:00:00 voicemail
"""


def cases() -> list[tuple[str, str, str]]:
    found, city = [], ""
    for line in CHANGES.split("\n"):
        words = line.partition("#")[0].split()
        if len(words) == 1:
            city = words[0]
        elif words:
            found.append((city, *words))
    return found  # type: ignore[return-value]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("office") / "home")
    made.load(EXAMPLE.read_text())
    return made


@pytest.fixture(scope="module")
def matcher(home: Home) -> Matcher:
    return Matcher(RouteImage(home.path / "images/current.vni"), seed=5)


def goes_to(matcher: Matcher, city: str, second: float) -> str:
    number, workplace, mobile, mailbox = CITIES[city]
    told = explain(matcher, number, "+34911234567", second)
    first = told.steps[0]
    if first.kind == "voicemail":
        assert first.said == mailbox
        return "voicemail"
    # Whoever does not answer in time: the call goes on to voicemail.
    assert [step.kind for step in told.steps] == ["ring", "voicemail"]
    assert all(target.legs for target in first.targets)
    return {workplace: "workplace", mobile: "mobile"}[first.targets[0].to]


@pytest.mark.parametrize(("city", "moment", "where"), cases())
def test_where_calls_go_from_a_moment_on(
    matcher: Matcher, city: str, moment: str, where: str
) -> None:
    second = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    assert goes_to(matcher, city, second) == where
    before = goes_to(matcher, city, second - 1)
    assert before != where


@pytest.mark.parametrize("moment", ["2026-11-01T05:30:00", "2026-11-01T06:30:00"])
def test_the_hour_that_comes_twice(matcher: Matcher, moment: str) -> None:
    second = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    assert goes_to(matcher, "new-york", second) == "mobile"


def test_as_asked_from_a_shell(home: Home) -> None:
    for at, kind in (("2026-11-02T14:00Z", "ring"), ("2026-11-26T15:00Z", "voicemail")):
        told = json.loads(home.run("route", "+18005551234", "--at", at, "--json").stdout)
        assert told["steps"][0]["kind"] == kind
