"""Advancing after phones that rang together: vnroute's own answers on the real switch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.advancing_table import CASES, Case, lines
from tests.freeswitch.lab import Lab
from tests.freeswitch.test_ring import carrier

pytestmark = pytest.mark.freeswitch


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_advancing(lab: Lab, case: Case, tmp_path: Path, report: Callable[[str], None]) -> None:
    far = [carrier(lab.gateway(), each) for each in case.carriers]
    complaints = len(lab.switch.complaints())
    outcome = lab.call(lines(case, [one.name for one in far], tmp_path), *far)
    invites = tuple(outcome.count(one) for one in far)
    report(f"{outcome.code} after {outcome.seconds:.2f} s, INVITEs {invites}")
    assert outcome.code == case.code
    assert invites == case.rung
    assert case.least - 0.1 <= outcome.seconds <= case.most + 0.3
    assert lab.switch.complaints()[complaints:] == []
