"""A home as a carrier's is: ten million numbers and five million calls, written into the stores.

``python -m bench.console_data HOME [--numbers N] [--calls N] [--callers N]`` makes it once;
``bench.changes`` and ``bench.console`` measure over it. A million callers are on one list, which
a screen for all calls asks, and 10,000 blocks lead where plans do. 1,000 accounts have 100,000
plans among them and 1,000 schedules; every hundredth plan rings one of our own numbers. The calls
are of 30 days, on 200,000 of the numbers, in 2,000 campaigns, from callers of 15 countries.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from vnroute.calls.base import Rate, RatedCall
from vnroute.calls.opening import open_calls
from vnroute.calls.record import Call, Leg, Outcome
from vnroute.calls.spool_format import Position
from vnroute.calls.sql_store import SqlCallStore
from vnroute.model import Account, Carrier, Plan, Schedule
from vnroute.model.carrier import Gateway
from vnroute.model.plan import Step
from vnroute.model.policy import Policy
from vnroute.model.schedule import OpenHours
from vnroute.model.screen import CallerList, Screen, ScreenRule, caller_key
from vnroute.store import open_store
from vnroute.store.base import BlockSpan

__all__ = ["ACCOUNTS", "CAMPAIGNS", "PLANS", "account_of", "caller", "main", "number", "plan_of"]

ACCOUNTS, PLANS, SCHEDULES, CAMPAIGNS, CARRIERS = 1000, 100_000, 1000, 2000, 20
DAYS = 30
BLOCKS = 10_000
_ZONES = ("Europe/London", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "Europe/Paris")
_CALLERS = {
    "1212": ("US", "New York"), "1310": ("US", "Los Angeles"), "1416": ("CA", "Toronto"),
    "4420": ("GB", "London"), "3491": ("ES", "Madrid"), "4930": ("DE", "Berlin"),
    "331": ("FR", "Paris"), "5511": ("BR", "São Paulo"), "5255": ("MX", "Mexico City"),
    "9122": ("IN", "Mumbai"), "813": ("JP", "Tokyo"), "612": ("AU", "Sydney"),
    "2711": ("ZA", "Johannesburg"), "2341": ("NG", "Lagos"), "3531": ("IE", "Dublin"),
}  # fmt: skip
_OUTCOMES: tuple[tuple[Outcome, str, int, int, int], ...] = (
    ("answered", "NORMAL_CLEARING", 16, 200, 62), ("no_answer", "NO_ANSWER", 19, 480, 14),
    ("busy", "USER_BUSY", 17, 486, 9), ("cancelled", "ORIGINATOR_CANCEL", 487, 487, 8),
    ("failed", "NORMAL_TEMPORARY_FAILURE", 41, 503, 5), ("declined", "CALL_REJECTED", 21, 603, 2),
)  # fmt: skip
_BATCH = 100_000


def number(row: int) -> int:
    """Return the ``row``-th of our numbers: half of them American, the rest British and Spanish."""
    which, at = row % 4, row // 4
    if which < 2:
        return 18_002_000_000 + 2 * at + which
    return (442_030_000_000 if which == 2 else 34_910_000_000) + at


def plan_of(row: int) -> int:
    """Return which plan the ``row``-th number has."""
    return row % PLANS


def account_of(plan: int) -> str:
    """Return the account of a plan."""
    return f"account-{plan % ACCOUNTS:04}"


def campaign_of(plan: int) -> str:
    """Return the campaign of a plan's numbers; every other plan has none."""
    return f"campaign-{plan // 2 % CAMPAIGNS:04}" if plan % 2 == 0 else ""


def _target(plan: int, numbers: int) -> str:
    if plan % 100 == 99:
        # One of ours, whose plan rings a stranger: no plan of that place forwards.
        return f"+{number((plan - 50) % min(numbers, PLANS))}"
    return f"+1646555{plan % 10_000:04}"


