"""The job itself: vnroute behind a real FreeSWITCH, carriers and callers on both sides, counted.

Numbers are loaded, compiled and served by the command line, as a carrier's engineer does it; what
FreeSWITCH then dials must be what ``vnroute route NUMBER --json`` says.
"""

from __future__ import annotations

import collections
import json
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.freeswitch.harness import (
    LOOPBACK,
    FreeSwitch,
    Gateway,
    SippCaller,
    SippCarrier,
    free_port,
    legs,
    place,
    variable,
    wait_until,
)
from vnroute.loadtest import node as kit
from vnroute.status import OUTCOMES

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]

NUMBERS = [f"+180055512{n:02}" for n in range(20)]
PROGRESS_SECONDS = 2

ROUTING = f"""
accounts:
  - id: acme
    name: Acme Corp
    time_zone: America/New_York
carriers:
  - id: alpha
    gateways: [{{id: alpha-1, gateway: gwA, progress_seconds: {PROGRESS_SECONDS}}}]
  - id: beta
    gateways: [{{id: beta-1, gateway: gwB, progress_seconds: {PROGRESS_SECONDS}}}]
plans:
"""

RATES = """prefix,carrier,rate
1,alpha,0.0040
1,beta,0.0060
1212,alpha,0.0030
"""


def routing() -> str:
    """Return a routing file: each number has a plan and a target of its own."""
    lines = [ROUTING]
    for place_ in range(len(NUMBERS)):
        target = f"+121255501{place_:02}"
        lines.append(f"  - id: plan-{place_}\n    account: acme\n    steps:\n")
        lines.append(f"      - ring: ['{target}']\n        seconds: 10\n      - hangup: relay\n")
    lines.append("numbers:\n")
    for place_, number in enumerate(NUMBERS):
        lines.append(f"  - {{number: '{number}', account: acme, plan: plan-{place_}}}\n")
    return "".join(lines)


def vnroute(home: Path, *arguments: str) -> str:
    """Run a vnroute command to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "vnroute.cli", *arguments],
        env={**os.environ, "VNROUTE_HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"vnroute {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout


class Node(kit.Node):
    """A running ``vnroute serve``, in a process group of its own so that it can be killed whole.

    One worker: two cores are shared with the switch and three SIPps.
    """

    def __init__(self, home: Path, port: int | None = None) -> None:
        super().__init__(home, LOOPBACK, port if port is not None else free_port())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a vnroute home with the numbers loaded, the rates imported, the image compiled."""
    folder = tmp_path_factory.mktemp("vnroute")
    (folder / "routes.yaml").write_text(routing())
    (folder / "rates.csv").write_text(RATES)
    vnroute(folder, "load", "routes.yaml")
    vnroute(folder, "import", "rates", "rates.csv")
    vnroute(folder, "compile")
    return folder


@pytest.fixture(scope="module")
def routes(home: Path) -> dict[str, list[tuple[str, str]]]:
    """Return (gateway, dialled) of each number's legs, in order, as ``vnroute route`` says."""
    found = {}
    for number in NUMBERS:
        decision: dict[str, Any] = json.loads(vnroute(home, "route", number, "--json"))
        (step, *_) = decision["steps"]
        (target,) = step["targets"]
        found[number] = [_gateway_and_number(leg["dial"]) for leg in target["legs"]]
    return found


def _gateway_and_number(dial: str) -> tuple[str, str]:
    kind, word, gateway, number = dial.split("/")
    assert (kind, word) == ("sofia", "gateway")
    return gateway, number


@pytest.fixture
def node(home: Path) -> Iterator[Node]:
    with Node(home) as running:
        yield running


@pytest.fixture
def gateways() -> tuple[Gateway, Gateway]:
    return Gateway("gwA", free_port()), Gateway("gwB", free_port())


def expected(
    routes: dict[str, list[tuple[str, str]]], leg: int, calls: int
) -> collections.Counter[str]:
    """Return how often each number is dialled if every call of a run in turn makes this leg."""
    return collections.Counter(
        routes[NUMBERS[call % len(NUMBERS)]][leg][1] for call in range(calls)
    )


