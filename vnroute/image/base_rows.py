"""The rows of a route image that an overlay refers to, read without opening all of it."""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vnroute.image.keys import Kind, page_key, screens_key
from vnroute.image.layout import ImageError, SectionId, read_header
from vnroute.image.overlay_slots import find_row

__all__ = ["NO_ASSIGNMENT", "BaseRows", "base_rows"]

NO_ASSIGNMENT = 0xFFFFFFFF
_ACCOUNT = struct.Struct("<8xI28xQ")
_KEY = struct.Struct("<QI4x")


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan: its row, and what an assignment's record repeats of it."""

    row: int
    head: str
    channel: bytes
    program: bytes


class BaseRows:
    """Accounts and plans by id, and the numbers that plans ring."""

    def __init__(self, data: memoryview, path: Path) -> None:
        self.header = read_header(data, str(path))
        self._data = data
        self._path = path
        self._parts: dict[SectionId, bytes] = {}
        for section in (
            SectionId.ACCOUNTS, SectionId.PLANS, SectionId.PLAN_KEYS, SectionId.RUNG_NUMBERS,
            SectionId.SCREEN_KEYS,
        ):  # fmt: skip
            place = self.header.sections[section]
            part = bytes(data[place.offset : place.offset + place.size])
            if zlib.crc32(part) != place.crc:
                raise ImageError(f"{path}: section {section.name} does not match its checksum")
            self._parts[section] = part

    @cached_property
    def _accounts(self) -> dict[int, tuple[int, int]]:
        rows = _ACCOUNT.iter_unpack(self._parts[SectionId.ACCOUNTS])
        return {key: (row, state) for row, (state, key) in enumerate(rows)}

    @cached_property
    def _plans(self) -> dict[int, int]:
        return dict(_KEY.iter_unpack(self._parts[SectionId.PLAN_KEYS]))

    def account(self, name: str) -> tuple[int, int] | None:
        """Return (row, state) of an account; None where the image does not have it."""
        return self._accounts.get(page_key(Kind.ACCOUNT, name))

    def plan(self, name: str, account: str) -> PlanRow | None:
        """Return a plan of an account; None where the image does not have it."""
        row = self._plans.get(page_key(Kind.PLAN, name))
        if row is None:
            return None
        record = self._parts[SectionId.PLANS][row * 40 : row * 40 + 40]
        offset, size = struct.unpack_from("<II", record, 8)
        text = self.header.sections[SectionId.TEXT]
        start = text.offset + offset
        head = bytes(self._data[start : start + size]).decode("ascii", "replace")
        # The text's own checksum is not looked at: that would be to read all of it.
        if offset + size > text.size or not f"{head};".startswith(
            f"vn_account={account};vn_plan={name};"
        ):
            raise ImageError(f"{self._path}: the head of plan {name} is damaged")
        return PlanRow(row, head, record[16:24], record[24:32])

    def screen(self, number: str, account: str) -> int | None:
        """Return the first word of what a number's and an account's screen say together,
        NO_ASSIGNMENT where they say nothing; None where the image does not have it.
        """
        return find_row(self._parts[SectionId.SCREEN_KEYS], screens_key(number, account))

    def rung(self, number: int) -> int | None:
        """Return the row of the assignment of a number that plans ring: NO_ASSIGNMENT where it was
        not ours when the image was compiled. None for a number that no plan rings.
        """
        return find_row(self._parts[SectionId.RUNG_NUMBERS], number)


@contextmanager
def base_rows(path: Path) -> Iterator[BaseRows]:
    """Open an image for its rows. Raises ImageError for one that is damaged there."""
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapping,
        memoryview(mapping) as data,
    ):
        yield BaseRows(data, path)
