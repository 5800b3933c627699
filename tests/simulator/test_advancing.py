"""Advancing after phones that rang together, in the simulator: the rows of a real FreeSWITCH."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.advancing_table import CASES, Case, lines
from tests.simulator.test_ringing import behaviour, run


@pytest.mark.parametrize("fraction", [0.0, 0.4, 0.93])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_advancing(case: Case, fraction: float, tmp_path: Path) -> None:
    names = [f"gw{place}" for place in range(len(case.carriers))]
    behaviours = {name: behaviour(far) for name, far in zip(names, case.carriers, strict=True)}
    session = run(lines(case, names, tmp_path), {"gateways": behaviours}, None, fraction)
    assert session.final_sip == case.code
    assert case.least - 1e-3 <= session.now <= case.most
    tried = [attempt.gateway for attempt in session.attempts if attempt.created]
    assert tuple(tried.count(name) for name in names) == case.rung
