"""What carriers answer first, what is tried next, and what the caller gets: the built-in policy.

A real FreeSWITCH and the simulator run the same rows, in the words of vnroute's own answer: one
target through as many carriers as a row has, then ``relay``. docs/hunting.md shows the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.ringing_table import EARLY_503, RINGS, SILENT, Far, answers, refuses
from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Policy, Step

NUMBER: Final = "+18005551234"
DIALLED: Final = "12125550100"
SECONDS: Final = 3


@dataclass(frozen=True)
class Case:
    """One call: what stands behind each gateway, the caller's code, seconds, INVITEs.

    Besides what a carrier does, a gateway may be ``"unknown"`` to the switch, ``"closed"`` (nobody
    listens on its UDP port) or ``"tcp refused"``.
    """

    name: str
    carriers: tuple[Far | str, ...]
    code: int
    rung: tuple[int, ...]
    least: float = 0.0
    most: float = 0.9
    policy: Policy | None = None
    then: bool = False


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
    relay = Policy(id="relay", relay=("UNALLOCATED_NUMBER",))
    yield Case("own: only 404 matters", (refuses(486),), 503, (1,), policy=relay)


CASES: Final[Sequence[Case]] = tuple(cases())


def lines(case: Case, gateways: Sequence[str], directory: Path) -> list[str]:
    """Return vnroute's own applications for a case; ``gateways`` are the carriers' by place.

    With ``then`` a second target follows, which the last gateway of the list takes.
    """
    carriers = [
        Carrier(
            id=f"c{place}", gateways=(Gateway(id=f"g{place}", gateway=name, progress_seconds=2),)
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
                 steps=(Step(ring=ring, seconds=SECONDS), Step(hangup="relay")))
        ],
        number_list=[Number(number=NUMBER, account="a", plan="p")],
        carrier_list=carriers,
    )  # fmt: skip
    reply = Matcher(compiled(routing, directory)).decide(
        channel_data(NUMBER[1:], caller="+34911234567"), MONDAY_NOON_IN_NEW_YORK
    )
    return [f"{name} {argument}" for name, argument in applications_of(reply)]
