"""Time zones as stretches of constant offset from UTC.

Within such a stretch the wall clock and UTC run side by side. An hour that is skipped or repeated
needs no rule of its own: it is, or is not, on the wall clock.
"""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

__all__ = ["stretches"]

_DAY = 86400


def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one for an aware datetime
    return int(offset.total_seconds())


@lru_cache(maxsize=1024)
def stretches(zone_name: str, start: int, end: int) -> array[int]:
    """Return (start, end, offset) of each stretch in turn; seconds, the first two in UTC.

    Clocks are looked at once a day and the change between two looks is found by halving. No zone
    has ever changed its clocks there and back within a day.
    """
    zone = ZoneInfo(zone_name)
    found = array("q")
    since, offset = start, _offset(zone, start)
    for day in range(start + _DAY, end + _DAY, _DAY):
        looked = min(day, end)
        after = _offset(zone, looked)
        if after != offset:
            low, high = looked - _DAY, looked
            while high - low > 1:
                middle = (low + high) // 2
                if _offset(zone, middle) == offset:
                    low = middle
                else:
                    high = middle
            found.extend((since, high, offset))
            since, offset = high, after
    found.extend((since, end, offset))
    return found
