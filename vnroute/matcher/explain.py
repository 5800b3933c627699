"""Why a call goes where it goes, for people: the hot path's own answer, and the way to it.

The applications come from :meth:`Matcher.decide` itself, given the channel data of such a call;
the steps and legs are read from the same image along the same program. Tests hold the two to each
other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from urllib.parse import quote

from vnroute.image.program import (
    ALWAYS,
    LEVELS,
    NO_ASSIGNMENT,
    PICKS,
    REASONS,
    SERVICE_STATES,
    SHOWS,
    Op,
    ScreenOp,
)
from vnroute.matcher.considered import Considered, by_legs, considered, jurisdiction, price_of
from vnroute.matcher.decide import REFUSALS, Matcher
from vnroute.matcher.diverted import Diversion, diversion_of, set_state
from vnroute.matcher.image import RouteImage
from vnroute.matcher.passed_over import PassedOver, dialled
from vnroute.model.language import REGION_MASK, SCRIPT_MASK, language_text

__all__ = [
    "NOTHING_SPOKEN",
    "Explanation",
    "Leg",
    "Passed",
    "Refusal",
    "ScheduleState",
    "ScreenStep",
    "Service",
    "Spoken",
    "Step",
    "Target",
    "applications_of",
    "channel_data",
    "explain",
]


_MAX_DIVERSIONS = 6
_WEEK = 8 * 86400


@dataclass(frozen=True, slots=True)
class Leg:
    """One attempt: a carrier's gateway, the dial string, the price a minute (None: no deck)."""

    carrier: str
    gateway: str
    dial: str
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Target:
    """Who is rung: its legs in order; for a number of ours or a plan, the steps there.

    ``passed_over`` are gateways that are not well. ``most`` is how many legs its policy allows,
    ``most_carriers`` how many carriers its choice (0: any number). ``considered`` are all carriers
    of its destination, with why some are not tried; it says nothing of whether two answers differ.
    ``seconds`` is how long it rings, ``delay`` after how many it begins where targets ring
    together, ``share`` its weight where they share, ``show`` whose number it sees, ``confirm`` the
    key that takes the call, ``routing_number`` what carriers are chosen by where the number is
    ported, ``jurisdiction`` what the call is by the caller's and its state, where rates ask for it;
    ``blocked`` whether its account may not call it now.
    """

    to: str
    legs: tuple[Leg, ...]
    plan: str | None = None
    steps: tuple[Step, ...] = ()
    seconds: int | None = None
    delay: int = 0
    share: int | None = None
    show: str = "caller"
    confirm: str = ""
    routing_number: str = ""
    jurisdiction: str = ""
    passed_over: tuple[PassedOver, ...] = ()
    most: int = 128
    most_carriers: int = 0
    considered: tuple[Considered, ...] = field(default=(), compare=False)
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A step that applies at the moment and to the caller: ``ring``, ``hangup`` with its cause,
    ``play`` with its file, ``here`` with what the caller says of where somebody is
    (``PERSON:PLACE:UNTIL``), or ``voicemail`` with its mailbox (``said``).

    ``how`` targets are rung is one of in-order, together, share and rotate. ``seconds`` is the
    longest that any of them rings.
    """

    kind: str
    seconds: int | None
    targets: tuple[Target, ...]
    cause: str | None = None
    how: str = "in-order"
    said: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A schedule that the plan asked, in a time zone, and what it said at the moment.

    ``until`` is the Unix second at which that ends, None if it does not within the horizon. It is
    ``set_by_hand`` where an override says so, and not the schedule.
    """

    id: str
    time_zone: str
    state: str
    until: int | None
    within_horizon: bool
    set_by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is refused: outcome as the metrics name it, hangup cause, reason in words."""

    outcome: str
    cause: str
    why: str


@dataclass(frozen=True, slots=True)
class ScreenStep:
    """A rule of a screen that a call came to: whose it is (number, account or system), what it does
    (allow, block, rate, calls or cps), the list it asks, and whether the caller is on it.

    What FreeSWITCH counts is ``said``: a rate's calls/seconds and cause, ``5/60 !USER_BUSY``; the
    calls at a time or a second of a limit, and what takes those beyond.
    """

    screen: str
    level: str
    does: str
    list: str
    matched: bool
    said: str = ""


@dataclass(frozen=True, slots=True)
class Passed:
    """A condition that the plan asked: whose step it is, counted from 1, and whether it held.

    ``asks`` is a schedule's id, ``from``, ``here``, ``campaign`` or ``language``; ``wanted`` is
    what the step asks for (the phones that are known, and before anybody is rung, for ``here``),
    ``found`` the state at the moment, who calls, the number's campaign or what the caller
    understands, the best first.
    """

    plan: str
    step: int
    asks: str
    wanted: str
    found: str
    held: bool


@dataclass(frozen=True, slots=True)
class Service:
    """Whether the number is in service: its state, and the Unix seconds from and until which it is
    (None where it always is); ``reason`` why it is not, by image.program.REASONS, else None.

    ``treatment`` is the plan that callers are put through instead, None where they are refused.
    """

    state: str
    since: int | None
    until: int | None
    reason: str | None
    treatment: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with its reasons; ``schedules`` in the order in which the plan asked them,
    ``diversions`` in that in which calls were diverted by hand.

    A call to a number out of service is ``refused`` unless its treatment takes it.
    """

    generation: int
    number: str
    account: str | None
    plan: str | None
    campaign: str | None
    schedules: tuple[ScheduleState, ...]
    steps: tuple[Step, ...]
    applications: tuple[tuple[str, str], ...]
    refused: Refusal | None
    service: Service | None = None
    diversions: tuple[Diversion, ...] = ()
    screens: tuple[ScreenStep, ...] = ()
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a call says of its caller's languages: the channel variable ``vn_language``, and the
    header Accept-Language as it is written (``es, en;q=0.5``).
    """

    language: str = ""
    accept: str = ""

    def variables(self) -> dict[str, str]:
        """Return the channel variables that say it, by name; mod_sofia makes one of each part."""
        found = {"vn_language": self.language} if self.language else {}
        for place, part in enumerate(filter(None, map(str.strip, self.accept.split(",")))):
            tag, *parameters = map(str.strip, part.split(";"))
            found[f"sip_accept_language_{place}_value"] = tag
            for parameter in parameters:
                if parameter.startswith("q="):
                    found[f"sip_accept_language_{place}_q"] = parameter.removeprefix("q=")
        return found


NOTHING_SPOKEN = Spoken()


def channel_data(
    called: str, caller: str = "", name: str = "", hops: int = 0, spoken: Spoken = NOTHING_SPOKEN
) -> bytes:
    """Return the least CHANNEL_DATA that says who calls whom, encoded as FreeSWITCH does."""
    lines = {
        "Event-Name": "CHANNEL_DATA",
        "Unique-ID": "00000000-0000-4000-8000-000000000000",
        "Caller-Caller-ID-Name": name,
        "Caller-Caller-ID-Number": caller,
        "Caller-Destination-Number": called,
        "variable_max_forwards": "70",
        "variable_vn_hops": str(hops),
    } | {f"variable_{key}": value for key, value in spoken.variables().items()}
    return (
        "".join(f"{key}: {quote(value, safe='')}\n" for key, value in lines.items()) + "\n"
    ).encode("ascii")


def applications_of(reply: bytes) -> tuple[tuple[str, str], ...]:
    """Return what a reply has FreeSWITCH run, in order, as (name, argument)."""
    length, _, rest = reply.partition(b"\ncontent-length: ")[2].partition(b"\n\n")
    size = int(length)
    found = [("multiset", rest[:size].decode("utf-8"))]
    for line in rest[size:].decode("utf-8").split("\n"):
        if line.startswith("application: "):
            name, _, argument = line.removeprefix("application: ").partition(" ")
            found.append((name, argument))
    return tuple(found)


def explain(
    matcher: Matcher, called: str, caller: str, now: float, spoken: Spoken = NOTHING_SPOKEN
) -> Explanation:
    """Decide a call as a worker would at ``now`` (Unix seconds), and tell why.

    ``called`` is the number as FreeSWITCH would report it, with or without a plus.
    """
    image = matcher.image
    reply = matcher.decide(channel_data(called, caller, spoken=spoken), now)
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
    row = matcher.find_number(int(digits)) if digits.isascii() and digits.isdigit() else None
    if row is None:
        why = f"{number} is neither a number of ours nor in a block of ours"
        refused = Refusal(outcome, REFUSALS[outcome], why)
        return Explanation(
            image.generation, number, None, None, None, (), (), applications, refused
        )
    account, account_state, plan, campaign, *_ = matcher.assignment(row)
    service = _service(matcher, row, now)
    asked: dict[int, ScheduleState] = {}
    digits_of_caller = _digits(caller)
    diversions: list[Diversion] = []
    understood = matcher.languages(channel_data(called, caller, spoken=spoken))
    walk = _Walk(
        matcher, now, digits_of_caller, row, asked, diversions, campaign, tuple(understood)
    )
    screens: tuple[ScreenStep, ...] = ()
    treatment: int | None
    if service.reason:
        treatment = matcher.treatment(row, REASONS.index(service.reason))
    else:
        screens, treatment = _screens(matcher, row, digits_of_caller, caller)
    steps = walk.enter(number, plan, account) if treatment is None else _steps(walk, treatment)
    steps = _without_the_blocked(matcher, row, steps, now)
    steps = _without_the_unwell(matcher, steps, applications, now)
    reason: Refusal | None = None
    if outcome:
        whys = {
            "suspended": (
                f"account {account} is suspended" if account_state else f"{number} is suspended"
            ),
            "reserved": f"{number} is reserved for account {account}",
            "quarantined": f"{number} is quarantined: account {account} had it",
            "ported_out": f"{number} was ported out to another operator",
            "not_yet": f"{number} is not in service yet",
            "expired": f"{number} is in service no more",
            "screened": _screened_words(screens),
            "no_carrier": _why_no_carrier(steps),
            "blocked": f"calls of account {account} there are blocked (vnroute override list)",
            "too_many_hops": "the call has been forwarded too often",
        }
        cause = applications[-1][1]
        reason = Refusal(outcome, cause, whys.get(outcome, outcome))
    shown = outcome in ("", "no_carrier", "blocked") or any(step.kind == "play" for step in steps)
    return Explanation(
        image.generation,
        number,
        account,
        image.plan_id(plan),
        campaign or None,
        tuple(asked.values()),
        steps if shown else (),
        applications,
        reason,
        service,
        tuple(diversions),
        screens,
        tuple(walk.passed),
    )


def _screened_words(screens: tuple[ScreenStep, ...]) -> str:
    if not screens or not screens[-1].matched:
        return "the caller is screened"
    last = screens[-1]
    return f"the caller is on the list {last.list}, which the {last.level}'s screen blocks"


def _screens(
    matcher: Matcher, row: int, digits: str, caller: str
) -> tuple[tuple[ScreenStep, ...], int | None]:
    """Return the rules that a call came to, and the row of the plan that treats it, if any."""
    anonymous = caller.lower() == "anonymous"
    lists = matcher.image.caller_lists(digits, anonymous)
    passed = []
    allowed = False
    for op, level, name, treated, screen, said in matcher.screen(row):
        counts = op in (ScreenOp.CALLS, ScreenOp.CPS)
        if allowed and not counts:
            continue
        if counts:
            said = _limit_words(said, matcher.image.plan_id(treated))
        matched = name in lists if name else False
        does = ScreenOp(op).name.lower()
        passed.append(ScreenStep(screen, LEVELS[level], does, name, matched, said))
        if matched and op == ScreenOp.BLOCK:
            return tuple(passed), treated
        allowed = allowed or matched
    return tuple(passed), None


def _limit_words(said: str, plan: str) -> str:
    """Return a limit as a rate is told: how many calls, and behind ``!`` what those beyond get."""
    most, _, then = said.partition(" ")
    cause = then.partition("hangup:")[2].removesuffix(" inline")
    return f"{most} !{cause or (f'plan:{plan}' if plan else 'treatment')}"


def _service(matcher: Matcher, row: int, now: float) -> Service:
    *_, state, since, until = matcher.assignment(row)
    reason = None
    if int(now) < since:
        reason = "not-yet"
    elif int(now) >= until:
        reason = "expired"
    elif state:
        reason = SERVICE_STATES[state]
    first, after = ALWAYS
    return Service(
        SERVICE_STATES[state],
        None if since <= first else since,
        None if until >= after else until,
        reason,
        (matcher.image.plan_id(matcher.treatment(row, REASONS.index(reason))) or None)
        if reason
        else None,
    )


def _said(name: str, argument: str) -> str:
    """Return the file of a `playback`, or the mailbox of a `voicemail`, as the model writes it."""
    if name != "voicemail":
        return argument
    _, domain, box = argument.split(" ")
    return f"{box}@{domain}"


def _why_no_carrier(steps: tuple[Step, ...]) -> str:
    targets = [target for step in steps for target in step.targets]
    out = sorted({passed.gateway for target in targets for passed in target.passed_over})
    if out:
        return f"all gateways that could take it are drained: {', '.join(out)}"
    if any(target.considered for target in targets):
        return "no carrier is left for any of the plan's targets"
    return "no carrier has a rate for any of the plan's targets"


def _without_the_blocked(
    matcher: Matcher, row: int, steps: tuple[Step, ...], now: float
) -> tuple[Step, ...]:
    """Take out the legs of targets that their account may not call now."""

    def look(target: Target) -> Target:
        if target.plan is not None:
            inner = _without_the_blocked(matcher, row, target.steps, now)
            return replace(target, steps=inner)
        number = int(target.to[1:]) if target.to.startswith("+") else 0
        if matcher.is_blocked(row, number, now):
            return replace(target, legs=(), blocked=True)
        return target

    return tuple(replace(step, targets=tuple(map(look, step.targets))) for step in steps)


def _without_the_unwell(
    matcher: Matcher,
    steps: tuple[Step, ...],
    applications: tuple[tuple[str, str], ...],
    now: float,
) -> tuple[Step, ...]:
    """Take out the legs that the call passes over, since their gateways are not well."""
    variables = applications[0][1].removeprefix("^^;").split(";")
    in_reply = frozenset(
        gateway
        for variable in variables
        if variable.startswith("vn_legs=")
        for gateway in variable.removeprefix("vn_legs=").split(",")
    )

    def look(target: Target) -> Target:
        legs, passed = dialled(
            matcher.page, target.legs, lambda leg: leg.gateway if leg.carrier else "", in_reply, now
        )
        inner = _without_the_unwell(matcher, target.steps, applications, now)
        carriers = list(dict.fromkeys(leg.carrier for leg in legs))
        tried = carriers[: target.most_carriers] if target.most_carriers else carriers
        legs = tuple(leg for leg in legs if leg.carrier in tried)[: target.most]
        unwell = {gateway.gateway for gateway in passed}
        said = by_legs(
            target.considered,
            {leg.carrier for leg in legs},
            {leg.carrier for leg in target.legs if leg.gateway in unwell},
            target.most_carriers,
        )
        return replace(target, legs=legs, passed_over=passed, steps=inner, considered=said)

    return tuple(replace(step, targets=tuple(map(look, step.targets))) for step in steps)


def _digits(caller: str) -> str:
    """Return a caller's digits as the matcher sees them: none unless it is an E.164 number."""
    digits = caller.removeprefix("+")
    known = digits.isascii() and digits.isdigit() and len(digits) <= 15 and digits[0] != "0"
    return digits if known else ""


