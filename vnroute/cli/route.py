"""``vnroute route``: where a call would go, and why."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import rich_click as click

from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from rich.tree import Tree

    from vnroute.matcher.decide import Matcher
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
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
@pass_session
def command(
    session: Session,
    number: str,
    caller: str,
    moment: str,
    when_changes: bool,
    days: int,
    as_json: bool,
) -> int:
    """Show where a call to NUMBER goes by the route image in force, and why.

    The answer is the one that a worker gives: the same image, the same code. Exit status 0 if the
    call is routed, 1 if it is refused, 2 if the question is wrong.
    """
    from vnroute.cli.moment import parse_moment
    from vnroute.cli.output import print_error, print_json
    from vnroute.cli.page import read_overlay, read_page
    from vnroute.image.generations import PORTABILITY, current_image
    from vnroute.image.layout import ImageError
    from vnroute.matcher.decide import Matcher
    from vnroute.matcher.explain import explain
    from vnroute.matcher.image import RouteImage
    from vnroute.model.problem import FieldError
    from vnroute.portability.table import PortabilityTable

    try:
        called = _number(number, "NUMBER")
        calling = caller and (caller if caller == "anonymous" else _number(caller, "--from"))
        at = parse_moment(moment)
    except FieldError as error:
        print_error(str(error))
        return 2
    path = current_image(session.settings.images)
    if path is None:
        print_error(f"{session.settings.images}: no route image there; run vnroute compile")
        return 2
    ported = current_image(session.settings.images, PORTABILITY)
    try:
        image = RouteImage(path)
        table = None if ported is None else PortabilityTable(ported)
    except (ImageError, OSError) as error:
        print_error(str(error))
        return 2
    matcher = Matcher(image, session.settings.routing.max_hops)
    matcher.port(table)
    matcher.lay(read_overlay(session.settings.images, image))
    matcher.use_page(read_page(session.settings.state_page))
    if when_changes:
        return _show_changes(matcher, called, calling, at, days, as_json)
    explanation = explain(matcher, called, calling, at.timestamp())
    if as_json:
        print_json(as_data(explanation, at))
    else:
        _print_tree(explanation, calling, at)
    return 1 if explanation.refused else 0


def _number(text: str, field: str) -> str:
    """Return a number as FreeSWITCH would report it; raise FieldError for what is none."""
    from vnroute.model.e164 import MAX_DIGITS
    from vnroute.model.problem import FieldError

    plain = text.translate(str.maketrans("", "", " .-()"))
    digits = plain.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        raise FieldError(field, repr(text), 'digits, such as "+18005551234"')
    return plain


def as_data(explanation: Explanation, at: datetime) -> dict[str, Any]:
    """Return a decision for JSON: field names that other programs may build on."""
    from vnroute.model.causes import CAUSES

    schedules = [_schedule_data(schedule, at) for schedule in explanation.schedules]
    refused = explanation.refused
    return {
        "generation": explanation.generation,
        "number": explanation.number,
        "at": at.isoformat(),
        "account": explanation.account,
        "plan": explanation.plan,
        "campaign": explanation.campaign,
        "service": explanation.service and _service_data(explanation.service, at),
        "screens": [
            {
                "screen": one.screen,
                "level": one.level,
                "does": one.does,
                "list": one.list or None,
                "matched": one.matched,
                "rate": one.said or None,
            }
            for one in explanation.screens
        ],
        "schedule": schedules[0] if schedules else None,
        "schedules": schedules,
        "overrides": [
            {
                "kind": each.kind,
                "id": each.id,
                "to": each.to,
                "until": each.until and datetime.fromtimestamp(each.until, at.tzinfo).isoformat(),
            }
            for each in explanation.diversions
        ],
        "conditions": [
            {
                "plan": asked.plan,
                "step": asked.step,
                "asks": asked.asks,
                "wanted": asked.wanted,
                "found": asked.found,
                "held": asked.held,
            }
            for asked in explanation.passed
        ],
        "steps": [_step_data(step) for step in explanation.steps],
        "applications": explanation.applications,
        "refused": refused
        and {
            "cause": refused.cause,
            "sip": CAUSES[refused.cause].sip,
            "why": refused.why,
            "outcome": refused.outcome,
        },
    }


def _service_data(service: Service, at: datetime) -> dict[str, Any]:
    return {
        "state": service.state,
        "from": _moment_data(service.since, at),
        "until": _moment_data(service.until, at),
        "out_of_service": service.reason,
        "treatment": service.treatment and f"plan:{service.treatment}",
    }


def _moment_data(second: int | None, at: datetime) -> str | None:
    return None if second is None else datetime.fromtimestamp(second, at.tzinfo).isoformat()


def _screen_words(one: ScreenStep) -> str:
    whose = f"{one.level}'s screen {one.screen}"
    if one.does == "rate":
        rate, _, cause = one.said.partition(" !")
        return f"{whose}: FreeSWITCH counts the caller, {cause} beyond {rate} (calls/seconds)"
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


def _schedule_data(schedule: ScheduleState, at: datetime) -> dict[str, Any]:
    here = ZoneInfo(schedule.time_zone)
    until = schedule.until
    return {
        "id": schedule.id,
        "state": schedule.state,
        "time_zone": schedule.time_zone,
        "local_time": at.astimezone(here).isoformat(),
        "until": None if until is None else datetime.fromtimestamp(until, here).isoformat(),
        "within_horizon": schedule.within_horizon,
        "override": schedule.set_by_hand,
    }


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "seconds": step.seconds,
        "targets": [_target_data(target) for target in step.targets],
        "cause": step.cause,
        "how": step.how if step.targets else None,
        "said": step.said,
    }


def _target_data(target: Target) -> dict[str, Any]:
    return {
        "to": target.to,
        "legs": [
            {
                "carrier": leg.carrier,
                "gateway": leg.gateway,
                "dial": leg.dial,
                "rate": None if leg.rate is None else float(leg.rate),
            }
            for leg in target.legs
        ],
        "passed_over": [
            {
                "gateway": passed.gateway,
                "why": passed.why,
                "share": passed.share / 1000,
                "tried": passed.tried,
            }
            for passed in target.passed_over
        ],
        "seconds": target.seconds,
        "delay": target.delay,
        "share": target.share,
        "show": target.show,
        "confirm": target.confirm or None,
        "routing_number": target.routing_number or None,
        "plan": target.plan,
        "steps": [_step_data(step) for step in target.steps],
    }


def _print_tree(explanation: Explanation, caller: str, at: datetime) -> None:
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
        tree.add(Text(_schedule_words(schedule, at), style=style))
    for asked in explanation.passed:
        found = f"{asked.found} calls" if asked.asks == "from" else f"{asked.asks} is {asked.found}"
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


def _show_changes(
    matcher: Matcher, called: str, caller: str, at: datetime, days: int, as_json: bool
) -> int:
    """Print the answer now and each that differs from the one before, for so many days."""
    from vnroute.cli.output import print_json
    from vnroute.matcher.upcoming import upcoming_answers

    now = at.timestamp()
    answers = [
        (datetime.fromtimestamp(moment, at.tzinfo), explanation)
        for moment, explanation in upcoming_answers(
            matcher, called, caller, now, now + days * 86400
        )
    ]
    if as_json:
        print_json({"days": days, "answers": [as_data(answer, when) for when, answer in answers]})
    else:
        for when, answer in answers:
            _print_tree(answer, caller, when)
        count = len(answers) - 1
        changes = f"{count} change" + ("" if count == 1 else "s")
        sys.stdout.write(f"{changes} of the answer in {days} day{'s' * (days != 1)}\n")
    return 1 if answers[0][1].refused else 0


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
            if not target.legs and not target.passed_over:
                branch.add(Text("no carrier has a rate for it: passed over", style="yellow"))
            for place, leg in enumerate(target.legs, 1):
                branch.add(Text(f"{place}. {_leg_words(leg)}"))


_HOW_WORDS = {
    "together": "together, the first to answer wins:",
    "share": "one by its share of the calls, the others if it fails:",
    "rotate": "each call begins with the next of these:",
}


def _target_words(target: Target) -> str:
    said = f"ring {target.to} for {target.seconds} s"
    if target.routing_number:
        said += f", ported: carriers by {target.routing_number}"
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
