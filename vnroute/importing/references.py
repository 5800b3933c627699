"""Checks across entries: of what is stored and what comes, taken together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vnroute.importing.catalogue import Catalogue, add_at
from vnroute.importing.findings import Findings, shown
from vnroute.importing.origins import Origins
from vnroute.model import Plan
from vnroute.model.e164 import digits_of
from vnroute.model.forwarding import Forward, ForwardingFault, find_faults
from vnroute.model.numbering import expected_length, is_premium
from vnroute.model.plan import How
from vnroute.model.target import Target
from vnroute.store.base import BlockSpan, Transaction

__all__ = [
    "ComingBlocks",
    "check_assignments",
    "check_blocks",
    "check_carriers",
    "check_choices",
    "check_forwarding",
    "check_plans",
    "may_forward",
    "warn_unrated",
]


def _each_target(plan: Plan) -> Iterator[tuple[str, Target, How]]:
    """Yield (place in the plan, target, how its step rings)."""
    for position, step in enumerate(plan.steps):
        for place, target in enumerate(step.targets):
            yield f"steps[{position}].ring[{place}]", target, step.how


def _rung(plan: Plan, catalogue: Catalogue) -> Iterator[tuple[str, Target, How]]:
    """Yield the same with the places of a person in the person's stead."""
    for place, target, how in _each_target(plan):
        person = catalogue.persons.get(target.name) if target.kind == "person" else None
        if person is None:
            yield place, target, how
        else:
            for each in person.targets().values():
                yield place, each, how


