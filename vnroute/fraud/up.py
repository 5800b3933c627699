"""What calls that are up add to a rule's sums, and what of it hits have used up."""

from __future__ import annotations

__all__ = ["UpSums"]

Key = tuple[str, str]
"""An account, and the destination that is counted by itself."""


class UpSums:
    """Sums of one rule over calls that are up, by account and destination.

    ``used`` is, for each call that was up at a hit, what that hit has counted of it, and when it
    was seen up last (Unix microseconds): its record counts only for the rest.
    """

    __slots__ = ("_parts", "_sums", "used")

    def __init__(self) -> None:
        self._parts: dict[str, tuple[Key, int]] = {}
        self._sums: dict[Key, list[int]] = {}
        self.used: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._parts)

    def left(self, uuid: str, amount: int) -> int:
        """Return what of a call's amount no hit has counted yet."""
        return max(0, amount - self.used[uuid][0]) if uuid in self.used else amount

    def put(self, uuid: str, key: Key, amount: int, at: int) -> int:
        """Count a call with what it has used so far; return what of it is new since a hit."""
        if uuid in self.used:
            self.used[uuid] = (self.used[uuid][0], at)
        amount = self.left(uuid, amount)
        self._parts[uuid] = (key, amount)
        if amount:
            sums = self._sums.setdefault(key, [0, 0])
            sums[0] += amount
            sums[1] += 1
        return amount

    def pop(self, uuid: str) -> None:
        """Count a call no more: it has ended, or is not known to be up."""
        key, amount = self._parts.pop(uuid, (("", ""), 0))
        if amount:
            sums = self._sums[key]
            sums[0] -= amount
            sums[1] -= 1
            if not sums[1]:
                del self._sums[key]

    def sum(self, key: Key) -> tuple[int, int]:
        """Return the sum for an account and destination, and of how many calls."""
        amount, count = self._sums.get(key, (0, 0))
        return amount, count

    def use(self, key: Key, at: int) -> None:
        """Use up what all calls there have used so far: a hit has counted it."""
        for uuid, (of, amount) in self._parts.items():
            if of == key and amount:
                self.used[uuid] = (self.used.get(uuid, (0, 0))[0] + amount, at)
                self._parts[uuid] = (key, 0)
        self._sums.pop(key, None)

    def forget(self, last: int) -> None:
        """Forget what was used of calls that were not seen after a moment."""
        for uuid in [uuid for uuid, (_, seen) in self.used.items() if seen <= last]:
            del self.used[uuid]
