"""What carriers answer first, what is tried next, and what the caller gets: the built-in policy.

A real FreeSWITCH and the simulator run the same rows, in the words of vnroute's own answer: one
target through as many carriers as a row has, then ``relay``. ``python -m tests.policy_table FILE``
prints the tables of docs/hunting.md from what ``tests/freeswitch/test_policy.py`` has written there
(VNROUTE_SEEN=FILE), with what the simulator does and what the policy's own table says beside it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.ringing_table import EARLY_503, RINGS, SILENT, Far, answers, refuses
from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Policy, Step
from vnroute.model.causes import SIP_CAUSES
from vnroute.model.policy import ADVANCE, HUNT, Hunt

NUMBER: Final = "+18005551234"
DIALLED: Final = "12125550100"
SECONDS: Final = 3


@dataclass(frozen=True)
class Case:
    """One call: what stands behind each gateway, the caller's code, seconds, INVITEs.

    Besides what a carrier does, a gateway may be ``"unknown"`` to the switch, ``"closed"`` (nobody
    listens on its UDP port), ``"tcp refused"``, or ``"down"``: its pings have failed, and the
    switch sends it no INVITE.
    """

    name: str
    carriers: tuple[Far | str, ...]
    code: int
    rung: tuple[int, ...]
    least: float = 0.0
    most: float = 0.9
    policy: Policy | None = None
    then: bool = False
    tables: tuple[dict[str, Hunt], ...] = ()
    seconds: int | None = SECONDS


def cases() -> Iterator[Case]:
    """Return every row: the built-in policy first, then what a policy of one's own changes."""
    ok = answers(0.1)
    for code in (486, 600, 603, 607):
        told = 486 if code == 600 else code
        yield Case(f"{code}: a person", (refuses(code), ok), told, (1, 0))
    for code in (401, 402, 403, 407, 408, 500, 502, 503, 504):
        if code not in (401, 407):  # a challenge is answered, not passed on
            yield Case(f"{code}: the carrier", (refuses(code), ok), 200, (1, 1))
    for code, told in ((404, 404), (480, 480), (484, 484), (488, 488)):
        yield Case(f"{code}: once more", (refuses(code), ok), 200, (1, 1))
        yield Case(f"{code} twice is believed", (refuses(code),) * 2 + (ok,), told, (1, 1, 0))
        yield Case(f"{code} from all", (refuses(code),), told, (1,))
    yield Case("silence", (SILENT, ok), 200, (1, 1), 1.0, 2.9)
    yield Case("183, then 503", (EARLY_503, ok), 200, (1, 1), 0.3, 1.2)
    yield Case("180, then silence", (RINGS, ok), 480, (1, 0), 3.0, 4.6)
    yield Case("nobody listens", ("closed", ok), 200, (0, 1))
    yield Case("TCP refused", ("tcp refused", ok), 200, (0, 1))
    yield Case("gateway unknown", ("unknown", ok), 200, (0, 1))
    yield Case("gateway down", ("down", ok), 200, (0, 1))
    yield Case("gateway down, two of them", ("down", "down", ok), 200, (0, 0, 1))
    yield Case("every gateway down", ("down", "down"), 503, (0, 0))
    yield Case("503, then down", (refuses(503), "down", ok), 200, (1, 0, 1))
    yield Case("404, then down", (refuses(404), "down", ok), 200, (1, 0, 1))
    yield Case("403, then down", (refuses(403), "down", ok), 200, (1, 0, 1))
    yield Case("down, then 486", ("down", refuses(486), ok), 486, (0, 1, 0))
    yield Case("403 from two", (refuses(403),) * 2 + (ok,), 200, (1, 1, 1))
    yield Case("403 from all: no person declined", (refuses(403),) * 2, 503, (1, 1))
    yield Case("403, then 603", (refuses(403), refuses(603), ok), 603, (1, 1, 0))
    yield Case("404, 403, 503: each by its own", (refuses(404), refuses(403), refuses(503), ok),
               200, (1, 1, 1, 1))  # fmt: skip
    yield Case("480, 503, 488: once in all", (refuses(480), refuses(503), refuses(488), ok),
               480, (1, 1, 1, 0))  # fmt: skip
    yield Case("503 from all", (refuses(503),) * 3, 503, (1, 1, 1))
    own = Policy(id="own", hunt={"404": "next", "503": "stop", "603": "next"})
    yield Case("own: 404 goes on", (refuses(404),) * 2 + (ok,), 200, (1, 1, 1), policy=own)
    yield Case("own: 503 stops, 500 does not", (refuses(500), refuses(503), ok), 503, (1, 1, 0),
               policy=own)  # fmt: skip
    yield Case("own: 603 goes on", (refuses(603), ok), 200, (1, 1), policy=own)
    busy = Policy(id="busy", advance={"USER_BUSY": "stop", "CALL_REJECTED": "stop"})
    yield Case("own: busy ends the plan", (refuses(503), refuses(486)), 486, (1, 1, 0),
               policy=busy, then=True)  # fmt: skip
    yield Case("own: declined ends the plan", (refuses(603),), 603, (1, 0), policy=busy, then=True)
    yield Case("own: 403 does not", (refuses(403),), 200, (1, 1), policy=busy, then=True)
    yield Case("busy goes on in the plan", (refuses(486),), 200, (1, 1), then=True)
    short = Policy(id="short", total_seconds=2)
    yield Case("own: two seconds in all", (RINGS, ok), 480, (1, 0), 0.9, 2.9, policy=short)
    for code in (482, 483):
        yield Case(f"{code}: a loop", (refuses(code), ok), 483, (1, 0))
    yield Case("a loop ends the plan", (refuses(503), refuses(483)), 483, (1, 1, 0), then=True)
    back = Policy(id="back", hunt={"483": "next"})
    yield Case("own: 483 goes on", (refuses(483), ok), 200, (1, 1), policy=back)
    yield Case("own: 483 from all", (refuses(483),) * 2, 483, (1, 1), policy=back)
    yield Case("own: 483 from all ends the plan", (refuses(483),) * 2, 483, (1, 1, 0), policy=back,
               then=True)  # fmt: skip
    yield Case("own: 483 goes on, 503 is how the target fails", (refuses(483), refuses(503)), 200,
               (1, 1, 1), policy=back, then=True)  # fmt: skip
    yield Case("own: 482 does not", (refuses(482), ok), 483, (1, 0), policy=back)
    asked = Policy(id="asked", hunt={"483": "stop", "503": "stop"})
    yield Case("own: 483 stops, as by itself", (refuses(483), ok), 483, (1, 0), policy=asked)
    yield Case("own: and ends the plan", (refuses(483), ok), 483, (1, 0, 0), policy=asked,
               then=True)  # fmt: skip
    around = Policy(id="around", advance={"EXCHANGE_ROUTING_ERROR": "next"})
    yield Case("own: a loop goes on in the plan", (refuses(483), ok), 200, (1, 0, 1), policy=around,
               then=True)  # fmt: skip
    yield Case("own: a loop, told at the end", (refuses(483),), 483, (1,), policy=around)
    one = Policy(id="one", max_attempts=1)
    yield Case("own: one attempt", (refuses(503), ok), 503, (1, 0), policy=one)
    yield from _of_carriers()
    relay = Policy(id="relay", relay=("UNALLOCATED_NUMBER",))
    yield Case("own: only 404 matters", (refuses(486),), 503, (1,), policy=relay)


