"""The built-in policy in the simulator: the rows that a real FreeSWITCH was seen to follow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.policy_table import CASES, Case, lines
from tests.simulator.test_ringing import behaviour, run
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
    names = [f"gw{place}" for place in range(len(case.carriers))]
    written: dict[str, Any] = {}
    for name, far in zip(names, case.carriers, strict=True):
        if far in ("closed", "tcp refused"):
            written[name] = {"refuse": 503}
        elif not isinstance(far, str):
            written[name] = behaviour(far)
    if case.then:
        names.append("gwThen")
        written["gwThen"] = {"answer": "100ms"}
    session = run(lines(case, names, tmp_path), {"gateways": written}, None, fraction)
    assert session.final_sip == case.code
    assert case.least - 1e-3 <= session.now <= case.most
    tried = [attempt.gateway for attempt in session.attempts if attempt.created]
    closed = ("closed", "tcp refused")
    rung = tuple(
        0 if place < len(case.carriers) and case.carriers[place] in closed else tried.count(name)
        for place, name in enumerate(names)
    )
    assert rung == case.rung
