"""``POST /cdr``: call records from mod_json_cdr, taken in as long as the control process runs."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.types import ASGIApp, Receive, Scope, Send

from vnroute import log
from vnroute.calls.archiving import Archiver
from vnroute.calls.base import Added
from vnroute.calls.collect import collect
from vnroute.calls.counts import CdrCounts
from vnroute.calls.drain import Drain
from vnroute.calls.group_commit import GroupCommit, settle
from vnroute.calls.intake import Intake, Verdict
from vnroute.calls.opening import open_calls
from vnroute.calls.record import Call
from vnroute.calls.spool import Spool, SpoolError
from vnroute.calls.webhook import Webhook
from vnroute.fraud.watch import FraudWatch
from vnroute.settings import Settings
from vnroute.store import Store, open_store
from vnroute.store.opening import store_exists
from vnroute.web.host import allowed_host, from_a_page
from vnroute.web.tracing import Tracing

__all__ = ["CdrService"]

_AGAIN_SECONDS = 2.0
_COLLECT_SECONDS = 2.0


class CdrService:
    """Spool, drain and intake of one control process.

    A spool that cannot be opened (its disk is full, another process holds it) is tried again; until
    then records are answered with 503, and the switch keeps them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._logger = log.get_logger(process="control")
        self.counts = CdrCounts()
        self.spool: Spool | None = None
        self.drain: Drain | None = None
        self.webhook = self._webhook()
        self.fraud = self._fraud()
        self.archiver = self._archiver()
        self.tracing: Tracing | None = None
        self._intake: Intake | None = None
        self._commit: GroupCommit | None = None
        self._warn = log.bounded(self._logger)
        self._allowed = [ipaddress.ip_network(text) for text in settings.cdr.allow]
        self.max_bytes = settings.cdr.max_bytes
        self._allows = lru_cache(maxsize=1024)(self._is_allowed)
        self._watchers: list[Callable[[Call], None]] = []

    def watch(self, watcher: Callable[[Call], None]) -> None:
        """Tell ``watcher`` of each call that is taken in, once it is safe on disk.

        It is told again of a record that is posted again, and must not raise.
        """
        self._watchers.append(watcher)

    def config(self) -> AppConfig:
        """Return what the application has to start and stop with it."""
        return AppConfig(lifespan=[self._life])

    def in_front_of(self, app: Litestar) -> ASGIApp:
        """Return an application that answers /cdr by itself and leaves the rest to ``app``.

        Thousands of records a second need no routing, no request object and no response object.
        """

        async def front(scope: Scope, receive: Receive, send: Send) -> None:
            if "method" not in scope:
                await app(scope, receive, send)
            elif scope["path"] == "/cdr":
                await self._answer(scope, receive, send)
            elif allowed_host(_host(scope), self.settings.control):
                await app(scope, receive, send)
            else:
                await _reply(send, Verdict(421, "no host of that name here"), close=True)

        return front

    @contextlib.asynccontextmanager
    async def _life(self, _: Litestar) -> AsyncIterator[None]:
        opening = asyncio.get_running_loop().create_task(self._open())
        try:
            yield
        finally:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            self._intake = None
            if self._commit is not None:
                await self._commit.close()
            if self.drain is not None:
                await asyncio.to_thread(self.drain.stop)
            if self.webhook is not None:
                await asyncio.to_thread(self.webhook.stop)
            if self.fraud is not None:
                await asyncio.to_thread(self.fraud.stop)
            if self.archiver is not None:
                await asyncio.to_thread(self.archiver.stop)
            if self.spool is not None:
                self.spool.close()

    async def _open(self) -> None:
        settings = self.settings
        while True:
            try:
                spool = await asyncio.to_thread(Spool, settings.spool / "cdr")
                break
            except SpoolError as error:
                self._logger.error("no CDRs are taken: the spool cannot be opened",
                                   error=str(error))  # fmt: skip
                await asyncio.sleep(_AGAIN_SECONDS)
        if spool.torn_bytes:
            self._logger.warning("a torn write was cut off the spool", bytes=spool.torn_bytes)
        told = self._committed if self.tracing is not None else self.counts.committed
        commit = GroupCommit(spool, told)
        commit.start()
        drain = Drain(
            spool,
            lambda: open_calls(settings.calls_address),
            self._routing,
            self._added,
            self._logger,
            settings.cdr.keep_days,
            settings.cdr.receive_decks,
        )
        drain.start()
        if self.webhook is not None:
            self.webhook.start()
        if self.fraud is not None:
            self.fraud.start()
        if self.archiver is not None:
            self.archiver.start()
        self.spool, self.drain, self._commit = spool, drain, commit
        self._intake = Intake(commit, self.counts, self._logger, self._watchers)
        await self._collect()

    def _webhook(self) -> Webhook | None:
        settings = self.settings
        if not settings.cdr.webhook:
            return None
        return Webhook(
            settings.cdr.webhook,
            Path(settings.cdr.webhook_secret_file),
            lambda: open_calls(settings.calls_address),
            self._logger,
        )

    def _fraud(self) -> FraudWatch | None:
        settings = self.settings
        if not settings.fraud.rules:
            return None
        return FraudWatch(
            Path(settings.fraud.rules),
            settings.fraud_memory,
            settings.state_page,
            lambda: open_calls(settings.calls_address),
            self._routing,
            self._logger,
            settings.fraud.webhook,
            settings.fraud.webhook_secret_file,
        )

    def _archiver(self) -> Archiver | None:
        settings = self.settings
        if not settings.cdr.archive_days:
            return None
        return Archiver(
            lambda: open_calls(settings.calls_address),
            settings.home / "archive",
            settings.cdr.archive_days,
            settings.cdr.archive_keep_days,
            self._logger,
        )

    def _committed(self, seconds: float, records: int) -> None:
        self.counts.committed(seconds, records)
        if self.tracing is not None:
            self.tracing.note("cdr commit", seconds, records=records)

    def _added(self, added: Added, damaged_bytes: int) -> None:
        self.counts.added(added, damaged_bytes)
        if self.tracing is not None:
            self.tracing.note("cdr store", added.seconds, calls=added.stored, doubled=added.doubled)
        if self.webhook is not None:
            self.webhook.some.set()
        if self.fraud is not None:
            self.fraud.some.set()

    async def _collect(self) -> None:
        """Take in what switches on this machine could not post, again and again."""
        told = ""
        while self.settings.cdr.collect:
            for name in self.settings.cdr.collect:
                try:
                    found = await collect(Path(name), self._take_file)
                    told = ""
                except OSError as error:
                    if str(error) != told:
                        self._logger.error("cannot collect CDRs", directory=name, error=str(error))
                    told = str(error)
                    continue
                self.counts.collected += found.taken
                if found.taken or found.refused:
                    self._logger.info("CDRs collected", directory=name, **found._asdict())
            await asyncio.sleep(_COLLECT_SECONDS)

    async def _take_file(self, body: bytes) -> int:
        if len(body) > self.max_bytes:
            return 413
        if self._intake is None:
            return 503
        return (await self._intake.take(body, "")).status

    def _routing(self) -> Store | None:
        address = self.settings.store_address
        return open_store(address, create=False) if store_exists(address) else None

    def allows(self, address: str) -> bool:
        """Whether a peer of that address may post."""
        return self._allows(address)

    def _is_allowed(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._allowed)

    def put(self, body: bytes, content_type: str, done: Callable[[Verdict], object]) -> None:
        """Keep a record; ``done`` is called once with the verdict, perhaps before this returns."""
        if self._intake is None:
            self.counts.requests["failed"] += 1
            done(Verdict(503, "the spool is not open; post it again"))
        else:
            self._intake.put(body, content_type, done)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        client = scope.get("client")
        if not self.allows(client[0] if client else ""):
            self.counts.requests["refused_peer"] += 1
            self._warn("CDR refused", why="peer is not allowed", peer=str(client))
            await _reply(send, Verdict(403, "not from here"), close=True)
        elif from_a_page(scope["headers"]):
            self.counts.requests["refused_peer"] += 1
            await _reply(send, Verdict(403, "not from a web page"), close=True)
        elif scope.get("method") != "POST":
            await _reply(send, Verdict(405, "POST a record"), close=True)
        elif (length := headers.get(b"content-length", b"0")).isdigit() and (
            int(length[:12]) > self.max_bytes
        ):
            await self._too_large(send, int(length[:12]))
        else:
            body = await self._body(receive)
            if body is None:
                return  # the peer has gone in the middle: it keeps the record
            if len(body) > self.max_bytes:
                await self._too_large(send, len(body))
                return
            kind = headers.get(b"content-type", b"").decode("latin-1")
            answered: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
            self.put(body, kind, lambda verdict: settle(answered, verdict))
            await _reply(send, await answered)

    async def _too_large(self, send: Send, size: int) -> None:
        self.counts.requests["too_large"] += 1
        self._warn("CDR refused", why="too many bytes", bytes=size, most=self.max_bytes)
        # Closed, so that what is still on its way is not read.
        await _reply(send, Verdict(413, f"more than {self.max_bytes} bytes"), close=True)

    async def _body(self, receive: Receive) -> bytes | None:
        """Return the body, or as much of it as shows that it is too large; None if it broke off."""
        parts, size = [], 0
        while size <= self.max_bytes:
            message: Any = await receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if not message.get("more_body"):
                break
        return b"".join(parts)


def _host(scope: Scope) -> str:
    return dict(scope["headers"]).get(b"host", b"").decode("latin-1")


async def _reply(send: Send, verdict: Verdict, close: bool = False) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"),
               (b"x-content-type-options", b"nosniff")]  # fmt: skip
    if verdict.status == 503:
        headers.append((b"retry-after", b"5"))
    if verdict.status == 405:
        headers.append((b"allow", b"POST"))
    if close:
        headers.append((b"connection", b"close"))
    body = (verdict.text + "\n").encode()
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": verdict.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
