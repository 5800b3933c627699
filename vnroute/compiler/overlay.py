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
from contextlib import AbstractContextManager, ExitStack
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

__all__ = [
    "MOST_NUMBERS",
    "NumberLog",
    "OverlayState",
    "Overlays",
    "refresh_overlays",
    "write_overlay_of",
]

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
        self.log = log
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
            document = self.log.entity("accounts", name)
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


class _Laying:
    """An overlay of one generation, and what was read for it: the next one reads what came since.

    Where more than numbers was changed, all is read anew: accounts that numbers have may differ.
    """

    def __init__(self, images: Path, generation: int) -> None:
        self._images = images
        self._path = overlay_path(images, generation)
        self.generation = generation
        self._base: BaseRows | None = None
        self._open = ExitStack()

    def _begin(self, log: NumberLog) -> BaseRows:
        if self._base is None:
            self._base = self._open.enter_context(
                base_rows(self._images / image_name(self.generation))
            )
        self._assignments = _Assignments(self._base, log)
        self._numbers: dict[int, int] = {}
        self._waiting: set[int] = set()
        self._serial = self._base.header.changes
        self._file: tuple[int, int] | None = None
        return self._base

    def lay(self, log: NumberLog) -> OverlayState:
        """Write what is stored now; nothing where nothing was changed since."""
        base = self._base or self._begin(log)
        changes = log.number_changes(self._serial)
        if changes.others and self._serial > base.header.changes:
            base = self._begin(log)
            changes = log.number_changes(self._serial)
        self._assignments.log = log
        self._waiting.update(changes.others)
        for change in changes.rows:
            number, row = change.number, REMOVED
            if change.plan:
                found = self._assignments.row(change)
                if found is None or base.rung(number) == NO_ASSIGNMENT:
                    self._waiting.add(change.counter)
                    continue
                row = found
            elif base.rung(number) is not None:
                self._waiting.add(change.counter)
                continue
            self._numbers[number] = row
        grown = changes.counter > self._serial
        self._serial = max(changes.counter, self._serial)
        state = OverlayState(
            generation=self.generation,
            serial=self._serial,
            numbers=len(self._numbers),
            waiting=frozenset(self._waiting),
        )
        if self._serial <= base.header.changes:
            self._path.unlink(missing_ok=True)
        elif grown or not self._is_there():
            self._write(base)
        return state

    def _write(self, base: BaseRows) -> None:
        slots, table = fill_slots(self._numbers)
        records, texts = self._assignments.records, self._assignments.texts.data
        header = OverlayHeader(
            generation=self.generation,
            serial=self._serial,
            base_changes=base.header.changes,
            waiting=len(self._waiting),
            compiled_at=base.header.compiled_at,
            slots=slots,
            assignments=len(records),
            numbers=len(self._numbers),
            text_bytes=len(texts),
        )
        write_overlay(self._path, header, bytes(table) + b"".join(records) + bytes(texts))
        found = self._path.stat()
        self._file = (found.st_ino, found.st_mtime_ns)

    def _is_there(self) -> bool:
        """Whether the file is the one that was written here; others write it, too."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        return self._file == (found.st_ino, found.st_mtime_ns)

    def close(self) -> None:
        """Give back the image."""
        self._open.close()


def write_overlay_of(images: Path, generation: int, log: NumberLog) -> OverlayState:
    """Write the overlay of a generation anew, or remove it where nothing was changed since.

    For whoever holds :func:`vnroute.image.generations.overlaying`. Raises ImageError for an image
    that is damaged, OSError where it is not there or nothing can be written.
    """
    laying = _Laying(images, generation)
    try:
        return laying.lay(log)
    finally:
        laying.close()


class Overlays:
    """Lays what is stored over the generation in force, again and again; one at a time.

    Between two times it keeps what it has read, so that one more number among ten thousand costs
    about as much as the first. After an error all is read anew.
    """

    def __init__(self, images: Path) -> None:
        self._images = images
        self._kept: dict[int, _Laying] = {}

    def refresh(
        self, snapshot: Callable[[], AbstractContextManager[NumberLog]]
    ) -> OverlayState | None:
        """Lay what is stored now over the generation in force; None where nothing was compiled.

        Shortly after a new generation, over the one before it as well: workers may answer by that
        one until they have opened the new one.
        """
        with overlaying(self._images):
            path = current_image(self._images)
            if path is None:
                return None
            generation = generation_of(path)
            wanted = [generation]
            link = (self._images / "current.vni").lstat()
            if (
                time.time() - link.st_mtime < _BOTH_SECONDS
                and (self._images / image_name(generation - 1)).exists()
            ):
                wanted.append(generation - 1)
            for other in self._kept.keys() - set(wanted):
                self._kept.pop(other).close()
            try:
                with snapshot() as log:
                    states = [self._laying(each).lay(log) for each in wanted]
            except BaseException:
                self.close()
                raise
        return states[0]

    def _laying(self, generation: int) -> _Laying:
        if generation not in self._kept:
            self._kept[generation] = _Laying(self._images, generation)
        return self._kept[generation]

    def close(self) -> None:
        """Forget what was read."""
        for laying in self._kept.values():
            laying.close()
        self._kept.clear()


def refresh_overlays(
    images: Path, snapshot: Callable[[], AbstractContextManager[NumberLog]]
) -> OverlayState | None:
    """Lay what is stored now over the generation in force, once: see :class:`Overlays`."""
    overlays = Overlays(images)
    try:
        return overlays.refresh(snapshot)
    finally:
        overlays.close()
