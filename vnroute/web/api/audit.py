"""The audit log: who changed what, before and after."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from vnroute.access.identity import Identity
from vnroute.web.api.body import items
from vnroute.web.api.changes import Changes
from vnroute.web.api.who import needs

__all__ = ["audit_handlers"]

_Text = Annotated[str, QueryParameter(max_length=100)]


def audit_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @get("/audit", tags=["audit"], sync_to_thread=True, guards=[needs("admin")],
         summary="Read the audit log", operation_id="audit")  # fmt: skip
    def audit(
        request: Request[Any, Any, Any],
        before: Annotated[int, QueryParameter(ge=0, le=2**62)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
        account: _Text = "",
        kind: _Text = "",
        key: _Text = "",
    ) -> Response[dict[str, Any]]:
        """Return what was changed, the last first; ``before`` is the ``next`` of a page."""
        identity: Identity = request.user
        if not identity.sees(account) and account:
            return items([], limit, "")
        store = changes.store()
        try:
            found = store.audit(
                before, limit, account=identity.account or account, kind=kind, key=key
            )
        finally:
            store.close()
        return items(
            [msgspec.structs.asdict(entry) for entry in found],
            limit,
            str(found[-1].id) if found else "",
        )

    return [audit]
