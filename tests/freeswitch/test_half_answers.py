"""A node that dies after it set a call's variables and before it said what to run: another node
answers on the real switch as if it had been the first, and counts no hop for it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.capacity_table import DESK, PLAIN, ROUTING
from tests.freeswitch.canned import Canned, headers
from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    SippCaller,
    SippCarrier,
    free_port,
    variable,
    wait_until,
)
from tests.freeswitch.test_main_job import vnroute
from vnroute.image.generations import current_image
from vnroute.matcher.decide import Matcher
from vnroute.matcher.image import RouteImage

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(120)]

HOPS, PROFILE = "variable_vn_hops", "Caller-Profile-Index"


class World:
    """A switch with two nodes, of which the first always dies so."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        (home / "routes.yaml").write_text(ROUTING)
        vnroute(home, "load", "routes.yaml")
        vnroute(home, "compile")
        path = current_image(home / "images")
        assert path is not None
        matcher = Matcher(RouteImage(path))

        def answer(data: bytes) -> bytes:
            return matcher.decide(data, time.time())

        self.dying = stack.enter_context(Canned(answer, fails_at="before-plan"))
        self.sound = stack.enter_context(Canned(answer))
        gateways = [Gateway("gwA", free_port()), Gateway("gwB", free_port())]
        self.far = [stack.enter_context(SippCarrier.answers(one)) for one in gateways]
        nodes = [self.dying.node, self.sound.node]
        self.switch = stack.enter_context(FreeSwitch(nodes, gateways))

    def records(self, calls: int) -> list[tuple[str | None, ...]]:
        """Return number, hops and treatment of each call's record, once all are there."""
        wait_until("their records", lambda: len(self.switch.cdrs()) == calls, 10)
        names = ("vn_number", "vn_hops", "vn_treated", "vn_over")
        return sorted(
            (tuple(variable(one, name) for name in names) for one in self.switch.cdrs()), key=str
        )

    def asked(self) -> list[tuple[str | None, str | None]]:
        """Return the hops and the profile that the sound node was told each time."""
        told = (headers(one) for one in self.sound.calls)
        return [(one.get(HOPS), one.get(PROFILE)) for one in told]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(tmp_path, stack)


def test_no_hop_is_counted_for_an_answer_that_was_not_run(
    world: World, report: Callable[[str], None]
) -> None:
    switch = world.switch
    # Two of the desk's own, and one beyond its limit, which the switch sends back to us.
    with SippCaller(switch.address, [PLAIN, DESK, DESK, DESK], rate=4, hold_ms=3000) as caller:
        placed = caller.wait()
    switch.wait_idle()
    assert placed.codes() == {200: 4}
    assert [carrier.count() for carrier in world.far] == [3, 1]
    report(f"asked with {world.asked()}")
    assert world.records(4) == sorted(
        [(PLAIN, "1", None, None), *[(DESK, "1", None, None)] * 2,
         (DESK, "1", "at_capacity", None)], key=str,
    )  # fmt: skip
    assert len(world.dying.calls) == len(world.sound.calls) == 5
    assert switch.complaints() == []


def test_a_call_that_was_sent_on_has_one_hop_more(
    world: World, report: Callable[[str], None]
) -> None:
    switch = world.switch
    with SippCaller(switch.address, [PLAIN], hold_ms=4000) as caller:
        wait_until("it is up", lambda: world.far[0].count() == 1 and switch.channels() == 2, 10)
        found = re.search(r"^([0-9a-f-]{36}),inbound", switch.api("show channels"), re.M)
        assert found
        assert switch.api(f"uuid_transfer {found[1]} {PLAIN} XML vnroute").startswith("+OK")
        wait_until("it is rung again", lambda: world.far[0].count() == 2, 10)
        placed = caller.wait()
    switch.wait_idle()
    assert placed.codes() == {200: 1}
    report(f"asked with {world.asked()}")
    assert world.asked() == [("1", "1"), ("2", "2")]
    assert world.records(1) == [(PLAIN, "2", None, None)]
