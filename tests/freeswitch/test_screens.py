"""Screening on the real switch: who is blocked, allowed, anonymous, or calls too often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.freeswitch.harness import (
    FreeSwitch,
    SippCarrier,
    place,
    variable,
    wait_until,
)
from tests.freeswitch.routed import rings, routed
from tests.screening_table import (
    CALLS,
    CASES,
    COUNTED,
    DOOR,
    FRIEND,
    IMPORTED,
    NUISANCE,
    ROUTING,
    SECONDS,
    STRANGER,
    Case,
)

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[FreeSwitch, list[SippCarrier]]]:
    home: Path = tmp_path_factory.mktemp("vnroute")
    (home / "imported.csv").write_text(IMPORTED)
    with routed(
        home, ROUTING, ("import", "list", "imported", "imported.csv")
    ) as switch_and_carriers:
        yield switch_and_carriers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_screens(bench: tuple[FreeSwitch, list[SippCarrier]], case: Case) -> None:
    switch, carriers = bench
    headers = ["Privacy: id"] if case.withheld else []
    placed, rung = rings(switch, carriers, case.number, case.caller, headers)
    assert placed.codes() == {case.code: 1}
    assert rung == case.rung
    for carrier, count in zip(carriers, rung, strict=True):
        if count and case.withheld:
            assert case.caller not in carrier.invites()[-1].sender


def test_who_is_refused_says_so_in_its_record(
    bench: tuple[FreeSwitch, list[SippCarrier]],
) -> None:
    switch, _ = bench
    before = len(switch.cdrs())
    assert place(switch.address, [(DOOR, NUISANCE)]).codes() == {603: 1}
    wait_until("its record", lambda: len(switch.cdrs()) > before, 10)
    record = switch.cdrs()[-1]
    assert variable(record, "vn_refused") == "screened"
    assert variable(record, "hangup_cause") == "CALL_REJECTED"


def test_a_rate_of_calls(
    bench: tuple[FreeSwitch, list[SippCarrier]], report: Callable[[str], None]
) -> None:
    switch, carriers = bench
    before = carriers[0].count()
    # At the start of a second of the switch's clock, which counts in whole ones.
    time.sleep(1.05 - time.time() % 1)
    first = place(switch.address, [(COUNTED, STRANGER)], calls=8, rate=10)
    other = place(switch.address, [(COUNTED, FRIEND)], calls=2, rate=10)
    hidden = place(switch.address, [(COUNTED, "anonymous")], calls=CALLS + 2, rate=10)
    report(f"8 at once: {first.summary()}")
    assert [call.code for call in first.calls] == [200] * CALLS + [486] * (8 - CALLS)
    assert other.codes() == {200: 2}
    assert hidden.codes() == {200: CALLS + 2}
    assert carriers[0].count() - before == CALLS + 2 + CALLS + 2
    # The window is fixed: it ends SECONDS after its first call, whatever came in it.
    time.sleep(max(0.0, first.calls[0].sent_at + SECONDS + 1.1 - time.time()))
    again = place(switch.address, [(COUNTED, STRANGER)], calls=CALLS + 1, rate=10)
    report(f"{SECONDS} s later: {again.summary()}")
    assert [call.code for call in again.calls] == [200] * CALLS + [486]


def test_nobody_is_let_through_uncounted(
    bench: tuple[FreeSwitch, list[SippCarrier]], report: Callable[[str], None]
) -> None:
    """Last of the module: it takes mod_hash away."""
    switch, _ = bench
    switch.wait_idle()
    report(switch.api("unload mod_hash").strip())
    assert place(switch.address, [(COUNTED, "34911234568")]).codes() == {486: 1}
    assert place(switch.address, [(DOOR, STRANGER)]).codes() == {200: 1}
    assert any("hash" in line for line in switch.complaints())