def _plans(numbers: int) -> Iterator[Plan]:
    for row in range(PLANS):
        hours = f"schedule-{row % SCHEDULES:04}"
        yield Plan(
            id=f"plan-{row:06}",
            account=account_of(row),
            steps=(
                Step(when=hours, ring=(_target(row, numbers),), seconds=20),
                Step(when=hours, state="closed", ring=(f"+1917555{row % 10_000:04}",), seconds=25),
                Step(hangup="relay"),
            ),
        )


def fill_routing(home: Path, numbers: int) -> None:
    """Write accounts, plans, schedules, carriers and numbers, in one transaction."""
    store = open_store(home)
    with store.transaction("bench: routing data", "bench") as writing:
        writing.put_accounts([Account(id=account_of(row)) for row in range(ACCOUNTS)])
        writing.put_schedules(
            [
                Schedule(
                    id=f"schedule-{row:04}",
                    time_zone=_ZONES[row % len(_ZONES)],
                    open=(OpenHours(days="mon-fri", hours=f"09:{row % 60:02}-17:30"),),
                )
                for row in range(SCHEDULES)
            ]
        )
        writing.put_carriers(
            [
                Carrier(id=f"carrier-{row:02}", gateways=tuple(
                    Gateway(id=f"carrier-{row:02}-{place}", gateway=f"gw{row}x{place}")
                    for place in (1, 2)))
                for row in range(CARRIERS)
            ]
        )  # fmt: skip
        writing.put_plans(list(_plans(numbers)))
        writing.stage_rates(
            [
                (str(prefix), f"carrier-{row:02}", f"0.00{40 + (row * 7 + prefix) % 50}", "", 0)
                for row in range(CARRIERS)
                for prefix in (1, 44, 34, 49, 33)
            ]
        )
        writing.apply_rates()
        leads = [
            writing.assignment(account_of(row), f"plan-{row:06}", campaign_of(row), "active")
            for row in range(PLANS)
        ]
        for start in range(0, numbers, _BATCH):
            rows = range(start, min(numbers, start + _BATCH))
            writing.stage_numbers([(number(row), leads[plan_of(row)], row) for row in rows])
        writing.apply_numbers()
    store.close()


def fill_callers(home: Path, callers: int) -> None:
    """Write a list, a screen that asks it, and policies and blocks as many as a carrier has."""
    store = open_store(home)
    with store.transaction("bench: callers", "bench") as writing:
        writing.put_lists([CallerList(id="nuisance", callers=("+1900*", "anonymous"))])
        rules = (ScreenRule(block="nuisance"), ScreenRule(rate="20/60"))
        writing.put_screens([Screen(id="house", system=True, rules=rules)])
        writing.put_policies(
            [Policy(id=f"policy-{row:03}", hunt={"404": "next"}) for row in range(100)]
        )
        for start in range(0, callers, _BATCH):
            rows = range(start, min(callers, start + _BATCH))
            writing.stage_callers([caller_key(caller(row)) for row in rows])
        writing.apply_callers("nuisance")
        leads = [
            writing.assignment(account_of(row), f"plan-{row:06}", campaign_of(row), "active")
            for row in range(BLOCKS)
        ]
        spans = [(3_318_000_000 + row) * 100 for row in range(BLOCKS)]
        writing.put_blocks(
            [
                BlockSpan(first, first + 99, f"+{first // 100}xx", leads[row])
                for row, first in enumerate(spans)
            ]
        )
    store.close()


def caller(row: int) -> str:
    """Return the ``row``-th caller on the list."""
    return f"+1646{2_000_000 + 7 * row:07}" if row < 1_000_000 else f"+44790{row:07}"


