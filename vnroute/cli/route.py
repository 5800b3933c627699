"""``vnroute route``: where a call would go, and why."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import rich_click as click

from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from rich.tree import Tree

    from vnroute.compiler.schedule_tried import Tried
    from vnroute.explaining import Rules
    from vnroute.matcher.considered import Considered
    from vnroute.matcher.explain import (
        Explanation,
        Leg,
        ScheduleState,
        ScreenStep,
        Service,
        Step,
        Target,
    )
    from vnroute.matcher.passed_over import PassedOver

__all__ = ["command"]


@click.command(
    "route",
    epilog="Example: vnroute route +18005551234 --from +34911234567 --at 2026-11-23T10:00-05:00",
)
@click.argument("number")
@click.option("--from", "caller", default="", metavar="NUMBER", help="Who calls; or anonymous.")
@click.option(
    "--at", "moment", default="", metavar="TIME",
    help="When: ISO 8601 with an offset, 2026-11-23T10:00-05:00; without one it is UTC. Now, if"
    " not given.",
)  # fmt: skip
@click.option(
    "--when-changes", is_flag=True, help="List when in the days that follow the answer will differ."
)
@click.option(
    "--days", default=7, type=click.IntRange(1, 366), help="How many, with --when-changes; 7."
)
@click.option(
    "--language", default="", metavar="TAG", help="What the caller chose (vn_language): es, pt-BR."
)
@click.option(
    "--accept-language", "accept", default="", metavar="HEADER",
    help="What his phone sends: 'es, en;q=0.5'. Without both it is his country's language.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=None,
    help="Draw shares and rotations by this number: the same answer each time.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
@pass_session
def command(
    session: Session,
    number: str,
    caller: str,
    moment: str,
    when_changes: bool,
    days: int,
    language: str,
    accept: str,
    seed: int | None,
    as_json: bool,
) -> int:
    """Show where a call to NUMBER goes by the route image in force, and why.

    The answer is the one that a worker gives: the same image, the same code. Exit status 0 if the
    call is routed, 1 if it is refused, 2 if the question is wrong.
    """
    from vnroute.cli.output import print_error, print_json
    from vnroute.explaining import Explainer, NoImage, as_data, read_caller, read_number
    from vnroute.matcher.explain import Spoken
    from vnroute.model.moment import parse_moment
    from vnroute.model.problem import FieldError

    explainer = Explainer(session.settings)
    spoken = Spoken(language, accept)
    try:
        called, calling = read_number(number, "NUMBER"), read_caller(caller, "--from")
        at = parse_moment(moment)
        if when_changes:
            answers = explainer.changes(called, calling, at, days, seed, spoken)
        else:
            answers = [(at, explainer.at(called, calling, at, seed, spoken))]
    except (FieldError, NoImage) as error:
        print_error(str(error))
        return 2
    rules = [explainer.rules(answer, when) for when, answer in answers]
    for warning in explainer.warnings:
        sys.stderr.write(f"vnroute: {warning}\n")
    if as_json:
        told = [
            as_data(answer, when, said) for (when, answer), said in zip(answers, rules, strict=True)
        ]
        print_json({"days": days, "answers": told} if when_changes else told[0])
    else:
        for (when, answer), said in zip(answers, rules, strict=True):
            _print_tree(answer, calling, when, said)
    if when_changes and not as_json:
        count = len(answers) - 1
        changes = f"{count} change" + ("" if count == 1 else "s")
        sys.stdout.write(f"{changes} of the answer in {days} day{'s' * (days != 1)}\n")
    return 1 if answers[0][1].refused else 0


def _screen_words(one: ScreenStep) -> str:
    whose = f"{one.level}'s screen {one.screen}"
    if one.does == "rate":
        rate, _, cause = one.said.partition(" !")
        return f"{whose}: FreeSWITCH counts the caller, {cause} beyond {rate} (calls/seconds)"
    if one.does in ("calls", "cps"):
        most, _, then = one.said.partition(" !")
        what = "calls at a time" if one.does == "calls" else "calls a second"
        return f"{whose}: FreeSWITCH counts {what}, {then} beyond {most.removesuffix('/1')}"
    on = "on" if one.matched else "not on"
    return f"{whose}: {one.does} {one.list}: the caller is {on} it"


def _service_words(service: Service, at: datetime) -> str:
    said = f"the number is {service.state}"
    for word, second in (("from", service.since), ("until", service.until)):
        if second is not None:
            moment = datetime.fromtimestamp(second, at.tzinfo)
            said += f", in service {word} {moment:%a %d %b %Y %H:%M %Z}"
    if service.reason:
        said += f": out of service ({service.reason})"
    if service.treatment:
        said += f", its callers go to plan {service.treatment}"
    return said


def _print_tree(explanation: Explanation, caller: str, at: datetime, rules: Rules) -> None:
    from rich.text import Text
    from rich.tree import Tree

    from vnroute.cli.output import wide_console
    from vnroute.model.causes import CAUSES

    console = wide_console()
    lead = f"{explanation.number} at {at.isoformat(timespec='minutes')}"
    if caller:
        lead += f", called by {caller}"
    tree = Tree(Text(f"{lead} (generation {explanation.generation})", style="bold"))
    if explanation.account:
        said = f"account {explanation.account}, plan {explanation.plan}"
        if explanation.campaign:
            said += f", campaign {explanation.campaign}"
        tree.add(Text(said))
    service = explanation.service
    if service and (service.reason or service.since is not None or service.until is not None):
        tree.add(Text(_service_words(service, at), style="yellow" if service.reason else ""))
    for one in explanation.screens:
        tree.add(Text(_screen_words(one)))
    for each in explanation.diversions:
        said = f"override: calls of {each.kind} {each.id} go to {each.to}"
        if each.until is not None:
            said += f" until {datetime.fromtimestamp(each.until, at.tzinfo):%a %d %b %H:%M %Z}"
        tree.add(Text(said, style="yellow"))
    for schedule in explanation.schedules:
        style = "yellow" if schedule.set_by_hand else ""
        branch = tree.add(Text(_schedule_words(schedule, at), style=style))
        here = ZoneInfo(schedule.time_zone)
        for rule in rules.get((schedule.id, schedule.time_zone), ()):
            branch.add(Text(_rule_words(rule, here), style="" if rule.held else "dim"))
    for asked in explanation.passed:
        by_caller = asked.asks in ("from", "here")
        found = f"{asked.found} calls" if by_caller else f"{asked.asks} is {asked.found}"
        over = "" if asked.held else f", not {asked.wanted}: passed over"
        words = f"step {asked.step} of {asked.plan}: {found}{over}"
        tree.add(Text(words, style="" if asked.held else "dim"))
    if explanation.refused:
        cause = explanation.refused.cause
        said = f"refused: {explanation.refused.why}; {cause}, SIP {CAUSES[cause].sip}"
        tree.add(Text(said, style="red"))
    _add_steps(tree, explanation.steps)
    console.print(tree)
    sys.stdout.flush()


def _schedule_words(schedule: ScheduleState, at: datetime) -> str:
    here = ZoneInfo(schedule.time_zone)
    local = at.astimezone(here)
    said = f"schedule {schedule.id} is {schedule.state}: it is {local:%a %d %b %H:%M %Z} there"
    if schedule.id.startswith("person:"):
        said = said.replace("schedule person:", "person ").replace(" is ", " is at ", 1)
    if schedule.set_by_hand:
        said += ", set by hand (override)"
    if not schedule.within_horizon:
        return f"{said} (outside the horizon compiled: the nearest week inside it answers)"
    if schedule.until is not None:
        until = datetime.fromtimestamp(schedule.until, here)
        said += f", and until {until:%a %d %b %H:%M %Z}"
    return said


def _rule_words(rule: Tried, here: ZoneInfo) -> str:
    said = f"{rule.place}: {rule.words}" if rule.words else "no rule holds: otherwise"
    since, until = (
        None if second is None else f"{datetime.fromtimestamp(second, here):%a %d %b %Y %H:%M %Z}"
        for second in (rule.since, rule.until)
    )
    if not rule.held:
        return f"{said}: not now, " + (f"next {since}" if since else "nor in the next year")
    if since:
        said += f", since {since}"
    return f"{said}{f', until {until}' if until else ''}: {rule.state}"


def _add_steps(tree: Tree, steps: tuple[Step, ...]) -> None:
    from rich.text import Text

    from vnroute.model.causes import CAUSES

    for step in steps:
        if step.cause == "relay":
            tree.add(Text("hang up with the cause that matters of what was rung"))
        elif step.cause:
            tree.add(Text(f"hang up: {step.cause}, SIP {CAUSES[step.cause].sip}"))
        if step.kind == "play":
            tree.add(Text(f"play {step.said}, as early media"))
        elif step.kind == "here":
            tree.add(Text(f"{_here_words(step.said or '')}: answered with a sound, hung up"))
        elif step.kind == "voicemail":
            tree.add(Text(f"voicemail takes a message for {step.said}"))
        around = tree
        if step.how != "in-order":
            around = tree.add(Text(_HOW_WORDS[step.how]))
        for target in step.targets:
            if target.plan:
                ours = "" if target.to.startswith("plan:") else f"{target.to} is ours: "
                inner = around.add(Text(f"{ours}go on in plan {target.plan}"))
                _add_steps(inner, target.steps)
                continue
            branch = around.add(Text(_target_words(target), style="green"))
            for passed in target.passed_over:
                branch.add(Text(_passed_words(passed), style="yellow"))
            if target.blocked:
                branch.add(Text("the account may not call it now: blocked", style="yellow"))
            elif not target.legs and not target.passed_over:
                none = "is left" if target.considered else "has a rate"
                branch.add(Text(f"no carrier {none} for it: passed over", style="yellow"))
            for place, leg in enumerate(target.legs, 1):
                branch.add(Text(f"{place}. {_leg_words(leg)}{_prefix_words(target, leg)}"))
            for one in target.considered:
                if one.reason is not None:
                    branch.add(Text(f"not {_considered_words(one)}", style="dim"))


def _here_words(said: str) -> str:
    from vnroute.model.here import read_said

    person, at, until = read_said(said)
    if not at:
        return f"person {person} is where the routing data says again"
    ends = f" until {until}" if ":" in until else f" for {until}"
    return f"person {person} is at {at}{ends if until else ''} from now on"


def _prefix_words(target: Target, leg: Leg) -> str:
    one = next((one for one in target.considered if one.carrier == leg.carrier), None)
    if one is None or not leg.carrier:
        return ""
    said = f", by +{one.prefix}" if one.prefix else ""
    return said if one.share is None else f"{said}, share {one.share}"


def _considered_words(one: Considered) -> str:
    price = "no rate" if one.rate is None else f"{one.rate:f} a minute"
    prefix = f" by +{one.prefix}" if one.prefix else ""
    return f"{one.carrier}, {price}{prefix}: {one.why}"


_HOW_WORDS = {
    "together": "together, the first to answer wins:",
    "share": "one by its share of the calls, the others if it fails:",
    "rotate": "each call begins with the next of these:",
}


def _target_words(target: Target) -> str:
    said = f"ring {target.to} for {target.seconds} s"
    if target.routing_number:
        said += f", ported: carriers by {target.routing_number}"
    if target.jurisdiction:
        said += f", {target.jurisdiction}"
    if target.delay:
        said += f", after {target.delay} s"
    if target.share is not None:
        said += f", share {target.share}"
    if target.show != "caller":
        said += f", shown {target.show}"
    if target.confirm:
        said += f", who takes the call with {target.confirm}"
    return said


def _passed_words(passed: PassedOver) -> str:
    if passed.tried:
        return f"{passed.gateway} is {passed.why}, but there is none better"
    share = f", {passed.share / 10:g} % of the calls try it" if passed.share else ""
    return f"{passed.gateway} passed over: {passed.why}{share}"


def _leg_words(leg: Leg) -> str:
    if not leg.carrier:
        return leg.dial
    price = "no rate" if leg.rate is None else f"{leg.rate:f} a minute"
    return f"{leg.carrier}, {leg.gateway}, {price}: {leg.dial}"
