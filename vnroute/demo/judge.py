"""Whether a simulated call went where it should: the decision's legs, walked by plain rules.

The judge asks for the decision as ``vnroute route`` does, then walks its targets and legs with the
outcome that each leg had in the simulation, by the rules of hunting as design and docs state them.
What the simulator makes of the reply is an independent reading of FreeSWITCH's grammar, so the two
agree only if the reply means what the plan says.
"""

from __future__ import annotations

from collections.abc import Iterator

from vnroute.loadtest.predict import is_once, stops
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import Explanation, Step, Target, explain
from vnroute.model import CAUSES
from vnroute.simulator import CallRecord

__all__ = ["mismatch"]


def mismatch(record: CallRecord, matcher: Matcher, moments: tuple[float, ...]) -> str | None:
    """Return how a call differs from the decision for it at each of ``moments``, or None.

    A call is held against two moments where a schedule may have changed while it was placed.
    """
    if not record.got_plan:
        return f"no plan: {record.error}"
    told = None
    for moment in moments:
        told = _differs(record, explain(matcher, record.did, record.caller, moment))
        if told is None:
            return None
    return told


def _targets(steps: tuple[Step, ...]) -> Iterator[Target]:
    for step in steps:
        for target in step.targets:
            if target.plan:
                yield from _targets(target.steps)
            elif target.legs:
                yield target


def _differs(record: CallRecord, wanted: Explanation) -> str | None:
    tried = [(f"sofia/gateway/{leg.gateway}/{leg.number}", leg) for leg in record.legs]
    if wanted.refused:
        if tried:
            return f"legs were tried, expected a refusal: {wanted.refused.why}"
        return _code(record, CAUSES[wanted.refused.cause].sip)
    place = 0
    for target in _targets(wanted.steps):
        once = False
        for leg in target.legs:
            if place == len(tried):
                return f"legs: stopped after {place}, expected {leg.dial} next"
            dial, outcome = tried[place]
            place += 1
            if dial != leg.dial:
                return f"leg {place}: found {dial}, expected {leg.dial}"
            if outcome.answered:
                return _code(record, 200) if place == len(tried) else "legs after an answer"
            if stops(outcome.cause, outcome.sip, once):
                break
            once = once or is_once(outcome.sip)
    if place < len(tried):
        return f"leg {place + 1}: found {tried[place][0]}, expected none"
    last = wanted.steps[-1].cause or ""
    return None if last == "relay" else _code(record, CAUSES[last].sip)


def _code(record: CallRecord, sip: int) -> str | None:
    return None if record.final_sip == sip else f"SIP {record.final_sip}, expected {sip}"
