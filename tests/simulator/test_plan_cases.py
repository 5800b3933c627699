"""Plans and the calls they get: every line of tests/data/plan_cases.txt is a case.

Each is decided by an image compiled of its plan, and the reply run by the simulator with phones
and carriers that do what the case says.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.importing.findings import Findings
from vnroute.importing.routing_file import read_routing_file
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.matcher.image import RouteImage
from vnroute.simulator.applications import Application, split_application
from vnroute.simulator.channel_data import Caller, Setup
from vnroute.simulator.gateways import Behaviour, Gateways
from vnroute.simulator.switch import Session, Steps

CASES = Path(__file__).parents[1] / "data" / "plan_cases.txt"
DID = "+18005551234"
CALLER = "+34911234567"

DOES: dict[str, Any] = {
    "answers": {"ringing": "0ms", "answer": "1s"},
    "slow": {"ringing": "0ms", "answer": "8s"},
    "rings": {"ring": "forever"},
    "silent": "silent",
    "busy": {"refuse": 486},
    "declined": {"refuse": 603},
    "early-503": {"early_media": "0ms", "refuse": 503, "after": "300ms"},
    "presses-1": {"ringing": "0ms", "answer": "1s", "press": "2s", "key": "1"},
    "down": "down",
}
"""What a phone or carrier does, in the simulator's notation; a number is a SIP code."""


@dataclass(frozen=True)
class Case:
    group: str
    line: int
    moment: str
    caller: str
    phones: str
    legs: str
    end: str

    def __str__(self) -> str:
        return f"{CASES.name}:{self.line}: {self.phones or 'all answer'}"


@dataclass(frozen=True)
class Group:
    title: str
    plan: str
    cases: tuple[Case, ...]


def read() -> tuple[str, dict[str, str], list[Group]]:
    """Return the routing that all plans share, the phones by their names, and the groups."""
    text = CASES.read_text()
    parts = re.split(r"^== ", text, flags=re.MULTILINE)
    line = 1 + parts[0].count("\n")
    common, names, groups = "", {}, []
    for part in parts[1:]:
        title, _, rest = part.partition("\n")
        if title == "routing":
            common = rest
        elif title == "phones":
            names = dict(row.split() for row in rest.splitlines() if row)
        else:
            plan, _, rows = rest.partition("--\n")
            first = line + 2 + plan.count("\n")
            cases = []
            for place, row in enumerate(rows.splitlines()):
                if row:
                    moment, caller, phones, legs, end = (piece.strip() for piece in row.split("|"))
                    cases.append(Case(title, first + place, moment, caller, phones, legs, end))
            groups.append(Group(title, plan, tuple(cases)))
        line += part.count("\n")
    return common, names, groups


COMMON, PHONES, GROUPS = read()
PLANS = {group.title: group.plan for group in GROUPS}


class Phones(Gateways):
    """Phones by number, all answering unless told otherwise; what a carrier does comes before."""

    def resolve(self, destination: str | None) -> tuple[str, str, Behaviour | str]:
        gateway, number, behaviour = super().resolve(destination)
        if isinstance(behaviour, str):
            return gateway, number, behaviour  # it is down
        return gateway, number, self.gateways.get(gateway, behaviour)

    @classmethod
    def of(cls, text: str) -> Gateways:
        """Read ``P1 busy, A 503``."""
        found: dict[str, Any] = {
            "default": DOES["answers"], "gateways": {}, "numbers": {}, "users": {},
            "profiles": {"vnroute": DOES["answers"]},
        }  # fmt: skip
        for target in PHONES.values():
            if target.startswith("user:"):
                found["users"][target.removeprefix("user:")] = DOES["answers"]
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, does = part.split()
            behaviour = {"refuse": int(does)} if does.isdigit() else DOES[does]
            target = PHONES.get(name, "")
            if target.startswith("user:"):
                found["users"][target.removeprefix("user:")] = behaviour
            elif target.startswith("sip:"):
                found["profiles"]["vnroute"] = behaviour
            elif target.startswith("gateway:"):
                found["gateways"][target.removeprefix("gateway:").partition("/")[0]] = behaviour
            elif target:
                found["numbers"][target.removeprefix("+")] = behaviour
            else:
                found["gateways"][f"gw{name}"] = behaviour
        return cls.from_mapping(found)


LABELS = {target.partition(":")[2] or target.removeprefix("+"): n for n, target in PHONES.items()}