def test_route_says_alpha_then_beta(routes: dict[str, list[tuple[str, str]]]) -> None:
    for place_, number in enumerate(NUMBERS):
        dialled = f"121255501{place_:02}"
        assert routes[number] == [("gwA", dialled), ("gwB", dialled)]


def test_a_thousand_calls_go_where_route_says(
    node: Node,
    gateways: tuple[Gateway, Gateway],
    routes: dict[str, list[tuple[str, str]]],
    report: Callable[[str], None],
) -> None:
    with (
        SippCarrier.answers(gateways[0]) as alpha,
        SippCarrier.answers(gateways[1]) as beta,
        FreeSwitch([node.address], gateways) as switch,
    ):
        started = switch.cpu_seconds()
        placed = place(switch.address, NUMBERS, calls=1000, rate=50, hold_ms=500)
        switch.wait_idle()
        cpu = (switch.cpu_seconds() - started) / 1000
        report(f"{placed.summary()}; gwA {alpha.count()}, gwB {beta.count()} INVITEs")
        report(f"FreeSWITCH used {1000 * cpu:.1f} ms of CPU a call")
        assert placed.codes() == {200: 1000}
        assert alpha.dialled() == expected(routes, 0, 1000)
        assert beta.count() == 0
        wait_until("1000 call records", lambda: len(switch.cdrs()) >= 1000, 20)
        records = switch.cdrs()
        assert len(records) == 1000
        assert collections.Counter(variable(r, "vn_number") for r in records) == {
            number: 1000 // len(NUMBERS) for number in NUMBERS
        }
        assert {variable(record, "vn_account") for record in records} == {"acme"}
        assert switch.complaints() == []


def test_first_carrier_503_every_call_reaches_the_second(
    node: Node,
    gateways: tuple[Gateway, Gateway],
    routes: dict[str, list[tuple[str, str]]],
    report: Callable[[str], None],
) -> None:
    calls = 500
    with (
        SippCarrier.refuses(gateways[0], 503) as alpha,
        SippCarrier.answers(gateways[1]) as beta,
        FreeSwitch([node.address], gateways) as switch,
    ):
        placed = place(switch.address, NUMBERS, calls=calls, rate=50)
        switch.wait_idle()
        report(f"{placed.summary()}; gwA {alpha.count()}, gwB {beta.count()} INVITEs")
        assert placed.codes() == {200: calls}
        assert alpha.dialled() == expected(routes, 0, calls)
        assert beta.dialled() == expected(routes, 1, calls)
        wait_until("all call records", lambda: len(switch.cdrs()) >= calls, 20)
        causes = {tuple(leg.cause for leg in legs(record)) for record in switch.cdrs()}
        assert causes == {("NORMAL_TEMPORARY_FAILURE", "NONE")}


def test_first_carrier_busy_no_call_reaches_the_second(
    node: Node, gateways: tuple[Gateway, Gateway], report: Callable[[str], None]
) -> None:
    calls = 500
    with (
        SippCarrier.refuses(gateways[0], 486) as alpha,
        SippCarrier.answers(gateways[1]) as beta,
        FreeSwitch([node.address], gateways) as switch,
    ):
        placed = place(switch.address, NUMBERS, calls=calls, rate=50)
        switch.wait_idle()
        report(f"{placed.summary()}; gwA {alpha.count()}, gwB {beta.count()} INVITEs")
        assert placed.codes() == {486: calls}
        assert (alpha.count(), beta.count()) == (calls, 0)


def test_first_carrier_silent_second_answers_in_time(
    node: Node, gateways: tuple[Gateway, Gateway], report: Callable[[str], None]
) -> None:
    calls = 100
    with (
        SippCarrier.silent(gateways[0]) as alpha,
        SippCarrier.answers(gateways[1]) as beta,
        FreeSwitch([node.address], gateways) as switch,
    ):
        placed = place(switch.address, NUMBERS, calls=calls, rate=20)
        switch.wait_idle()
        report(f"{placed.summary()}; gwA {alpha.count()}, gwB {beta.count()} INVITEs")
        assert placed.codes() == {200: calls}
        assert (alpha.count(), beta.count()) == (calls, calls)
        assert placed.slowest() <= PROGRESS_SECONDS + 1


def test_unknown_number_is_404(node: Node) -> None:
    with FreeSwitch([node.address]) as switch:
        assert place(switch.address, ["+18885550000"]).code() == 404


