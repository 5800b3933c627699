"""The figures of a batch of calls, summed before they are written: a row a group, not a call."""

from __future__ import annotations

from collections.abc import Iterable

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


class Sums:
    """Sums of calls, by the keys of the tables that hold them."""

    def __init__(self, calls: Iterable[RatedCall]) -> None:
        self.campaign_days: dict[tuple[int, str, str, str], list[int]] = {}
        self.campaign_hours: dict[tuple[int, int, str, str], list[int]] = {}
        self.number_days: dict[tuple[int, str, str, str], list[int]] = {}
        self.carrier_days: dict[tuple[int, str, str, str], list[int]] = {}
        self.callers: dict[tuple[int, str, str], int] = {}
        for rated in calls:
            self._add(rated)

    def _add(self, rated: RatedCall) -> None:
        call = rated.call
        day = day_of(call.started)
        answered = call.outcome == "answered"
        unrated = int(answered and bool(call.legs) and rated.cost is None)
        row = self.campaign_days.setdefault(
            (day, call.campaign, call.account, rated.country), [0] * 13
        )
        row[0] += 1
        row[_CALL_PLACE[call.outcome]] += 1
        row[8] += call.talk_ms
        row[9] += call.pdd_ms or 0
        row[10] += call.pdd_ms is not None
        row[11] += rated.cost or 0
        row[12] += unrated
        row = self.campaign_hours.setdefault(
            (day, hour_of(call.started), call.campaign, call.account), [0] * 3
        )
        row[0] += 1
        row[1] += answered
        row[2] += call.talk_ms
        if call.account:
            # Numbers that are not ours are what strangers dial: no row each for those.
            row = self.number_days.setdefault(
                (day, call.number, call.campaign, call.account), [0] * 6
            )
            row[0] += 1
            row[1] += answered
            row[2] += call.outcome == "refused"
            row[3] += call.talk_ms
            row[4] += rated.cost or 0
            row[5] += unrated
        if call.campaign and call.caller:
            key = (month_of(day), call.campaign, call.caller)
            self.callers[key] = self.callers.get(key, 0) + 1
        for place, leg in enumerate(call.legs):
            cost = rated.costs[place]
            row = self.carrier_days.setdefault(
                (day, rated.carriers[place], leg.gateway, rated.destinations[place]), [0] * 12
            )
            row[0] += 1
            row[_LEG_PLACE[leg.outcome]] += 1
            row[7] += leg.talk_ms
            row[8] += leg.pdd_ms or 0
            row[9] += leg.pdd_ms is not None
            row[10] += cost or 0
            row[11] += leg.outcome == "answered" and cost is None
