"""When a step is too much, and what is then said to be the bottleneck."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vnroute.loadtest.knee import bottleneck, too_much
from vnroute.loadtest.profile import Knee

GOOD: dict[str, Any] = {
    "rate": 50.0, "achieved": 49.8, "failures": 0.0, "pdd": {"p99": 0.1}, "machine": 0.6,
    "others": 0.1,
    "cores": {"FreeSWITCH": 0.8, "vnroute": 0.05, "SIPp callers": 0.1, "SIPp carriers": 0.1},
}  # fmt: skip


def result(*complaints: str) -> Any:
    return SimpleNamespace(complaints=list(complaints), profile=SimpleNamespace(nodes=1, workers=1))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"failures": 0.02}, "2.0 % of the calls failed at 50 a second"),
        ({"pdd": {"p99": 0.7}}, "the post-dial delay's p99 was 700 ms at 50 a second"),
        ({"achieved": 40.0}, "the callers only made 40 of 50 calls a second"),
        ({"machine": 0.99}, "99 % of all cores were busy at 50 a second"),
    ],
)
def test_a_step_is_too_much(change: dict[str, Any], told: str) -> None:
    assert too_much({**GOOD, **change}, Knee()) == told


@pytest.mark.parametrize(
    ("change", "complaint", "told"),
    [
        ({}, "[CRIT] Over Session Rate of 400!", "FreeSWITCH's setting sessions-per-second"),
        ({}, "[CRIT] Over Session Limit!", "FreeSWITCH's setting max-sessions"),
        ({"cores": {**GOOD["cores"], "vnroute": 0.97}}, "", "vnroute: 0.97 of the 1 cores"),
        ({"cores": {**GOOD["cores"], "SIPp callers": 0.95}}, "", "SIPp callers: 0.95"),
        ({"machine": 0.97}, "", "the machine's CPU, mostly FreeSWITCH"),
        ({"machine": 0.97, "others": 1.2}, "", "other work on this machine: 1.20 cores"),
        ({}, "", "neither a setting nor CPU"),
    ],
)
def test_the_bottleneck_is_named(change: dict[str, Any], complaint: str, told: str) -> None:
    assert bottleneck({**GOOD, **change}, result(complaint)).startswith(told)