def _calls(count: int, numbers: int, source: random.Random) -> Iterator[RatedCall]:
    """Yield calls in the order in which they began, over the days up to now."""
    first, now = (time.time_ns() // 1000) - DAYS * 86_400_000_000, time.time_ns() // 1000
    step = (now - first) / count
    callers, weights = list(_CALLERS), [each[-1] for each in _OUTCOMES]
    kinds = source.choices(_OUTCOMES, weights, k=10_007)
    called = min(numbers, 200_000)
    for row in range(count):
        outcome, cause, q850, sip, _ = kinds[row % len(kinds)]
        started = int(first + row * step)
        which = source.randrange(called)
        plan = plan_of(which)
        prefix = callers[int(len(callers) * source.random() ** 2)]
        country, area = _CALLERS[prefix]
        answered = outcome == "answered"
        talk = int(source.expovariate(1 / 90_000)) if answered else 0
        carrier = source.randrange(CARRIERS)
        gateway = f"carrier-{carrier:02}-{1 + row % 2}"
        made = source.getrandbits(128)
        legs = [
            Leg(attempt=1, uuid=str(uuid.UUID(int=made ^ 1)), gateway=gateway,
                dialled=f"1646555{plan % 10_000:04}", outcome=outcome, cause=cause, sip=sip,
                pdd_ms=900, talk_ms=talk)
        ]  # fmt: skip
        cost = (talk + 59_999) // 60_000 * 450_000
        yield RatedCall(
            call=Call(
                uuid=str(uuid.UUID(int=made)), started=started,
                answered=started + 4_000_000 if answered else 0,
                ended=started + 4_000_000 + talk * 1000, received=started + 5_000_000 + talk * 1000,
                switch="fs1", number=f"+{number(which)}", account=account_of(plan),
                plan=f"plan-{plan:06}", campaign=campaign_of(plan), generation=1, hops=1,
                routed=True, outcome=outcome, cause=cause, q850=q850, sip=sip,
                caller=f"+{prefix}{source.randrange(10**6):07}", caller_name="", pdd_ms=900,
                duration_ms=4_000 + talk, talk_ms=talk, legs=tuple(legs),
            ),
            carriers=(f"carrier-{carrier:02}",), costs=(cost,), rates=(Rate("1", "0.0045"),),
            billed=((talk + 999) // 1000,), cost=cost, country=country, area=area,
            destinations=("US",),
        )  # fmt: skip


def fill_calls(home: Path, calls: int, numbers: int) -> None:
    """Write the calls through the store's own door, in large batches."""
    store = open_calls(str(home))
    assert isinstance(store, SqlCallStore)
    for setting in ("cache_size = -1000000", "synchronous = OFF"):
        store._db.execute(f"PRAGMA {setting}")  # while nobody needs it to last
    batch: list[RatedCall] = []
    done = 0

    def write() -> None:
        nonlocal done
        done += store.add("bench", Position(1, done), batch).stored
        batch.clear()
        print(f"{done:,} calls", flush=True)

    for each in _calls(calls, numbers, random.Random(26)):
        batch.append(each)
        if len(batch) == 2 * _BATCH:
            write()
    if batch:
        write()
    store.close()


def main() -> None:
    """Make a home."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--numbers", type=int, default=10_000_000)
    parser.add_argument("--calls", type=int, default=5_000_000)
    parser.add_argument("--callers", type=int, default=1_000_000)
    asked = parser.parse_args()
    began = time.perf_counter()

    def told(what: str) -> None:
        nonlocal began
        print(f"{what}: {time.perf_counter() - began:.0f} s", flush=True)
        began = time.perf_counter()

    fill_routing(asked.home, asked.numbers)
    told(f"{asked.numbers:,} numbers stored")
    fill_callers(asked.home, asked.callers)
    told(f"{asked.callers:,} callers and {BLOCKS:,} blocks stored")
    words = [sys.executable, "-m", "vnroute.cli", "--home", str(asked.home), "compile"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
    told("compiled")
    fill_calls(asked.home, asked.calls, asked.numbers)
    told(f"{asked.calls:,} calls stored")


if __name__ == "__main__":
    main()