def _is_from(caller: str, withheld: int, prefixes: list[int]) -> bool:
    if not caller:
        return bool(withheld)
    return any(caller.startswith(prefix) for prefix in _prefixes(prefixes))


def _understood(languages: tuple[int, ...], named: list[int]) -> int | None:
    """Return the language among those that a plan names that a caller understands best."""
    for key in languages:
        for mask in (0, REGION_MASK, REGION_MASK | SCRIPT_MASK):
            if key & ~mask in named:
                return key & ~mask
    return None


def _prefixes(words: list[int]) -> list[str]:
    """Return the prefixes of a FROM's operands, as digits."""
    rows = zip(words[::3], words[1::3], words[2::3], strict=True)
    return [str(high << 32 | low).zfill(size) for low, high, size in rows]


@dataclass(slots=True)
class _Walk:
    """One reading of the steps that apply; ``asked`` and ``diversions`` collect what is met."""

    matcher: Matcher
    now: float
    caller: str
    assignment: int
    asked: dict[int, ScheduleState]
    diversions: list[Diversion]
    campaign: str
    languages: tuple[int, ...]
    passed: list[Passed] = field(default_factory=list)
    rung: bool = False
    """Whether a step has rung anybody."""
    taken: bool = False
    """Whether a step has ended the call, whatever plan it is in."""

    def enter(self, number: str, plan: int, account: str, depth: int = 0) -> tuple[Step, ...]:
        """Read a number's plan, or what its calls are diverted to (_enter in decide.pyx)."""
        image, diversion = self.matcher.image, None
        if len(self.diversions) < _MAX_DIVERSIONS:
            diversion = diversion_of(image, self.matcher.page, number, plan, account, self.now)
        if diversion is None:
            return _steps(self, plan, depth)
        self.diversions.append(diversion)
        if diversion.plan is not None:
            return self.enter("", diversion.plan, "", depth)
        end = (Step("hangup", None, (), "relay"),) if depth == 0 else ()
        row = self.matcher.find_number(int(diversion.to))
        if row is None:
            to = int(diversion.to)
            routing = _ported(self.matcher, to)
            chosen = self.matcher.candidates_for(to, self.assignment, self.now, self.caller)
            order = self.matcher.order_for(self.assignment)
            target = Target(
                diversion.to,
                _legs(image, chosen, to),
                seconds=diversion.seconds,
                routing_number=routing,
                most=image.policy(0)[1],
                most_carriers=self.matcher.most_carriers_for(self.assignment),
                considered=considered(
                    self.matcher,
                    (routing or str(to)).removeprefix("+"),
                    chosen,
                    order,
                    None,
                    self.now,
                    self.caller,
                ),
            )
            return (Step("ring", diversion.seconds, (target,)), *end)
        if _service(self.matcher, row, self.now).reason:
            return end
        return self.enter(diversion.to, self.matcher.assignment(row)[2], "", depth)


