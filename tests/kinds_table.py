"""The seven kinds of ringing, each with a phone that is busy, silent, slow, answers, or sends 183
and then 503: in the words of vnroute's own answer, for a real FreeSWITCH and the simulator.

The phone that vnroute rings first is the one that does so, whichever that is where it draws or
rotates; the other answers. ``python -m tests.kinds_table FILE`` prints the table of docs/ringing.md
from what ``tests/freeswitch/test_kinds.py`` has written there (VNROUTE_SEEN=FILE).
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.ringing_table import EARLY_503, RINGS, SILENT, Far, answers, refuses
from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Step
from vnroute.model.target import Target

NUMBER: Final = "+18005551234"
SECONDS: Final = 2
OTHER: Final = answers(0.6)
"""What the phone does that is not the first."""

FIRST: Final[dict[str, Far]] = {
    "busy": refuses(486),
    "silent": SILENT,
    "slow": RINGS,
    "answering": answers(0.2),
    "183, then 503": EARLY_503,
}

# INVITEs of the first and of the other, who has the call (0 the first), and the caller's code.
Outcome = tuple[tuple[int, int], int | None, int]
_ON: Final[dict[str, Outcome]] = {name: ((1, 1), 1, 200) for name in FIRST}
_ALONE: Final[Outcome] = ((1, 0), 0, 200)
_FOLLOWS: Final = _ON | {"answering": _ALONE}
KINDS: Final[dict[str, dict[str, Outcome]]] = {
    "one": _FOLLOWS | {"busy": ((1, 0), None, 486), "slow": ((1, 0), None, 480)},
    "in order": _FOLLOWS,
    "together": _ON | {"answering": ((1, 1), 0, 200)},
    "staggered": _FOLLOWS,
    "round robin": _FOLLOWS,
    "weighted share": _FOLLOWS,
    "by caller": _FOLLOWS,
}


@dataclass(frozen=True)
class Case:
    """One call: a kind of ringing, and what the phone rung first does."""

    kind: str
    first: str
    rung: tuple[int, int]
    winner: int | None
    code: int

    @property
    def name(self) -> str:
        """Its name among the tests."""
        return f"{self.kind}-{self.first}"


CASES: Final[Sequence[Case]] = tuple(
    Case(kind, first, *outcome) for kind, row in KINDS.items() for first, outcome in row.items()
)


def _steps(kind: str, one: str, two: str) -> tuple[Step, ...]:
    both: tuple[str | Target, ...] = (f"gateway:{one}/1", f"gateway:{two}/1")
    if kind == "one":
        return (Step(ring=("+12125550100",), seconds=SECONDS),)
    if kind == "together":
        return (Step(ring=both, how="together", seconds=SECONDS),)
    if kind == "staggered":
        late = Target(to=f"gateway:{two}/1", delay=1)
        return (Step(ring=(both[0], late), how="together", seconds=SECONDS),)
    if kind == "round robin":
        return (Step(ring=both, how="rotate", seconds=SECONDS),)
    if kind == "weighted share":
        shared = (Target(to=f"gateway:{one}/1", share=60), Target(to=f"gateway:{two}/1", share=40))
        return (Step(ring=shared, how="share", seconds=SECONDS),)
    if kind == "by caller":
        return (
            Step(callers=("+1",), ring=(both[1],)),
            Step(callers=("+34",), ring=(both[0],), seconds=SECONDS),
            Step(ring=(both[1],), seconds=SECONDS),
        )
    return (Step(ring=both, seconds=SECONDS),)


_seeds = itertools.count(1)


def lines(case: Case, gateways: Sequence[str], directory: Path) -> tuple[list[str], list[str]]:
    """Return vnroute's own applications for a case, and the gateways in the order it rings them."""
    routing = MemoryRouting(
        account_list=[Account(id="a")],
        plan_list=[
            Plan(id="p", account="a", steps=(*_steps(case.kind, *gateways), Step(hangup="relay")))
        ],
        number_list=[Number(number=NUMBER, account="a", plan="p")],
        carrier_list=[
            Carrier(id=name, gateways=(Gateway(id=name, gateway=name, progress_seconds=2),))
            for name in gateways
        ],
    )
    matcher = Matcher(compiled(routing, directory), seed=next(_seeds))
    reply = matcher.decide(channel_data(NUMBER[1:], caller="+34911234567"), MONDAY_NOON_IN_NEW_YORK)
    plan = [f"{name} {argument}".rstrip() for name, argument in applications_of(reply)]
    dialled = "\n".join(line for line in plan if line.startswith("bridge"))
    rung = re.findall(r"sofia/gateway/([^/]+)/", dialled)
    return plan, rung


def simulated(case: Case, directory: Path, fraction: float) -> dict[str, Any]:
    """Return how a case goes in the simulator, in the form that the real switch is told of in."""
    from tests.simulator.test_ringing import behaviour, run

    plan, rung = lines(case, ("gw0", "gw1"), directory)
    far = dict(zip(rung, (behaviour(FIRST[case.first]), behaviour(OTHER)), strict=True))
    session = run(plan, {"gateways": far}, None, fraction)
    made = [attempt.gateway for attempt in session.attempts if attempt.created]
    winner = session.answered_by.gateway if session.answered_by is not None else None
    return {
        "code": session.final_sip,
        "rung": tuple(made.count(name) for name in rung),
        "winner": rung.index(winner) if winner is not None else None,
        "seconds": session.now,
    }


def table(seen: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the table, real beside simulated, from what was seen of each case."""
    yield "| kind | the first phone | FreeSWITCH | simulator | agree |"
    yield "|---|---|---|---|---|"
    for case in CASES:
        real = seen.get(case.name)
        with tempfile.TemporaryDirectory() as directory:
            spread = [simulated(case, Path(directory), n / 10) for n in range(10)]
        least, most = (pick(one["seconds"] for one in spread) for pick in (min, max))
        told = [
            f"{of['code']}, INVITEs {of['rung'][0]}, {of['rung'][1]}, "
            + ("nobody" if of["winner"] is None else ("the first", "the other")[of["winner"]])
            for of in (real or {"code": "-", "rung": "--", "winner": None}, spread[0])
        ]
        same = real is not None and told[0] == told[1]
        same = same and real is not None and least - 0.1 <= real["seconds"] <= most + 0.5
        took = f"{real['seconds']:.2f} s" if real else "not run"
        yield (
            f"| {case.kind} | {case.first} | {told[0]}, {took} |"
            f" {told[1]}, {least:.2f} to {most:.2f} s | {'yes' if same else 'NO'} |"
        )


if __name__ == "__main__":
    found = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    sys.stdout.write("\n".join(table({each["name"]: each for each in found})) + "\n")
