"""Overlays: numbers changed since an image was compiled, laid over it without compiling anew.

An overlay holds all of them, so one file says it all; the next compilation folds it in. A change
that did more than change numbers waits for that compilation, and so does a number

- whose account, plan or screen the image does not have,
- that a plan rings, and that becomes or ceases to be one of ours: how it is rung is compiled.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from vnroute.compiler.leading import Leading
from vnroute.compiler.text import Texts
from vnroute.image.base_rows import NO_ASSIGNMENT, BaseRows, base_rows
from vnroute.image.generations import current_image, generation_of, overlay_path, overlaying
from vnroute.image.layout import image_name
from vnroute.image.overlay import OverlayHeader, write_overlay
from vnroute.image.overlay_slots import REMOVED, fill_slots
from vnroute.image.program import SERVICE_STATES
from vnroute.model import Account
from vnroute.model.validity import first_second, second_after

__all__ = ["MOST_NUMBERS", "NumberLog", "OverlayState", "refresh_overlays", "write_overlay_of"]

MOST_NUMBERS = 10_000
"""Where an overlay has more, it is time to compile."""
_BOTH_SECONDS = 30.0


_account = msgspec.json.Decoder(Account)


class Changed(Leading, Protocol):
    """A number as one change left it, as the store keeps it; its plan is empty where it is gone."""

    @property
    def counter(self) -> int: ...
    @property
    def number(self) -> int: ...


class Changes(Protocol):
    """Numbers that were changed, oldest first; the counters of other changes; the last counter."""

    @property
    def counter(self) -> int: ...
    @property
    def rows(self) -> Iterable[Changed]: ...
    @property
    def others(self) -> Iterable[int]: ...


class NumberLog(Protocol):
    """What an overlay is made of; a snapshot of the store offers it."""

    def number_changes(self, after: int) -> Changes:
        """What happened to numbers since a change."""
        ...

    def entity(self, kind: str, key: str) -> bytes | None:
        """One entity as JSON."""
        ...


class OverlayState(msgspec.Struct, frozen=True, kw_only=True):
    """What lies over a generation: how many numbers, and which changes up to ``serial`` (a change
    counter of the store) are not in it.
    """

    generation: int
    serial: int
    numbers: int
    waiting: frozenset[int]

    def holds(self, counter: int) -> bool:
        """Whether a change is in force by it."""
        return self.serial >= counter and counter not in self.waiting

    @property
    def needs_compilation(self) -> bool:
        """Whether anything waits for a compilation, or it is time for one."""
        return bool(self.waiting) or self.numbers > MOST_NUMBERS


class _Assignments:
    """The records of an overlay, each distinct one once, and their texts."""

    def __init__(self, base: BaseRows, log: NumberLog) -> None:
        self.records: list[bytes] = []
        self.texts = Texts()
        self._base = base
        self._log = log
        self._rows: dict[tuple[str, ...], int | None] = {}
        self._accounts: dict[str, Account] = {}

    def row(self, change: Changed) -> int | None:
        """Return the row of where a number leads; None where the image does not have it."""
        key = (
            change.account, change.plan, change.campaign, change.state, change.since,
            change.until, change.screen,
        )  # fmt: skip
        if key not in self._rows:
            self._rows[key] = self._add(change)
        return self._rows[key]

    def _account(self, name: str) -> Account:
        if name not in self._accounts:
            document = self._log.entity("accounts", name)
            found = Account(id=name) if document is None else _account.decode(document)
            self._accounts[name] = found
        return self._accounts[name]

    def _add(self, change: Changed) -> int | None:
        account = self._base.account(change.account)
        plan = self._base.plan(change.plan, change.account)
        stored = self._account(change.account)
        screen = self._base.screen(change.screen, stored.screen)
        if account is None or plan is None or screen is None:
            return None
        zone, head = stored.time_zone, plan.head
        if change.campaign:
            head += f";vn_campaign={change.campaign}"
        # As in PlanRows.assignment(): the account's state counts as the number's own.
        suspended = account[1] == SERVICE_STATES.index("suspended") and change.state == "active"
        self.records.append(
            struct.pack("<II", account[0], plan.row)
            + self.texts.packed(change.campaign)
            + struct.pack(
                "<IIqq",
                SERVICE_STATES.index("suspended" if suspended else change.state),
                screen,
                first_second(change.since, zone),
                second_after(change.until, zone),
            )
            + plan.program
            + self.texts.packed(head)
            + plan.channel
        )
        return len(self.records) - 1


def write_overlay_of(images: Path, generation: int, log: NumberLog) -> OverlayState:
    """Write the overlay of a generation anew, or remove it where nothing was changed since.

    For whoever holds :func:`vnroute.image.generations.overlaying`. Raises ImageError for an image
    that is damaged, OSError where it is not there or nothing can be written.
    """
    path = overlay_path(images, generation)
    with base_rows(images / image_name(generation)) as base:
        changes = log.number_changes(base.header.changes)
        assignments = _Assignments(base, log)
        waiting = set(changes.others)
        numbers: dict[int, int] = {}
        for change in changes.rows:
            number, row = change.number, REMOVED
            if change.plan:
                found = assignments.row(change)
                if found is None or base.rung(number) == NO_ASSIGNMENT:
                    waiting.add(change.counter)
                    continue
                row = found
            elif base.rung(number) is not None:
                waiting.add(change.counter)
                continue
            numbers[number] = row
        state = OverlayState(
            generation=generation,
            serial=max(changes.counter, base.header.changes),
            numbers=len(numbers),
            waiting=frozenset(waiting),
        )
        if changes.counter <= base.header.changes:
            path.unlink(missing_ok=True)
            return state
        slots, table = fill_slots(numbers)
        body = bytes(table) + b"".join(assignments.records) + bytes(assignments.texts.data)
        header = OverlayHeader(
            generation=generation,
            serial=state.serial,
            base_changes=base.header.changes,
            waiting=len(waiting),
            compiled_at=base.header.compiled_at,
            slots=slots,
            assignments=len(assignments.records),
            numbers=len(numbers),
            text_bytes=len(assignments.texts.data),
        )
    write_overlay(path, header, body)
    return state


def refresh_overlays(
    images: Path, snapshot: Callable[[], AbstractContextManager[NumberLog]]
) -> OverlayState | None:
    """Lay what is stored now over the generation in force; None where nothing was compiled.

    Shortly after a new generation, over the one before it as well: workers may answer by that one
    until they have opened the new one.
    """
    with overlaying(images):
        path = current_image(images)
        if path is None:
            return None
        generation = generation_of(path)
        with snapshot() as log:
            state = write_overlay_of(images, generation, log)
            before = images / image_name(generation - 1)
            link = (images / "current.vni").lstat()
            if time.time() - link.st_mtime < _BOTH_SECONDS and before.exists():
                write_overlay_of(images, generation - 1, log)
    return state