def _steps(walk: _Walk, plan: int, depth: int = 0) -> tuple[Step, ...]:
    """Read the steps of a plan that apply now."""
    matcher, now, caller, asked = walk.matcher, walk.now, walk.caller, walk.asked
    image = matcher.image
    steps: dict[int, Step] = {}
    shares: list[int] = []
    skip = 0
    for op, place, *operands in image.program(plan):
        if skip > 0:
            skip -= 1 + len(operands)
            continue
        match op:
            case Op.WHEN:
                schedule, wanted, words = operands
                by_hand = set_state(image, matcher.page, schedule, now)
                state = by_hand[0] if by_hand else image.schedule(schedule, now)[1]
                if schedule not in asked:
                    asked[schedule] = _schedule_state(image, schedule, now, by_hand)
                skip = 0 if state == wanted else words
                name, _, states = image.schedule_about(schedule)
                asked_here = (states[wanted], states[state], state == wanted)
                walk.passed.append(Passed(image.plan_id(plan), place + 1, name, *asked_here))
            case Op.FROM:
                words, withheld, _, *prefixes = operands
                held = _is_from(caller, withheld, prefixes)
                skip = 0 if held else words
                callers = ", ".join(
                    [f"+{one}" for one in _prefixes(prefixes)] + ["withheld"] * withheld
                )
                found = f"+{caller}" if caller else "withheld"
                walk.passed.append(
                    Passed(image.plan_id(plan), place + 1, "from", callers, found, held)
                )
            case Op.CAMPAIGN:
                words, _, *pieces = operands
                campaigns = [
                    image.text_at(*piece) for piece in zip(pieces[::2], pieces[1::2], strict=True)
                ]
                held = walk.campaign in campaigns
                skip = 0 if held else words
                said_here = (", ".join(campaigns), walk.campaign or "none", held)
                walk.passed.append(Passed(image.plan_id(plan), place + 1, "campaign", *said_here))
            case Op.LANGUAGE:
                words, own, _, *pieces = operands
                keys = [
                    high << 32 | low for low, high in zip(pieces[::2], pieces[1::2], strict=True)
                ]
                best = _understood(walk.languages, keys)
                held = best in keys[:own]
                skip = 0 if held else words
                wanted_here = ", ".join(map(language_text, keys[:own]))
                told = ", ".join(map(language_text, walk.languages)) or "not known"
                walk.passed.append(
                    Passed(image.plan_id(plan), place + 1, "language", wanted_here, told, held)
                )
            case Op.PICK:
                kind, _, _, *bodies = operands
                shares = bodies[::2]
                steps[place] = Step("ring", None, (), how=PICKS[kind])
            case Op.RING | Op.TOGETHER:
                walk.rung = True
                rows = operands if op == Op.RING else operands[1:]
                how = "in-order" if op == Op.RING else "together"
                for row in rows:
                    _add_target(steps, place, how, _target(matcher, row, now, caller), shares)
            case Op.FORWARD:
                inner, low, high, assignment = operands
                number = high << 32 | low
                moved = matcher.find_number(number) if matcher.overlay and number else None
                if moved is not None:
                    assignment, inner = moved, matcher.assignment(moved)[2]
                if assignment != NO_ASSIGNMENT and _service(matcher, assignment, now).reason:
                    continue
                name = image.plan_id(inner)
                target = Target(
                    f"+{number}" if number else f"plan:{name}",
                    (),
                    name,
                    walk.enter(f"+{number}" if number else "", inner, "", depth + 1),
                )
                _add_target(steps, place, "in-order", target, shares)
                if walk.taken:
                    break
            case Op.HERE:
                _, *texts = operands[:5]
                phones = [
                    high << 32 | low
                    for low, high in zip(operands[5::2], operands[6::2], strict=True)
                ]
                known = bool(caller) and int(caller) in phones
                if known and not walk.rung:
                    said = image.text_at(*texts[:2])
                    steps[place] = Step("here", None, (), said=said)
                    walk.taken = True
                    break
                wanted_phones = ", ".join(f"+{phone}" for phone in phones) or "none"
                walk.passed.append(
                    Passed(
                        image.plan_id(plan), place + 1, "here",
                        "before anybody is rung" if known else wanted_phones,
                        f"+{caller}" if caller else "withheld", False,
                    )
                )  # fmt: skip
            case Op.APPLY | Op.TAKE:
                application, _, argument = image.text_at(*operands).partition(" ")
                word = "voicemail" if op == Op.TAKE else "play"
                steps[place] = Step(word, None, (), said=_said(application, argument))
                if op == Op.TAKE:
                    walk.taken = True
                    break
            case Op.HANGUP:
                if depth == 0:
                    steps[place] = Step("hangup", None, (), image.text_at(*operands))
                break
            case Op.RELAY:
                if depth == 0:
                    steps[place] = Step("hangup", None, (), "relay")
                break
    return tuple(steps[place] for place in sorted(steps))


