import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.model.numbering import expected_length, is_premium


@pytest.mark.parametrize(
    "digits",
    [
        "19005550123",
        "15005550123",
        "15335550123",
        "15445550123",
        "15665550123",
        "15775550123",
        "15885550123",
        "447012345678",
        "449098790000",
        "449912345678",
        "448712345678",
        "15215550123",
        "15295550123",
        "12129761234",
        "88213123456",
        "881612345678",
        "883110012345",
        "979123456789",
        "878101234567890",
    ],
)
def test_what_toll_fraud_dials(digits: str) -> None:
    assert is_premium(digits)


@pytest.mark.parametrize(
    "digits",
    [
        "18005551234",
        "12125550100",
        "442079460123",
        "4930123456",
        "9",
        "447911123456",
        "448081570192",
        "19765551234",
        "12125559760",
    ],
)
def test_ordinary_numbers(digits: str) -> None:
    assert not is_premium(digits)


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True).filter(str.isascii))
def test_lengths_agree_with_libphonenumber(digits: str) -> None:
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return
    reason = phonenumbers.is_possible_number_with_reason(number)
    # A number may lose digits in parsing (a national prefix after the country code).
    if len(phonenumbers.national_significant_number(number)) + len(str(number.country_code)) != len(
        digits
    ):
        return
    if reason == phonenumbers.ValidationResult.IS_POSSIBLE:
        assert expected_length(digits) is None
    elif reason == phonenumbers.ValidationResult.TOO_LONG:
        assert expected_length(digits) is not None


def test_what_is_expected_is_said() -> None:
    assert expected_length("3591234567890123") == "6, 7, 8, 9 or 12 digits after +359"
    assert str(expected_length("4412345678901234")).endswith("digits after +44")
    assert str(expected_length("9991234567")).startswith("a country code")


def examples(kind: int) -> dict[str, str]:
    """Libphonenumber's example number of a type in each country that has one, as digits."""
    found = {}
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None and phonenumbers.is_valid_number(example):
            national = phonenumbers.national_significant_number(example)
            found[region] = f"{example.country_code}{national}"
    return found


def test_every_country_s_premium_and_personal_ranges_are_premium() -> None:
    types = phonenumbers.PhoneNumberType
    premium, personal = examples(types.PREMIUM_RATE), examples(types.PERSONAL_NUMBER)
    assert len(premium) > 100 and {"GB", "FR", "DE", "IT", "ES", "NL", "AU", "JP"} <= set(premium)
    assert "GB" in personal
    for region, digits in [*premium.items(), *personal.items()]:
        assert is_premium(digits), region
    for region, digits in examples(types.FIXED_LINE).items():
        assert not is_premium(digits), region
