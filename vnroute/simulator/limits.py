"""Resources that FreeSWITCH counts for all calls: ``limit`` and ``limit_execute`` by mod_hash.

Source: ``limit_incr_hash`` and ``limit_release_hash`` (mod_hash.c). With an interval a resource is
counted from its first use on; the first use after the interval begins the count anew. Without one
it is counted for each call that holds it, once, until the call ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Limits"]


@dataclass(slots=True)
class _Item:
    last_check: int = 0
    rate: int = 0
    total: int = 0


@dataclass(slots=True)
class Limits:
    """The counts of one switch, by realm and resource; ``backends`` are the modules that count."""

    backends: frozenset[str] = frozenset(("hash",))
    _items: dict[str, _Item] = field(default_factory=dict)

    def take(
        self, held: set[str], backend: str, resource: str, most: int, interval: int, now: int
    ) -> bool:
        """Count a use at ``now`` (Unix seconds); false where it is one too many.

        ``held`` is what the call holds already, and then holds. ``most`` is -1 for no bound,
        ``interval`` 0 for what is in use at a time. Without the backend there is no room.
        """
        if backend not in self.backends:
            return False
        item = self._items.setdefault(resource, _Item())
        if interval > 0:
            if item.last_check <= now - interval:
                item.rate, item.last_check = 1, now
            else:
                item.rate += 1
                if 0 <= most < item.rate:
                    return False
        elif 0 <= most < item.total + (resource not in held):
            return False
        if resource not in held:
            held.add(resource)
            item.total += 1
        return True

    def usage(self, resource: str) -> tuple[int, int]:
        """Return how many calls hold a resource, and its count in the interval."""
        item = self._items.get(resource, _Item())
        return item.total, item.rate

    def release_all(self, held: set[str]) -> None:
        """A leg that ends holds nothing more."""
        for resource in tuple(held):
            self.release(held, resource)

    def release(self, held: set[str], resource: str) -> None:
        """A call holds a resource no more."""
        if resource in held:
            held.remove(resource)
            self._items[resource].total -= 1
