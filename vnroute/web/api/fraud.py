"""Fraud rules and their hits. Blocks are overrides of the kind ``block``, and are lifted as such.

The file of rules is the one truth: it is read for each answer, and a change writes it whole, where
who watches for fraud finds it as if somebody had edited it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from vnroute.access.identity import Identity
from vnroute.calls.opening import open_calls
from vnroute.files import write_whole
from vnroute.fraud.memory import read_memory
from vnroute.fraud.rule_file import read_rules, rule_data, rules_of, written
from vnroute.fraud.trying import tried_data, try_rules
from vnroute.fraud.watch import hit_data
from vnroute.model import RoutingDataError
from vnroute.model.fraud import FraudRule
from vnroute.web.api.body import etag, json_of
from vnroute.web.api.changes import Changes, check_etag, who
from vnroute.web.api.parameters import Dry, IfMatch, IfNoneMatch
from vnroute.web.api.problems import Refused
from vnroute.web.api.who import needs, unlimited

__all__ = ["FraudRules", "fraud_handlers"]

_TRY_SECONDS = 20.0


class FraudRules(msgspec.Struct, forbid_unknown_fields=True):
    """Rules, as the file of rules has them."""

    rules: list[FraudRule]


def fraud_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    settings = changes.settings

    def file() -> Path:
        if not settings.fraud.rules:
            raise Refused(
                409, "no file of fraud rules: set fraud.rules (VNROUTE_FRAUD_RULES) to an absolute"
                " path, and start vnroute again", kind="unset",
            )  # fmt: skip
        return Path(settings.fraud.rules)

    def content(path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Refused(503, f"{path}: {error.strerror or error}") from None

    @get("/fraud/hits", tags=["fraud"], sync_to_thread=True,
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

    @get("/fraud/rules", tags=["fraud"], sync_to_thread=True, guards=[unlimited],
         summary="Read the fraud rules", operation_id="get_fraud_rules")  # fmt: skip
    def shown() -> Response[dict[str, Any]]:
        """Return the rules in the file, with its ETag, and what is wrong in it (``failing``)."""
        path = file()
        data = content(path)
        rules: tuple[FraudRule, ...] = ()
        failing = "" if data is not None else f"{path}: there is no such file"
        try:
            rules = read_rules(path) if data is not None else ()
        except (OSError, RoutingDataError) as error:
            failing = str(error)
        return Response(
            {"file": str(path), "rules": [rule_data(rule) for rule in rules], "failing": failing},
            headers={"ETag": etag(data)} if data is not None else None,
        )

    @put("/fraud/rules", tags=["fraud"], guards=[needs("operator"), unlimited],
         summary="Replace the fraud rules", operation_id="put_fraud_rules")  # fmt: skip
    async def stored(
        request: Request[Any, Any, Any],
        if_match: IfMatch = "",
        if_none_match: IfNoneMatch = "",
        dry_run: Dry = False,
    ) -> Response[dict[str, Any]]:
        """Write the file anew, in one step; it is followed within a second. Comments in it go."""
        path, identity = file(), request.user
        rules = rules_of(await json_of(request))
        text = written(rules)

        def work() -> dict[str, Any]:
            before = content(path)
            check_etag(before, if_match, if_none_match, "fraud/rules")
            changed = before != text
            if changed and not dry_run:
                store = changes.store()
                try:
                    with store.transaction("fraud rules", who(identity)) as writing:
                        writing.note("fraud", "rules", _document(path), _noted(rules))
                        # The last thing: where it cannot be written, nothing is noted.
                        write_whole(path, text)
                except OSError as error:
                    raise Refused(503, f"{path}: {error.strerror or error}") from None
                finally:
                    store.close()
            return {"applied": not dry_run, "changed": changed, "rules": len(rules)}

        told = await changes.write(work)
        return Response(told, headers=None if dry_run else {"ETag": etag(text)})

    @post("/fraud/rules/test", tags=["fraud"], status_code=200, guards=[unlimited],
          summary="Try fraud rules on past calls", operation_id="test_fraud_rules")  # fmt: skip
    async def tried(
        request: Request[Any, Any, Any],
        days: Annotated[int, QueryParameter(ge=1, le=31)] = 7,
    ) -> dict[str, Any]:
        """Return what rules would have hit among the calls stored; nothing is done.

        ``complete`` is false where there was no time for all calls: ask for fewer days, or
        ``vnroute fraud test``.
        """
        rules = rules_of(await json_of(request))

        def work() -> dict[str, Any]:
            store = open_calls(settings.calls_address)
            try:
                found = try_rules(rules, store, days, _TRY_SECONDS)
            finally:
                store.close()
            return {"calls": found.calls, "complete": found.complete,
                    "hits": [tried_data(hit) for hit in found.hits[:500]]}  # fmt: skip

        return await asyncio.to_thread(work)

    return [hits, shown, stored, tried]


def _noted(rules: Iterable[FraudRule]) -> bytes:
    return msgspec.json.encode({"rules": [rule_data(rule) for rule in rules]})


def _document(path: Path) -> bytes | None:
    """Return the rules that are there for the audit log; None where they cannot be read."""
    try:
        return _noted(read_rules(path))
    except (OSError, RoutingDataError):
        return None