def _of_carriers() -> Iterator[Case]:
    """Return rows of carriers with tables of their own, hunted with others that have none."""
    ok = answers(0.1)
    congested: tuple[dict[str, Hunt], ...] = ({"603": "next"},)
    yield Case("carrier: its 603 is congestion", (refuses(603), ok), 200, (1, 1), tables=congested)
    yield Case("carrier: its 486 is not", (refuses(486), ok), 486, (1, 0), tables=congested)
    yield Case("carrier: another's 603 is a person", (refuses(503), refuses(603), ok), 603,
               (1, 1, 0), tables=congested)  # fmt: skip
    yield Case("carrier: its 603, another's 603", (refuses(603), refuses(603), ok), 603,
               (1, 1, 0), tables=congested)  # fmt: skip
    yield Case("carrier: its 603, then 503: nobody declined", (refuses(603), refuses(503)), 503,
               (1, 1), tables=congested)  # fmt: skip
    believed: tuple[dict[str, Hunt], ...] = ({"404": "stop"},)
    yield Case("carrier: its 404 is believed", (refuses(404), ok), 404, (1, 0), tables=believed)
    yield Case("carrier: and the next target follows", (refuses(404), ok), 200, (1, 0, 1),
               tables=believed, then=True)  # fmt: skip
    yield Case("carrier: another's 404 is not yet", (refuses(503), refuses(404), ok), 200,
               (1, 1, 1), tables=believed)  # fmt: skip
    doubted: tuple[dict[str, Hunt], ...] = ({"404": "next"},)
    yield Case("carrier: its 404 is never believed", (refuses(404), refuses(404), ok), 200,
               (1, 1, 1), tables=doubted)  # fmt: skip
    yield Case("carrier: it is not, two others are", (refuses(404),) * 3 + (ok,), 404,
               (1, 1, 1, 0), tables=doubted)  # fmt: skip
    final: tuple[dict[str, Hunt], ...] = ({"503": "stop"},)
    yield Case("carrier: its 503 is final", (refuses(503), ok), 503, (1, 0), tables=final)
    yield Case("carrier: its 500 is not", (refuses(500), ok), 200, (1, 1), tables=final)
    yield Case("carrier: another's 503 is not", (refuses(503), refuses(503), ok), 200, (1, 1, 1),
               tables=({}, {}, final[0]))  # fmt: skip
    yield Case("carrier: another's, then its own", (refuses(500), refuses(503), ok), 503,
               (1, 1, 0), tables=({}, final[0]))  # fmt: skip
    yield Case("carrier: nobody listens, which is 503", ("closed", ok), 503, (0, 0), tables=final)
    yield Case("carrier: silence is not its 503", (SILENT, ok), 200, (1, 1), 1.0, 2.9,
               tables=final)  # fmt: skip
    yield Case("carrier: rings out, and goes on", (RINGS, ok), 200, (1, 1), 3.0, 4.7,
               tables=({"NO_ANSWER": "next"},))  # fmt: skip
    twice: tuple[dict[str, Hunt], ...] = ({"486": "once", "500": "once"},)
    yield Case("carrier: its 486 once", (refuses(486), refuses(486), ok), 486, (1, 1, 0),
               tables=twice)  # fmt: skip
    yield Case("carrier: once in all, whose ever", (refuses(500), refuses(404), ok), 404,
               (1, 1, 0), tables=twice)  # fmt: skip
    mixed: tuple[dict[str, Hunt], ...] = ({"CALL_REJECTED": "next", "608": "stop"},)
    yield Case("carrier: a code beats its cause", (refuses(608), ok), 603, (1, 0), tables=mixed)
    yield Case("carrier: the cause's other codes", (refuses(603), ok), 200, (1, 1), tables=mixed)
    strict = Policy(id="strict", hunt={"404": "stop", "NORMAL_TEMPORARY_FAILURE": "stop"})
    yield Case("carrier beats policy: next", (refuses(404), refuses(503), ok), 404, (1, 1, 0),
               policy=strict, tables=({"404": "next"},))  # fmt: skip
    yield Case("carrier beats policy: its cause", (refuses(500), ok), 200, (1, 1), policy=strict,
               tables=({"NORMAL_TEMPORARY_FAILURE": "next"},))  # fmt: skip
    lax = Policy(id="lax", hunt={"404": "next", "603": "next"})
    yield Case("carrier beats policy: stop", (refuses(404), refuses(603), ok), 603, (1, 1, 0),
               policy=lax, tables=({}, {"603": "stop"}))  # fmt: skip
    short = Policy(id="brief", ring_seconds=2)
    yield Case("own: rings two seconds", (RINGS, ok), 480, (1, 0), 2.0, 3.7, policy=short,
               seconds=None)  # fmt: skip
    yield Case("own: the step's seconds win", (RINGS, ok), 480, (1, 0), 3.0, 4.7, policy=short)


