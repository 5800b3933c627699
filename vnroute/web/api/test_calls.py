"""A test call: placed by the simulator against the workers that run, as FreeSWITCH would do it."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, post
from litestar.handlers import HTTPRouteHandler

from vnroute.access.identity import Identity
from vnroute.live.overrides import owner_of
from vnroute.model import FieldError
from vnroute.model.e164 import format_number, parse_number
from vnroute.web.api.body import read_as
from vnroute.web.api.changes import Changes
from vnroute.web.api.problems import Refused, not_there
from vnroute.web.api.who import needs

__all__ = ["TestCall", "call_handlers"]

_SECONDS = 30


class TestCall(msgspec.Struct, forbid_unknown_fields=True, rename={"caller": "from"}):
    """Which DID is called, and by whom (no number: withheld)."""

    number: str
    caller: str = ""


def call_handlers(changes: Changes) -> list[HTTPRouteHandler]:
    """Return the handler."""
    server = changes.settings.server

    @post("/test-calls", tags=["calls"], status_code=200, guards=[needs("operator")],
          summary="Place a test call", operation_id="test_call")  # fmt: skip
    async def call(request: Request[Any, Any, Any]) -> Any:
        """Place one simulated call; return its record: the plan, every leg, who answered.

        The carriers are simulated as well, and all of them answer: nobody's phone rings.
        """
        given = await read_as(request, TestCall)
        number = format_number(parse_number(given.number, "number"))
        caller = format_number(parse_number(given.caller, "from")) if given.caller else ""
        await asyncio.to_thread(_check, request.user, number)
        with tempfile.TemporaryDirectory(prefix="vnroute-call-") as place:
            records, callers = Path(place) / "records", Path(place) / "callers"
            words = ["simulate", number.removeprefix("+"), "--calls", "1", "--json",
                     "--host", server.host, "--port", str(server.port),
                     "--records", str(records)]  # fmt: skip
            if caller:
                callers.write_text(f"{caller},Test call\n")
                words += ["--callers", str(callers)]
            status = await _run(words)
            if not records.exists() or not records.stat().st_size:
                raise Refused(503, f"the call could not be placed (exit status {status})")
            return msgspec.Raw(records.read_bytes().splitlines()[0])

    def _check(identity: Identity, number: str) -> None:
        if not identity.account:
            return
        store = changes.store()
        try:
            owner = owner_of(store, "number", number)
        except FieldError:
            owner = ""
        finally:
            store.close()
        if owner != identity.account:
            raise not_there(f"numbers/{number}")

    return [call]


async def _run(words: list[str]) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vnroute.cli", *words, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return await asyncio.wait_for(process.wait(), _SECONDS)
    except (TimeoutError, asyncio.CancelledError) as error:
        process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise
        raise Refused(503, f"the call took longer than {_SECONDS} s") from None
