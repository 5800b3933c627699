"""When the answer to a call will differ: at which moments, and what it is from then on."""

from __future__ import annotations

from collections.abc import Iterator

from vnroute.image.program import NO_ASSIGNMENT, REASONS, Op
from vnroute.matcher.considered import asked_by
from vnroute.matcher.decide import Matcher
from vnroute.matcher.diverted import moments_of
from vnroute.matcher.explain import NOTHING_SPOKEN, Explanation, Spoken, explain

__all__ = ["upcoming_answers"]


def upcoming_answers(
    matcher: Matcher,
    called: str,
    caller: str,
    now: float,
    end: float,
    spoken: Spoken = NOTHING_SPOKEN,
) -> Iterator[tuple[float, Explanation]]:
    """Yield (Unix second, explanation): the answer at ``now``, then each that differs from the one
    before it, up to ``end`` or the horizon's end.

    Answers differ if their steps do, or what they are refused for (also by the life of the number
    itself, or of one that it forwards to); that a schedule changes to a
    state that leads to the same steps is no difference.
    """
    image = matcher.image
    last = explain(matcher, called, caller, now, spoken)
    yield now, last
    digits = last.number.removeprefix("+")
    row = matcher.find_number(int(digits)) if digits.isascii() and digits.isdigit() else None
    if row is None:
        return
    schedules: set[int] = set()
    lives: set[int] = {row}
    plans = {matcher.assignment(row)[2]} | {
        matcher.treatment(row, at) for at in range(len(REASONS))
    }
    for diversion in last.diversions:
        number = matcher.find_number(int(diversion.to)) if diversion.plan is None else None
        inner = diversion.plan if number is None else matcher.assignment(number)[2]
        if number is not None:
            lives.add(number)
        if inner is not None:
            plans.add(inner)
    seen: set[int] = set()
    targets: set[int] = set()
    for plan in plans:
        if plan not in seen:
            _collect(matcher, plan, schedules, lives, seen, targets)
    rates: set[int] = set()
    for at in _choices(matcher, targets, last, matcher.order_for(row)):
        begins, asked = asked_by(image, at)
        rates |= begins
        schedules |= asked
    moments = {at for one in schedules for at, _ in image.schedule_changes(one, now, end)}
    moments |= {at for life in lives for at in matcher.assignment(life)[5:7] if now < at < end}
    moments |= {at for at in rates if now < at < end}
    moments |= moments_of(matcher.page, now, end)
    for moment in sorted(moments):
        answer = explain(matcher, called, caller, moment, spoken)
        if (answer.steps, answer.refused) != (last.steps, last.refused):
            last = answer
            yield moment, answer


def _choices(matcher: Matcher, targets: set[int], answer: Explanation, order: int) -> Iterator[int]:
    """Yield the rows of choices of targets, and of a number that calls are diverted to."""
    image = matcher.image
    numbers = [(image.target(row)[0], image.order_of_target(row)[0]) for row in targets]
    numbers += [(int(one.to), order) for one in answer.diversions if one.plan is None]
    for number, by in numbers:
        routing = number and matcher.portability and matcher.portability.routing_number(number)
        at = image.choices_for(str(routing or number), by) if number else None
        if at is not None:
            yield at


def _collect(
    matcher: Matcher,
    plan: int,
    schedules: set[int],
    lives: set[int],
    seen: set[int],
    targets: set[int],
) -> None:
    """Collect the schedules that a plan asks, the assignments of the numbers it forwards to, and
    the targets that it rings; those of the plans there as well.
    """
    seen.add(plan)
    for op, _, *operands in matcher.image.program(plan):
        if op == Op.WHEN:
            schedules.add(operands[0])
        elif op == Op.RING:
            targets.add(operands[0])
        elif op == Op.TOGETHER:
            targets.update(operands[1:])
        elif op == Op.FORWARD:
            inner, low, high, life = operands
            moved = matcher.find_number(high << 32 | low) if matcher.overlay else None
            if moved is not None:
                inner, life = matcher.assignment(moved)[2], moved
            if life != NO_ASSIGNMENT:
                lives.add(life)
            if inner not in seen:
                _collect(matcher, inner, schedules, lives, seen, targets)
