"""From a number to its country, and the area within it, as far as the number tells."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["area_of", "country_of"]


@lru_cache(maxsize=200_000)
def country_of(number: str) -> str:
    """Return the country (ISO 3166-1 alpha-2) of an E.164 number with ``+``; empty if unknown.

    By Google's libphonenumber. Numbers of no country (+800, satellite) are ``001``.
    """
    # Some 30 ms to import, which only those should pay who read calls.
    import phonenumbers

    if not number.startswith("+"):
        return ""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    region = phonenumbers.region_code_for_number(parsed)
    if not region and parsed.country_code is not None:
        region = phonenumbers.region_code_for_country_code(parsed.country_code)
    return "" if not region or region == "ZZ" else region


@lru_cache(maxsize=200_000)
def area_of(number: str) -> str:
    """Return the area of an E.164 number with ``+``, in English ("New York, NY"); else empty.

    Empty for mobile numbers and where the number tells no more than the country. By libphonenumber.
    """
    import phonenumbers
    from phonenumbers import geocoder

    if not number.startswith("+"):
        return ""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    area = geocoder.description_for_number(parsed, "en")
    return "" if area == geocoder.country_name_for_number(parsed, "en") else str(area)
