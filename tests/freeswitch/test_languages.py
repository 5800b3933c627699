"""Languages and campaigns on the real switch: SIPp sends Accept-Language, the carriers count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.freeswitch.harness import FreeSwitch, Gateway, SippCarrier, free_port, place
from tests.freeswitch.test_main_job import Node, vnroute
from tests.language_table import CASES, ROUTING, Case

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[FreeSwitch, list[SippCarrier]]]:
    home: Path = tmp_path_factory.mktemp("vnroute")
    (home / "routes.yaml").write_text(ROUTING)
    vnroute(home, "load", "routes.yaml")
    vnroute(home, "compile")
    with ExitStack() as stack:
        node = stack.enter_context(Node(home))
        gateways = [Gateway("gwA", free_port()), Gateway("gwB", free_port())]
        carriers = [stack.enter_context(SippCarrier.answers(one)) for one in gateways]
        yield stack.enter_context(FreeSwitch([node.address], gateways)), carriers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_languages(bench: tuple[FreeSwitch, list[SippCarrier]], case: Case) -> None:
    switch, carriers = bench
    before = [carrier.count() for carrier in carriers]
    headers = [f"Accept-Language: {case.accept}"] if case.accept else []
    placed = place(switch.address, [(case.number, case.caller)], headers=headers)
    assert placed.codes() == {case.code: 1}
    rung = [carrier.count() - count for carrier, count in zip(carriers, before, strict=True)]
    assert tuple(rung) == case.rung
