"""What policies differ from: the built-in tables of hunting and advancing, in one answer."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.handlers import HTTPRouteHandler

from vnroute.model.causes import CAUSES, SIP_CAUSES
from vnroute.model.policy import ADVANCE, HUNT, RELAY_CAUSES
from vnroute.settings import Settings
from vnroute.web.api.who import unlimited

__all__ = ["policy_handlers"]


def policy_handlers(settings: Settings) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @get("/policy-defaults", tags=["policies"], sync_to_thread=False, guards=[unlimited],
         summary="Read what holds without a policy", operation_id="policy_defaults")  # fmt: skip
    def defaults() -> dict[str, Any]:
        """Return the built-in tables, keyed as a policy's own are, the settings that a policy
        stands in for, and the causes and SIP codes that may be keys.
        """
        return {
            "hunt": HUNT,
            "advance": ADVANCE,
            "relay": RELAY_CAUSES,
            "max_attempts": settings.routing.max_attempts,
            "causes": sorted(CAUSES),
            "codes": {str(code): cause for code, cause in sorted(SIP_CAUSES.items())},
        }

    return [defaults]
