"""``GET /schedules/ID/week``: what a schedule is when; what ``vnroute schedule show`` draws."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get
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
from vnroute.live.overrides import override_data, overrides_in_force
from vnroute.web.api.changes import Changes
from vnroute.web.api.problems import not_there

__all__ = ["week_handlers"]


def week_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handler."""

    @get("/schedules/{key:str}/week", tags=["schedules"], sync_to_thread=True,
         summary="A schedule's week", operation_id="schedule_week")  # fmt: skip
    def week(
        request: Request[Any, Any, Any],
        key: Annotated[str, PathParameter(max_length=64)],
        name: Annotated[str, QueryParameter(name="week", max_length=10)] = "",
        zone: Annotated[str, QueryParameter(max_length=64)] = "",
    ) -> Response[dict[str, Any]]:
        """Return a week (2026-W48; this one) as it is stored: the next compilation settles it so.

        ``zone`` is for a schedule that takes its zone from who asks it. ``rules`` has each rule's
        words by its place; ``override`` what it is set to by hand now.
        """
        identity: Identity = request.user
        store = changes.store()
        try:
            with store.snapshot() as reading:
                schedule = next((each for each in reading.schedules() if each.id == key), None)
                if schedule is None or not (
                    identity.sees(schedule.account) or not schedule.account
                ):
                    raise not_there(f"schedules/{key}")
                accounts = [each for each in reading.accounts() if identity.sees(each.id)]
                plans = [each for each in reading.plans() if identity.sees(each.account)]
            override = next(
                (each for each in overrides_in_force(store)
                 if (each.kind, each.id) == ("schedule", key)), None,
            )  # fmt: skip
        finally:
            store.close()
        zones = {each.id: each.time_zone for each in accounts}
        here = zone_of(schedule, zones, plans, zone, "zone")
        monday = monday_of(name, here, "week")
        told = week_data(schedule, here, monday, stays_of_week(schedule, here, monday))
        rules = {place: rule.words for place, rule in schedule.placed()}
        return Response(
            told | {
                "previous": week_name(monday - timedelta(days=7)),
                "following": week_name(monday + timedelta(days=7)),
                "rules": rules,
                "override": override and override_data(override, here),
            }
        )  # fmt: skip

    return [week]
