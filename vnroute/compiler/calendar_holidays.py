"""Public holidays of countries and regions, from the library ``holidays``.

Imported when the first schedule asks for holidays: most routing data has none.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache

from vnroute.model import FieldError

__all__ = ["check_holidays", "holiday_dates"]


def check_holidays(country: str, region: str) -> None:
    """Raise :class:`FieldError` for a country or region whose holidays are not known."""
    import holidays

    regions = holidays.list_supported_countries(include_aliases=False).get(country)
    if regions is None:
        raise FieldError("holidays", repr(country), "a country whose holidays are known, by its "
                         "two letters (ISO 3166), such as GB")  # fmt: skip
    if not region or region in regions:
        return
    codes = [code for code in regions if code.isupper() or code.isdigit()]
    if not codes:
        raise FieldError("region", repr(region), f"no region: the holidays of {country} have none")
    near = get_close_matches(region, codes, n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise FieldError("region", repr(region), f"a region of {country}: {', '.join(codes)}{hint}")


@lru_cache(maxsize=1024)
def holiday_dates(country: str, region: str, first_year: int, last_year: int) -> tuple[int, ...]:
    """Return the ordinals of the public holidays of those years, both included, ascending.

    Holidays that are kept on another day (a Saturday's on the Friday before) count on both, as
    the library has them. Raises :class:`FieldError` for a country or region that it does not know.
    """
    import holidays

    check_holidays(country, region)
    years = range(first_year, last_year + 1)
    found = holidays.country_holidays(country, subdiv=region or None, years=years)
    return tuple(sorted(day.toordinal() for day in found if first_year <= day.year <= last_year))
