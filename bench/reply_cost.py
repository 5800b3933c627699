"""What a part of an answer costs FreeSWITCH: ``python -m bench.reply_cost``.

CPU a call of a real FreeSWITCH (VNROUTE_FREESWITCH) with SIPp on both sides. One switch, blocks of
calls by turns, in an order that rotates: blocks of one round are minutes of CPU frequency and heap
apart from other rounds', not from each other. So each round gives differences, and their median is
printed with the quartiles. Parts are sent many at once, and what they cost is divided.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from bench.process import cpu_seconds
from tests.freeswitch.canned import Canned, headers, xferext
from tests.freeswitch.harness import (
    FreeSwitch,
    HarnessError,
    SippCarrier,
    missing,
    place,
)
from tests.support.images import compiled
from tests.support.memory import MemoryRouting
from vnroute.loadtest.errors import LoadTestError
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import applications_of, channel_data
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Step

GATEWAY = "gwA"
DIALLED = "12125550100"
BRIDGE = f"sofia/gateway/{GATEWAY}/{DIALLED}"

Lines = list[tuple[str, str]]
"""Applications and their arguments; the first sets all variables."""


@dataclass(frozen=True)
class Part:
    """Calls of one kind: what a call is answered with, by the switch itself or by a server.

    ``pad`` is how many bytes its headers have more. ``beside`` is the kind whose cost is taken
    off, ``each`` by how much the rest is divided.
    """

    name: str
    change: Callable[[Lines], Lines] | None = None
    plain: bool = False
    in_dialplan: bool = False
    in_headers: bool = False
    pad: int = 0
    beside: str = ""
    each: int = 1


STATIC, ANSWER = "static", "answer"


def _more_variables(lines: Lines) -> Lines:
    (_, sets), *others = lines
    return [("multiset", sets + "".join(f";vn_x{n:02}=abcdefgh" for n in range(20))), *others]


def _longer(lines: Lines) -> Lines:
    (_, sets), *others = lines
    return [("multiset", f"{sets};vn_x={'x' * 5000}"), *others]


def _in_the_leg(lines: Lines) -> Lines:
    more = "".join(f"vn_x{n:02}=abcdefgh," for n in range(20))
    return [(name, argument.replace("[", f"[{more}")) for name, argument in lines]


PARTS = {
    STATIC: Part("a static dialplan with one bridge", plain=True, in_dialplan=True),
    "socket": Part("`socket` to a canned server that answers with one `bridge`", plain=True,
                   beside=STATIC),
    "plan": Part("the whole plan from a static dialplan, without a socket", in_dialplan=True,
                 beside=STATIC),
    ANSWER: Part("vnroute's answer, variables in a body (one carrier)", beside=STATIC),
    "headers": Part("the same with the variables among the headers", in_headers=True,
                    beside=STATIC),
    "header": Part("1,000 bytes more of headers", pad=3000, beside=ANSWER, each=3),
    "variables": Part("a channel variable more", _more_variables, beside=ANSWER, each=20),
    "leg": Part("a variable more in a leg's `[]`", _in_the_leg, beside=ANSWER, each=20),
    "value": Part("1,000 bytes more in a variable's value", _longer, beside=ANSWER, each=5),
    "applications": Part("an application more",
                         lambda lines: [lines[0], *[("eval", "x")] * 10, *lines[1:]],
                         beside=ANSWER, each=10),
}  # fmt: skip


def number(part: str) -> str:
    """The number whose calls are of this kind."""
    return f"+1800555{list(PARTS).index(part):04}"


def routing() -> MemoryRouting:
    """One target through one carrier, for the number of each part."""
    return MemoryRouting(
        account_list=[Account(id="acme")],
        plan_list=[
            Plan(id="acme-main", account="acme",
                 steps=(Step(ring=(f"+{DIALLED}",)), Step(hangup="relay")))
        ],
        number_list=[Number(number=number(part), account="acme", plan="acme-main")
                     for part in PARTS],
        carrier_list=[Carrier(id="alpha", gateways=(Gateway(id="alpha-1", gateway=GATEWAY),))],
    )  # fmt: skip


def answer(part: Part, matcher: Matcher, data: bytes) -> bytes:
    """What a server answers to a call of a part."""
    if part.plain:
        return xferext([f"bridge {BRIDGE}"])
    reply = matcher.decide(data, time.time())
    if part.pad:
        command = b"call-command: xferext\n"
        return reply.replace(command, command + b"x-pad: " + b"x" * part.pad + b"\n")
    if part.change is None and not part.in_headers:
        return reply
    lines = list(applications_of(reply))
    if part.change is not None:
        lines = part.change(lines)
    text = [f"{name} {argument}" for name, argument in lines]
    if not part.in_headers:
        return xferext(text)
    # As an application of the extension, each of whose lines is a header.
    return xferext(["eval", *text]).replace(b"application: eval\n", b"", 1)


def dialplan(matcher: Matcher, data: Callable[[str], bytes]) -> str:
    """What fs-conf's dialplan says, behind the parts that no server answers."""
    shipped = (Path(__file__).parents[1] / "fs-conf/dialplan/vnroute.xml").read_text()
    socket = ElementTree.fromstring(shipped).find("context/extension")
    assert socket is not None
    found = []
    for name, part in PARTS.items():
        if not part.in_dialplan:
            continue
        lines: Lines = [("set", "hangup_after_bridge=true"), ("bridge", BRIDGE)]
        if not part.plain:
            # A leg's uuid is the call's own but for its first digits: one that is used twice fails.
            own = r"origination_uuid=\1${uuid:4}"
            lines = [
                (app, re.sub(r"origination_uuid=([0-9a-f]{4})[0-9a-f-]{32}", own, argument))
                for app, argument in applications_of(matcher.decide(data(name), time.time()))
            ]
        actions = "\n".join(
            f"<action application={quoteattr(app)} data={quoteattr(argument)}/>"
            for app, argument in lines
        )
        found.append(
            f'<extension name="{name}"><condition field="destination_number"'
            f' expression="^\\{number(name)}$">\n{actions}\n</condition></extension>'
        )
    others = ElementTree.tostring(socket, encoding="unicode")
    # FreeSWITCH's pre-processor works by lines, and drops those with "include" in them.
    inner = "\n".join([*found, others])
    return f'<include>\n<context name="vnroute">\n{inner}\n</context>\n</include>\n'