def _targets(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield (place in the plan, digits) of each target that is a number."""
    for place, target, _ in _each_target(plan):
        if target.kind == "number":
            yield place, digits_of(target.to)


def check_plans(catalogue: Catalogue, warnings: Findings) -> None:
    """Check accounts, schedules and targets of the plans that change, or whose account does."""
    coming_plans: list[Plan] = catalogue.changed_entities("plans")
    for plan in coming_plans:
        expected = catalogue.expected("accounts", plan.account)
        if expected:
            catalogue.add_problem("plans", plan.id, "account", repr(plan.account), expected)
        for position, step in enumerate(plan.steps):
            expected = catalogue.expected("schedules", step.when) if step.when else None
            if expected:
                place = f"steps[{position}].when"
                catalogue.add_problem("plans", plan.id, place, repr(step.when), expected)
        named = [("policy", plan.policy)]
        named += [(f"steps[{n}].policy", step.policy) for n, step in enumerate(plan.steps)]
        for place, policy in named:
            expected = catalogue.expected("policies", policy) if policy else None
            if expected:
                catalogue.add_problem("plans", plan.id, place, repr(policy), expected)
        for place, target, _ in _each_target(plan):
            if target.kind == "person":
                person = catalogue.persons.get(target.name)
                expected = catalogue.expected("persons", target.name)
                if person is not None and person.account != plan.account:
                    expected = f"a person of the account {plan.account!r}"
                if expected:
                    catalogue.add_problem("plans", plan.id, place, repr(target.to), expected)
            if target.kind == "plan":
                other = catalogue.plans.get(target.name)
                expected = catalogue.expected("plans", target.name)
                if other is not None and other.account != plan.account:
                    expected = f"a plan of the account {plan.account!r}"
                if expected:
                    catalogue.add_problem("plans", plan.id, place, repr(target.to), expected)
        for place, digits in _targets(plan):
            length = expected_length(digits)
            if length:
                add_at(warnings, catalogue, "plans", plan.id, place, f"'+{digits}'", length)
    changed_plans, changed_accounts = catalogue.changed["plans"], catalogue.changed["accounts"]
    for plan in catalogue.plans.values() if changed_accounts else coming_plans:
        if plan.id in changed_plans or plan.account in changed_accounts:
            _check_targets(catalogue, plan, plan.id in changed_plans)


def _check_targets(catalogue: Catalogue, plan: Plan, is_changed: bool) -> None:
    account = catalogue.accounts.get(plan.account)
    if account is None:
        return
    for place, digits in _targets(plan):
        target = f"'+{digits}'"
        rung = f"while the stored plan {plan.id!r} rings +{digits}"
        if not account.allows(digits):
            allow = ", ".join(account.allow)
            if is_changed:
                expected = f"a target that the account {account.id!r} allows: {allow}"
                catalogue.add_problem("plans", plan.id, place, target, expected)
            else:
                expected = f"prefixes that cover +{digits}, or the plan changed along with it"
                found = f"{allow} {rung}"
                catalogue.add_problem("accounts", account.id, "allow", found, expected)
        if not account.allow_premium and is_premium(digits):
            if is_changed:
                found = f"{target}, a premium-rate or personal number"
                expected = f"an ordinary number, or allow_premium for the account {account.id!r}"
                catalogue.add_problem("plans", plan.id, place, found, expected)
            else:
                expected = "true, or the plan changed along with it"
                found = f"false {rung}, a premium-rate or personal number"
                catalogue.add_problem("accounts", account.id, "allow_premium", found, expected)


def check_carriers(catalogue: Catalogue) -> None:
    """Check that no two gateways have one id, over all carriers."""
    if not catalogue.changed["carriers"]:
        return
    # Stored ones first, so that what comes is at fault.
    coming = catalogue.coming["carriers"]
    ordered = sorted(catalogue.carriers.values(), key=lambda carrier: carrier.id in coming)
    taken: dict[str, str] = {}
    for carrier in ordered:
        for position, gateway in enumerate(carrier.gateways):
            owner = taken.setdefault(gateway.id, carrier.id)
            if owner != carrier.id or any(
                other.id == gateway.id for other in carrier.gateways[:position]
            ):
                found = f"{gateway.id!r}, a gateway of the carrier {owner!r} already"
                expected = "each gateway id once over all carriers"
                place = f"gateways[{position}].id"
                catalogue.add_problem("carriers", carrier.id, place, found, expected)


def check_choices(catalogue: Catalogue, carriers_go: bool) -> None:
    """Check that every carrier that a choice names is there: in all choices where ``carriers_go``,
    else in those that change.
    """
    for kind in ("accounts", "plans"):
        there = getattr(catalogue, kind).values()
        for owner in there if carriers_go else catalogue.changed_entities(kind):
            if owner.choice is None:
                continue
            for place, name in owner.choice.named():
                expected = catalogue.expected("carriers", name)
                if expected:
                    catalogue.add_problem(kind, owner.id, f"choice.{place}", shown(name), expected)


@dataclass(slots=True)
class ComingBlocks:
    """The blocks that come: their spans, and where each notation was written."""

    spans: list[BlockSpan] = field(default_factory=list)
    origins: dict[str, int] = field(default_factory=dict)
    extents: dict[frozenset[tuple[int, int]], str] = field(default_factory=dict)

    def origin_around(self, number: int) -> int | None:
        """Return the origin of a block around a number, the narrowest."""
        around = [span for span in self.spans if span.first <= number <= span.last]
        if not around:
            return None
        return self.origins[min(around, key=lambda span: span.last - span.first).notation]


def check_blocks(
    stored: Iterable[BlockSpan], coming: ComingBlocks, origins: Origins, problems: Findings
) -> None:
    """Check that any two blocks are apart or nested, of those stored and those that come.

    A stored block of the very spans of one that comes is the one that it changes.
    """
    there: dict[str, list[BlockSpan]] = {}
    for span in stored:
        there.setdefault(span.notation, []).append(span)
    kept = [
        span
        for spans in there.values()
        if frozenset((span.first, span.last) for span in spans) not in coming.extents
        for span in spans
    ]
    told: set[tuple[str, str]] = set()
    around: list[tuple[BlockSpan, bool]] = []
    ordered = [(span, True) for span in coming.spans] + [(span, False) for span in kept]
    ordered.sort(key=lambda item: (item[0].first, -item[0].last, item[1]))
    for span, comes in ordered:
        while around and around[-1][0].last < span.first:
            around.pop()
        for other, other_comes in reversed(around):
            equal = (other.first, other.last) == (span.first, span.last)
            if not equal and span.last <= other.last:
                break
            # The later one in the files is at fault; one that is stored never is.
            wrong, right = span.notation, other.notation
            if not comes:
                wrong, right = right, wrong
            if comes and other_comes and coming.origins[wrong] < coming.origins[right]:
                wrong, right = right, wrong
            if wrong == right or not (comes or other_comes) or (wrong, right) in told:
                continue
            told.add((wrong, right))
            is_prefix = "x" not in wrong and "-" not in wrong
            file, line, path = origins.place(
                coming.origins[wrong], "prefix" if is_prefix else "block"
            )
            how = "the same numbers as" if equal else "a part of"
            common = f"{max(span.first, other.first)} to +{min(span.last, other.last)}"
            found = f"{wrong!r}, which covers {how} {right!r} (+{common})"
            problems.add(file, line, path, found, "blocks that are apart, or one within the other")
        around.append((span, comes))


def check_assignments(catalogue: Catalogue, writing: Transaction, problems: Findings) -> None:
    """Check that numbers stored before still have a plan of their own account."""
    if not catalogue.reowned:
        return
    moved = {
        assignment.id: assignment
        for assignment in writing.assignments()
        if assignment.plan in catalogue.reowned
        and catalogue.plans[assignment.plan].account != assignment.account
    }
    if not moved:
        return
    told = set()
    for key in sorted(moved.keys() - writing.unused_assignments(moved)):
        assignment = moved[key]
        if (assignment.plan, assignment.account) not in told:
            told.add((assignment.plan, assignment.account))
            account = catalogue.plans[assignment.plan].account
            found = f"{account!r} while numbers of the account {assignment.account!r} have the plan"
            expected = f"{assignment.account!r}, or those numbers given another plan along with it"
            catalogue.add_problem("plans", assignment.plan, "account", found, expected)


def may_forward(catalogue: Catalogue, writing: Transaction) -> bool:
    """Whether any plan or person that changes rings one of our numbers, or leads to a plan: where
    none does, and no number that is rung moves, there is no forwarding that was not there before.
    """
    rung = [target for plan in catalogue.changed_entities("plans")
            for _, target, _ in _rung(plan, catalogue)]  # fmt: skip
    for person in catalogue.changed_entities("persons"):
        rung += person.targets().values()
    if any(target.kind == "plan" for target in rung):
        return True
    return bool(writing.find_numbers(t.number for t in rung if t.number is not None))


def check_forwarding(
    catalogue: Catalogue,
    writing: Transaction,
    blocks: ComingBlocks,
    origins: Origins,
    max_hops: int,
    problems: Findings,
) -> None:
    """Check that no call is forwarded round and round, or too often, among our own numbers."""
    targets = {int(digits) for plan in catalogue.plans.values() for _, digits in _targets(plan)}
    for person in catalogue.persons.values():
        targets |= {t.number for t in person.targets().values() if t.number is not None}
    ours = writing.find_numbers(targets)
    plans = {key: one.plan for key, one in writing.assignments_of(ours.values()).items()}
    forwards = []
    for plan in catalogue.plans.values():
        for place, target, how in _rung(plan, catalogue):
            if target.kind == "plan":
                forwards.append(Forward(plan.id, place, 0, target.name))
            elif target.number in ours and how == "together":
                # Its plan is more than one bridge, so it cannot ring beside others.
                expected = "a target that is no number of ours, or how: in-order"
                catalogue.add_problem("plans", plan.id, place, repr(target.to), expected)
            elif target.number in ours:
                following = plans[ours[target.number]]
                forwards.append(Forward(plan.id, place, target.number, following))
    for fault in find_faults(forwards, max_hops):
        if fault.loop:
            found, expected = f"a forwarding loop: {fault}", "forwarding that comes to an end"
        else:
            found = f"a chain of {len(fault.path)} forwards: {fault}"
            expected = f"{max_hops} at most"
        file, line, path = _fault_place(fault, catalogue, writing, blocks, origins)
        problems.add(file, line, path, found, expected)


def _fault_place(
    fault: ForwardingFault,
    catalogue: Catalogue,
    writing: Transaction,
    blocks: ComingBlocks,
    origins: Origins,
) -> tuple[str, int, str]:
    """Return where to mend it: a target that comes, else a number or a block that comes."""
    coming = catalogue.coming["plans"]
    for forward in fault.path:
        if forward.plan in coming and forward.plan in catalogue.changed["plans"]:
            document, position = coming[forward.plan]
            path = f"plans[{position}].{forward.field}"
            return document.file, document.line_of(path), path
    for person in catalogue.changed_entities("persons"):
        document, position = catalogue.coming["persons"][person.id]
        for place, target in person.targets().items():
            for forward in fault.path:
                if target.number == (forward.number or None) and (
                    forward.number or target.to == f"plan:{forward.next_plan}"
                ):
                    path = f"persons[{position}].places.{place}"
                    return document.file, document.line_of(path), path
    for forward in fault.path:
        origin = writing.staged_origin(forward.number)
        if origin is not None:
            return origins.place(origin, "plan")
    for forward in fault.path:
        origin = blocks.origin_around(forward.number)
        if origin is not None:
            return origins.place(origin, "plan")
    return "(stored)", 0, f"plans[{fault.path[0].plan}].{fault.path[0].field}"


def warn_unrated(catalogue: Catalogue, writing: Transaction, warnings: Findings) -> None:
    """Warn of carriers that come and have no rate, there or coming."""
    if not catalogue.coming["carriers"]:
        return
    rated = writing.rated_carriers()
    for carrier in catalogue.coming_entities("carriers"):
        if carrier.id not in rated:
            found = f"{carrier.id!r}, a carrier without rates"
            expected = (
                "a rate deck: without one it takes every destination, "
                "after all carriers that have a rate for it"
            )
            add_at(warnings, catalogue, "carriers", carrier.id, "id", found, expected)
