"""Limits of gateways and carriers on the real switch: overflow, stops, and counts that end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.freeswitch.canned import Canned
from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    SippCaller,
    SippCarrier,
    free_port,
    place,
    wait_until,
)
from tests.limits_table import NUMBER, Answers
from vnroute.model.limits import Limits

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(180)]


class World:
    """A switch with three gateways, answered by vnroute's matcher."""

    def __init__(self, stack: ExitStack, directory: Path, **options: object) -> None:
        self.gateways = [Gateway(f"gw{place}", free_port()) for place in range(3)]
        answers = Answers([g.name for g in self.gateways], directory, **options)  # type: ignore[arg-type]
        server = stack.enter_context(Canned(lambda _: answers.reply()))
        self.switch = stack.enter_context(FreeSwitch([server.node], self.gateways))

    def used(self, realm: str = "vn_gateway", kind: str = "g") -> list[int]:
        """Return what the switch counts now for each gateway or carrier."""
        return [
            int(self.switch.api(f"limit_usage hash {realm} {kind}{place}")) for place in range(3)
        ]


def counts(carriers: Sequence[SippCarrier]) -> list[int]:
    return [carrier.count() for carrier in carriers]


@pytest.mark.parametrize("of_carrier", [False, True])
def test_five_calls_at_once_overflow_and_leave_no_count(tmp_path: Path, of_carrier: bool) -> None:
    realm, kind = ("vn_carrier", "c") if of_carrier else ("vn_gateway", "g")
    with ExitStack() as stack:
        world = World(stack, tmp_path, of_carrier=of_carrier)
        far = [stack.enter_context(SippCarrier.answers(g)) for g in world.gateways]
        with SippCaller(world.switch.address, [NUMBER], calls=5, rate=5, hold_ms=6000) as caller:
            wait_until("five are up", lambda: sum(counts(far)) == 5, 30)
            assert world.used(realm, kind)[:2] == [2, 1]
            assert caller.wait().codes() == {200: 5}
        assert counts(far) == [2, 1, 2]
        world.switch.wait_idle()
        assert world.used(realm, kind) == [0, 0, 0]
        # And again: the places are free.
        assert place(world.switch.address, [NUMBER], calls=1).codes() == {200: 1}
        assert counts(far) == [3, 1, 2]
        assert world.switch.complaints() == []


def test_busy_stops_and_503_goes_on(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(stack, tmp_path)
        busy = stack.enter_context(SippCarrier.refuses(world.gateways[0], 486))
        others = [stack.enter_context(SippCarrier.answers(g)) for g in world.gateways[1:]]
        assert place(world.switch.address, [NUMBER], calls=3).codes() == {486: 3}
        assert counts([busy, *others]) == [3, 0, 0]
        busy.stop()
        with SippCarrier.refuses(world.gateways[0], 503) as failing:
            assert place(world.switch.address, [NUMBER], calls=2, rate=1).codes() == {200: 2}
            assert counts([failing, *others]) == [2, 2, 0]
        world.switch.wait_idle()
        assert world.used() == [0, 0, 0]


def test_dead_carriers_and_vanished_callers_leave_no_count(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(stack, tmp_path)
        stack.enter_context(SippCarrier.silent(world.gateways[0]))
        stack.enter_context(SippCarrier.rings(world.gateways[1]))
        stack.enter_context(SippCarrier.answers(world.gateways[2]))
        placed = place(world.switch.address, [NUMBER], calls=3, rate=10, give_up_ms=4000)
        assert len(placed.calls) == 3
        world.switch.wait_idle(60)
        assert world.used() == [0, 0, 0]


def test_calls_a_second(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(stack, tmp_path, limits=(Limits(cps=2), None, None))
        far = [stack.enter_context(SippCarrier.answers(g)) for g in world.gateways]
        # Twelve in two seconds or little more: no second takes more than two.
        assert place(world.switch.address, [NUMBER], calls=12, rate=6).codes() == {200: 12}
        first = counts(far)[0]
        assert first >= 2
        seconds = [int(invite.at) for invite in far[0].invites()]
        assert sum(counts(far)) == 12 and max(map(seconds.count, seconds)) <= 4
