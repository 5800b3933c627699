"""What an account's calls may not go to: all destinations, a prefix, or a country's prefixes.

Written ``ACCOUNT``, ``ACCOUNT:+4470`` or ``ACCOUNT:GB``, as the id of an override of the kind
``block``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vnroute.model.e164 import parse_prefix
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError

__all__ = ["block_id", "parse_block", "prefixes_of_country"]

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


@lru_cache(maxsize=32)
def _owners(code: int) -> dict[str, str]:
    """Return which country of a shared code has each run of digits behind it: three digits in +1
    and +7, four elsewhere. What is no number of anybody counts as the main country's.
    """
    import phonenumbers

    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    example = phonenumbers.example_number(regions[0])
    size = len(phonenumbers.national_significant_number(example)) if example else 10
    ahead = 3 if code in (1, 7) else 4
    owners = {}
    for number in range(10**ahead):
        digits = f"{number:0{ahead}}"
        whole = int((digits + "234567890")[:size])
        found = phonenumbers.region_code_for_number(
            phonenumbers.PhoneNumber(country_code=code, national_number=whole)
        )
        owners[digits] = found or regions[0]
    return owners


@lru_cache(maxsize=300)
def prefixes_of_country(country: str) -> tuple[str, ...]:
    """Return the shortest prefixes (digits) that hold a country's numbers; empty for no country.

    By libphonenumber. A country with no numbers of its own behind a code that it shares gets none.
    """
    import phonenumbers

    code = phonenumbers.country_code_for_region(country)
    if not code:
        return ()
    if len(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]) == 1:
        return (str(code),)
    found = {digits for digits, owner in _owners(code).items() if owner == country}
    for size in range(max(map(len, found), default=0) - 1, -1, -1):
        for start in {digits[:size] for digits in found if len(digits) == size + 1}:
            children = {f"{start}{digit}" for digit in range(10)}
            if children <= found:
                found = (found - children) | {start}
    return tuple(sorted(f"{code}{digits}" for digits in found))


def block_id(account: str, to: str) -> str:
    """Return the id of a block; ``to`` is ``+DIGITS``, a country, or empty for everything."""
    return f"{account}:{to}" if to else account


def parse_block(text: str, field: str = "id") -> tuple[str, tuple[str, ...]]:
    """Return the account and the prefixes (digits; an empty one for all) that a block is of.

    Raises :class:`FieldError` for what is none.
    """
    account, colon, to = text.partition(":")
    check_id(account, field)
    if not colon:
        return account, ("",)
    if to.startswith("+"):
        return account, (parse_prefix(to, field),)
    prefixes = prefixes_of_country(to) if _COUNTRY.fullmatch(to) else ()
    if not prefixes:
        expected = 'an account, and after a colon a prefix ("acme:+4470") or country ("acme:GB")'
        raise FieldError(field, repr(text), expected)
    return account, prefixes
