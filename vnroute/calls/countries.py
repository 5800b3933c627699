"""From a number to its country, and the area within it, as far as the number tells.

By Google's libphonenumber. It is asked once a number and reads it once: each reading takes some ten
microseconds, and a call has a caller that nobody has seen before as often as not.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["area_of", "country_of", "place_of"]


def country_of(number: str) -> str:
    """Return the country (ISO 3166-1 alpha-2) of an E.164 number with ``+``; empty if unknown.

    Numbers of no country (+800, satellite) are ``001``.
    """
    return place_of(number)[0]


def area_of(number: str) -> str:
    """Return the area of an E.164 number with ``+``, in English ("New York, NY"); else empty.

    Empty for mobile numbers and where the number tells no more than the country.
    """
    return place_of(number)[1]


@lru_cache(maxsize=200_000)
def place_of(number: str) -> tuple[str, str]:
    """Return country and area, as :func:`country_of` and :func:`area_of` have them."""
    if not number.startswith("+"):
        return "", ""
    # Some 30 ms to import, which only those should pay who read calls.
    import phonenumbers
    from phonenumbers import geocoder

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "", ""
    region = phonenumbers.region_code_for_number(parsed)
    if not region and parsed.country_code is not None:
        region = phonenumbers.region_code_for_country_code(parsed.country_code)
    area = geocoder.description_for_number(parsed, "en")
    if area and area == geocoder.country_name_for_number(parsed, "en"):
        area = ""
    return "" if not region or region == "ZZ" else region, str(area)
