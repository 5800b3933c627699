"""Hits of fraud rules. Blocks are overrides of the kind ``block``, and are lifted as such."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from vnroute.access.identity import Identity
from vnroute.fraud.memory import read_memory
from vnroute.fraud.watch import hit_data
from vnroute.settings import Settings
from vnroute.web.api.problems import Refused

__all__ = ["fraud_handlers"]


def fraud_handlers(settings: Settings) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @get("/fraud/hits", tags=["overrides"], sync_to_thread=True,
         summary="List what fraud rules hit", operation_id="fraud_hits")  # fmt: skip
    def hits(
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
        account: Annotated[str, QueryParameter(max_length=64)] = "",
    ) -> dict[str, Any]:
        """Return hits, the last first; those of one's own account where one is limited to it."""
        identity: Identity = request.user
        wanted = identity.account or account
        try:
            kept = read_memory(settings.fraud_memory).hits
        except (OSError, ValueError) as error:
            raise Refused(503, str(error)) from None
        own = [one for one in reversed(kept) if wanted in ("", one.hit.account)]
        return {"items": [hit_data(one) for one in own[:limit]]}

    return [hits]
