"""Plans that ring together, staggered, by share and by caller: vnroute behind a real FreeSWITCH.

Two phones, each behind two carriers of its own: +1212… by gwA, then gwC; +1917… by gwB, then gwD.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    Placed,
    SippCarrier,
    free_port,
    place,
    variable,
    wait_until,
)
from tests.freeswitch.test_main_job import Node, vnroute

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]

ONE, TWO, NEXT = "+12125550101", "+19175550102", "+13055550103"
TOGETHER, STAGGERED, SHARED, BY_CALLER, SHOWN = (f"+1800555200{n}" for n in range(5))

ROUTING = f"""
accounts: [{{id: acme}}]
carriers:
  - {{id: alpha, gateways: [{{id: alpha-1, gateway: gwA, progress_seconds: 2}}]}}
  - {{id: beta, gateways: [{{id: beta-1, gateway: gwB, progress_seconds: 2}}]}}
  - {{id: gamma, gateways: [{{id: gamma-1, gateway: gwC, progress_seconds: 2}}]}}
  - {{id: delta, gateways: [{{id: delta-1, gateway: gwD, progress_seconds: 2}}]}}
rates:
  - {{prefix: "+1212", carrier: alpha, rate: 0.01}}
  - {{prefix: "+1212", carrier: gamma, rate: 0.02}}
  - {{prefix: "+1917", carrier: beta, rate: 0.01}}
  - {{prefix: "+1917", carrier: delta, rate: 0.02}}
  - {{prefix: "+1305", carrier: delta, rate: 0.01}}
plans:
  - id: together
    account: acme
    steps: [{{ring: ["{ONE}", "{TWO}"], how: together, seconds: 4}}, {{hangup: relay}}]
  - id: staggered
    account: acme
    steps:
      - {{ring: ["{ONE}", {{to: "{TWO}", delay: 2}}], how: together, seconds: 8}}
      - {{hangup: relay}}
  - id: shared
    account: acme
    steps:
      - {{ring: [{{to: "{ONE}", share: 80}}, {{to: "{TWO}", share: 20}}], how: share}}
      - {{hangup: relay}}
  - id: by-caller
    account: acme
    steps:
      - {{from: ["+1512"], ring: ["{ONE}"]}}
      - {{from: ["withheld"], hangup: CALL_REJECTED}}
      - {{ring: ["{TWO}"]}}
      - {{hangup: relay}}
  - id: shown
    account: acme
    steps:
      - {{ring: ["{ONE}", "{TWO}"], how: together, show: did, seconds: 4}}
      - {{ring: ["{NEXT}"], show: "{NEXT}"}}
      - {{hangup: relay}}
numbers:
  - {{number: "{TOGETHER}", account: acme, plan: together}}
  - {{number: "{STAGGERED}", account: acme, plan: staggered}}
  - {{number: "{SHARED}", account: acme, plan: shared}}
  - {{number: "{BY_CALLER}", account: acme, plan: by-caller}}
  - {{number: "{SHOWN}", account: acme, plan: shown}}
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    home: Path = tmp_path_factory.mktemp("vnroute")
    (home / "routes.yaml").write_text(ROUTING)
    vnroute(home, "load", "routes.yaml")
    vnroute(home, "compile")
    with Node(home) as running:
        yield running


@pytest.fixture
def gateways() -> list[Gateway]:
    return [Gateway(f"gw{letter}", free_port()) for letter in "ABCD"]


Phones = Sequence[Callable[[Gateway], SippCarrier]]

rings = SippCarrier.rings


def answers(at: Gateway) -> SippCarrier:
    return SippCarrier.answers(at)


def answers_later(at: Gateway) -> SippCarrier:
    return SippCarrier.rings(at, 1000)


def refuses(code: int) -> Callable[[Gateway], SippCarrier]:
    return lambda at: SippCarrier.refuses(at, code)


def early_media_then_503(at: Gateway) -> SippCarrier:
    return SippCarrier.early_media_then_refuses(at, 300, 503)


def run(
    node: Node, gateways: list[Gateway], phones: Phones, number: str, calls: int = 5
) -> tuple[Placed, list[int], FreeSwitch]:
    """Place calls to a number; return how they went and the INVITEs of each gateway."""
    with ExitStack() as stack:
        carriers = [
            stack.enter_context(phone(gateway))
            for phone, gateway in zip(phones, gateways, strict=True)
        ]
        switch = stack.enter_context(FreeSwitch([node.address], gateways))
        placed = place(switch.address, [number], calls=calls, rate=5)
        switch.wait_idle(30)
        counts = [carrier.count() for carrier in carriers]
        assert [line for line in switch.complaints() if "CRIT" in line] == []
        wait_until("call records", lambda: len(switch.cdrs()) >= calls, 20)
        assert len(switch.cdrs()) == calls  # legs that lost are no calls
        for record in switch.cdrs():
            assert len((variable(record, "vn_legs") or "").split(",")) == 4
        return placed, counts, switch


