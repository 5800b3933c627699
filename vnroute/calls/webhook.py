"""A webhook: finished calls, posted in batches to whoever wants to know of them.

At least once, in the order stored: how far it has come is kept in the store of calls, and moves on
only when a batch was answered with 2xx. A thread and a connection of its own, so that an endpoint
that is slow, broken or gone holds up neither intake nor drain.

Each request is signed (HMAC-SHA256 over ``TIMESTAMP.BODY``), so that a receiver knows who sent it
and can refuse what is old; the scheme is that of Stripe's and Slack's webhooks.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from vnroute import __version__
from vnroute.calls.base import CallFilter, CallStore
from vnroute.calls.export import exported
from vnroute.calls.turns import Turns
from vnroute.store import StoreError

__all__ = ["SIGNATURE", "TIMESTAMP", "NotTaken", "Webhook", "post_signed", "signature"]

SIGNATURE = "X-Vnroute-Signature"
TIMESTAMP = "X-Vnroute-Timestamp"

_BATCH = 200
_TIMEOUT_SECONDS = 10.0
_SHORTEST_SECRET = 16


class NotTaken(Exception):
    """A body was not taken: why, and how many seconds the receiver asks us to wait."""

    def __init__(self, why: str, status: int = 0, after: float = 0.0) -> None:
        super().__init__(why)
        self.status, self.after = status, after


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """Return what stands in the header ``X-Vnroute-Signature``: ``v1=`` and hex digits."""
    signed = hmac.new(secret, b"%d." % timestamp + body, hashlib.sha256)
    return "v1=" + signed.hexdigest()


def post_signed(url: SplitResult, secret_file: Path, body: bytes, timeout: float) -> None:
    """Post a body, signed; raise :class:`NotTaken` where it was not taken with 2xx.

    Redirects are not followed. Raises OSError and HTTPException where nobody answers.
    """
    secret = secret_file.read_bytes().strip()
    if len(secret) < _SHORTEST_SECRET:
        raise NotTaken(f"{secret_file}: fewer than {_SHORTEST_SECRET} bytes of secret")
    now = int(time.time())
    made = http.client.HTTPSConnection if url.scheme == "https" else None
    connection = (made or http.client.HTTPConnection)(url.hostname or "", url.port, timeout=timeout)
    try:
        connection.request(
            "POST",
            url.path + (f"?{url.query}" if url.query else "") or "/",
            body,
            {
                "Content-Type": "application/json",
                "User-Agent": f"vnroute/{__version__}",
                TIMESTAMP: str(now),
                SIGNATURE: signature(secret, now, body),
            },
        )
        reply = connection.getresponse()
        # What it says beside the status is not read: it may be without end.
        if not 200 <= reply.status < 300:
            after = reply.headers.get("Retry-After", "")
            raise NotTaken(
                f"answered with {reply.status}",
                reply.status,
                float(after) if after.isascii() and after.isdigit() else 0.0,
            )
    finally:
        connection.close()


class Webhook(Turns):
    """Tells ``url`` of the calls in the store that ``open_calls`` opens.

    ``secret_file`` is read for each request, so a new secret needs no restart. An endpoint that was
    never told of anything is told of what is stored from then on. ``first_wait`` is how many
    seconds pass after a first failure; each further one doubles them, up to five minutes.
    """

    fails = "the webhook does not take calls"
    well = "the webhook takes calls again"
    expected = (StoreError, NotTaken, OSError, http.client.HTTPException)
    longest_wait = 300.0

    def __init__(
        self,
        url: str,
        secret_file: Path,
        open_calls: Callable[[], CallStore],
        logger: Any,
        first_wait: float = 1.0,
        timeout: float = _TIMEOUT_SECONDS,
    ) -> None:
        super().__init__("cdr-webhook", logger, first_wait)
        self._parts = urlsplit(url)
        self._cursor_name = f"webhook {url}"
        self._secret_file = secret_file
        self._open_calls = open_calls
        self._timeout = timeout
        self._store: CallStore | None = None
        self._most = _BATCH
        self.told = 0
        """Calls that were taken, since this process began."""
        self.waiting = 0
        """Calls stored and not told yet, as of the last look."""
        self.gone = False
        """Whether it has said 410: it is left alone until vnroute is started again."""

    def failed(self, error: Exception, wait: float) -> float:
        """Do as the endpoint asks: leave it alone, send it less, or wait longer."""
        if not isinstance(error, (NotTaken, OSError, http.client.HTTPException)):
            self._close()
        if not isinstance(error, NotTaken):
            return wait
        if error.status == 410:
            self.gone = True
            self._logger.error("the webhook is gone (410): it is told of no more calls")
            self._stop.set()
            return 0.0
        if error.status == 413 and self._most > 1:
            self._most //= 2
            return 0.0
        return max(wait, min(error.after, self.longest_wait))

    def ended(self) -> None:
        """Close the store."""
        self._close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def turn(self) -> bool:
        """Tell of one batch; return whether there may be more."""
        if self._store is None:
            self._store = self._open_calls()
        store = self._store
        # One more than the last id told: 0 is an endpoint that was never told of anything.
        cursor = store.counter(self._cursor_name) - 1
        last = store.counter("calls")
        if cursor < 0:
            store.set_counter(self._cursor_name, last + 1)
            cursor = last
        self.waiting = max(0, last - cursor)
        calls = list(store.calls(CallFilter(), cursor, self._most))
        if not calls:
            return False
        body = msgspec.json.encode({"calls": [exported(call) for call in calls]})
        post_signed(self._parts, self._secret_file, body, self._timeout)
        store.set_counter(self._cursor_name, calls[-1]["id"] + 1)
        self.told += len(calls)
        self.waiting = max(0, last - calls[-1]["id"])
        return self.waiting > 0
