"""Why a call goes where it goes, for people: the hot path's own answer, and the way to it.

The applications come from :meth:`Matcher.decide` itself, given the channel data of such a call;
the steps and legs are read from the same image along the same program. Tests hold the two to each
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from vnroute.image.program import NO_CHOICES, SCHEDULE_STATES, Op
from vnroute.matcher.decide import REFUSALS, Matcher
from vnroute.matcher.image import RouteImage

__all__ = [
    "Explanation",
    "Leg",
    "Refusal",
    "ScheduleState",
    "Step",
    "Target",
    "applications_of",
    "channel_data",
    "explain",
]


@dataclass(frozen=True, slots=True)
class Leg:
    """One attempt: a carrier's gateway, the dial string, the price a minute (None: no deck)."""

    carrier: str
    gateway: str
    dial: str
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Target:
    """A number that is rung: its legs in order; for one of our own, that number's plan."""

    to: str
    legs: tuple[Leg, ...]
    plan: str | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A step that applies at the moment: ``ring`` with seconds and targets, or ``hangup``."""

    kind: str
    seconds: int | None
    targets: tuple[Target, ...]
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A schedule that the plan asked, and what it said at the moment."""

    id: str
    state: str
    within_horizon: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is refused: outcome as the metrics name it, hangup cause, reason in words."""

    outcome: str
    cause: str
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with its reasons; ``schedules`` in the order in which the plan asked them."""

    generation: int
    number: str
    account: str | None
    plan: str | None
    campaign: str | None
    schedules: tuple[ScheduleState, ...]
    steps: tuple[Step, ...]
    applications: tuple[tuple[str, str], ...]
    refused: Refusal | None


def channel_data(called: str, caller: str = "", name: str = "", hops: int = 0) -> bytes:
    """Return the least CHANNEL_DATA that says who calls whom, encoded as FreeSWITCH does."""
    lines = {
        "Event-Name": "CHANNEL_DATA",
        "Unique-ID": "00000000-0000-4000-8000-000000000000",
        "Caller-Caller-ID-Name": name,
        "Caller-Caller-ID-Number": caller,
        "Caller-Destination-Number": called,
        "variable_max_forwards": "70",
        "variable_vn_hops": str(hops),
    }
    return (
        "".join(f"{key}: {quote(value, safe='')}\n" for key, value in lines.items()) + "\n"
    ).encode("ascii")


def applications_of(reply: bytes) -> tuple[tuple[str, str], ...]:
    """Return the applications of a reply as (name, argument)."""
    found = []
    for line in reply.decode("utf-8").split("\n"):
        if line.startswith("application: "):
            name, _, argument = line.removeprefix("application: ").partition(" ")
            found.append((name, argument))
    return tuple(found)


def explain(matcher: Matcher, called: str, caller: str, now: float) -> Explanation:
    """Decide a call as a worker would at ``now`` (Unix seconds), and tell why.

    ``called`` is the number as FreeSWITCH would report it, with or without a plus.
    """
    image = matcher.image
    reply = matcher.decide(channel_data(called, caller), now)
    applications = applications_of(reply)
    number = called if called.startswith("+") else f"+{called}"
    outcome = ""
    for variable in applications[0][1].removeprefix("^^;").split(";"):
        name, _, value = variable.partition("=")
        if name == "vn_refused":
            outcome = value
        elif name == "vn_number":
            number = value
    digits = number.removeprefix("+")
    row = image.find_number(int(digits)) if digits.isascii() and digits.isdigit() else None
    if row is None:
        why = f"{number} is neither a number of ours nor in a block of ours"
        refused = Refusal(outcome, REFUSALS[outcome], why)
        return Explanation(
            image.generation, number, None, None, None, (), (), applications, refused
        )
    account, account_state, plan, campaign, _state = image.assignment(row)
    asked: dict[str, ScheduleState] = {}
    steps = _steps(image, plan, now, asked)
    reason: Refusal | None = None
    if outcome:
        whys = {
            "suspended": (
                f"account {account} is suspended" if account_state else f"{number} is suspended"
            ),
            "no_carrier": "no carrier has a rate for any of the plan's targets",
            "too_many_hops": "the call has been forwarded too often",
        }
        reason = Refusal(outcome, REFUSALS[outcome], whys.get(outcome, outcome))
    return Explanation(
        image.generation,
        number,
        account,
        image.plan_id(plan),
        campaign or None,
        tuple(asked.values()),
        () if reason else steps,
        applications,
        reason,
    )


def _steps(
    image: RouteImage, plan: int, now: float, asked: dict[str, ScheduleState], depth: int = 0
) -> tuple[Step, ...]:
    """Read the steps of a plan that apply now; ``asked`` collects the schedules on the way."""
    steps: dict[int, Step] = {}
    skip = 0
    for op, place, *operands in image.program(plan):
        if skip > 0:
            skip -= 2 + len(operands) - 1
            continue
        match op:
            case Op.WHEN:
                schedule, wanted, words = operands
                name, state, within = image.schedule(schedule, now)
                asked.setdefault(name, ScheduleState(name, SCHEDULE_STATES[state], within))
                skip = 0 if state == wanted else words
            case Op.RING:
                seconds, policy, choices, low, high = operands
                target = Target(f"+{high << 32 | low}", _legs(image, policy, choices, low, high))
                _add_target(steps, place, seconds, target)
            case Op.FORWARD:
                inner, low, high = operands
                target = Target(
                    f"+{high << 32 | low}",
                    (),
                    image.plan_id(inner),
                    _steps(image, inner, now, asked, depth + 1),
                )
                _add_target(steps, place, None, target)
            case Op.HANGUP:
                if depth == 0:
                    cause = image.text_at(*operands)
                    steps[place] = Step(
                        "hangup", None, (), "relay" if cause.startswith("$") else cause
                    )
                break
    return tuple(steps[place] for place in sorted(steps))


def _add_target(steps: dict[int, Step], place: int, seconds: int | None, target: Target) -> None:
    before = steps.get(place, Step("ring", seconds, ()))
    seconds = before.seconds if seconds is None else seconds
    steps[place] = Step("ring", seconds, (*before.targets, target))


def _legs(image: RouteImage, policy: int, choices: int, low: int, high: int) -> tuple[Leg, ...]:
    if choices == NO_CHOICES:
        return ()
    _, most = image.policy(policy)
    legs: list[Leg] = []
    for carrier, carrier_id, rate in image.choice(choices):
        for gateway, before, after in image.gateways_of(carrier):
            price = None if rate is None else Decimal(rate).scaleb(-8).normalize()
            legs.append(Leg(carrier_id, gateway, f"{before}{high << 32 | low}{after}", price))
    return tuple(legs[:most])
