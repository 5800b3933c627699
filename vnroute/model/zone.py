"""Names of IANA time zones."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from vnroute.model.problem import FieldError

__all__ = ["check_zone"]


@lru_cache(maxsize=1024)
def _known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def check_zone(name: str, field: str = "time_zone") -> str:
    """Return ``name`` if the IANA time zone database has it, else raise :class:`FieldError`."""
    if not name or not _known(name):
        near = get_close_matches(name, available_timezones(), n=1, cutoff=0.6)
        example = near[0] if near else "America/New_York"
        raise FieldError(field, repr(name), f"a zone of the IANA database, such as {example}")
    return name
