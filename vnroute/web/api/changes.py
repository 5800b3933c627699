"""Changes of routing data: guarded by ETags, told to the publisher, answered with what is live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from vnroute.access.identity import Identity
from vnroute.importing.editing import edit
from vnroute.importing.loading import Report
from vnroute.model.problem import RoutingDataError
from vnroute.settings import Settings
from vnroute.store import Store, open_store
from vnroute.store.base import Transaction
from vnroute.web.api.body import etag
from vnroute.web.api.problems import Refused
from vnroute.web.publishing import Publisher

__all__ = ["Changes", "Guarded", "check_etag", "who"]

_Done = TypeVar("_Done")

Guarded = Callable[[Transaction], None]
"""Looks at what is stored before anything is written, and raises what refuses the change."""


def who(identity: Identity) -> str:
    """Return how the audit log names one."""
    return f"{identity.name} ({identity.how})"


class Changes:
    """Makes changes, one after another: SQLite has one writer, so waiting here costs no thread."""

    def __init__(self, settings: Settings, publisher: Publisher) -> None:
        self.settings = settings
        self.publisher = publisher
        self._turn = asyncio.Lock()
        self._held: Store | None = None

    def store(self) -> Store:
        """Open the store, made if it is not there. Raises :class:`vnroute.store.StoreError`."""
        if self._held is None:
            # Whoever closes SQLite last folds its log in, with two fsyncs: not after each request.
            self._held = open_store(self.settings.store_address)
        return open_store(self.settings.store_address)

    def close(self) -> None:
        """Let go of the store."""
        if self._held is not None:
            self._held.close()
            self._held = None

    async def write(self, work: Callable[[], _Done]) -> _Done:
        """Do something that writes to the store, in a thread, when it is its turn."""
        async with self._turn:
            return await asyncio.to_thread(work)

    async def make(
        self,
        put: Mapping[str, Sequence[Any]],
        remove: Mapping[str, Collection[str]],
        *,
        what: str,
        identity: Identity,
        allowed: Guarded,
        dry_run: bool = False,
        wait: float = 0.0,
        within: str = "",
    ) -> dict[str, Any]:
        """Make one change, and return what is told of it.

        ``wait`` is how many seconds at most to wait until it is live; ``within`` what the paths of
        problems begin with where the request is one entry by itself.
        """
        routing = self.settings.routing

        def write() -> Report:
            store = self.store()
            try:
                return edit(
                    store, put, remove, what=what, who=who(identity), allowed=allowed,
                    dry_run=dry_run, max_hops=routing.max_hops,
                    horizon_years=routing.horizon_years, max_attempts=routing.max_attempts,
                )  # fmt: skip
            finally:
                store.close()

        try:
            report = await self.write(write)
        except RoutingDataError as error:
            raise RoutingDataError(
                [replace(p, field=p.field.removeprefix(within)) for p in error.problems],
                error.more,
            ) from None
        return await self.told(report, wait)

    async def told(self, report: Report, wait: float) -> dict[str, Any]:
        """Put what was changed in force, and return what is told of it."""
        told: dict[str, Any] = {
            "applied": report.applied,
            "change_counter": report.change_counter,
            **msgspec.structs.asdict(report.total),
            "counts": {
                kind: msgspec.structs.asdict(tally)
                for kind, tally in report.counts.items()
                if tally.touched or tally.unchanged
            },
            "warnings": [
                {"field": each.field, "found": each.found, "expected": each.expected}
                for each in report.warnings
            ],
            "live": False,
            "generation": None,
            "overlay": None,
        }
        if report.applied and not report.total.touched and wait > 0:
            # As it was: in force, if what is stored is. After a start nobody has looked yet.
            await self.publisher.lay_numbers(report.change_counter)
        elif report.applied and report.total.touched:
            if all(kind == "numbers" or not tally.touched for kind, tally in report.counts.items()):
                await self.publisher.lay_numbers(report.change_counter)
            else:
                self.publisher.changed()
        if report.applied:
            live = await self.publisher.live(report.change_counter, wait)
            if live is not None:
                told |= {"live": True, "generation": live.generation, "overlay": live.overlay}
            elif wait > 0 and self.publisher.error:
                told["error"] = self.publisher.error
        return told


def check_etag(current: bytes | None, if_match: str, if_none_match: str, what: str) -> None:
    """Refuse a change of a state that its sender has not seen (RFC 9110, 13.1).

    What is there is changed only with ``If-Match``; ``If-None-Match: *`` makes only what is not.
    """
    if current is None:
        if if_match:
            raise Refused(412, f"{what} is not there (any more)")
        return
    if if_none_match.strip() == "*":
        raise Refused(412, f"{what} is there already", kind="exists")
    if not if_match:
        raise Refused(428, f"{what} is there: send If-Match with its ETag")
    tags = [tag.strip() for tag in if_match.split(",")]
    if "*" not in tags and etag(current) not in tags:
        raise Refused(412, f"{what} was changed meanwhile; read it again")