def _schedule_state(
    image: RouteImage, row: int, now: float, by_hand: tuple[int, int | None] | None
) -> ScheduleState:
    name, state, within = image.schedule(row, now)
    _, zone, states = image.schedule_about(row)
    if by_hand:
        return ScheduleState(name, zone, states[by_hand[0]], by_hand[1], True, True)
    end = image.header.horizon_end
    # Nearly always within the week: the years behind it need not be listed.
    changes = image.schedule_changes(row, now, min(now + _WEEK, end)) if within else []
    if within and not changes:
        changes = image.schedule_changes(row, now, end)
    return ScheduleState(name, zone, states[state], changes[0][0] if changes else None, within)


def _add_target(
    steps: dict[int, Step], place: int, how: str, target: Target, shares: list[int]
) -> None:
    before = steps.get(place, Step("ring", None, (), how=how))
    if before.how == "share":
        target = replace(target, share=shares[len(before.targets)])
    seconds = max(before.seconds or 0, target.seconds or 0) or None
    steps[place] = replace(before, seconds=seconds, targets=(*before.targets, target))


def _ported(matcher: Matcher, number: int) -> str:
    """Return the routing number that carriers of a number are chosen by, empty if by itself."""
    routing = None
    if number and matcher.portability is not None:
        routing = matcher.portability.routing_number(number)
    return f"+{routing}" if routing else ""