def test_callers_gone_before_vnroute_speaks_are_no_decisions(node: Node) -> None:
    """FreeSWITCH then sends a notice in place of CHANNEL_DATA, which names no number."""

    def counted() -> dict[str, int]:
        node.look()
        total: collections.Counter[str] = collections.Counter()
        for page in node.pages.values():
            total.update({name: page.values[name] for name in (*OUTCOMES, "hung_up_early")})
        return dict(total)

    before = counted()
    with FreeSwitch([node.address]) as switch:
        pids = node.pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            placed = place(switch.address, NUMBERS[:5], give_up_ms=500)
            switch.wait_idle()
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        assert placed.codes() == {None: 5}
        wait_until(
            "all five are counted",
            lambda: counted()["hung_up_early"] >= before["hung_up_early"] + 5,
            10,
        )
    assert counted() == {**before, "hung_up_early": before["hung_up_early"] + 5}


def test_withheld_number_does_not_leak(node: Node, gateways: tuple[Gateway, Gateway]) -> None:
    """FreeSWITCH by itself would put the number of P-Asserted-Identity into From."""
    asserted = "P-Asserted-Identity: <sip:+12125557777@carrier.example>"
    with (
        SippCarrier.answers(gateways[0]) as alpha,
        FreeSwitch([node.address], gateways) as switch,
    ):
        caller = [(NUMBERS[0], "anonymous")]
        placed = place(switch.address, caller, headers=["Privacy: id", asserted])
        assert placed.code() == 200
        (invite,) = alpha.invites()
        assert "2125557777" not in invite.sender
        assert invite.privacy in ("id", "")


def test_killed_under_load_no_call_is_left_parked(
    node: Node,
    gateways: tuple[Gateway, Gateway],
    home: Path,
    report: Callable[[str], None],
) -> None:
    calls = 1000
    with (
        SippCarrier.answers(gateways[0]) as alpha,
        SippCarrier.answers(gateways[1]) as beta,
        FreeSwitch([node.address], gateways) as switch,
        SippCaller(switch.address, NUMBERS, calls=calls, rate=50, give_up_ms=30_000) as caller,
    ):
        time.sleep(8)
        node.kill()
        killed = time.time()
        placed = caller.wait()
        switch.wait_idle()
        codes = placed.codes()
        report(f"{placed.summary()}; gwA {alpha.count()}, gwB {beta.count()} INVITEs")
        assert set(codes) == {200, 503}
        assert codes.total() == calls
        assert alpha.count() == codes[200]
        assert beta.count() == 0
        # Nobody waited: the bridge or the fallback came at once.
        assert placed.slowest() < 2.0
        # Whoever called well after the kill met the fallback, whoever called before it the plan.
        assert {c.code for c in placed.calls if c.sent_at > killed + 0.2} == {503}
        assert {c.code for c in placed.calls if c.sent_at < killed - 0.5} == {200}
        assert switch.channels() == 0
        with Node(home, node.port):
            assert place(switch.address, NUMBERS[:5]).codes() == {200: 5}


def test_killed_under_load_with_a_second_node_no_call_is_lost(
    home: Path,
    gateways: tuple[Gateway, Gateway],
    tmp_path: Path,
    report: Callable[[str], None],
) -> None:
    calls = 400
    # A node of its own home: one home serves one node.
    (tmp_path / "routes.yaml").write_text(routing())
    (tmp_path / "rates.csv").write_text(RATES)
    vnroute(tmp_path, "load", "routes.yaml")
    vnroute(tmp_path, "import", "rates", "rates.csv")
    vnroute(tmp_path, "compile")
    with (
        Node(home) as first,
        Node(tmp_path) as second,
        SippCarrier.answers(gateways[0]) as alpha,
        FreeSwitch([first.address, second.address], gateways) as switch,
        SippCaller(switch.address, NUMBERS, calls=calls, rate=50, give_up_ms=30_000) as caller,
    ):
        time.sleep(3)
        first.kill()
        placed = caller.wait()
        switch.wait_idle()
        report(f"{placed.summary()}; gwA {alpha.count()} INVITEs")
        assert placed.codes() == {200: calls}
        assert alpha.count() == calls
