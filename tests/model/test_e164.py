import pytest
from hypothesis import given
from hypothesis import strategies as st

from vnroute.model import FieldError
from vnroute.model.e164 import (
    digits_of,
    format_number,
    parse_block,
    parse_number,
    parse_prefix,
)

ABROAD = st.from_regex(r"[2-9][0-9]{6,14}", fullmatch=True)
NANP = st.from_regex(r"1[0-9]{10}", fullmatch=True)
DIGITS = ABROAD | NANP


@given(DIGITS)
def test_a_number_is_the_integer_of_its_digits(digits: str) -> None:
    assert parse_number("+" + digits) == int(digits)
    assert format_number(parse_number("+" + digits)) == "+" + digits


@given(DIGITS, st.data())
def test_writing_between_digits_is_dropped(digits: str, data: st.DataObject) -> None:
    written = "+" + "".join(
        digit + data.draw(st.sampled_from(["", "", " ", ".", "-", "(", ")", "\u00a0"]))
        for digit in digits
    )
    assert parse_number(written) == int(digits)
    assert digits_of(written) == digits


@given(st.text())
def test_any_text_is_a_number_or_a_field_error(text: str) -> None:
    try:
        number = parse_number(text)
    except FieldError as error:
        assert error.field == "number"
        assert error.found
        assert error.expected
    else:
        assert 10**6 <= number < 10**15


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "18005551234",
        "+08005551234",
        "+123456",
        "+2123456789012345",
        "+1800555123x",
        "+44\u0662079460123",
        "++442079460123",
        "+44207946\n0123",
        "+442079460123\x00",
    ],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(FieldError, match="found"):
        parse_number(text)


@pytest.mark.parametrize("text", ["+1800555123", "+180055512345", "+1800555"])
def test_nanp_numbers_have_ten_digits_after_the_one(text: str) -> None:
    with pytest.raises(FieldError, match=r"digits after \+1.*North American"):
        parse_number(text)


@given(st.from_regex(r"[1-9][0-9]{0,14}", fullmatch=True), st.sampled_from(["", "+"]))
def test_a_prefix_is_read_with_or_without_plus(digits: str, plus: str) -> None:
    assert parse_prefix(plus + digits) == digits


@given(st.text())
def test_any_text_is_a_prefix_or_a_field_error(text: str) -> None:
    try:
        prefix = parse_prefix(text)
    except FieldError:
        return
    assert prefix.isascii()
    assert prefix.isdigit()
    assert 1 <= len(prefix) <= 15
    assert prefix[0] != "0"


@given(ABROAD, st.integers(1, 6))
def test_a_block_of_x_holds_every_digit(digits: str, wild: int) -> None:
    stem = digits[:-wild] or "2"
    if len(stem) + wild < 7:
        stem = stem.ljust(7 - wild, "0")
    first, last = parse_block(f"+{stem}{'x' * wild}")
    assert (first, last) == (int(stem + "0" * wild), int(stem + "9" * wild))


@given(DIGITS, DIGITS)
def test_a_block_of_first_and_last(one: str, other: str) -> None:
    first, last = sorted((one, other), key=int)
    text = f"+{first}-+{last}"
    if len(first) != len(last):
        with pytest.raises(FieldError, match="equal length"):
            parse_block(text)
    else:
        assert parse_block(text) == (int(first), int(last))


@pytest.mark.parametrize(
    "text",
    ["+18005551234", "+1800x555xxxx", "xxxx", "+18005559999-+18005550000", "+1800555xxxxx", "+x"],
)
def test_what_is_no_block_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        parse_block(text)


@given(st.text(alphabet="+-x0123456789 "))
def test_any_text_is_a_block_or_a_field_error(text: str) -> None:
    try:
        first, last = parse_block(text)
    except FieldError:
        return
    assert first <= last
    assert len(str(first)) == len(str(last))