def measure(
    rounds: int, calls: int, rate: int, progress: Callable[[str], None]
) -> dict[str, list[float]]:
    """Return the switch's CPU, ms a call, of each part in each round."""
    spent: dict[str, list[float]] = {name: [] for name in PARTS}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        matcher = Matcher(compiled(routing(), folder))
        by_number = {number(name): part for name, part in PARTS.items()}

        def reply(data: bytes) -> bytes:
            return answer(by_number[headers(data)["Caller-Destination-Number"]], matcher, data)

        plan = dialplan(matcher, lambda name: channel_data(number(name)[1:], "+12125550199"))
        server = stack.enter_context(Canned(reply))
        carrier = stack.enter_context(SippCarrier.answers(GATEWAY))
        switch = stack.enter_context(
            FreeSwitch([server.node], [carrier.gateway()], cdr="off", dialplan=plan)
        )

        def block(name: str) -> float:
            before = cpu_seconds([switch.pid])
            placed = place(switch.address, [number(name)], calls=calls, rate=rate, hold_ms=100)
            switch.wait_idle()
            codes = placed.codes()
            if codes != {200: calls}:
                raise HarnessError(f"{name}: found calls that ended with {dict(codes)},"
                                   f" expected {calls} that are answered")  # fmt: skip
            return 1000 * (cpu_seconds([switch.pid]) - before) / calls

        names = list(PARTS)
        for name in names:
            block(name)
        for turn in range(rounds):
            progress(f"round {turn + 1} of {rounds}")
            start = turn % len(names)
            for name in names[start:] + names[:start]:
                spent[name].append(block(name))
    return spent


def costs(spent: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float, float]]:
    """Return (lower quartile, median, upper quartile) of what each part costs, ms."""
    found = {}
    for name, part in PARTS.items():
        base = spent[part.beside] if part.beside else [0.0] * len(spent[name])
        parted = [(one - other) / part.each for one, other in zip(spent[name], base, strict=True)]
        found[name] = tuple(statistics.quantiles(parted, n=4, method="inclusive"))
    return found  # type: ignore[return-value]


def main() -> int:
    """Measure and print the table; 2 where there is no FreeSWITCH or no SIPp."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="example: VNROUTE_FREESWITCH=/usr/bin/freeswitch python -m bench.reply_cost",
    )
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--calls", type=int, default=60, help="of a block")
    parser.add_argument("--rate", type=int, default=40, help="calls a second")
    parser.add_argument("--json", action="store_true", help="each round's figures, too")
    given = parser.parse_args()
    if given.rounds < 2 or given.calls < 1 or given.rate < 1:
        parser.error("expected 2 rounds or more, a call or more, at 1 a second or more")
    try:
        why = missing()
    except LoadTestError as error:
        why = str(error)
    if why is not None:
        print(f"bench.reply_cost: {why}", file=sys.stderr)
        return 2
    try:
        spent = measure(
            given.rounds, given.calls, given.rate,
            lambda text: print(text, file=sys.stderr, flush=True),
        )  # fmt: skip
    except HarnessError as error:
        print(f"bench.reply_cost: {error}", file=sys.stderr)
        return 1
    found = costs(spent)
    if given.json:
        print(json.dumps({"ms": found, "rounds": spent}))
        return 0
    print("| what | ms a call | quartiles |")
    print("|---|---|---|")
    for name, (low, middle, high) in found.items():
        places = 3 if PARTS[name].each > 3 else 2
        spread = f"{low:.{places}f} to {high:.{places}f}"
        print(f"| {PARTS[name].name} | {middle:.{places}f} | {spread} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
