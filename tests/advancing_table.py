"""After which failures of phones that rang together a plan goes on: the table of `advance`.

A real FreeSWITCH and the simulator run the same rows, in the words of vnroute's own answer: a step
that rings a number (through as many carriers as a row has for it) and a second phone together, a
step that rings a third, then ``relay``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.ringing_table import RINGS, Far, answers, refuses
from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Policy, Step

NUMBER: Final = "+18005551234"
DIALLED: Final = "12125550100"
SECONDS: Final = 2


@dataclass(frozen=True)
class Case:
    """One call: the first phone's carriers, the second phone, the caller's code, and INVITEs of
    each, the third phone's last. Times are seconds to the caller's answer.
    """

    name: str
    first: tuple[Far, ...]
    second: Far
    code: int
    rung: tuple[int, ...]
    policy: Policy | None = None
    least: float = 0.0
    most: float = 0.9

    @property
    def carriers(self) -> tuple[Far, ...]:
        """What stands behind every gateway, in the order of the legs."""
        return (*self.first, self.second, answers(0.1))


def cases() -> Iterator[Case]:
    """Return every row: what is built in, then what a policy of one's own changes."""
    busy, fails, loops = refuses(486), refuses(503), refuses(483)
    yield Case("both busy", (busy,), busy, 200, (1, 1, 1))
    yield Case("busy, the other rings out", (busy,), RINGS, 200, (1, 1, 1), least=2.0, most=4.3)
    yield Case("no carrier", (fails, fails), fails, 200, (1, 1, 1, 1))
    yield Case("a loop, the other fails", (loops,), fails, 483, (1, 1, 0))
    yield Case("the other loops", (fails, fails), loops, 483, (1, 1, 1, 0))
    yield Case("a loop, its next carrier is not asked", (loops, answers()), busy, 483, (1, 0, 1, 0))
    yield Case("a loop, the other rings out", (loops,), RINGS, 483, (1, 1, 0), least=2.0, most=3.6)
    yield Case("a loop, the other answers", (loops,), answers(0.5), 200, (1, 1, 0))
    own = Policy(id="own", advance={"USER_BUSY": "stop", "CALL_REJECTED": "stop"})
    yield Case("busy ends the plan", (busy,), fails, 486, (1, 1, 0), own)
    yield Case("the other is busy", (fails, fails), busy, 486, (1, 1, 1, 0), own)
    yield Case("busy behind the first carrier", (fails, busy), fails, 486, (1, 1, 1, 0), own)
    yield Case("at the end of the step", (busy,), RINGS, 486, (1, 1, 0), own, 2.0, 3.6)
    yield Case("busy, the other answers", (busy,), answers(0.5), 200, (1, 1, 0), own)
    yield Case("declined", (refuses(603),), fails, 603, (1, 1, 0), own)
    yield Case("403 is as declined here", (refuses(403),), fails, 603, (1, 1, 0), own)
    yield Case("neither", (fails, refuses(404)), fails, 200, (1, 1, 1, 1), own)
    silent = Policy(id="silent", advance={"NO_ANSWER": "stop"})
    yield Case("no answer ends the plan", (RINGS,), busy, 480, (1, 1, 0), silent, 2.0, 3.6)
    yield Case("busy does not", (busy,), busy, 200, (1, 1, 1), silent)
    around = Policy(id="around", advance={"EXCHANGE_ROUTING_ERROR": "next"})
    yield Case("a loop does not", (loops,), fails, 200, (1, 1, 1), around)


CASES: Final[Sequence[Case]] = tuple(cases())


def lines(case: Case, gateways: Sequence[str], directory: Path) -> list[str]:
    """Return vnroute's own applications for a case; ``gateways`` are named in the order of legs."""
    *carriers, second, third = gateways
    step = {"policy": case.policy.id} if case.policy else {}
    routing = MemoryRouting(
        account_list=[Account(id="a")],
        policy_list=[case.policy] if case.policy else [],
        plan_list=[
            Plan(
                id="p",
                account="a",
                steps=(
                    Step(
                        ring=(f"+{DIALLED}", f"gateway:{second}/1"),
                        how="together",
                        seconds=SECONDS,
                        **step,
                    ),
                    Step(ring=(f"gateway:{third}/1",)),
                    Step(hangup="relay"),
                ),
            )
        ],
        number_list=[Number(number=NUMBER, account="a", plan="p")],
        carrier_list=[
            Carrier(id=f"c{n}", gateways=(Gateway(id=f"g{n}", gateway=name, progress_seconds=2),))
            for n, name in enumerate(carriers)
        ],
    )
    reply = Matcher(compiled(routing, directory)).decide(
        channel_data(NUMBER[1:], caller="+34911234567"), MONDAY_NOON_IN_NEW_YORK
    )
    return [f"{name} {argument}".rstrip() for name, argument in applications_of(reply)]
