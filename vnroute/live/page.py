"""Overrides as entries of the state page, and the page made of what the store holds."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from vnroute.image.keys import DIVERTS, Kind, page_key, state_hash
from vnroute.image.state_page import PageError, StatePage
from vnroute.model.blocked import parse_block
from vnroute.model.override import Override

__all__ = ["TO_NUMBER", "TO_PLAN", "block_entries", "entry_of", "fill_page", "kind_of", "open_page"]

TO_NUMBER, TO_PLAN = 0, 1
"""What an entry that diverts calls says in `value`: what `more` is."""

_STATES = {"schedule": Kind.SCHEDULE, "person": Kind.PERSON}


def kind_of(kind: str) -> Kind:
    """Return the kind of the entry that says what is set of a thing."""
    return _STATES.get(kind) or DIVERTS[kind]


def entry_of(override: Override) -> tuple[Kind, str, int, int, int, int]:
    """Return what ``StatePage.put`` takes: kind, name, value, extra, until, more."""
    until = 0 if override.until is None else int(override.until.timestamp())
    target = override.target
    if target is None:
        return kind_of(override.kind), override.id, state_hash(override.state), 0, until, 0
    if target.number is not None:
        value, more = TO_NUMBER, target.number
    else:
        value, more = TO_PLAN, page_key(Kind.PLAN, target.name)
    return kind_of(override.kind), override.id, value, override.seconds, until, more


def block_entries(overrides: Iterable[Override]) -> list[tuple[Kind, str, int, int, int, int]]:
    """Return the entries of all blocks among these overrides, as ``StatePage.put`` takes them.

    One entry a prefix, which ends with the last block of it; and one an account, which tells the
    lengths of its prefixes, so that no other length is looked for.
    """
    ends: dict[tuple[str, str], int] = {}
    for override in overrides:
        if override.kind == "block":
            until = 0 if override.until is None else int(override.until.timestamp())
            account, prefixes = parse_block(override.id)
            for prefix in prefixes:
                before = ends.get((account, prefix), until)
                ends[account, prefix] = max(before, until) if before and until else 0
    lengths: dict[str, int] = {}
    for account, prefix in ends:
        lengths[account] = lengths.get(account, 0) | 1 << len(prefix)
    return [
        *((Kind.BLOCK, account, sizes, 0, 0, 0) for account, sizes in lengths.items()),
        *((Kind.BLOCK, f"{account}:{prefix}", 1, 0, until, 0)
          for (account, prefix), until in ends.items()),
    ]  # fmt: skip


def open_page(path: Path) -> tuple[StatePage, str]:
    """Open a page to write, a new one where there is none or what is there is none.

    Returns the page, and why one that was there could not be used (empty: it could). What was on a
    page that is made anew must be filled in again.
    """
    try:
        return StatePage.open(path, create=True), ""
    except PageError as error:
        StatePage.renew(path)
        return StatePage.open(path, create=True), str(error)


def fill_page(page: StatePage, overrides: Iterable[Override], now: float | None = None) -> None:
    """Make the page say of overrides exactly what is in force."""
    at = time.time() if now is None else now
    kinds = [*_STATES.values(), *DIVERTS.values()]
    there = [each for each in overrides if each.holds_at(at)]
    entries = [entry_of(each) for each in there if each.kind != "block"]
    page.replace([*kinds, Kind.BLOCK], entries + block_entries(there))
