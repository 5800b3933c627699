"""Blocks: where an account's calls may not go, held to a plain reading of prefixes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.live.test_overrides import NOON, House
from tests.support.images import MONDAY_NOON_IN_NEW_YORK as NOW
from vnroute.image.keys import Kind
from vnroute.live.overrides import clear_override
from vnroute.live.page import fill_page
from vnroute.model import FieldError
from vnroute.model.blocked import parse_block, prefixes_of_country
from vnroute.model.override import Override

PLAIN = "+18005550001"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


def test_a_target_is_left_out_and_all_of_them_refuse(house: House) -> None:
    # main rings +12125550100 by day, then +19175550123.
    assert len(house.rung(PLAIN, NOW)) == 2
    house.set("block", "acme:+1212")
    assert [dial[-11:] for dial in house.rung(PLAIN, NOW)] == ["19175550123"]
    told = house.explain(PLAIN)
    assert [target.blocked for step in told.steps for target in step.targets] == [True, False]
    assert ";vn_blocked=true" in told.applications[0][1]
    house.set("block", "acme:US", until=NOON + timedelta(hours=1))
    refused = house.explain(PLAIN).refused
    assert refused is not None
    assert (refused.outcome, refused.cause) == ("blocked", "OUTGOING_CALL_BARRED")
    assert "calls of account acme there are blocked" in refused.why
    assert house.matcher.counts()["blocked"] == 2
    # The one with an end ends by itself, the other stays.
    assert len(house.rung(PLAIN, NOW + 3600)) == 1
    clear_override(house.store, house.page, "block", "acme:+1212")
    assert len(house.rung(PLAIN, NOW + 3600)) == 2
    assert len(house.rung(PLAIN, NOW)) == 0
    clear_override(house.store, house.page, "block", "acme:US")
    assert len(house.rung(PLAIN, NOW)) == 2
    assert Kind.BLOCK not in {item.kind for item in house.page.items()}


def test_another_account_may_and_a_page_made_anew_says_the_same(house: House) -> None:
    house.set("block", "other")
    assert len(house.rung(PLAIN, NOW)) == 2
    house.set("block", "acme")
    assert house.explain(PLAIN).refused is not None
    entries = {item[:5] for item in house.page.items()}
    fill_page(house.page, house.store.overrides(), NOW)
    assert {item[:5] for item in house.page.items()} == entries


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("", "id"), (":+44", "id"), ("acme:", "id"), ("acme:44", "id"), ("acme:+0", "id"),
        ("acme:+44x", "id"), ("acme:gb", "id"), ("acme:ZZ", "id"), ("acme:+4470:+1", "id"),
        ("acme:+1234567890123456", "id"), ("a b", "id"), ("nobody", "account"),
        ("nobody:GB", "account"),
    ],
)  # fmt: skip
def test_what_is_no_block_is_refused(house: House, name: str, field: str) -> None:
    with pytest.raises(FieldError) as told:
        house.set("block", name)
    assert told.value.field == field
    assert house.store.overrides() == []


@pytest.mark.parametrize("fields", [{"to": "+12125550100"}, {"state": "open"}])
def test_a_block_has_neither_state_nor_target(fields: dict[str, str]) -> None:
    with pytest.raises(FieldError, match="its calls are blocked"):
        Override(kind="block", id="acme", since=NOON, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("country", ["US", "DO", "CA", "GB", "JM", "RU", "KZ", "DE", "IM", "LI"])
def test_a_country_s_prefixes_are_those_of_its_own_numbers(country: str) -> None:
    prefixes = prefixes_of_country(country)
    assert prefixes and len(prefixes) < 1000
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.FIXED_LINE)
    assert example is not None
    digits = f"{example.country_code}{phonenumbers.national_significant_number(example)}"
    assert digits.startswith(prefixes), digits


def test_countries_of_a_code_share_no_prefix() -> None:
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        found = [prefix for region in regions for prefix in prefixes_of_country(region)]
        assert len(found) == len(set(found))
        assert not [a for a in found for b in found if a != b and a.startswith(b)]
        assert all(prefix.startswith(str(code)) for prefix in found)


BLOCKS = st.text("0123456789", max_size=8).map(lambda text: f"acme:+4{text}") | st.sampled_from(
    ["acme", "other", "acme:GB", "other:+44", "acme:DE"]
)
NUMBERS = st.text("0123456789", max_size=9).map(lambda text: int("4" + text))


@settings(max_examples=150, deadline=None)
@given(
    blocks=st.lists(st.tuples(BLOCKS, st.none() | st.integers(1, 50)), max_size=9),
    numbers=st.lists(NUMBERS, min_size=1, max_size=9),
    at=st.integers(0, 60),
)
def test_who_may_call_whom_is_what_a_plain_reading_says(
    shared: House, blocks: list[tuple[str, int | None]], numbers: list[int], at: int
) -> None:
    made = [
        Override(kind="block", id=name, since=NOON,
                 until=minutes and NOON + timedelta(minutes=minutes))
        for name, minutes in blocks
    ]  # fmt: skip
    fill_page(shared.page, made, NOW)
    moment = NOW + 60 * at
    row = shared.matcher.find_number(18005550001)
    assert row is not None
    for number in (0, *numbers):
        expected = False
        for each in made:
            account, prefixes = parse_block(each.id)
            if account == "acme" and each.holds_at(moment):
                expected = expected or str(number or "").startswith(prefixes)
        assert shared.matcher.is_blocked(row, number, moment) == expected, (number, blocks)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("blocks"))
    yield made
    made.store.close()