CASES: Final[Sequence[Case]] = tuple(cases())


def lines(case: Case, gateways: Sequence[str], directory: Path) -> list[str]:
    """Return vnroute's own applications for a case; ``gateways`` are the carriers' by place.

    With ``then`` a second target follows, which the last gateway of the list takes.
    """
    carriers = [
        Carrier(
            id=f"c{place}",
            gateways=(Gateway(id=f"g{place}", gateway=name, progress_seconds=2),),
            hunt=case.tables[place] if place < len(case.tables) else {},
        )
        for place, name in enumerate(gateways[: len(case.carriers)])
    ]
    ring: tuple[str, ...] = (f"+{DIALLED}",)
    if case.then:
        ring += (f"gateway:{gateways[-1]}/{DIALLED}",)
    policy = case.policy.id if case.policy else ""
    routing = MemoryRouting(
        account_list=[Account(id="a")],
        policy_list=[case.policy] if case.policy else [],
        plan_list=[
            Plan(id="p", account="a", policy=policy,
                 steps=(Step(ring=ring, seconds=case.seconds), Step(hangup="relay")))
        ],
        number_list=[Number(number=NUMBER, account="a", plan="p")],
        carrier_list=carriers,
    )  # fmt: skip
    reply = Matcher(compiled(routing, directory)).decide(
        channel_data(NUMBER[1:], caller="+34911234567"), MONDAY_NOON_IN_NEW_YORK
    )
    return [f"{name} {argument}" for name, argument in applications_of(reply)]


