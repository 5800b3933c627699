"""Whether calls that are diverted would go in circles among our own numbers and plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vnroute.model.e164 import format_number, parse_number
from vnroute.model.forwarding import Forward, ForwardingFault, find_faults
from vnroute.model.override import Override
from vnroute.model.target import Target
from vnroute.store.base import Reading

__all__ = ["faults_of_override"]


class _Ways:
    """Where a call goes on, with what is diverted: nodes are plans, and numbers and accounts whose
    calls are diverted.
    """

    def __init__(self, reading: Reading, overrides: Iterable[Override]) -> None:
        self.plans = {plan.id: plan for plan in reading.plans()}
        self.persons = {person.id: person for person in reading.persons()}
        self.diverted = {(each.kind, each.id): each for each in overrides if each.to}
        targets = {t.number for plan in self.plans.values() for s in plan.steps for t in s.targets}
        targets |= {t.number for p in self.persons.values() for t in p.targets().values()}
        targets |= {each.target.number for each in self.diverted.values() if each.target}
        targets |= {parse_number(key) for kind, key in self.diverted if kind == "number"}
        self.ours = reading.find_numbers(number for number in targets if number is not None)
        self.plan_of = {assignment.id: assignment.plan for assignment in reading.assignments()}

    def of_number(self, number: int) -> str | None:
        """Return the node at which a number is answered; None if it is not ours."""
        if number not in self.ours:
            return None
        if ("number", format_number(number)) in self.diverted:
            return _node("number", format_number(number))
        return self.plan_of[self.ours[number]]

    def forwards(self) -> Iterator[Forward]:
        for (kind, key), override in self.diverted.items():
            if kind == "plan":
                continue
            yield from self._onward(_node(kind, key), "to", override.to)
        for plan in self.plans.values():
            if ("plan", plan.id) in self.diverted:
                yield from self._onward(plan.id, "to", self.diverted["plan", plan.id].to)
                continue
            for position, step in enumerate(plan.steps):
                for place, target in enumerate(step.targets):
                    field = f"steps[{position}].ring[{place}]"
                    for each in self._rung(target):
                        yield from self._onward(plan.id, field, each.to)

    def _rung(self, target: Target) -> Iterable[Target]:
        """Return a target, or the places of one who is a person."""
        if target.kind == "person":
            return self.persons[target.name].targets().values()
        return (target,)

    def _onward(self, node: str, field: str, to: str) -> Iterator[Forward]:
        if to.startswith("plan:"):
            yield Forward(node, field, 0, to.removeprefix("plan:"))
        elif to.startswith("+"):
            number = parse_number(to)
            following = self.of_number(number)
            if following is not None:
                yield Forward(node, field, number, following)


def _node(kind: str, key: str) -> str:
    return f"({kind} {key}, diverted)"


def faults_of_override(
    reading: Reading, others: Sequence[Override], new: Override, max_hops: int
) -> list[ForwardingFault]:
    """Return the loops and the chains too long that a new override would be a part of."""
    ways = _Ways(reading, [*others, new])
    node = new.id if new.kind == "plan" else _node(new.kind, new.id)
    return [
        fault
        for fault in find_faults(ways.forwards(), max_hops)
        if any(node in (forward.plan, forward.next_plan) for forward in fault.path)
    ]
