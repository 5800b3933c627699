"""A carrier dies under load behind a real FreeSWITCH: who notices, and for how long.

Rate and seconds can be set (VNROUTE_TEST_HEALTH_RATE, _DEAD, and _HOLD_MS of each call), and
VNROUTE_TEST_HEALTH_MEDIA=bypass lets media go past the switch; with -s the figures of
docs/carriers-health.md are printed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    SippCaller,
    SippCarrier,
    free_port,
    place,
    wait_until,
)
from tests.freeswitch.test_main_job import Node, vnroute
from vnroute.carriers.gateway_report import read_gateways
from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage
from vnroute.loadtest.freeswitch import PASSWORD

pytest.importorskip("ESL")
pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(400)]

RATE = int(os.environ.get("VNROUTE_TEST_HEALTH_RATE", "18"))
DEAD = float(os.environ.get("VNROUTE_TEST_HEALTH_DEAD", "25"))
HOLD_MS = int(os.environ.get("VNROUTE_TEST_HEALTH_HOLD_MS", "5000"))
MEDIA = os.environ.get("VNROUTE_TEST_HEALTH_MEDIA", "") != "bypass"
WARM_UP = 80.0
RECOVERY = 45.0
PROGRESS = 2
CARRIERS = ("alpha", "beta", "gamma")
NUMBERS = [f"+1800555200{n}" for n in range(3)]


def routing() -> str:
    """Return a routing file: each number's target is cheapest with another carrier."""
    lines = ["accounts: [{id: acme}]", "carriers:"]
    for name in CARRIERS:
        lines.append(
            f"  - {{id: {name}, gateways: [{{id: {name}-1, gateway: gw-{name},"
            f" progress_seconds: {PROGRESS}}}]}}"
        )
    lines.append("rates:")
    for at, prefix in enumerate(("1212", "1917", "1305")):
        for step, name in enumerate((*CARRIERS[at:], *CARRIERS[:at])):
            lines.append(f'  - {{prefix: "+{prefix}", carrier: {name}, rate: 0.0{step + 1}}}')
    lines.append("plans:")
    for at, target in enumerate(("+12125550101", "+19175550102", "+13055550103")):
        lines.append(f"  - {{id: p{at}, account: acme,")
        lines.append(f'     steps: [{{ring: ["{target}"], seconds: 20}}, {{hangup: relay}}]}}')
    lines.append("numbers:")
    for at, number in enumerate(NUMBERS):
        lines.append(f'  - {{number: "{number}", account: acme, plan: p{at}}}')
    return "\n".join(lines) + "\n"


class World:
    """Three carriers' ports, a switch that pings them or not, and vnroute that watches it."""

    def __init__(self, home: Path, ping: int) -> None:
        self.home = home
        self.control = free_port()
        self.gateways = [Gateway(f"gw-{name}", free_port(), ping) for name in CARRIERS]
        self.node = Node(home)
        self.switch = FreeSwitch(
            [self.node.address],
            self.gateways,
            cdr=f"http://127.0.0.1:{self.control}/cdr",
            media=MEDIA,
        )
        (home / "routes.yaml").write_text(routing())
        (home / "vnroute.toml").write_text(
            f'[control]\nport = {self.control}\n[log]\nformat = "json"\n'
            f'[[switches]]\nname = "fs1"\naddress = "127.0.0.1:{self.switch.control_port}"\n'
            f'password = "{PASSWORD}"\n'
        )
        vnroute(home, "load", "routes.yaml")
        vnroute(home, "compile")

    def legs(self) -> int:
        """Return how many legs the switch has sent to the first gateway."""
        report = read_gateways(self.switch.api("sofia xmlstatus gateway"))
        return next(found.made for found in report if found.name == self.gateways[0].name)

    def share(self, gateway: str = "alpha-1") -> int:
        """Return the share of calls that workers are told of."""
        path = self.home / "state" / "state.page"
        if not path.exists():
            return 1000  # nothing has been said yet
        said = StatePage.open(path).get(Kind.GATEWAY, gateway)
        return 1000 if said is None else said.value


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(tmp_path, request.param)
    with made.switch, made.node:
        yield made


