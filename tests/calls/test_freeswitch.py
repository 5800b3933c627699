"""A real FreeSWITCH posts while the control process and the database are killed at random.

No record is lost, none is stored twice.

``VNROUTE_TEST_CDR_CALLS=10000 VNROUTE_TEST_CDR_RATE=60 pytest tests/calls/test_freeswitch.py -s``
for the long run; calls are a multiple of three.
"""

from __future__ import annotations

import collections
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.freeswitch.harness import FreeSwitch, Gateway, SippCarrier, free_port, missing, place
from tests.support.postgres import Postgres
from tests.support.postgres import missing as no_postgres
from tests.web.support import Home
from vnroute.calls.base import CallFilter
from vnroute.calls.opening import open_calls
from vnroute.calls.reports import make_report

pytestmark = [pytest.mark.freeswitch, pytest.mark.slow, pytest.mark.timeout(1200)]

CALLS = int(os.environ.get("VNROUTE_TEST_CDR_CALLS", "300")) // 3 * 3
RATE = int(os.environ.get("VNROUTE_TEST_CDR_RATE", "50"))
ROUTES = """
accounts: [{id: acme}]
carriers:
  - {id: alpha, gateways: [{id: alpha-1, gateway: gwA}]}
  - {id: beta, gateways: [{id: beta-1, gateway: gwB}]}
  - {id: gamma, gateways: [{id: gamma-1, gateway: gwC}]}
plans:
  - {id: hunts, account: acme, steps: [{ring: ["+12125550100"]}, {hangup: relay}]}
  - {id: busy, account: acme, steps: [{ring: ["+442079460123"]}, {hangup: relay}]}
numbers:
  - {number: "+18005551201", account: acme, plan: hunts, campaign: spring}
  - {number: "+18005551202", account: acme, plan: busy, campaign: summer}
rates:
  - {prefix: "+1", carrier: alpha, rate: "0.0040"}
  - {prefix: "+1", carrier: beta, rate: "0.0060"}
  - {prefix: "+44", carrier: gamma, rate: "0.0100"}
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[Postgres | None]:
    why = missing() or (no_postgres() if request.param == "postgresql" else None)
    if why is not None:
        pytest.skip(why)
    if request.param == "sqlite":
        yield None
        return
    server = Postgres(fsync=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def killed(tmp_path: Path, database: Postgres | None) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    if database is not None:
        home.environment["VNROUTE_CDR_STORE"] = database.database("calls")
    home.environment["VNROUTE_CDR_COLLECT"] = str(tmp_path / "left")
    (tmp_path / "left").mkdir()
    home.load(ROUTES)
    home.serve()
    yield home
    home.close()


def test_the_store_says_what_the_callers_and_carriers_saw(
    killed: Home, database: Postgres | None, tmp_path: Path
) -> None:
    home = killed
    address = home.environment.get("VNROUTE_CDR_STORE", str(home.path))
    gateways = [Gateway(name, free_port()) for name in ("gwA", "gwB", "gwC")]
    numbers = ["+18005551201", "+18005551202", "+18885550000"]
    done = threading.Event()
    kills = database_kills = 0

    def kill_database() -> None:
        nonlocal database_kills
        source = random.Random(27)
        while database is not None and not done.wait(
            source.uniform(0.3, 2.5 if CALLS < 1000 else 10)
        ):
            database.kill()
            database_kills += 1
            done.wait(source.uniform(0, 2))
            database.start()

    def kill() -> None:
        nonlocal kills
        source = random.Random(26)
        while not done.wait(source.uniform(0.3, 1.5 if CALLS < 1000 else 12)):
            control = home.children().get("control")
            if control is not None:
                os.kill(control, signal.SIGKILL)
                kills += 1

    with (
        SippCarrier.refuses(gateways[0], 503) as alpha,
        SippCarrier.rings(gateways[1], 600) as beta,
        SippCarrier.refuses(gateways[2], 486) as gamma,
        FreeSwitch(
            [f"127.0.0.1:{home.port}"],
            gateways,
            cdr=f"http://127.0.0.1:{home.control_port}/cdr",
            variables={"vnroute_cdr_dir": str(tmp_path / "left")},
        ) as switch,
    ):
        # First without kills: they are posted, and not merely collected from the switch's disk.
        first = place(switch.address, numbers, rate=10, hold_ms=1500)
        switch.wait_idle()
        home.until(lambda: 'requests_total{result="kept"} 3.0' in home.get("/metrics")[1])
        assert "vnroute_cdr_collected_total 0.0" in home.get("/metrics")[1]
        killers = [threading.Thread(target=each) for each in (kill, kill_database)]
        for killer in killers:
            killer.start()
        placed = place(switch.address, numbers, calls=CALLS - 3, rate=RATE, hold_ms=1500)
        switch.wait_idle()
        done.set()
        for killer in killers:
            killer.join()
        seen = {"alpha": alpha.count(), "beta": beta.count(), "gamma": gamma.count()}
    assert kills > 3
    assert database is None or database_kills > 1

    def stored() -> int:
        store = open_calls(address)
        try:
            return store.count(CallFilter())
        finally:
            store.close()

    home.until(lambda: stored() >= CALLS, 300)
    left = [path.name for path in (tmp_path / "left").iterdir()]
    print(
        f"{placed.summary()}; {kills} kills of the control process,"
        f" {database_kills} of the database; {len(left)} files left"
    )
    time.sleep(3)  # what is left on the switch's disk would be collected twice, if at all
    store = open_calls(address)
    try:
        calls = list(store.calls(CallFilter()))
        assert len(calls) == len({call["uuid"] for call in calls}) == CALLS
        assert collections.Counter(call["sip"] for call in calls) == (
            placed.codes() + first.codes()
        )
        assert collections.Counter(call["outcome"] for call in calls) == {
            "answered": CALLS // 3, "busy": CALLS // 3, "refused": CALLS // 3}  # fmt: skip
        legs = collections.Counter(leg["carrier"] for call in calls for leg in call["legs"])
        assert legs == seen
        hunted = next(call for call in calls if call["number"] == numbers[0])
        assert [(leg["gateway"], leg["sip"]) for leg in hunted["legs"]] == [
            ("alpha-1", 503), ("beta-1", 200)]  # fmt: skip
        # It rang after the 503, and was picked up 0.6 s later, by a clock that ticks every 20 ms.
        rung = [call for call in calls if call["answered"]]
        assert all(
            0 <= call["pdd_ms"] * 1000 <= call["answered"] - call["started"] for call in rung
        )
        assert all(call["answered"] - call["started"] >= 500_000 for call in rung)
        assert all(call["talk_ms"] >= 1000 for call in rung)
        assert not any(call["clock_off"] for call in calls)
        rows = {row["campaign"]: row for row in make_report(store, "campaigns", CallFilter()).rows}
        assert (rows["spring"]["calls"], rows["spring"]["answered"]) == (CALLS // 3, CALLS // 3)
        assert (rows["summer"]["calls"], rows["summer"]["busy"]) == (CALLS // 3, CALLS // 3)
        assert rows["spring"]["unrated"] == 0 and float(rows["spring"]["cost"]) > 0
    finally:
        store.close()
    assert list((tmp_path / "left").iterdir()) == []