def _target(matcher: Matcher, row: int, now: float, caller: str) -> Target:
    image = matcher.image
    number, _, policy, seconds, delay, show, dial, shown, variables = image.target(row)
    if dial:
        legs: tuple[Leg, ...] = (Leg("", dial, dial, None),)
        carriers: tuple[Considered, ...] = ()
        between = ""
    else:
        chosen = matcher.candidates(row, now, caller)
        legs = _legs(image, chosen, number)
        digits = (_ported(matcher, number) or str(number)).removeprefix("+")
        order, limit = image.order_of_target(row)
        carriers = considered(matcher, digits, chosen, order, limit, now, caller)
        between = jurisdiction(matcher, digits, order, now, caller)
    return Target(
        to=f"+{number}" if number else dial,
        legs=legs,
        seconds=seconds,
        delay=delay,
        show=shown or SHOWS[show],
        confirm=variables.partition("group_confirm_key=")[2][:1],
        routing_number=_ported(matcher, number),
        jurisdiction=between,
        most=image.policy(policy)[1],
        most_carriers=matcher.most_carriers(row),
        considered=carriers,
    )


def _legs(
    image: RouteImage, chosen: list[tuple[int, str, int | None]], number: int
) -> tuple[Leg, ...]:
    legs: list[Leg] = []
    for carrier, carrier_id, rate in chosen:
        for gateway, dial in image.gateways_of(carrier, number):
            legs.append(Leg(carrier_id, gateway, dial, price_of(rate)))
    return tuple(legs)
