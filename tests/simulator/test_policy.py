"""The built-in policy in the simulator: the rows that a real FreeSWITCH was seen to follow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.policy_table import CASES, Case, says, simulated
from vnroute.compiler.hunting import GLOBALS as EXPECTED
from vnroute.simulator.global_variables import GLOBALS

FS_CONF = Path(__file__).parents[2] / "fs-conf"


def test_the_switch_is_given_the_global_variables_that_answers_name() -> None:
    text = (FS_CONF / "vars.xml").read_text()
    found = dict(re.findall(r'cmd="set" data="((?:vn_|ignore_)\w+)=(.*)"/>', text))
    assert found == EXPECTED
    assert {name: found[name] for name in GLOBALS} == GLOBALS


@pytest.mark.parametrize("fraction", [0.0, 0.4, 0.93])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_policy(case: Case, fraction: float, tmp_path: Path) -> None:
    seen = simulated(case, tmp_path, fraction)
    assert (seen["code"], seen["rung"]) == (case.code, case.rung)
    assert case.least - 1e-3 <= seen["seconds"] <= case.most


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_rows_are_what_the_tables_say(case: Case) -> None:
    assert says(case)[1] == case.rung
