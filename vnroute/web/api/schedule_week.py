"""What a schedule is when, stored or as it is written; what ``vnroute schedule show`` draws."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from vnroute.access.identity import Identity
from vnroute.compiler.schedule_week import (
    monday_of,
    stays_of_week,
    week_data,
    week_name,
    zone_of,
)
from vnroute.importing.findings import Findings
from vnroute.importing.removing import REQUEST
from vnroute.importing.routing_file import read_routing_data
from vnroute.live.overrides import override_data, overrides_in_force
from vnroute.model import Account, Plan, Schedule
from vnroute.model.problem import RoutingDataError
from vnroute.store.base import Reading
from vnroute.web.api.body import json_of
from vnroute.web.api.changes import Changes
from vnroute.web.api.problems import not_there

__all__ = ["week_handlers"]


_Stored = TypeVar("_Stored", Account, Schedule)


def _stored(reading: Reading, kind: str, key: str, model: type[_Stored]) -> _Stored | None:
    document = reading.entity(kind, key)
    return None if document is None else msgspec.json.decode(document, type=model)


class _Zones:
    """Whose clocks a schedule is read on, as far as somebody may see it."""

    def __init__(self, reading: Reading, identity: Identity) -> None:
        self._reading = reading
        self._identity = identity

    def of_account(self, name: str) -> str:
        account = None
        if name and self._identity.sees(name):
            account = _stored(self._reading, "accounts", name, Account)
        return account.time_zone if account else ""

    def plans(self) -> Iterator[Plan]:
        return (each for each in self._reading.plans() if self._identity.sees(each.account))

    def of(self, schedule: Schedule, asked: str) -> str:
        return zone_of(schedule, self.of_account, self.plans, asked, "zone")


def _painted(schedule: Schedule, here: str, name: str) -> dict[str, Any]:
    monday = monday_of(name, here, "week")
    told = week_data(schedule, here, monday, stays_of_week(schedule, here, monday))
    return told | {
        "previous": week_name(monday - timedelta(days=7)),
        "following": week_name(monday + timedelta(days=7)),
        "rules": {place: rule.words for place, rule in schedule.placed()},
    }


def _read(entry: Any) -> Schedule:
    """Return the schedule that somebody writes; raise every mistake in it."""
    problems = Findings()
    document = read_routing_data({"schedules": [entry]}, REQUEST, problems)
    if len(problems):
        kept = [replace(p, field=p.field.removeprefix("schedules[0].")) for p in problems.kept]
        raise RoutingDataError(kept, problems.more)
    ((_, schedule),) = document.sections["schedules"]
    assert isinstance(schedule, Schedule)
    return schedule


_Name = Annotated[str, QueryParameter(name="week", max_length=10)]
_Zone = Annotated[str, QueryParameter(max_length=64)]


def week_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @get("/schedules/{key:str}/week", tags=["schedules"], sync_to_thread=True,
         summary="A schedule's week", operation_id="schedule_week")  # fmt: skip
    def week(
        request: Request[Any, Any, Any],
        key: Annotated[str, PathParameter(max_length=64)],
        name: _Name = "",
        zone: _Zone = "",
    ) -> Response[dict[str, Any]]:
        """Return a week (2026-W48; this one) as it is stored: the next compilation settles it so.

        ``zone`` is for a schedule that takes its zone from who asks it. ``rules`` has each rule's
        words by its place; ``override`` what it is set to by hand now.
        """
        identity: Identity = request.user
        store = changes.store()
        try:
            with store.snapshot() as reading:
                schedule = _stored(reading, "schedules", key, Schedule)
                if schedule is None or not (
                    identity.sees(schedule.account) or not schedule.account
                ):
                    raise not_there(f"schedules/{key}")
                here = _Zones(reading, identity).of(schedule, zone)
            override = next(
                (each for each in overrides_in_force(store)
                 if (each.kind, each.id) == ("schedule", key)), None,
            )  # fmt: skip
        finally:
            store.close()
        told = _painted(schedule, here, name)
        return Response(told | {"override": override and override_data(override, here)})

    @post("/schedules/week", tags=["schedules"], status_code=200,
          summary="The week of a schedule as written", operation_id="paint_schedule")  # fmt: skip
    async def painted(
        request: Request[Any, Any, Any], name: _Name = "", zone: _Zone = ""
    ) -> Response[dict[str, Any]]:
        """Return a week of the schedule that the body writes, as it would be; keeps nothing."""
        identity: Identity = request.user
        entry = await json_of(request)

        def paint() -> dict[str, Any]:
            schedule = _read(entry)
            store = changes.store()
            try:
                with store.snapshot() as reading:
                    here = _Zones(reading, identity).of(schedule, zone)
            finally:
                store.close()
            return _painted(schedule, here, name)

        return Response(await asyncio.to_thread(paint))

    return [week, painted]
