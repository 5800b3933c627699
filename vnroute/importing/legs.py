"""Plans that would dial more legs than FreeSWITCH takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vnroute.importing.catalogue import Catalogue, add_at
from vnroute.importing.findings import Findings
from vnroute.model import Plan
from vnroute.model.target import Target

__all__ = ["MAX_LEGS", "check_legs"]

MAX_LEGS = 128
"""FreeSWITCH reads no more alternatives of a dial string (MAX_PEERS in switch_ivr_originate.c), and
a leg's place in vn_legs is told by two hexadecimal digits; a call has no more legs in all."""


def check_legs(catalogue: Catalogue, warnings: Findings, max_attempts: int) -> None:
    """Warn of plans with targets that a call cannot come to, since there are legs enough before.

    ``max_attempts`` is how many gateways are tried for a target where no policy says. Looked at are
    plans that change, and all of them where policies or carriers do. Counted is what one call may
    need at most: a schedule is in one state, so of its states the one with most legs counts.
    """
    changed: Iterable[Plan] = catalogue.changed_entities("plans")
    if catalogue.changed["policies"] or catalogue.changed["carriers"]:
        changed = catalogue.plans.values()
    legs = None
    for plan in changed:
        legs = legs or _Legs(catalogue, max_attempts)
        over = legs.over(plan)
        if over:
            place, before = over
            found = f"up to {before} legs before it"
            expected = (
                f"fewer than {MAX_LEGS}, which is all that a call gets: fewer targets, or a policy"
                " with less max_attempts"
            )
            add_at(warnings, catalogue, "plans", plan.id, place, found, expected)


class _Legs:
    """How many legs plans have at most."""

    def __init__(self, catalogue: Catalogue, max_attempts: int) -> None:
        self._catalogue = catalogue
        self._max_attempts = max_attempts
        self._gateways = sum(len(carrier.gateways) for carrier in catalogue.carriers.values())
        self._counts: dict[str, int] = {}

    def over(self, plan: Plan) -> tuple[str, int] | None:
        """Return the first target of a plan that has no leg left, and how many were before it."""
        # Legs that every call has, and those of each state of each schedule.
        always, states = 0, dict[str, dict[str, int]]()
        for place, when, state, legs in self._targets(plan):
            others = sum(max(found.values()) for name, found in states.items() if name != when)
            here = states.setdefault(when, {}) if when else {}
            before = always + others + here.get(state, 0)
            if before >= MAX_LEGS:
                return place, before
            if when:
                here[state] = here.get(state, 0) + legs
            else:
                always += legs
        self._counts[plan.id] = always + sum(max(found.values()) for found in states.values())
        return None

    def _targets(self, plan: Plan) -> Iterator[tuple[str, str, str, int]]:
        """Yield (place, schedule, state, legs) of each target."""
        for position, step in enumerate(plan.steps):
            most = self._most(step.policy or plan.policy)
            for number, target in enumerate(step.targets):
                place = f"steps[{position}].ring[{number}]"
                yield place, step.when, step.state, self._of(target, most)

    def _most(self, policy: str) -> int:
        named = self._catalogue.policies.get(policy)
        attempts = (named.max_attempts if named else 0) or self._max_attempts
        return min(attempts, self._gateways)

    def _of(self, target: Target, most: int) -> int:
        if target.kind == "number":
            return most
        if target.kind == "person":
            person = self._catalogue.persons.get(target.name)
            places = person.targets().values() if person else ()
            # She is at one place.
            return max((self._of(place, most) for place in places), default=0)
        if target.kind == "plan":
            return self._of_plan(target.name)
        return 1

    def _of_plan(self, name: str) -> int:
        plan = self._catalogue.plans.get(name)
        if plan is None:
            return 0
        if name not in self._counts:
            self._counts[name] = 0  # a loop is told of by others
            if self.over(plan):
                self._counts[name] = MAX_LEGS
        return self._counts[name]