_UNSENT: Final = {"closed": 503, "tcp refused": 503, "unknown": None, "down": None}
"""Carriers that get no INVITE, and the code that FreeSWITCH makes of it by itself."""


def _failure(far: Far | str) -> tuple[str, int | None] | None:
    """Return the cause and the SIP code with which a carrier fails, None if it answers."""
    if isinstance(far, str):
        code = _UNSENT[far]
        return ("GATEWAY_DOWN", None) if code is None else (SIP_CAUSES[code], code)
    if far.code:
        return SIP_CAUSES[far.code], far.code
    return {"is silent": ("PROGRESS_TIMEOUT", None), "rings": ("NO_ANSWER", None)}.get(far.does)


def says(case: Case) -> tuple[list[str], tuple[int, ...]]:
    """Return what the tables say after each carrier that is tried, and who gets an INVITE by that:
    an independent reading of a policy, without FreeSWITCH's words for it.
    """
    policy = case.policy or Policy(id="default")
    said: list[str] = []
    rung = [0] * (len(case.carriers) + case.then)
    left: list[tuple[str, int | None]] = []
    once = answered = False
    for place, far in enumerate(case.carriers[: policy.max_attempts or None]):
        rung[place] = int(far not in _UNSENT)
        failure = _failure(far)
        if failure is None:
            answered = True
            break
        left.append(failure)
        cause, code = failure
        own = case.tables[place] if place < len(case.tables) else {}
        rows = [own, policy.hunt, HUNT]
        keys = (str(code), cause)
        action = next((row[key] for row in rows for key in keys if key in row), "next")
        said.append(action)
        if action == "stop" or (action == "once" and once):
            break
        once = once or action == "once"
    if case.then and not answered:
        advance = {**ADVANCE, **policy.advance}
        ends = any(
            advance.get(cause) == "stop"
            # A carrier's refusal of us is none by a person.
            and not (cause == "CALL_REJECTED" and code in (401, 402, 403, 407))
            for cause, code in left[-1:]
        )
        rung[-1] = int(not ends)
    return said, tuple(rung)


def simulated(case: Case, directory: Path, fraction: float) -> dict[str, Any]:
    """Return how a case goes in the simulator, in the form that the real switch is told of in; the
    call begins ``fraction`` of a second after a full one.
    """
    from tests.simulator.test_ringing import behaviour, run

    names = [f"gw{place}" for place in range(len(case.carriers))]
    written: dict[str, Any] = {}
    for name, far in zip(names, case.carriers, strict=True):
        if far in ("closed", "tcp refused"):
            written[name] = {"refuse": 503}
        elif far == "down":
            written[name] = "down"
        elif not isinstance(far, str):
            written[name] = behaviour(far)
    if case.then:
        names.append("gwThen")
        written["gwThen"] = {"answer": "100ms"}
    session = run(lines(case, names, directory), {"gateways": written}, None, fraction)
    tried = [attempt.gateway for attempt in session.attempts if attempt.created]
    unsent = [name for name, far in zip(names, case.carriers, strict=False) if far in _UNSENT]
    return {
        "code": session.final_sip,
        "rung": tuple(0 if name in unsent else tried.count(name) for name in names),
        "seconds": session.now,
    }


