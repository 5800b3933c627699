"""The seven kinds of ringing in the simulator, with each kind of phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kinds_table import CASES, KINDS, Case, simulated


def test_seven_kinds_of_ringing() -> None:
    assert (len(KINDS), len(CASES)) == (7, 35)


@pytest.mark.parametrize("fraction", [0.0, 0.4, 0.93])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kinds(case: Case, fraction: float, tmp_path: Path) -> None:
    found = simulated(case, tmp_path, fraction)
    assert (found["code"], found["rung"], found["winner"]) == (case.code, case.rung, case.winner)
