"""Load tests with a service of dips: what calls may be told, and that each check can fail."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.loadtest.seen import call
from tests.loadtest.test_command import report, run
from tests.loadtest.test_profile import refused
from vnroute.loadtest.dip_checks import DipWatch, _Look
from vnroute.loadtest.dip_service import Dips, DipService, Says
from vnroute.loadtest.observed import SeenCall
from vnroute.loadtest.routes import ported_to

PORTED, STAYED, OTHER = 12_125_550_010, 12_125_550_011, 13_055_560_020
ROUTING, OTHER_ROUTING = ported_to(PORTED), ported_to(OTHER)
SLACK = 0.5


def watch(*history: tuple[float, str], shut: tuple[float, float] = (0, 0)) -> DipWatch:
    """Return a run of a hundred seconds from 1000, looked at twenty times a second."""
    service = DipService("127.0.0.1", 1, Dips(), ported_to)
    service.history = [Says(since, word) for since, word in ((1000.0, "5ms"), *history)]
    found = DipWatch(service)
    found.looks = [
        _Look(at, shut[0] <= at < shut[1], 5 if shut[0] and at >= shut[0] else 0)
        for at in (1000 + n / 20 for n in range(2000))
    ]
    found.counts = {"asked": 9, "ported": 5, "not_ported": 3, "failed": 5, "late": 1, "skipped": 2}
    return found


def test_every_second_target_is_ported_to_another_order() -> None:
    assert (ROUTING, OTHER_ROUTING, ported_to(STAYED)) == (13_055_560_000, 442_079_460_000, 0)
    assert ported_to(99_000) == 0


def test_while_all_is_calm_only_the_answer_will_do() -> None:
    calm = watch()
    assert calm.tolds([PORTED], 1050, SLACK) == [((PORTED, ROUTING),)]
    assert calm.tolds([PORTED, STAYED, OTHER], 1050, SLACK) == [
        ((PORTED, ROUTING), (OTHER, OTHER_ROUTING))
    ]
    assert calm.tolds([STAYED], 1050, SLACK) == [()]


def test_in_an_outage_a_number_goes_by_an_answer_only_where_there_was_one() -> None:
    gone = watch((1030.0, "closed"), (1040.0, "5ms"), shut=(1031, 1042))
    assert gone.tolds([PORTED], 1035, SLACK) == [()]
    gone.service.answered = [(1029.9, PORTED), (1033.8, OTHER)]
    # Kept for a second, and a second's part.
    assert gone.tolds([PORTED], 1031, SLACK) == [((PORTED, ROUTING),), ()]
    assert gone.tolds([PORTED], 1035, SLACK) == [()]
    assert gone.tolds([PORTED, OTHER], 1035, SLACK) == [((OTHER, OTHER_ROUTING),), ()]
    # After it the numbers that failed are asked for again five seconds later.
    assert gone.tolds([PORTED], 1044, SLACK) == [()]
    assert gone.tolds([PORTED], 1048, SLACK) == [((PORTED, ROUTING),)]


def test_a_late_answer_leaves_both_open() -> None:
    late = watch()
    late.looks = [_Look(look.at, False, int(look.at > 1050)) for look in late.looks]
    late.service.answered = [(1050.0, PORTED)]
    assert late.tolds([PORTED], 1050, SLACK) == [((PORTED, ROUTING),), ()]
    assert late.tolds([PORTED], 1060, SLACK) == [((PORTED, ROUTING),)]


def asks(at: float, seconds: float, number: int = PORTED) -> tuple[SeenCall, list[int]]:
    return call(200, sent_at=at, plan_seconds=seconds), [number]


def others(at: float, seconds: float) -> tuple[SeenCall, list[int]]:
    return call(404, sent_at=at, plan_seconds=seconds), []


def failed(watched: DipWatch, *calls: tuple[SeenCall, list[int]]) -> list[str]:
    numbers = {id(each): numbers for each, numbers in calls}
    checks = watched.checks([each for each, _ in calls], lambda each: numbers[id(each)], SLACK)
    assert len(checks) == 5
    return [check.name.split(",")[0] for check in checks if not check.held]


CALLS = asks(1020, 0.01), asks(1035, 0.01), asks(1060, 0.01), others(1035, 0.01)
OUTAGE = (1030.0, "400ms"), (1040.0, "5ms")


def test_a_run_as_it_should_be_holds() -> None:
    assert failed(watch(*OUTAGE, shut=(1031, 1042)), *CALLS) == []
    assert failed(watch(), asks(1020, 0.01)) == []


def test_each_check_can_fail() -> None:
    def sound() -> DipWatch:
        return watch(*OUTAGE, shut=(1031, 1042))

    longer, skipping, ring_nobody, breaker, asked = (
        "no call waits longer for dips than the deadline",
        "no call waits for dips while they are given up on",
        "calls that ring nobody wait for no dip",
        "dips are given up on in each outage",
        "dips were asked for",
    )
    assert failed(sound(), *CALLS, asks(1030.5, 0.7)) == [longer]
    assert failed(sound(), *CALLS, asks(1035, 0.11)) == [skipping]
    assert failed(sound(), *CALLS, others(1036, 0.11)) == [ring_nobody]
    assert failed(watch(*OUTAGE), *CALLS) == [breaker]
    assert failed(watch(*OUTAGE, shut=(1031, 1e9)), *CALLS) == [breaker, asked]
    for name in ("ported", "not_ported", "late", "skipped"):
        wrong = sound()
        wrong.counts[name] = 0
        assert failed(wrong, *CALLS) == [asked]
    assert failed(sound(), *CALLS[:2], CALLS[3]) == [asked]  # none after the outage
    wrong = sound()
    wrong.service.asked = [(1000.0, PORTED)] * 10
    assert failed(wrong, *CALLS) == [asked]


def test_what_the_machine_did_not_do_is_no_waiting_for_dips() -> None:
    stalled = watch(*OUTAGE, shut=(1031, 1042))
    stalled.looks = [look for look in stalled.looks if not 1035.1 < look.at < 1036.1]
    assert failed(stalled, *CALLS, asks(1035.05, 1.05), others(1035.2, 0.9)) == []
    assert failed(stalled, *CALLS, asks(1035.05, 1.25)) == [
        "no call waits for dips while they are given up on"
    ]


@pytest.fixture
def service() -> Iterator[DipService]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = DipService("127.0.0.1", port, Dips(answer="0"), ported_to)
    made.start()
    yield made
    made.stop()


def test_the_service_answers_is_late_is_silent_and_is_gone(service: DipService) -> None:
    async def ask(number: int, timeout: float = 5.0) -> object:
        async with httpx.AsyncClient(trust_env=False, timeout=timeout) as client:
            address = service.dips.environ(f"127.0.0.1:{service.port}")["VNROUTE_DIPS_HTTP"]
            answer = await client.get(address.replace("{number}", f"%2B{number}"))
            return answer.json()["routing_number"]

    assert asyncio.run(ask(PORTED)) == f"+{ROUTING}"
    assert asyncio.run(ask(STAYED)) is None
    assert [number for _, number in service.answered] == [PORTED, STAYED]
    service.become("200ms")
    began = time.monotonic()
    assert asyncio.run(ask(OTHER)) == f"+{OTHER_ROUTING}"
    assert time.monotonic() - began >= 0.2
    service.become("silent")
    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(ask(PORTED, 0.2))
    service.become("closed")
    with pytest.raises(httpx.ConnectError):
        asyncio.run(ask(PORTED))
    service.become("0")
    assert asyncio.run(ask(PORTED)) == f"+{ROUTING}"
    assert [says.word for says in service.history] == ["0", "200ms", "silent", "closed", "0"]
    assert len(service.asked) == 5 and len(service.answered) == 4


CALLERS = "about: x\ncallers: [{name: a, arrivals: {steady: 1, seconds: 1}}]\ndefault: silent\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dips: {deadline: 2s}\n", ":4: dips.deadline: found '2s', expected 1ms to 1s"),
        ("dips: {kept: 500ms}\n", ":4: dips.kept: found '500ms', expected 1s or more"),
        ("dips: {anwser: 1s}\n", ":4: dips.anwser: found an unknown name, expected answer"),
        ("events: [{at: 1s, dips: 5ms}]\n",
         ":4: events[0].dips: found '5ms', expected dips in the profile"),
        ("dips: {}\nevents: [{at: 1s, dips: dead}]\n",
         ":5: events[0].dips: found 'dead', expected closed, silent, a duration such as 200ms"),
        ("dips: {}\nevents: [{at: 1s, dips: 1s, kill: node}]\n",
         ":5: events[0].events: found neither or several"),
    ],
)  # fmt: skip
def test_what_a_profile_says_of_dips_is_checked(tmp_path: Path, text: str, found: str) -> None:
    assert found in refused(tmp_path, CALLERS + text)


SHORT = """\
about: A service of dips that is gone for a second.
callers:
  - {name: some, arrivals: {steady: 20, seconds: 14}, to: [direct, fixed]}
  - {name: none, arrivals: {steady: 5, seconds: 14}, to: [unknown]}
default: {answer: 0ms}
dips: {answer: 2ms, deadline: 1s}
events:
  - {at: 2s, dips: silent}
  - {at: 3200ms, dips: closed}
  - {at: 3700ms, dips: 2ms}
"""


@pytest.mark.timeout(120)
def test_a_run_with_dips_on_the_simulator(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(SHORT)
    done = run(tmp_path, "short.yaml", "--simulated", "--no-plots")
    assert done.returncode == 0, done.stdout + done.stderr
    data = report(tmp_path, "short")
    assert [what for _, what in data["events"]] == [
        f"the service of dips becomes {word}" for word in ("silent", "closed", "2ms")
    ]
    assert "no call waits for dips while they are given up on" in [
        check["name"] for check in data["checks"]
    ]
    routing = run(tmp_path, "short.yaml", "--simulated", "--no-plots", "--routing", "short.yaml")
    assert routing.returncode == 2 and "leave --routing out" in routing.stdout + routing.stderr