def label(gateway: str, number: str) -> str:
    """Name a leg as the cases do: ``A/P1``, or the name of a target that is no number."""
    if gateway.startswith("gw"):
        return f"{gateway[2:]}/{LABELS[number]}"
    return LABELS[number if gateway in ("user", "vnroute") else f"{gateway}/{number}"]


class Heard(Session):
    """A session that notes what is played to the caller, and which mailbox took the call."""

    heard: list[str]
    boxes: list[str]

    def _execute(self, application: Application) -> Steps:
        if application.name == "playback":
            self.heard.append(f"{application.argument}")
        if application.name == "voicemail":
            _, domain, box = f"{application.argument}".split(" ")
            self.boxes.append(f"{box}@{domain}")
        yield from super()._execute(application)


def run(image: RouteImage, case: Case) -> tuple[str, str]:
    """Return the legs of a case and its end, as the simulator has them."""
    now = datetime.fromisoformat(case.moment).timestamp() if case.moment else None
    now = MONDAY_NOON_IN_NEW_YORK if now is None else now
    caller = "" if case.caller == "withheld" else case.caller or CALLER
    reply = Matcher(image, seed=5).decide(channel_data(DID, caller), now)
    setup = Setup(uuid="0f000000-aaaa", did=DID[1:], caller=Caller(caller, ""), microseconds=1)
    session = Heard(setup, Phones.of(case.phones), now + 0.4, random.Random(1), float("inf"))
    session.heard, session.boxes = [], []
    lines = [f"{name} {argument}" for name, argument in applications_of(reply)]
    for _ in session.steps([split_application(line) for line in lines]):
        pass
    legs = []
    for leg in sorted(session.leg_records(), key=lambda leg: leg.t_start):
        if leg.created:
            shown = {caller: "", "": "", DID: "=did"}.get(leg.caller, f"={leg.caller}")
            if caller == "" and leg.caller == "anonymous":
                shown = ""
            legs.append(label(leg.gateway, leg.number) + shown)
    end = [f"hears {name}" for name in session.heard]
    if session.answered_by is not None:
        end.append(label(session.answered_by.gateway, session.answered_by.number))
    elif session.boxes:
        assert session.channel.answered
        end.append(f"voicemail {session.boxes[0]}")
    else:
        end.append(str(session.final_sip))
    return " ".join(legs), ", ".join(end)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def image(title: str) -> RouteImage:
        steps = "".join(f"      {line}\n" for line in PLANS[title].splitlines())
        main = f"  - id: main\n    account: acme\n    steps:\n{steps}"
        text = COMMON.replace("plans:\n", f"plans:\n{main}")
        problems = Findings()
        content = read_routing_file(text.encode(), "cases.yaml", problems).content()
        assert [str(problem) for problem in problems.kept] == []
        routing = MemoryRouting(
            account_list=list(content.accounts),
            schedule_list=list(content.schedules),
            person_list=list(content.persons),
            policy_list=list(content.policies),
            plan_list=list(content.plans),
            number_list=list(content.numbers),
            carrier_list=list(content.carriers),
            rate_list=list(content.rates),
        )
        return compiled(routing, tmp_path_factory.mktemp("plan"))

    return image


def is_turn(found: list[str], wanted: list[str]) -> bool:
    """Whether a list is another one begun anywhere in it."""
    return any(found == wanted[i:] + wanted[:i] for i in range(len(wanted)))


@pytest.mark.parametrize("case", [c for group in GROUPS for c in group.cases], ids=str)
def test_a_call_by_a_plan(images: Any, case: Case) -> None:
    legs, end = run(images(case.group), case)
    told = f"{CASES.name}:{case.line}: {case.group}: legs {legs or '-'}, end {end}"
    wanted = case.legs.removeprefix("-")
    if wanted.startswith("@"):
        assert is_turn(legs.split(), wanted[1:].split()), told
    else:
        assert legs == wanted, told
    assert end == case.end, told


def test_there_are_cases_enough() -> None:
    assert sum(len(group.cases) for group in GROUPS) >= 100


def words(group: Group) -> Iterator[str]:
    yield from re.findall(r"[\w-]+", group.plan)


def test_every_kind_of_step_and_target_has_cases() -> None:
    found = {word for group in GROUPS for word in words(group)}
    kinds = {
        *("ring", "play", "voicemail", "hangup", "relay", "when", "is", "from", "withheld"),
        *("together", "share", "rotate", "delay", "seconds", "show", "confirm", "policy"),
        *("did", "anonymous", "sip", "gateway", "user", "plan", "person"),
    }
    assert kinds - found == set()
