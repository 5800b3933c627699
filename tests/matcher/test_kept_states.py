"""What a matcher keeps of its schedules from call to call: never another state than the image's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, acme, compiled
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import channel_data

CALL = channel_data("+18005551234", "+34911234567")
OFFICE, MOBILE = b"/12125550100", b"/19175550123"
YEAR = 366 * 86400


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    return Matcher(compiled(acme(), tmp_path_factory.mktemp("image")))


def is_open(matcher: Matcher, now: float) -> bool:
    reply = matcher.decide(CALL, now)
    assert MOBILE in reply
    return OFFICE in reply


def by_image(matcher: Matcher, now: float) -> bool:
    _, state, _ = matcher.image.schedule(0, now)
    name: str = matcher.image.schedule_about(0)[2][state]
    return name == "open"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        # Near to one another, around the edges of hours, and beyond both ends of the horizon.
        st.one_of(
            st.integers(-3 * 86400, 3 * 86400),
            st.integers(-100, 100).map(lambda step: step * 3600),
            st.integers(-40 * YEAR, 40 * YEAR),
        ),
        min_size=2,
        max_size=12,
    )
)
def test_a_matcher_says_what_the_image_says_at_moments_in_any_order(
    matcher: Matcher, offsets: list[int]
) -> None:
    for offset in offsets:
        now = MONDAY_NOON_IN_NEW_YORK + offset
        assert is_open(matcher, now) == by_image(matcher, now)


def test_a_state_ends_at_its_second(matcher: Matcher) -> None:
    five = MONDAY_NOON_IN_NEW_YORK + 5 * 3600
    for now, expected in ((five - 1, True), (five, False), (five - 1, True), (five, False)):
        assert is_open(matcher, now) is expected


def test_another_image_begins_anew(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    routing = acme()
    matcher = Matcher(compiled(routing, tmp_path / "first"))
    assert is_open(matcher, MONDAY_NOON_IN_NEW_YORK)
    plan = routing.schedule_list[0]
    routing.schedule_list[0] = type(plan)(
        id=plan.id, time_zone=plan.time_zone, open=(type(plan.open[0])(days="sun"),)
    )
    matcher.swap(compiled(routing, tmp_path / "second"))
    assert not is_open(matcher, MONDAY_NOON_IN_NEW_YORK)


@pytest.mark.parametrize("size", range(0, len(CALL), 7))
def test_a_call_that_is_cut_anywhere_is_answered(matcher: Matcher, size: int) -> None:
    reply = matcher.decide(CALL[:size], MONDAY_NOON_IN_NEW_YORK)
    assert reply.startswith(b"sendmsg\n")
    assert reply.endswith(b"\n\nexit\n\n")
