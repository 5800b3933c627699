"""When the answer to a call will differ: at which moments, and what it is from then on."""

from __future__ import annotations

from collections.abc import Iterator

from vnroute.image.program import Op
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import Explanation, explain
from vnroute.matcher.image import RouteImage

__all__ = ["upcoming_answers"]


def upcoming_answers(
    matcher: Matcher, called: str, caller: str, now: float, end: float
) -> Iterator[tuple[float, Explanation]]:
    """Yield (Unix second, explanation): the answer at ``now``, then each that differs from the one
    before it, up to ``end`` or the horizon's end.

    Answers differ if their steps do, or what they are refused for; that a schedule changes to a
    state that leads to the same steps is no difference.
    """
    image = matcher.image
    last = explain(matcher, called, caller, now)
    yield now, last
    digits = last.number.removeprefix("+")
    row = image.find_number(int(digits)) if digits.isascii() and digits.isdigit() else None
    if row is None:
        return
    schedules: set[int] = set()
    _collect(image, image.assignment(row)[2], schedules, set())
    moments = {at for one in schedules for at, _ in image.schedule_changes(one, now, end)}
    for moment in sorted(moments):
        answer = explain(matcher, called, caller, moment)
        if (answer.steps, answer.refused) != (last.steps, last.refused):
            last = answer
            yield moment, answer


def _collect(image: RouteImage, plan: int, schedules: set[int], seen: set[int]) -> None:
    """Collect the schedules that a plan asks, and those plans that it forwards to."""
    seen.add(plan)
    for op, _, *operands in image.program(plan):
        if op == Op.WHEN:
            schedules.add(operands[0])
        elif op == Op.FORWARD and operands[0] not in seen:
            _collect(image, operands[0], schedules, seen)
