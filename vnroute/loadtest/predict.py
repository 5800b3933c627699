"""What a call must do: the decision for it, and what each leg may come to.

The decision is ``vnroute route``'s own (:func:`vnroute.matcher.explain.explain`). How the switch
goes on from leg to leg is stated here anew, by the rules of docs and design and by what a real
FreeSWITCH was seen to do, and not taken from what vnroute wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import Explanation, Step, Target, explain
from vnroute.model import CAUSES
from vnroute.simulator import read_dial_string
from vnroute.simulator.causes import cause_of_sip
from vnroute.simulator.gateways import Script

__all__ = [
    "Decision",
    "End",
    "PlannedLeg",
    "code_of",
    "decide",
    "ends_of",
    "is_once",
    "relayed",
    "stops",
]


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """A leg of the decision: ``target`` counts the numbers rung; timers are whole seconds."""

    target: int
    carrier: str
    gateway: str
    dialled: str
    progress_seconds: int
    ring_seconds: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What vnroute says of a call. ``code`` is the final code where no leg decides it.

    ``orderly`` is whether its legs are tried one after the other in a known order: targets that
    ring together or take turns are not.
    """

    number: str
    plan: str | None
    legs: tuple[PlannedLeg, ...]
    relays: bool
    cause: str
    refused: str
    orderly: bool = True

    @property
    def code(self) -> int:
        """The caller's final code where nobody answers and the plan does not relay."""
        return CAUSES[self.cause].sip if self.cause else 0


@dataclass(frozen=True, slots=True)
class End:
    """One way in which a leg may end: its cause, and after how many seconds at least and most."""

    cause: str
    after: float
    before: float
    answered: bool = False


def decide(matcher: Matcher, called: str, caller: str, moment: float) -> Decision:
    """Return the decision for a number, a caller and a moment (Unix seconds)."""
    explanation = explain(matcher, called.removeprefix("+"), caller, moment)
    if explanation.refused:
        refused = explanation.refused
        return Decision(
            explanation.number, explanation.plan, (), False, refused.cause, refused.outcome
        )
    last = explanation.steps[-1].cause or ""
    return Decision(
        explanation.number,
        explanation.plan,
        tuple(_legs(explanation)),
        last == "relay",
        "" if last == "relay" else last,
        "",
        _orderly(explanation.steps),
    )


def _orderly(steps: Sequence[Step]) -> bool:
    return all(
        step.how == "in-order" and all(_orderly(target.steps) for target in step.targets)
        for step in steps
        if step.kind == "ring"
    )


def _targets(steps: Sequence[Step]) -> Iterator[Target]:
    for step in steps:
        for target in step.targets:
            if target.plan:
                yield from _targets(target.steps)
            elif target.legs:
                yield target


def _legs(explanation: Explanation) -> Iterator[PlannedLeg]:
    """Give the legs in order, each with the timers of its dial string."""
    # Guards, which go on after some failures, ring nobody of their own.
    bridges = [
        argument
        for name, argument in explanation.applications
        if name == "bridge" and not argument.startswith("$")
    ]
    for place, target in enumerate(_targets(explanation.steps)):
        dials = read_dial_string(bridges[place]).legs if place < len(bridges) else []
        for leg, dial in zip(target.legs, dials, strict=False):
            yield PlannedLeg(
                place,
                leg.carrier,
                *_dialled(leg.dial),
                int(dial.variable("leg_progress_timeout") or 0),
                int(dial.variable("leg_timeout") or 0),
            )


def _dialled(dial: str) -> tuple[str, str]:
    """Return FreeSWITCH's gateway and the number of ``sofia/gateway/GATEWAY/NUMBER``.

    Any other dial string is returned whole, with no number.
    """
    parts = dial.split("/", 3)
    return (parts[2], parts[3]) if len(parts) == 4 else (dial, "")


def ends_of(script: Script | None, leg: PlannedLeg, slack: float = 0.0) -> list[End]:
    """Return how a leg may end, by what its carrier does.

    FreeSWITCH's timers count whole epoch seconds: one of N fires after N to N + 1 seconds. Where a
    carrier's message falls into that second, either may come first. ``slack`` is how late a busy
    machine may be. A ``script`` of None is a port that nobody listens on: the ICMP message ends the
    leg at once.
    """
    if script is None:
        return [End("NORMAL_TEMPORARY_FAILURE", 0.0, 0.0)]
    heard = [at for at, status in script.signals if 180 <= status <= 200]
    final = next(((at, status) for at, status in script.signals if status >= 200), None)
    progress = min(heard, default=float("inf"))
    # (end, whether it comes for sure unless something comes before it)
    possible: list[tuple[End, bool]] = []
    if final is not None:
        at, status = final
        cause = "NONE" if status == 200 else cause_of_sip(status)
        possible.append((End(cause, at, at + slack, answered=status == 200), True))
    limit = leg.progress_seconds
    if limit and progress + slack >= limit:
        possible.append((End("PROGRESS_TIMEOUT", limit, limit + 1), progress > limit + 1 + slack))
    if leg.ring_seconds:
        limit = leg.ring_seconds
        possible.append((End("ALLOTTED_TIMEOUT", limit, limit + 1), True))
    latest = min((end.before for end, sure in possible if sure), default=float("inf"))
    return [end for end, _ in possible if end.after <= latest]


def stops(cause: str, code: int | None, once: bool) -> bool:
    """Whether a failure ends the hunt for its target, by the built-in policy.

    ``code`` is the carrier's SIP code, None if it gave none; ``once`` is whether the hunt has gone
    on before after a code that is believed the second time.
    """
    if code in _REFUSES_US:
        return False
    if code in _BELIEVED_TWICE:
        return once
    return cause in ("USER_BUSY", "CALL_REJECTED", "UNWANTED", "ALLOTTED_TIMEOUT")


def is_once(code: int | None) -> bool:
    """Whether a SIP code lets one more carrier be tried, and no further one."""
    return code in _BELIEVED_TWICE


def code_of(script: Script | None) -> int | None:
    """Return the SIP code with which a carrier refuses, None if it does not."""
    if script is None:
        return None
    return next((status for _, status in script.signals if status >= 300), None)


_REFUSES_US = (401, 402, 403, 407)
"""The carrier's refusals, which FreeSWITCH cannot tell from a person's (603) by their cause."""

_BELIEVED_TWICE = (404, 480, 484, 488)

_RELAY = (
    ("USER_BUSY", 486), ("CALL_REJECTED", 603), ("UNWANTED", 607), ("NO_ANSWER", 480),
    ("ALLOTTED_TIMEOUT", 480), ("NORMAL_CLEARING", 480), ("NO_USER_RESPONSE", 480),
    ("NUMBER_CHANGED", 410), ("UNALLOCATED_NUMBER", 404), ("INVALID_NUMBER_FORMAT", 484),
    ("INCOMPATIBLE_DESTINATION", 488),
)  # fmt: skip
"""The cause that matters, most important first, with the code that the caller hears."""


def relayed(causes: Sequence[str]) -> int:
    """Return the final code of a plan that relays, by the causes of all legs that were made.

    A carrier's refusal of us is no cause that matters: leave it out.
    """
    for cause, code in _RELAY:
        if cause in causes:
            return code
    return CAUSES["NORMAL_TEMPORARY_FAILURE"].sip
