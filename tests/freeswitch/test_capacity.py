"""Calls at once to numbers and accounts on the real switch: exactly so many, and none left over."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.capacity_table import DESK, MOST, PAIR, PLAIN, QUICK, ROUTING, WIDE
from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    HarnessError,
    SippCaller,
    SippCarrier,
    free_port,
    place,
    variable,
    wait_until,
)
from tests.freeswitch.test_main_job import Node, vnroute

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]


class World:
    """A switch, a node, and two carriers that answer until a test puts others in their place."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.node = stack.enter_context(Node(home))
        self.gateways = [Gateway("gwA", free_port()), Gateway("gwB", free_port())]
        self.far = [stack.enter_context(SippCarrier.answers(one)) for one in self.gateways]
        self.switch = stack.enter_context(FreeSwitch([self.node.address], self.gateways))

    def used(self, realm: str, name: str) -> int:
        return int(self.switch.api(f"limit_usage hash {realm} {name.removeprefix('+')}"))

    def counts(self) -> list[int]:
        return [carrier.count() for carrier in self.far]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vnroute")
    (folder / "routes.yaml").write_text(ROUTING)
    vnroute(folder, "load", "routes.yaml")
    vnroute(folder, "compile")
    return folder


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(home, stack)


def test_thirty_are_placed_and_exactly_ten_are_up(
    world: World, report: Callable[[str], None]
) -> None:
    switch = world.switch
    for most in (MOST, 2 * MOST):
        with SippCaller(switch.address, [PLAIN], calls=30, rate=30, hold_ms=5000) as caller:
            wait_until("all are placed", lambda most=most: world.counts()[0] == most, 20)
            wait_until("ten are left", lambda: switch.channels() == 2 * MOST, 10)
            assert world.used("vn_account", "acme") == MOST
            placed = caller.wait()
        report(f"30 placed: {placed.summary()}")
        assert placed.codes() == {200: MOST, 503: 20}
        switch.wait_idle()
        assert world.used("vn_account", "acme") == 0
    assert world.counts() == [2 * MOST, 0]
    refused = [one for one in switch.cdrs() if variable(one, "vn_refused") == "at_capacity"]
    assert len(refused) == 40
    assert {variable(one, "hangup_cause") for one in refused} == {"NORMAL_CIRCUIT_CONGESTION"}
    assert switch.complaints() == []


def test_a_number_s_limit_busy_and_overflow(world: World) -> None:
    switch = world.switch
    assert place(switch.address, [PAIR], calls=5, rate=20, hold_ms=3000).codes() == {200: 2, 486: 3}
    switch.wait_idle()
    with SippCaller(switch.address, [DESK], calls=5, rate=10, hold_ms=4000) as caller:
        wait_until("five are up", lambda: world.counts() == [4, 3], 20)
        assert [world.used("vn_number", DESK), world.used("vn_account", "acme")] == [2, 5]
        assert caller.wait().codes() == {200: 5}
    with SippCaller(switch.address, [WIDE], calls=4, rate=10, hold_ms=4000) as caller:
        wait_until("four are up", lambda: world.counts() == [6, 5], 20)
        assert world.used("vn_account", "wide") == 2
        assert caller.wait().codes() == {200: 4}
    switch.wait_idle()
    assert [world.used("vn_number", n) for n in (PAIR, DESK)] == [0, 0]
    assert [world.used("vn_account", n) for n in ("acme", "wide")] == [0, 0]
    treated = [one for one in switch.cdrs() if variable(one, "vn_treated") == "at_capacity"]
    assert [variable(one, "vn_plan") for one in treated] == ["desk"] * 3 + ["wide-desk"] * 2
    assert switch.complaints() == []


def test_calls_a_second(world: World) -> None:
    codes = place(world.switch.address, [QUICK], calls=12, rate=6).codes()
    assert codes[200] + codes[503] == 12
    # Two in each second of the switch's clock that is touched, three or four seconds.
    assert 4 <= codes[200] <= 8


def test_however_calls_end_nothing_is_left_counted(world: World) -> None:
    switch, (first, second) = world.switch, world.far
    first.stop()
    second.stop()
    with SippCarrier.rings(world.gateways[0]), SippCarrier.refuses(world.gateways[1], 503):
        # Given up while it rings; refused by the carrier that the desk rings.
        place(switch.address, [DESK], calls=5, rate=10, give_up_ms=2000)
        switch.wait_idle(60)
        assert world.used("vn_account", "acme") == world.used("vn_number", DESK) == 0
    with SippCarrier.refuses(world.gateways[0], 486):
        assert place(switch.address, [PAIR], calls=4, rate=4).codes()[486] == 4
    with (
        SippCarrier.answers(world.gateways[0]) as far,
        SippCaller(switch.address, [PLAIN], calls=6, rate=20, hold_ms=60_000),
    ):
        wait_until("six are up", lambda: far.count() == 6, 20)
        assert world.used("vn_account", "acme") == 6
        # vnroute dies: calls stay up, and counted.
        world.node.kill()
        assert world.used("vn_account", "acme") == 6
        world.node.start()
        switch.api("hupall MANAGER_REQUEST")
        switch.wait_idle()
    assert world.used("vn_account", "acme") == 0
    with SippCarrier.answers(world.gateways[0]) as far:
        codes = place(switch.address, [PLAIN], calls=MOST, rate=20).codes()
        wait_until("their records", lambda: len(switch.cdrs()) >= 5 + 4 + 6 + MOST, 10)
        names = ("vn_refused", "hangup_cause", "vn_legs", "originate_causes")
        said = {tuple(variable(one, name) for name in names) for one in switch.cdrs()[-MOST:]}
        assert codes == {200: MOST}, (said, far.count())


def test_a_switch_that_dies_begins_at_nothing(home: Path) -> None:
    with ExitStack() as stack:
        node = stack.enter_context(Node(home))
        gateway = Gateway("gwA", free_port())
        far = stack.enter_context(SippCarrier.answers(gateway))
        switch = FreeSwitch([node.address], [gateway, Gateway("gwB", free_port())])
        switch.start()
        stack.enter_context(
            SippCaller(switch.address, [PLAIN], calls=MOST, rate=20, hold_ms=60_000)
        )
        wait_until("ten are up", lambda: far.count() == MOST, 20)
        assert int(switch.api("limit_usage hash vn_account acme")) == MOST
        os.kill(switch.pid, signal.SIGKILL)
        wait_until("it is gone", lambda: not switch.running, 10)
        with pytest.raises(HarnessError, match="died by itself"):
            switch.stop()
        with FreeSwitch([node.address], [gateway, Gateway("gwB", free_port())]) as again:
            assert int(again.api("limit_usage hash vn_account acme")) == 0
            placed = place(again.address, [PLAIN], calls=MOST + 2, rate=20, hold_ms=3000)
            assert placed.codes() == {200: MOST, 503: 2}
