"""What is set by hand: schedules' states, persons' places, diverted calls; in force at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from vnroute.access.identity import Identity
from vnroute.image.state_page import StatePage
from vnroute.live.here import whereabouts
from vnroute.live.overrides import (
    clear_override,
    override_data,
    overrides_in_force,
    owner_of,
    set_override,
    zone_of,
)
from vnroute.live.page import fill_page, open_page
from vnroute.model import FieldError
from vnroute.model.e164 import format_number, parse_number
from vnroute.model.override import Override, OverrideKind, parse_until
from vnroute.settings import Settings
from vnroute.store.base import Reading, Store
from vnroute.web.api.body import read_as
from vnroute.web.api.changes import Changes, who
from vnroute.web.api.problems import Refused, not_there
from vnroute.web.api.who import needs

__all__ = ["NewOverride", "override_handlers"]

_Kind = Annotated[OverrideKind, PathParameter()]
_Id = Annotated[str, PathParameter(max_length=64)]
_Done = TypeVar("_Done")


class NewOverride(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be set: a ``state`` (a schedule's state, a person's place), ``to`` (a number or
    ``plan:ID``) for numbers, plans and accounts, or neither for a block. ``until`` as
    ``vnroute override`` takes it.
    """

    state: str = ""
    to: str = ""
    seconds: int = 25
    until: str = ""
    reason: str = ""


def _check(identity: Identity, reading: Reading, kind: str, key: str, *, change: bool) -> None:
    """Refuse what is not there, or another account's, with 404."""
    try:
        owner = owner_of(reading, kind, key)
    except FieldError as error:
        raise Refused(404, str(error)) from None
    if identity.account and kind == "block" and change:
        raise Refused(403, "blocks are not set or lifted by whom they are against")
    if identity.account and owner != identity.account:
        if kind == "schedule" and not owner:
            if change:
                raise Refused(403, f"{key} is shared by all accounts")
            return
        raise not_there(f"{kind} {key}")


def override_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    settings: Settings = changes.settings

    def with_page(work: Callable[[Store, StatePage], _Done]) -> _Done:
        store = changes.store()
        try:
            is_new = not settings.state_page.exists()
            page, why = open_page(settings.state_page)
            if is_new or why:
                fill_page(page, store.overrides())
            return work(store, page)
        finally:
            store.close()

    def name_of(kind: str, key: str) -> str:
        return format_number(parse_number(key, "number")) if kind == "number" else key

    @get("/overrides", tags=["overrides"], sync_to_thread=True, summary="List what is set by hand",
         operation_id="list_overrides")  # fmt: skip
    def listed(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Return all overrides in force, those of one's own account where one is limited to it."""
        identity: Identity = request.user
        found = []
        store = changes.store()
        try:
            with store.snapshot() as reading:
                for each in overrides_in_force(reading):
                    try:
                        owner, zone = (
                            owner_of(reading, each.kind, each.id),
                            zone_of(reading, each.kind, each.id),
                        )
                    except FieldError:
                        owner, zone = "", "UTC"  # what it is of is not loaded any more
                    if not identity.account or owner == identity.account:
                        found.append({**override_data(each, zone), "account": owner})
        finally:
            store.close()
        return {"items": found}

    @put("/overrides/{kind:str}/{key:str}", tags=["overrides"], guards=[needs("operator")],
         summary="Set something by hand", operation_id="put_override")  # fmt: skip
    async def made(request: Request[Any, Any, Any], kind: _Kind, key: _Id) -> dict[str, Any]:
        """Set a state, a place, or where calls go; it is in force with the next call."""
        new = await read_as(request, NewOverride)
        identity: Identity = request.user

        def work(store: Store, page: StatePage) -> dict[str, Any]:
            name = name_of(kind, key)
            _check(identity, store, kind, name, change=True)
            now, zone = datetime.now(UTC), zone_of(store, kind, name)
            override = Override(
                kind=kind, id=name, state=new.state,
                to=format_number(parse_number(new.to, "to")) if new.to.startswith("+") else new.to,
                seconds=new.seconds, since=now,
                until=parse_until(new.until, zone, now, "until") if new.until else None,
                reason=new.reason, by=identity.name,
            )  # fmt: skip
            before = set_override(
                store, page, override, who=who(identity), max_hops=settings.routing.max_hops
            )
            return {
                "override": override_data(override, zone),
                "instead_of": before and override_data(before, zone),
                "live": True,
            }

        return await changes.write(lambda: with_page(work))

    @delete("/overrides/{kind:str}/{key:str}", tags=["overrides"], status_code=200,
            guards=[needs("operator")], summary="End what was set by hand",
            operation_id="delete_override")  # fmt: skip
    async def ended(request: Request[Any, Any, Any], kind: _Kind, key: _Id) -> dict[str, Any]:
        """End an override now; 404 where there is none."""
        identity: Identity = request.user

        def work(store: Store, page: StatePage) -> dict[str, Any]:
            name = name_of(kind, key)
            _check(identity, store, kind, name, change=True)
            gone = clear_override(store, page, kind, name, who=who(identity))
            if gone is None:
                raise not_there(f"an override of {kind} {name}")
            return {"cleared": override_data(gone, zone_of(store, kind, name)), "live": True}

        return await changes.write(lambda: with_page(work))

    @get("/persons/{key:str}/whereabouts", tags=["persons"], sync_to_thread=True,
         summary="Where a person is", operation_id="whereabouts")  # fmt: skip
    def whereabouts_of(request: Request[Any, Any, Any], key: _Id) -> dict[str, Any]:
        """Return the place, its target, and whether it was set by hand or by a schedule."""
        store = changes.store()
        try:
            _check(request.user, store, "person", key, change=False)
            there = whereabouts(store, key)
            zone = zone_of(store, "person", key)
        finally:
            store.close()
        return {
            "person": key, "at": there.place, "to": there.to, "schedule": there.schedule or None,
            "override": there.override and override_data(there.override, zone),
        }  # fmt: skip

    return [listed, made, ended, whereabouts_of]
