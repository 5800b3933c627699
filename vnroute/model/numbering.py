"""What numbering plans say of a number: whether it may exist, and whether toll fraud dials it.

Country by country this is the data of Google's libphonenumber (package phonenumbers), which costs
some 15 us a number: call this for forwarding targets, and for number lists only once a country and
length. The North American rules are NANPA's list of area codes that are not geographic.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["country_code", "expected_length", "is_premium"]

_NANP_PREMIUM = ("900",)
_NANP_EXCHANGE = "976"
"""Pay-per-call in many area codes."""
_NANP_PERSONAL = (
    "500", "521", "522", "523", "524", "525", "526", "527", "528", "529", "533", "544", "566",
    "577", "588",
)  # fmt: skip
"""NANPA, non-geographic 5XX-NXX codes, first for personal communications services.
libphonenumber takes a number there for personal only where the code behind it is assigned; an
unassigned one costs money the day it is."""

_REVENUE_SHARE = ("4470", "4487", "449", "878", "881", "882", "883", "979")
"""Ofcom's National Telephone Numbering Plan: 070 personal, 087 and 09 revenue share. ITU-T E.164
assignments: 878 personal, 881 satellite, 882 and 883 international networks, 979 premium rate."""


@lru_cache(maxsize=65536)
def is_premium(digits: str) -> bool:
    """Whether a number, as digits without ``+``, is premium-rate, revenue-share or personal."""
    if digits.startswith("1") and len(digits) == 11:
        return digits[1:4] in _NANP_PREMIUM + _NANP_PERSONAL or digits[4:7] == _NANP_EXCHANGE
    if digits.startswith(_REVENUE_SHARE):
        return True
    import phonenumbers

    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.number_type(number) in (
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
    )


def country_code(digits: str) -> str:
    """Return the country code that a number or prefix begins with; nothing where none does.

    They have one to three digits, and none begins another (ITU-T E.164, 6.2.1).
    """
    import phonenumbers

    for size in (1, 2, 3):
        if len(digits) >= size and int(digits[:size]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return digits[:size]
    return ""


def expected_length(digits: str) -> str | None:
    """Return None where a number, as digits without ``+``, may exist by its length.

    Else what is expected of it, in words: ``9 or 10 digits after +44``.
    """
    return _expected_length(digits[:3], len(digits))


@lru_cache(maxsize=16384)
def _expected_length(start: str, length: int) -> str | None:
    """As :func:`expected_length`, of the first three digits and how many there are in all.

    Country codes have one to three digits, and none begins another (ITU-T E.164, 6.2.1).
    """
    import phonenumbers

    for size in (1, 2, 3):
        code = start[:size]
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
        if regions is None:
            continue
        lengths: set[int] = set()
        for region in regions:
            metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(
                int(code), region
            )
            if metadata is not None and metadata.general_desc is not None:
                lengths.update(metadata.general_desc.possible_length)
        if length - size in lengths:
            return None
        words = [str(count) for count in sorted(lengths)]
        either = " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
        return f"{either} digits after +{code}"
    return f"a country code: none begins +{start}"