def _told(far: Far | str) -> str:
    if isinstance(far, str):
        return {"closed": "nobody listens", "tcp refused": "TCP refused"}.get(far, f"gateway {far}")
    return {
        "answers": "answers", "rings": "180, then silence", "is silent": "silence",
        "refuses": str(far.code), "sends 183, refuses": f"183, then {far.code}",
    }[far.does]  # fmt: skip


def _own(case: Case) -> str:
    """Return in words what a case says differently from the built-in tables."""
    said = [
        f"carrier {place}: `{', '.join(f'{key}: {action}' for key, action in table.items())}`"
        for place, table in enumerate(case.tables, 1)
        if table
    ]
    if case.policy is not None:
        for name, plain in (("hunt", {}), ("advance", {}), ("relay", ()), ("max_attempts", 0),
                            ("progress_seconds", 0), ("ring_seconds", 0),
                            ("total_seconds", 0)):  # fmt: skip
            value = getattr(case.policy, name)
            if value != plain:
                if isinstance(value, Mapping):
                    value = ", ".join(f"{key}: {action}" for key, action in value.items())
                elif isinstance(value, tuple):
                    value = ", ".join(value)
                said.append(f"`{name}: {value}`")
        if case.policy.ring_seconds and case.seconds:
            said.append(f"the step: `seconds: {case.seconds}`")
    return f" ({'; '.join(said)})" if said else ""


def _row(case: Case, real: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the cells of a case behind its first: INVITEs, caller, seconds, policy, agreement."""
    with tempfile.TemporaryDirectory() as directory:
        spread = [simulated(case, Path(directory), n / 10) for n in range(10)]
    least, most = (pick(one["seconds"] for one in spread) for pick in (min, max))
    said, rung = says(case)
    yield ", ".join(map(str, real["rung"])) if real else "not run"
    yield str(real["code"]) if real else "-"
    yield f"{real['seconds']:.2f}" if real else "-"
    yield f"{least:.2f}" if most - least < 0.01 else f"{least:.2f} to {most:.2f}"
    yield ", ".join(said) or "-"
    same = real is not None and all(
        (one["code"], tuple(one["rung"])) == (real["code"], tuple(real["rung"])) for one in spread
    )
    same = same and real is not None and tuple(real["rung"]) == rung
    same = same and real is not None and least - 0.1 <= real["seconds"] <= most + 0.5
    yield "yes" if same else "NO"


def tables(seen: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of both tables from what was seen of each case: one carrier that fails before
    one that answers; then the others.
    """
    answering = answers(0.1)
    plain = [
        case for case in CASES
        if len(case.carriers) == 2 and case.carriers[1] == answering
        and not (case.policy or case.then or case.tables)
    ]  # fmt: skip
    yield "| first answer | tried next | caller gets | real s | simulated s | policy | agree |"
    yield "|---|---|---|---|---|---|---|"
    for case in plain:
        real = seen.get(case.name)
        _, code, took, would, said, same = _row(case, real)
        tried = "-" if real is None else "the next carrier" if real["rung"][1] else "nobody"
        yield (
            f"| {_told(case.carriers[0])} | {tried} | {code} | {took} | {would} | {said} | {same} |"
        )
    yield ""
    yield "| carriers | INVITEs | caller gets | real s | simulated s | policy | agree |"
    yield "|---|---|---|---|---|---|---|"
    for case in CASES:
        if case not in plain:
            told = "; ".join(_told(far) for far in case.carriers)
            told += " \\| next target answers" * case.then + _own(case)
            yield f"| {told} | {' | '.join(_row(case, seen.get(case.name)))} |"


if __name__ == "__main__":
    found = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    sys.stdout.write("\n".join(tables({each["name"]: each for each in found})) + "\n")
