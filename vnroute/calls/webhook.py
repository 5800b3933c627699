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
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from vnroute import __version__
from vnroute.calls.base import CallFilter, CallStore
from vnroute.calls.export import exported
from vnroute.store import StoreError

__all__ = ["SIGNATURE", "TIMESTAMP", "NotTaken", "Webhook", "post_signed", "signature"]

SIGNATURE = "X-Vnroute-Signature"
TIMESTAMP = "X-Vnroute-Timestamp"

_BATCH = 200
_LOOK_SECONDS = 1.0
_TIMEOUT_SECONDS = 10.0
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0
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


class Webhook:
    """Tells ``url`` of the calls in the store that ``open_calls`` opens.

    ``secret_file`` is read for each request, so a new secret needs no restart. An endpoint that was
    never told of anything is told of what is stored from then on. ``first_wait`` is how many
    seconds pass after a first failure; each further one doubles them, up to five minutes.
    """

    def __init__(
        self,
        url: str,
        secret_file: Path,
        open_calls: Callable[[], CallStore],
        logger: Any,
        first_wait: float = _FIRST_WAIT,
        timeout: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._parts = urlsplit(url)
        self._cursor_name = f"webhook {url}"
        self._secret_file = secret_file
        self._open_calls = open_calls
        self._logger = logger
        self._first_wait, self._timeout = first_wait, timeout
        self._store: CallStore | None = None
        self._most = _BATCH
        self._stop = threading.Event()
        self.some = threading.Event()
        """Set where calls were stored."""
        self.told = 0
        """Calls that were taken, since this process began."""
        self.waiting = 0
        """Calls stored and not told yet, as of the last look."""
        self.failing = ""
        """Why the endpoint does not take calls now; empty where it does."""
        self.gone = False
        """Whether it has said 410: it is left alone until vnroute is started again."""
        self._thread = threading.Thread(target=self._run, name="cdr-webhook", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End; a batch on its way may come again after the next start."""
        self._stop.set()
        self.some.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        wait = self._first_wait
        while not self._stop.is_set() and not self.gone:
            try:
                more = self._turn()
                if self.failing:
                    self._logger.warning("the webhook takes calls again")
                    self.failing = ""
                wait = self._first_wait
                if not more:
                    self.some.wait(_LOOK_SECONDS)
                    self.some.clear()
            except (StoreError, NotTaken, OSError, http.client.HTTPException) as error:
                wait = self._failed(error, wait)
            except Exception as error:
                # Nothing may end this thread unseen.
                self._logger.exception("the webhook failed", error=str(error))
                wait = self._failed(error, wait)
        self._close()

    def _failed(self, error: Exception, wait: float) -> float:
        """Tell, and wait; return how long to wait the next time."""
        why = str(error) or type(error).__name__
        if why != self.failing:
            self._logger.error("the webhook does not take calls", error=why)
        self.failing = why
        if isinstance(error, StoreError):
            self._close()
        if isinstance(error, NotTaken):
            if error.status == 410:
                self.gone = True
                self._logger.error("the webhook is gone (410): it is told of no more calls")
                return wait
            if error.status == 413 and self._most > 1:
                self._most //= 2
                return wait
            wait = max(wait, min(error.after, _LONGEST_WAIT))
        # Not all nodes at the same moment, when an endpoint comes back.
        self._stop.wait(wait * random.uniform(0.75, 1.25))
        return min(2 * wait, _LONGEST_WAIT)

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _turn(self) -> bool:
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