@pytest.mark.parametrize(
    ("phones", "code", "counts", "least", "most"),
    [
        pytest.param((refuses(503), rings, answers_later, rings), 200, [1, 1, 1, 0], 0.9, 2.2,
                     id="a carrier fails for one phone, its next answers, the other rings on"),
        pytest.param((early_media_then_503, rings, answers_later, rings), 200, [1, 1, 1, 0],
                     1.0, 2.5, id="early media and then 503 goes on to the next carrier"),
        pytest.param((refuses(486), answers_later, answers, answers), 200, [1, 1, 0, 0], 0.9, 2.2,
                     id="a busy phone leaves the other ringing"),
        pytest.param((refuses(603), answers_later, answers, answers), 200, [1, 1, 0, 0], 0.9, 2.2,
                     id="a declined phone leaves the other ringing"),
        pytest.param((SippCarrier.silent, rings, answers, rings), 200, [1, 1, 1, 0], 0.9, 3.2,
                     id="a silent carrier is given up, the phone's next answers"),
        pytest.param((refuses(486), refuses(486), answers, answers), 486, [1, 1, 0, 0], 0, 1.0,
                     id="all busy is busy at once"),
        pytest.param((refuses(486), refuses(503), answers, refuses(503)), 486, [1, 1, 0, 1], 0, 1.0,
                     id="busy matters more than congestion"),
        pytest.param((refuses(503), refuses(503), refuses(500), refuses(503)), 503, [1, 1, 1, 1],
                     0, 1.0, id="all carriers fail"),
        pytest.param((rings, rings, answers, answers), 480, [1, 1, 0, 0], 3.5, 6.0,
                     id="nobody answers"),
    ],
)  # fmt: skip
def test_together(
    node: Node,
    gateways: list[Gateway],
    report: Callable[[str], None],
    phones: Phones,
    code: int,
    counts: list[int],
    least: float,
    most: float,
) -> None:
    placed, invites, _ = run(node, gateways, phones, TOGETHER)
    report(f"{placed.summary()}; INVITEs of gwA to gwD {invites}")
    assert placed.codes() == {code: 5}
    assert invites == [5 * count for count in counts]
    assert all(call.seconds is not None and least <= call.seconds <= most for call in placed.calls)
    if code == 200:
        assert all(call.ringing is not None and call.ringing < 0.5 for call in placed.calls)


def test_staggered_the_second_begins_late_and_the_first_rings_on(
    node: Node, gateways: list[Gateway], report: Callable[[str], None]
) -> None:
    placed, invites, _ = run(node, gateways, (rings, answers, answers, answers), STAGGERED)
    report(f"{placed.summary()}; INVITEs of gwA to gwD {invites}")
    assert placed.codes() == {200: 5}
    assert invites == [5, 5, 0, 0]
    assert all(call.seconds is not None and 1.5 <= call.seconds <= 3.6 for call in placed.calls)


def test_staggered_the_second_is_not_rung_if_the_first_answers(
    node: Node, gateways: list[Gateway]
) -> None:
    placed, invites, _ = run(node, gateways, (answers, answers, answers, answers), STAGGERED)
    assert placed.codes() == {200: 5}
    assert invites == [5, 0, 0, 0]


def test_shared_by_weight_and_from_certain_callers(
    node: Node, gateways: list[Gateway], report: Callable[[str], None]
) -> None:
    with ExitStack() as stack:
        one, two, *_ = (stack.enter_context(answers(gateway)) for gateway in gateways)
        switch = stack.enter_context(FreeSwitch([node.address], gateways))
        placed = place(switch.address, [SHARED], calls=200, rate=40, hold_ms=50)
        report(f"share 80 to 20: {one.count()} and {two.count()} of 200")
        assert placed.codes() == {200: 200}
        assert one.count() + two.count() == 200
        assert 136 <= one.count() <= 184  # 160, within four standard deviations
        before = (one.count(), two.count())
        callers = [(BY_CALLER, "15125550100"), (BY_CALLER, "442079460123")]
        assert place(switch.address, callers, calls=4).codes() == {200: 4}
        assert (one.count() - before[0], two.count() - before[1]) == (2, 2)
        withheld = place(switch.address, [(BY_CALLER, "anonymous")], headers=["Privacy: id"])
        assert withheld.codes() == {603: 1}


def test_whose_number_the_phones_see(node: Node, gateways: list[Gateway]) -> None:
    with ExitStack() as stack:
        phones = [stack.enter_context(refuses(486)(gateway)) for gateway in gateways[:3]]
        last = stack.enter_context(answers(gateways[3]))
        switch = stack.enter_context(FreeSwitch([node.address], gateways))
        assert place(switch.address, [(SHOWN, "15125550100")]).codes() == {200: 1}
        for phone in phones[:2]:
            (invite,) = phone.invites()
            assert SHOWN.removeprefix("+") in invite.sender
            assert "5125550100" not in invite.sender
        (invite,) = last.invites()
        assert NEXT.removeprefix("+") in invite.sender
        assert "5125550100" not in invite.sender
        assert collections.Counter(phone.count() for phone in phones) == {1: 2, 0: 1}
