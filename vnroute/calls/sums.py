"""The figures of a batch of calls, summed before they are written: a row a group, not a call."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from vnroute.calls.base import RatedCall
from vnroute.calls.days import day_of, hour_of, month_of
from vnroute.calls.record import OUTCOMES, Outcome

__all__ = ["CARRIER_SUMS", "COUNTED", "Sums"]

COUNTED = OUTCOMES
"""Outcomes of calls, each a column of campaign_days."""
CARRIER_SUMS: tuple[Outcome, ...] = tuple(outcome for outcome in OUTCOMES if outcome != "refused")
"""Outcomes of legs, each a column of carrier_days: a refused call has none."""

_CALL_PLACE = {outcome: 1 + place for place, outcome in enumerate(COUNTED)}
_LEG_PLACE: dict[Outcome, int] = {outcome: 1 + place for place, outcome in enumerate(CARRIER_SUMS)}
_CALL_SUMS, _NUMBER_SUMS, _CARRIER_SUMS = 16, 9, 12

Rows = dict[tuple[Any, ...], list[int]]


def _row(rows: Rows, key: tuple[Any, ...], width: int) -> list[int]:
    row = rows.get(key)
    if row is None:
        row = rows[key] = [0] * width
    return row


class Sums:
    """Sums of calls, by the keys of the tables that hold them."""

    def __init__(self, calls: Iterable[RatedCall]) -> None:
        self.tables: dict[str, Rows] = {
            "campaign_days": {},
            "account_days": {},
            "campaign_hours": {},
            "source_days": {},
            "number_days": {},
            "carrier_days": {},
        }
        self.callers: dict[tuple[int, str, str], int] = {}
        for rated in calls:
            self._add(rated)
        for key, sums in self.tables["campaign_days"].items():
            row = _row(self.tables["account_days"], (*key[:3], key[4]), _CALL_SUMS)
            row[:] = map(operator.add, row, sums)

    def _add(self, rated: RatedCall) -> None:
        call, tables = rated.call, self.tables
        day = day_of(call.started)
        answered = call.outcome == "answered"
        unrated = int(answered and bool(call.legs) and rated.cost is None)
        unpriced = int(answered and bool(call.account) and rated.price is None)
        # Where the call itself counts; an amount in another currency has a row of its own.
        currency = rated.price_currency or rated.cost_currency or rated.receive_currency
        place = (day, call.campaign, call.account)
        days, source = tables["campaign_days"], (*place, rated.country)
        row = _row(days, (*source, currency), _CALL_SUMS)
        row[0] += 1
        row[_CALL_PLACE[call.outcome]] += 1
        row[8] += call.talk_ms
        row[9] += call.pdd_ms or 0
        row[10] += call.pdd_ms is not None
        row[14] += unrated
        row[15] += unpriced
        for at, amount, of in (
            (11, rated.cost, rated.cost_currency),
            (12, rated.receive_cost, rated.receive_currency),
            (13, rated.price, rated.price_currency),
        ):
            if amount:
                _row(days, (*source, of), _CALL_SUMS)[at] += amount
        for name, key in (
            ("campaign_hours", (day, hour_of(call.started), call.campaign, call.account)),
            ("source_days", (*source, rated.area)),
        ):
            row = _row(tables[name], key, 3)
            row[0] += 1
            row[1] += answered
            row[2] += call.talk_ms
        if call.account:
            # Numbers that are not ours are what strangers dial: no row each for those.
            numbers, number = tables["number_days"], (day, call.number, call.campaign, call.account)
            row = _row(numbers, (*number, currency), _NUMBER_SUMS)
            row[0] += 1
            row[1] += answered
            row[2] += call.outcome == "refused"
            row[3] += call.talk_ms
            row[7] += unrated
            row[8] += unpriced
            for at, amount, of in (
                (4, rated.cost, rated.cost_currency),
                (5, rated.receive_cost, rated.receive_currency),
                (6, rated.price, rated.price_currency),
            ):
                if amount:
                    _row(numbers, (*number, of), _NUMBER_SUMS)[at] += amount
        if call.campaign and call.caller:
            caller = (month_of(day), call.campaign, call.caller)
            self.callers[caller] = self.callers.get(caller, 0) + 1
        self._add_legs(day, rated)

    def _add_legs(self, day: int, rated: RatedCall) -> None:
        rows = self.tables["carrier_days"]
        for place, leg in enumerate(rated.call.legs):
            cost, rate = rated.costs[place], rated.rates[place]
            key = (
                day, rated.carriers[place], leg.gateway, rated.destinations[place],
                rate.currency if rate else "",
            )  # fmt: skip
            row = _row(rows, key, _CARRIER_SUMS)
            row[0] += 1
            row[_LEG_PLACE[leg.outcome]] += 1
            row[7] += leg.talk_ms
            row[8] += leg.pdd_ms or 0
            row[9] += leg.pdd_ms is not None
            row[10] += cost or 0
            row[11] += leg.outcome == "answered" and cost is None
