"""Ids, hours, days, causes, rates, texts and the structs made of them."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.model import (
    CAUSES,
    Account,
    Carrier,
    FieldError,
    Gateway,
    Number,
    NumberBlock,
    OpenHours,
    Plan,
    Rate,
    Schedule,
    Step,
    parse_cause,
    parse_rate,
)
from vnroute.model.ids import check_id
from vnroute.model.text import check_text
from vnroute.model.times import MINUTES_A_DAY, parse_days, parse_hours
from vnroute.model.zone import check_zone


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True).filter(str.isascii))
def test_ids_are_taken(text: str) -> None:
    assert check_id(text) == text


@given(st.text())
def test_no_id_holds_what_freeswitch_reads(text: str) -> None:
    try:
        check_id(text)
    except FieldError:
        return
    assert not set(text) & set(",|{}[]^$%;='\"\\ \r\n&@:/!()<>")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", (0,)),
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("fri-mon", (0, 4, 5, 6)),
        ("tue, sat", (1, 5)),
        ("daily", tuple(range(7))),
        ("MON-Wed, sat", (0, 1, 2, 5)),
    ],
)
def test_days(text: str, days: tuple[int, ...]) -> None:
    assert parse_days(text) == days


@given(st.text())
def test_any_text_is_days_or_a_field_error(text: str) -> None:
    try:
        days = parse_days(text)
    except FieldError:
        return
    assert days
    assert set(days) <= set(range(7))


@given(st.integers(0, 1439), st.integers(0, 1440))
def test_hours_may_go_over_midnight(first: int, last: int) -> None:
    text = "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (first, last))
    if first == last:
        with pytest.raises(FieldError):
            parse_hours(text)
    else:
        assert parse_hours(text) == ((first, last if last > first else last + 1440),)


@given(st.text(alphabet="0123456789:-, "))
def test_any_text_is_hours_or_a_field_error(text: str) -> None:
    try:
        spans = parse_hours(text)
    except FieldError:
        return
    assert all(0 <= first < end <= 2880 for first, end in spans)


def test_hours_over_the_end_of_the_week_go_on_at_its_start() -> None:
    schedule = Schedule(
        id="late",
        time_zone="Europe/Paris",
        open=(
            OpenHours(days="sun", hours="22:00-06:00"),
            OpenHours(days="mon", hours="06:00-07:00"),
        ),
    )
    assert [span for hours in schedule.open for span in hours.spans()] == [
        (6 * MINUTES_A_DAY + 1320, 7 * MINUTES_A_DAY),
        (0, 360),
        (360, 420),
    ]


def test_overlapping_hours_are_refused() -> None:
    with pytest.raises(FieldError, match=r"open\[1\].*overlap those of open\[0\]"):
        Schedule(
            id="twice",
            time_zone="UTC",
            open=(OpenHours(days="mon", hours="09:00-17:00"), OpenHours(hours="16:00-18:00")),
        )


def test_zones() -> None:
    assert check_zone("America/New_York")
    with pytest.raises(FieldError, match="America/New_York"):
        check_zone("America/New_Yrk")
    for bad in ("", "../etc/passwd", "/etc/passwd", "a\0b", "America"):
        with pytest.raises(FieldError):
            check_zone(bad)


@given(st.sampled_from(sorted(CAUSES)))
def test_causes_are_known_by_name(name: str) -> None:
    assert parse_cause(name).name == name


@given(st.text())
def test_other_causes_are_refused(text: str) -> None:
    if text not in CAUSES:
        with pytest.raises(FieldError):
            parse_cause(text)


def test_a_misspelled_cause_is_hinted_at() -> None:
    with pytest.raises(FieldError, match="USER_BUSY"):
        parse_cause("user busy")


@given(st.decimals(0, 999999, places=8))
def test_rates_are_exact(rate: Decimal) -> None:
    assert parse_rate(f"{rate:f}") == rate


@given(st.text())
def test_any_text_is_a_rate_or_a_field_error(text: str) -> None:
    try:
        rate = parse_rate(text)
    except FieldError:
        return
    assert rate.is_finite()
    assert 0 <= rate < 1_000_000


@pytest.mark.parametrize("text", ["-1", "1e3", "nan", "inf", "0,5", "0.123456789", ".5", "1.", "٣"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        parse_rate(text)


@given(st.text(max_size=250))
def test_texts_are_printable(text: str) -> None:
    try:
        check_text(text, "name")
    except FieldError as error:
        assert error.found.isprintable()
    else:
        assert text.isprintable()
        assert len(text) <= 200


def ring(**fields: object) -> Step:
    return Step(ring=("+12125550100",), **fields)  # type: ignore[arg-type]


END = Step(hangup="relay")


@pytest.mark.parametrize(
    ("steps", "field", "found"),
    [
        ((), "steps", "no steps"),
        ((ring(),), "steps[0]", "ring as the last step"),
        ((END, ring(), END), "steps[0]", "hangup relay"),
        ((ring(), Step(hangup="USER_BUSY", when="x")), "steps[1]", "hangup when x"),
        ((ring(),) * 32 + (END,), "steps", "33 steps"),
    ],
)
def test_plans_end_once_and_last(steps: tuple[Step, ...], field: str, found: str) -> None:
    with pytest.raises(FieldError) as caught:
        Plan(id="p", account="a", steps=steps)
    assert caught.value.field == field
    assert caught.value.found.startswith(found)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "ring"),
        ({"ring": ("+12125550100",), "hangup": "relay"}, "ring"),
        ({"ring": ("+1212555010",)}, "ring[0]"),
        ({"ring": ("+12125550100", "x")}, "ring[1]"),
        ({"ring": ("+12125550100",) * 17}, "ring"),
        ({"ring": ("+12125550100",), "seconds": 0}, "seconds"),
        ({"ring": ("+12125550100",), "seconds": 601}, "seconds"),
        ({"ring": ("+12125550100",), "state": "closed"}, "is"),
        ({"hangup": "BUSY"}, "hangup"),
        ({"hangup": "relay", "when": "a b"}, "when"),
    ],
)
def test_steps_that_are_refused(fields: dict[str, object], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        Step(**fields)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_prefix_block_has_a_span_for_each_length() -> None:
    block = NumberBlock(prefix="+1800555", account="a", plan="p")
    spans = block.spans()
    assert spans[0] == (1800555, 1800555)
    assert spans[-1] == (180055500000000, 180055599999999)
    assert [len(str(first)) for first, _ in spans] == list(range(7, 16))


@pytest.mark.parametrize("fields", [{}, {"block": "+1800555xxxx", "prefix": "+1800555"}])
def test_a_block_is_one_of_block_and_prefix(fields: dict[str, str]) -> None:
    with pytest.raises(FieldError, match="one of block and prefix"):
        NumberBlock(account="a", plan="p", **fields)  # type: ignore[arg-type]


def test_gateways_write_numbers_their_way() -> None:
    gateway = Gateway(id="g", gateway="gwA", format="9011*{e164_digits}")
    assert gateway.dial("442079460123") == "sofia/gateway/gwA/9011*442079460123"
    assert Gateway(id="g", gateway="gwA", format="{e164}").dial("44").endswith("/+44")
    for bad in ("", "123", "{e164}{e164}", "{e164},x", "{e165}", "{e164}${x}"):
        with pytest.raises(FieldError):
            Gateway(id="g", gateway="gwA", format=bad)


def test_accounts_allow_by_prefix() -> None:
    account = Account(id="acme", allow=("+1", "+44 20"))
    assert account.allows("12125550100")
    assert account.allows("442079460123")
    assert not account.allows("441619460123")
    assert Account(id="open").allows("999")


@pytest.mark.parametrize(
    "entity",
    [
        Account(id="a", name="Acme, Inc.", allow=("+1",)),
        Number(number="+18005551234", account="a", plan="p", state="suspended"),
        Rate(prefix="4420", carrier="c", rate="0.5", destination="London"),
        Carrier(id="c", gateways=(Gateway(id="g", gateway="gwA"),)),
        Plan(id="p", account="a", steps=(ring(when="s", state="closed"), END)),
        Schedule(id="s", time_zone="UTC", open=(OpenHours(),)),
    ],
)
def test_documents_come_back_as_they_went(entity: msgspec.Struct) -> None:
    assert msgspec.json.decode(msgspec.json.encode(entity), type=type(entity)) == entity
