"""Durations, arrivals and holding times, as a profile writes them.

A duration is ``200ms`` or ``1.5s`` (or ``2m``, ``1h``). Arrivals are one of::

    {steady: 20, seconds: 10}            # calls a second, evenly
    {poisson: 20, seconds: 10}           # the same on average, at random
    {ramp: [5, 50], seconds: 20}         # from so many a second to so many
    {steps: [10, 20, 40], seconds: 5}    # so many seconds each
    {burst: 1000, within: 1s}            # so many calls, all at once

A holding time is a duration, two of them (anywhere between), or ``{exponential: 30s}`` or
``{lognormal: 30s}`` with the mean; the tail is cut at ten times the mean.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from typing import Any

from vnroute.model.problem import FieldError

__all__ = ["arrivals", "duration", "holding", "lasting", "peak_rate", "stretched"]

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TAIL = 10.0
_SIGMA = 0.8
"""Of the lognormal: a median of 0.73 times the mean, as call durations have it."""


def duration(text: Any, field: str) -> float:
    """Return seconds; raise FieldError for what is no duration."""
    found = _DURATION.fullmatch(str(text))
    if found is None and str(text) == "0":
        return 0.0
    if found is None:
        raise FieldError(field, repr(text), "a duration such as 200ms or 1.5s")
    return float(found[1]) * _UNITS[found[2]]


def _rate(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 10_000:
        raise FieldError(field, repr(value), "calls a second, above 0 and at most 10000")
    return float(value)


def _phases(given: dict[str, Any], field: str) -> list[tuple[str, float, float, float]]:
    """Return (kind, rate at the beginning, rate at the end, seconds) of each phase."""
    kinds = [kind for kind in ("steady", "poisson", "ramp", "steps", "burst") if kind in given]
    if len(kinds) != 1:
        expected = "exactly one of steady, poisson, ramp, steps and burst"
        raise FieldError(field, ", ".join(given) or "nothing", expected)
    kind = kinds[0]
    other = "within" if kind == "burst" else "seconds"
    unknown = sorted(set(given) - {kind, other})
    if unknown:
        raise FieldError(f"{field}.{unknown[0]}", "an unknown name", f"{kind} and {other}")
    if kind == "burst":
        count = given["burst"]
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 100_000:
            raise FieldError(f"{field}.burst", repr(count), "a number of calls")
        within = duration(given.get("within", "1s"), f"{field}.within")
        if within <= 0:
            raise FieldError(f"{field}.within", repr(given["within"]), "more than 0 s")
        return [("steady", count / within, count / within, within)]
    seconds = given.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise FieldError(f"{field}.seconds", repr(seconds), "a number of seconds above 0")
    value = given[kind]
    if kind in ("steady", "poisson"):
        rate = _rate(value, f"{field}.{kind}")
        return [(kind, rate, rate, float(seconds))]
    if not isinstance(value, list) or not value or (kind == "ramp" and len(value) != 2):
        expected = "two rates" if kind == "ramp" else "a list of rates"
        raise FieldError(f"{field}.{kind}", repr(value), expected)
    rates = [_rate(item, f"{field}.{kind}[{place}]") for place, item in enumerate(value)]
    if kind == "ramp":
        return [("steady", rates[0], rates[1], float(seconds))]
    return [("steady", rate, rate, float(seconds)) for rate in rates]


def peak_rate(given: dict[str, Any], field: str = "arrivals") -> float:
    """Return the most calls a second that these arrivals ask for."""
    return max(max(low, high) for _, low, high, _ in _phases(given, field))


def lasting(given: dict[str, Any], field: str = "arrivals") -> float:
    """Return for how many seconds calls begin."""
    return sum(seconds for _, _, _, seconds in _phases(given, field))


def stretched(given: dict[str, Any], factor: float) -> dict[str, Any]:
    """Return arrivals that last so many times as long, at the same rates; a burst stays one."""
    if "burst" in given:
        return given
    return {**given, "seconds": given["seconds"] * factor}


def arrivals(
    given: dict[str, Any], rng: random.Random, field: str = "arrivals", scale: float = 1.0
) -> list[float]:
    """Return the moment of each call, in seconds from the beginning, in order.

    ``scale`` multiplies every rate. Raises FieldError for arrivals that cannot be understood.
    """
    moments: list[float] = []
    began = 0.0
    for kind, low, high, seconds in _phases(given, field):
        low, high = low * scale, high * scale
        if kind == "poisson":
            at = rng.expovariate(low)
            while at < seconds:
                moments.append(began + at)
                at += rng.expovariate(low)
        else:
            # The rate goes straight from low to high: the n-th call is where its integral is n.
            count = round((low + high) / 2 * seconds)
            slope = (high - low) / seconds
            for call in range(count):
                if abs(slope) < 1e-9:
                    at = call / low
                else:
                    at = (math.sqrt(max(low * low + 2 * slope * call, 0.0)) - low) / slope
                moments.append(began + at)
        began += seconds
    return moments


def holding(given: Any, field: str = "hold") -> Callable[[random.Random], float]:
    """Return a function that draws a holding time in seconds; raise FieldError."""
    if isinstance(given, dict):
        if len(given) != 1 or next(iter(given)) not in ("exponential", "lognormal"):
            raise FieldError(field, repr(given), "exponential or lognormal, with the mean")
        ((kind, text),) = given.items()
        mean = duration(text, f"{field}.{kind}")
        if mean <= 0:
            raise FieldError(f"{field}.{kind}", repr(text), "a mean above 0")
        if kind == "exponential":
            return lambda rng: min(rng.expovariate(1 / mean), _TAIL * mean)
        mu = math.log(mean) - _SIGMA * _SIGMA / 2
        return lambda rng: min(rng.lognormvariate(mu, _SIGMA), _TAIL * mean)
    if isinstance(given, list):
        if len(given) != 2:
            raise FieldError(field, f"{len(given)} items", "one duration, or two for a range")
        low, high = (duration(item, f"{field}[{place}]") for place, item in enumerate(given))
        if low > high:
            raise FieldError(field, repr(given), "the shorter duration first")
        return lambda rng: rng.uniform(low, high)
    fixed = duration(given, field)
    return lambda rng: fixed
