"""Which gateways a call passes over, as the matcher does it, for people to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vnroute.image.keys import Kind
from vnroute.image.state_page import StatePage

__all__ = ["BADNESS_WORDS", "PassedOver", "dialled"]

BADNESS_WORDS = ("closed", "half-open", "open", "down", "drained")
"""What an entry's ``extra`` means; docs/carriers-health.md."""
_ALL, _DRAINED = 1000, 4

Leg = TypeVar("Leg")


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A gateway that calls do not take, or not all of them: why, and the share that may.

    ``tried`` is whether it is dialled all the same, as the least bad of those that there are.
    """

    gateway: str
    why: str
    share: int
    tried: bool


def dialled(
    page: StatePage | None,
    legs: tuple[Leg, ...],
    gateway_of: Callable[[Leg], str],
    in_reply: frozenset[str],
    now: float,
) -> tuple[tuple[Leg, ...], tuple[PassedOver, ...]]:
    """Return the legs that a call dials, and the gateways that it passes over.

    ``in_reply`` are the gateways of the matcher's own answer: whether a half-open one is among
    them is chance.
    """
    if page is None or not page.counts()[Kind.GATEWAY]:
        return legs, ()
    found: list[tuple[Leg, Any]] = []
    for leg in legs:
        said = page.get(Kind.GATEWAY, gateway_of(leg), now) if gateway_of(leg) else None
        found.append((leg, None if said is None or said.value >= _ALL else said))
    kept = tuple(
        leg for leg, said in found if said is None or (said.value and gateway_of(leg) in in_reply)
    )
    least = min((said.extra for _, said in found if said is not None), default=_DRAINED)
    if not kept and least < _DRAINED:
        kept = tuple(leg for leg, said in found if said is not None and said.extra == least)
    passed = {
        gateway_of(leg): PassedOver(
            gateway_of(leg), BADNESS_WORDS[min(said.extra, _DRAINED)], said.value, leg in kept
        )
        for leg, said in found
        if said is not None
    }
    return kept, tuple(passed.values())
