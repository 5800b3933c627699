"""A record's times: one clock's, and made believable together."""

from __future__ import annotations

from typing import Any, NamedTuple

from vnroute.calls.cleaning import small_int

__all__ = ["Times", "times_of"]

_AHEAD_US = 3600 * 1_000_000
_BEHIND_US = 400 * 86400 * 1_000_000


class Times(NamedTuple):
    """When a channel began, was answered, bridged and ended: Unix us, 0 for what did not happen."""

    started: int
    answered: int
    bridged: int
    ended: int
    pdd_ms: int | None
    clock_off: bool


def times_of(variables: dict[str, Any], received: int) -> Times:
    """Return a record's times, moved together where its clock is not to be believed."""
    started, answered = small_int(variables["start_uepoch"]), small_int(variables["answer_uepoch"])
    bridged, ended = small_int(variables["bridge_uepoch"]), small_int(variables["end_uepoch"])
    ringing = small_int(variables["progress_uepoch"])
    media = small_int(variables["progress_media_uepoch"])
    # A clock that began at 1970 with the machine tells 0 and means it.
    told = started > 0 or ended < _BEHIND_US
    if not told:
        # The first moment that is told; reckoned from 0, the call would be half a century long.
        started = min(filter(None, (ringing, media, answered, bridged, ended)), default=0)
    duration = min(max(ended - started, 0), _BEHIND_US)
    clock_off = not received - _BEHIND_US <= started <= received + _AHEAD_US
    if clock_off:
        # All of a record's times come from one clock: moved together they keep their distances.
        shift = received - duration - started
        answered, bridged, ringing, media = (
            moment and moment + shift for moment in (answered, bridged, ringing, media)
        )
        started += shift
    ended = started + duration
    answered = answered and min(max(answered, started), ended)
    bridged = bridged and min(max(bridged, started), ended)
    # FreeSWITCH's clock ticks every 20 ms: what rings at once bears the call's own start.
    signs = [moment for moment in (ringing, media, answered) if started <= moment <= ended]
    pdd_ms = (min(signs) - started) // 1000 if signs else None
    return Times(started, answered, bridged, ended, pdd_ms, clock_off or not told)