@pytest.mark.parametrize("world", [5], indirect=True)
def test_pings_shut_a_gateway_and_let_it_back(world: World) -> None:
    with ExitStack() as stack:
        alpha = stack.enter_context(SippCarrier.answers(world.gateways[0]))
        for gateway in world.gateways[1:]:
            stack.enter_context(SippCarrier.answers(gateway))
        assert place(world.switch.address, NUMBERS).codes() == {200: 3}
        alpha.stop()
        wait_until("alpha-1 is shut", lambda: world.share() == 0, 90)
        assert "alpha-1" in vnroute_status(world.home)
        # Its calls go to the next carrier at once: nobody waits for the progress timer.
        placed = place(world.switch.address, NUMBERS[:1] * 10, rate=10)
        assert placed.codes() == {200: 10} and placed.slowest() < 1.0
        stack.enter_context(SippCarrier.answers(world.gateways[0]))
        wait_until("alpha-1 is tried again", lambda: world.share() > 0, 90)
        # Few calls come, and each of them may be a trial; three that do well are a step.
        deadline = time.monotonic() + 120
        while world.share() < 1000 and time.monotonic() < deadline:
            assert place(world.switch.address, NUMBERS[:1] * 10, rate=5).codes() == {200: 10}
        assert world.share() == 1000


def vnroute_status(home: Path) -> str:
    """Return what ``vnroute gateway status`` prints; it exits with 1 where a gateway is shut."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "vnroute.cli", "gateway", "status", "--json"],
        env={**os.environ, "VNROUTE_HOME": str(home)}, cwd=home, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.mark.parametrize("world", [0], indirect=True)
def test_drained_by_hand_takes_no_call_and_survives_a_restart(world: World) -> None:
    with ExitStack() as stack:
        carriers = [stack.enter_context(SippCarrier.answers(g)) for g in world.gateways]
        vnroute(world.home, "gateway", "drain", "alpha-1", "--why", "test")
        wait_until("alpha-1 is drained", lambda: world.share() == 0, 10)
        placed = place(world.switch.address, NUMBERS * 3)
        assert placed.codes() == {200: 9} and carriers[0].count() == 0
        world.node.kill()
        (world.home / "state" / "state.page").unlink()
        world.node.start()
        wait_until("the page is there", (world.home / "state" / "state.page").exists, 20)
        wait_until("alpha-1 is drained again", lambda: world.share() == 0, 20)
        vnroute(world.home, "gateway", "restore", "alpha-1")
        wait_until("alpha-1 is back", lambda: world.share() == 1000, 10)
        assert place(world.switch.address, NUMBERS).codes() == {200: 3}
        assert carriers[0].count() == 1


@pytest.mark.parametrize("world", [0], indirect=True)
@pytest.mark.parametrize("death", ["silent", "closed", "refuses"])
def test_one_of_three_dies_under_load(
    world: World, death: str, report: Callable[[str], None]
) -> None:
    calls = int(RATE * (WARM_UP + DEAD + RECOVERY))
    with ExitStack() as stack:
        alpha = stack.enter_context(SippCarrier.answers(world.gateways[0]))
        for gateway in world.gateways[1:]:
            stack.enter_context(SippCarrier.answers(gateway))
        with SippCaller(world.switch.address, NUMBERS, calls=calls, rate=RATE,
                        hold_ms=HOLD_MS) as caller:  # fmt: skip
            time.sleep(WARM_UP)
            assert world.share() == 1000
            alpha.stop()
            dead = {
                "silent": SippCarrier.silent,
                "closed": SippCarrier.closed,
                "refuses": lambda place: SippCarrier.refuses(place, 503),
            }[death](world.gateways[0])
            with dead:
                died, before = time.monotonic(), world.legs()
                wait_until("the breaker opens", lambda: world.share() == 0, DEAD)
                opened = time.monotonic() - died
                got = world.legs() - before
                time.sleep(max(0.0, DEAD - opened))
                later = world.legs() - before - got
            with SippCarrier.answers(world.gateways[0]):
                back = time.monotonic()
                wait_until("it is trusted again", lambda: world.share() == 1000, RECOVERY)
                trusted = time.monotonic() - back
                placed = caller.wait()
        late = [call for call in placed.calls if (call.seconds or 99) > 1.0]
        report(
            f"{death}, {RATE} calls/s in all: open after {opened:.1f} s and {got} calls, {later}"
            f" trials in the {DEAD:g} s it was dead, trusted again {trusted:.1f} s after;"
            f" {len(late)} of {calls} callers waited over 1 s, at most {placed.slowest():.2f} s;"
            f" codes {dict(placed.codes())}"
        )
        assert placed.codes() == {200: calls}
        # A silent carrier costs its progress timeout; the rest is for a busy machine.
        assert placed.slowest() < PROGRESS + 10
