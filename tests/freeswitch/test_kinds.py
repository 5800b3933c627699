"""The seven kinds of ringing on the real switch: vnroute's own answers, and each kind of phone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.freeswitch.harness import variable
from tests.freeswitch.lab import Lab
from tests.freeswitch.test_ring import carrier
from tests.kinds_table import CASES, FIRST, OTHER, Case, lines, simulated

pytestmark = pytest.mark.freeswitch


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kinds(
    lab: Lab, case: Case, tmp_path: Path, note: Callable[[Mapping[str, Any]], None]
) -> None:
    places = {place.name: place for place in (lab.gateway(), lab.gateway())}
    plan, rung = lines(case, tuple(places), tmp_path)
    far = [
        carrier(places[name], how)
        for name, how in zip(rung, (FIRST[case.first], OTHER), strict=True)
    ]
    complaints = len(lab.switch.complaints())
    outcome = lab.call(plan, *far)
    answered = variable(outcome.record, "last_bridge_to")
    seen = {
        "name": case.name,
        "code": outcome.code,
        "rung": tuple(outcome.count(one) for one in far),
        "winner": int(answered[:2], 16) if answered and outcome.code == 200 else None,
        "seconds": outcome.seconds,
    }
    note(seen)
    assert (seen["code"], seen["rung"], seen["winner"]) == (case.code, case.rung, case.winner)
    spread = [simulated(case, tmp_path, n / 10)["seconds"] for n in range(10)]
    assert min(spread) - 0.1 <= outcome.seconds <= max(spread) + 0.5
    assert lab.switch.complaints()[complaints:] == []
