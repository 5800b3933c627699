"""Gateways: how they are, taken out of service by hand and given back."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from vnroute.access.identity import Identity
from vnroute.carriers.by_hand import ByHand
from vnroute.carriers.listing import gateway_rows, loaded_gateways
from vnroute.model.text import check_text
from vnroute.settings import Settings
from vnroute.web.api.body import read_as
from vnroute.web.api.problems import Refused, not_there
from vnroute.web.api.who import needs, unlimited

__all__ = ["Drain", "gateway_handlers"]

_Id = Annotated[str, PathParameter(max_length=64)]


class Drain(msgspec.Struct, forbid_unknown_fields=True):
    """Why a gateway is taken out of service."""

    why: str = ""


def gateway_handlers(settings: Settings) -> list[HTTPRouteHandler]:
    """Return the handlers. Gateways are the system's own."""

    def by_hand() -> ByHand:
        return ByHand(settings.state / "carriers")

    def check(key: str) -> None:
        if key not in {gateway for _, gateway in loaded_gateways(settings)}:
            raise not_there(f"gateways/{key}")

    @get("/gateways", tags=["gateways"], sync_to_thread=True, guards=[unlimited],
         summary="List gateways", operation_id="list_gateways")  # fmt: skip
    def listed() -> dict[str, Any]:
        """Return each gateway: its carrier, state, the share of calls it takes, since when, why."""
        try:
            return {"items": gateway_rows(settings)}
        except (OSError, ValueError) as error:
            raise Refused(503, str(error)) from None

    @post("/gateways/{key:str}/drain", tags=["gateways"], status_code=200,
          guards=[needs("operator"), unlimited], summary="Take a gateway out of service",
          operation_id="drain")  # fmt: skip
    async def drained(request: Request[Any, Any, Any], key: _Id) -> dict[str, Any]:
        """Send it no new calls; calls that are up go on. In force within a second."""
        given = await read_as(request, Drain)
        identity: Identity = request.user
        why = check_text(given.why, "why")
        check(key)
        changed = by_hand().drain([key], identity.name, why)
        return {"gateway": key, "drained": True, "changed": bool(changed)}

    @post("/gateways/{key:str}/restore", tags=["gateways"], status_code=200,
          guards=[needs("operator"), unlimited], summary="Give a gateway back to service",
          operation_id="restore", sync_to_thread=True)  # fmt: skip
    def restored(key: _Id) -> dict[str, Any]:
        """Let calls take it again, as far as its breaker does."""
        check(key)
        return {"gateway": key, "drained": False, "changed": bool(by_hand().restore([key]))}

    return [listed, drained, restored]
