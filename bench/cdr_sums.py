"""The tables of sums as a month of many calls leaves them, written without the calls.

2,000 campaigns of 200 accounts with callers from 20 countries, 10,000 numbers, 40 gateways of 20
carriers to 30 destinations, over the 30 days of a month; every key that can be is there, and all
tables tell of the same number of calls.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

from vnroute.calls.opening import open_calls
from vnroute.calls.sql_reading import MONTHS, TABLES
from vnroute.calls.sql_store import SqlCallStore

__all__ = ["MONTH", "fill"]

MONTH = 202610
_DAYS = [MONTH * 100 + day for day in range(1, 31)]
_COUNTRIES = [
    "US", "CA", "GB", "IE", "ES", "PT", "FR", "DE", "IT", "NL",
    "BE", "AT", "CH", "SE", "NO", "DK", "PL", "BR", "MX", "AU",
]  # fmt: skip
_CAMPAIGNS = [(f"campaign-{n:04}", f"account-{n % 200:03}") for n in range(2000)]
_NUMBERS = [(f"+1800{n:07}", *_CAMPAIGNS[n % 2000]) for n in range(10_000)]
_GATEWAYS = [(f"carrier-{n // 2:02}", f"carrier-{n // 2:02}-{n % 2}") for n in range(40)]
_DESTINATIONS = [*_COUNTRIES, "IN", "CN", "JP", "KR", "ZA", "NG", "EG", "TR", "AE", "SG"]
_BATCH = 20_000


def _keys() -> dict[str, list[tuple[Any, ...]]]:
    return {
        "campaign_days": [
            (day, campaign, account, country, "")
            for day, (campaign, account), country in itertools.product(
                _DAYS, _CAMPAIGNS, _COUNTRIES
            )
        ],
        "campaign_hours": [
            (day, hour, campaign, account)
            for day, hour, (campaign, account) in itertools.product(_DAYS, range(24), _CAMPAIGNS)
        ],
        "source_days": [
            (day, campaign, account, country, "")
            for day, (campaign, account), country in itertools.product(
                _DAYS, _CAMPAIGNS, _COUNTRIES
            )
        ],
        "number_days": [(day, *number, "") for day, number in itertools.product(_DAYS, _NUMBERS)],
        "carrier_days": [
            (day, *gateway, destination, "")
            for day, gateway, destination in itertools.product(_DAYS, _GATEWAYS, _DESTINATIONS)
        ],
    }


def _rows(table: str, keys: list[tuple[Any, ...]], calls: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows whose first sums add up to ``calls``; half of them answered."""
    source, sums, left = random.Random(26), TABLES[table][1], calls
    for at, key in enumerate(keys):
        mean = left / (len(keys) - at)
        count = left if at == len(keys) - 1 else min(left, int(mean * source.uniform(0.5, 1.5)))
        left -= count
        values = dict.fromkeys(sums, 0) | {
            sums[0]: count, "answered": count // 2, "talk_ms": count // 2 * 90_000,
            "busy": count // 5, "failed": count - count // 2 - count // 5,
            "pdd_ms": count * 1500, "pdd_calls": count, "pdd_legs": count,
            "cost": count * 450_000, "price": count * 600_000,
        }  # fmt: skip
        yield (*key, *(values[name] for name in sums))


def fill(address: str, calls: int) -> dict[str, int]:
    """Write the sums of so many calls into an empty store; return the rows of each table."""
    store = open_calls(address)
    assert isinstance(store, SqlCallStore)
    database, written = store._db, {}  # no method writes sums without calls, and none should
    try:
        for table, keys in _keys().items():
            rows = _rows(table, keys, calls)
            while batch := list(itertools.islice(rows, _BATCH)):
                with database.transaction():
                    database.insert(table, [*TABLES[table][0], *TABLES[table][1]], batch)
            written[table] = len(keys)
        for table, month in MONTHS.items():
            key, sums = TABLES[table]
            named, added = ", ".join(key[1:]), ", ".join(f"sum({name})" for name in sums)
            with database.transaction():
                database.execute(
                    f"INSERT INTO {month} SELECT day / 100, {named}, {added} FROM {table} "
                    f"GROUP BY day / 100, {named}"
                )
        with database.transaction():
            months = [
                (MONTH, campaign, calls // 4000, calls // 20_000) for campaign, _ in _CAMPAIGNS
            ]
            database.insert(
                "campaign_months", ("month", "campaign", "callers", "repeat_callers"), months
            )
    finally:
        store.close()
    return written
