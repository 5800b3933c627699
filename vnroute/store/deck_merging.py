"""What becomes of a deck's rows when others come: one pass over both, sorted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vnroute.model.deck import DeckRate
from vnroute.store.base import Tally

__all__ = ["Changes", "merged"]


class Changes:
    """Counts of what a merge did, by key (prefix, origin, time class)."""

    def __init__(self) -> None:
        self.added = self.changed = self.unchanged = self.removed = 0

    @property
    def tally(self) -> Tally:
        """The counts."""
        return Tally(
            added=self.added, changed=self.changed, unchanged=self.unchanged, removed=self.removed
        )


def merged(
    stored: Iterable[DeckRate], coming: Iterable[DeckRate], replace: bool, changes: Changes
) -> Iterator[DeckRate]:
    """Yield the rows there will be; a key that comes takes the place of all its stored rows.

    Both come sorted, and each key of ``coming`` has one row. ``replace`` leaves out stored keys
    that do not come. ``changes`` is filled when all has been read.
    """
    old, new = iter(stored), iter(coming)
    here, there = next(old, None), next(new, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here[:3] < there[:3]):
            assert here is not None
            key = here[:3]
            if replace:
                changes.removed += 1
            while here is not None and here[:3] == key:
                if not replace:
                    yield here
                here = next(old, None)
        elif here is None or there[:3] < here[:3]:
            changes.added += 1
            yield there
            there = next(new, None)
        else:
            key, count, same = here[:3], 0, True
            while here is not None and here[:3] == key:
                count, same = count + 1, here == there
                here = next(old, None)
            if count == 1 and same:
                changes.unchanged += 1
            else:
                changes.changed += 1
            yield there
            there = next(new, None)
