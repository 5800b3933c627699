"""Languages and campaigns on the real switch: SIPp sends Accept-Language, the carriers count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.freeswitch.harness import FreeSwitch, SippCarrier
from tests.freeswitch.routed import rings, routed
from tests.language_table import CASES, ROUTING, Case

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[FreeSwitch, list[SippCarrier]]]:
    with routed(tmp_path_factory.mktemp("vnroute"), ROUTING) as switch_and_carriers:
        yield switch_and_carriers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_languages(bench: tuple[FreeSwitch, list[SippCarrier]], case: Case) -> None:
    switch, carriers = bench
    headers = [f"Accept-Language: {case.accept}"] if case.accept else []
    placed, rung = rings(switch, carriers, case.number, case.caller, headers)
    assert placed.codes() == {case.code: 1}
    assert rung == case.rung
