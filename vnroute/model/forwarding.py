"""Forwarding to our own numbers: loops, and chains too long.

A target that is one of our own numbers is not dialled through a carrier: the call goes on in that
number's plan. So plans form a graph, whose edges are such targets. Schedules are left out of
account: what loops at some hour is a loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vnroute.model.e164 import format_number

__all__ = ["MAX_HOPS", "Forward", "ForwardingFault", "find_faults"]

MAX_HOPS = 5
"""How often a call may be forwarded inside before it is refused (SIP 483)."""


class Forward(NamedTuple):
    """A target of a plan that is one of our own numbers, and the plan that number has.

    ``number`` is 0 where the target is that plan itself. ``field`` is the target's place in the
    plan, such as ``steps[1].ring[0]``.
    """

    plan: str
    field: str
    number: int
    next_plan: str


class ForwardingFault(NamedTuple):
    """A loop, or a chain of more than the hops allowed; ``path`` holds its forwards in order."""

    loop: bool
    path: tuple[Forward, ...]

    def __str__(self) -> str:
        """Spell it: ``+1800… -> plan a -> +1800… -> plan b -> +1800…``."""
        words = [f"plan {self.path[0].plan}"]
        for forward in self.path:
            words += [format_number(forward.number)] if forward.number else []
            words.append(f"plan {forward.next_plan}")
        if self.loop and self.path[-1].number:
            # From number to number: that is how the caller meets it.
            words = [format_number(self.path[-1].number), *words[:-1]]
        return " -> ".join(words)


def find_faults(forwards: Iterable[Forward], max_hops: int = MAX_HOPS) -> list[ForwardingFault]:
    """Return the loops among ``forwards``, the shortest of each knot, then the chains too long.

    Of chains, only that which is one hop too long is told, not those that lead into it. Time and
    memory grow with the number of forwards; nothing here recurses.
    """
    edges: dict[str, list[Forward]] = {}
    for forward in forwards:
        edges.setdefault(forward.plan, []).append(forward)
    loops: list[ForwardingFault] = []
    chains: list[ForwardingFault] = []
    # Hops that a call may still make from a plan, and the forward it makes first; plans in a
    # knot are not in it, nor do forwards into one count.
    depth: dict[str, tuple[int, Forward | None]] = {}
    for knot in _knots(edges):
        own = edges.get(knot[0], [])
        if len(knot) > 1 or any(forward.next_plan == knot[0] for forward in own):
            loops.append(ForwardingFault(True, _shortest_loop(knot, edges)))
            continue
        best: tuple[int, Forward | None] = (0, None)
        for forward in own:
            beyond = depth.get(forward.next_plan)
            if beyond is not None and beyond[0] + 1 > best[0]:
                best = (beyond[0] + 1, forward)
        depth[knot[0]] = best
        if best[0] == max_hops + 1:
            path = []
            step = best[1]
            while step is not None:
                path.append(step)
                step = depth[step.next_plan][1]
            chains.append(ForwardingFault(False, tuple(path)))
    return loops + chains


def _knots(edges: dict[str, list[Forward]]) -> list[list[str]]:
    """Return the strongly connected components, those that are led to before those that lead.

    Tarjan's algorithm (SIAM J. Comput. 1, 1972), with a stack of its own.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    pending: list[str] = []
    is_pending: set[str] = set()
    knots: list[list[str]] = []
    for root in edges:
        if root in index:
            continue
        work: list[tuple[str, int]] = [(root, 0)]
        while work:
            plan, position = work.pop()
            if plan not in index:
                index[plan] = low[plan] = len(index)
                pending.append(plan)
                is_pending.add(plan)
            onward = edges.get(plan, ())
            for place in range(position, len(onward)):
                other = onward[place].next_plan
                if other not in index:
                    work += [(plan, place), (other, 0)]
                    break
                if other in is_pending:
                    low[plan] = min(low[plan], low[other])
            else:
                if low[plan] == index[plan]:
                    knot = []
                    while True:
                        member = pending.pop()
                        is_pending.discard(member)
                        knot.append(member)
                        if member == plan:
                            break
                    knots.append(knot)
    return knots


def _shortest_loop(knot: Sequence[str], edges: dict[str, list[Forward]]) -> tuple[Forward, ...]:
    """Return a shortest way from the knot's first plan, by id, back to itself."""
    members, start = set(knot), min(knot)
    came: dict[str, Forward] = {}
    queue = deque([start])
    while start not in came:
        plan = queue.popleft()
        for forward in edges[plan]:
            if forward.next_plan in members and forward.next_plan not in came:
                came[forward.next_plan] = forward
                queue.append(forward.next_plan)
    path = [came[start]]
    while path[-1].plan != start:
        path.append(came[path[-1].plan])
    return tuple(reversed(path))
