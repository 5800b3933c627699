"""What somebody has set by hand, read off the state page for people: as the matcher reads it."""

from __future__ import annotations

from dataclasses import dataclass

from vnroute.image.keys import DIVERTS, Kind, state_hash
from vnroute.image.state_page import StatePage
from vnroute.matcher.image import RouteImage

__all__ = ["PERSON", "Diversion", "diversion_of", "moments_of", "set_state"]

PERSON = "person:"
"""How the ids of schedules begin that say where a person is."""

_TO_PLAN = 1


@dataclass(frozen=True, slots=True)
class Diversion:
    """Calls of a number, plan or account that go elsewhere: ``to`` a number or ``plan:ID``, which
    is that ``plan`` by its row; until a Unix second, None for good.
    """

    kind: str
    id: str
    to: str
    plan: int | None
    seconds: int
    until: int | None


def set_state(
    image: RouteImage, page: StatePage | None, row: int, now: float
) -> tuple[int, int | None] | None:
    """Return the number of the state that a schedule is set to and when that ends, None if it is
    not set.
    """
    if page is None:
        return None
    name, _, states = image.schedule_about(row)
    if name.startswith(PERSON):
        item = page.get(Kind.PERSON, name.removeprefix(PERSON), now)
    else:
        item = page.get(Kind.SCHEDULE, name, now)
    if item is None:
        return None
    for number, state in enumerate(states):
        if state_hash(state) == item.value:
            return number, item.until or None
    return None


def diversion_of(
    image: RouteImage,
    page: StatePage | None,
    number: str,
    plan: int,
    account: str,
    now: float,
) -> Diversion | None:
    """Return what calls are diverted to; ``number`` and ``account`` are empty where they do not
    count (``_diverted`` in decide.pyx).
    """
    if page is None:
        return None
    for kind, name in (("number", number), ("plan", image.plan_id(plan)), ("account", account)):
        item = page.get(DIVERTS[kind], name, now) if name else None
        if item is None:
            continue
        row = image.plan_with_key(item.more) if item.value == _TO_PLAN else None
        if item.value == _TO_PLAN and row is None:
            return None
        to = f"+{item.more}" if row is None else f"plan:{image.plan_id(row)}"
        return Diversion(kind, name, to, row, item.extra or 25, item.until or None)
    return None


def moments_of(page: StatePage | None, now: float, end: float) -> set[int]:
    """Return the Unix seconds between two at which anything that is set ends."""
    items = [] if page is None else page.items()
    kinds = {Kind.SCHEDULE, Kind.PERSON, *DIVERTS.values()}
    return {item.until for item in items if item.kind in kinds and now < item.until < end}
