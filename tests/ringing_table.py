"""The seven kinds of ringing, as data: a real FreeSWITCH and the simulator run the same rows.

Each row is a plan in the very words that vnroute sends (docs/ringing.md), what the phones behind
its gateways do, and what was seen on a FreeSWITCH 1.11 with SIPp phones. ``tests/freeswitch/`` runs
them where there is a FreeSWITCH, ``tests/simulator/test_ringing.py`` everywhere and in no time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

NUMBER: Final = "+18005551234"
DIALLED: Final = "12125550100"

STOP: Final = ("USER_BUSY", "CALL_REJECTED", "ALLOTTED_TIMEOUT", "UNWANTED")
"""What ends the hunt over a target's carriers."""

CHANNEL: Final = (
    f"vn_number={NUMBER}",
    "hangup_after_bridge=true",
    "continue_on_fail=true",
    "sip_ignore_remote_cause=true",
    "sip_copy_custom_headers=false",
    "ignore_early_media=true",
    "originate_continue_on_timeout=true",
    f"fail_on_single_reject={','.join(STOP)}",
)

EXPORTS: Final = (
    "origination_nested_vars=true",
    "export_vars=origination_nested_vars,fail_on_single_reject,"
    "nolocal:process_cdr,nolocal:api_hangup_hook",
    "nolocal:process_cdr=false",
    r"nolocal:api_hangup_hook=uuid_setvar ${uuid} vn_c\\\${uuid:0:2} \\\${hangup_cause}",
)
"""What a branch of an enterprise originate has to be given, since it does not know the caller."""

PROMPT: Final = "tone_stream://%(200,50,440)%(200,50,554)%(200,50,659)"

CONFIRM: Final = (
    f"group_confirm_key=1,group_confirm_file='{PROMPT}',group_confirm_timeout=3,"
    f"group_confirm_read_timeout=2000,fail_on_single_reject={'+'.join((*STOP, 'NORMAL_CLEARING'))}"
)

PAST_A_403: Final = (
    "bridge ${regex(m:~${originate_causes}#${sip_invite_failure_status}#${current_application_data}"
    r"~(?:^|:)([^|:;]+);CALL_REJECTED#403#([^[]*).*=\1[^|]*[|](.+)~%2%3~n)}"
)
"""After a bridge whose last leg got a 403: the same bridge again, from the carrier after that one.
After anything else a bridge to nowhere, which does nothing."""

PRECEDENCE: Final = (
    "^(?|.*;(USER_BUSY)|.*;(CALL_REJECTED)|.*;(UNWANTED)|.*;(NO_ANSWER)"
    "|.*;(?:ALLOTTED_TIMEOUT|NORMAL_CLEARING)()|.*;(UNALLOCATED_NUMBER)"
    "|.*;(NORMAL_TEMPORARY_FAILURE))"
)

Kind = Literal[
    "one phone",
    "in order",
    "together",
    "staggered",
    "confirmed",
    "confirmed together",
    "past a 403",
]


@dataclass(frozen=True)
class Far:
    """What happens behind one gateway.

    Times are seconds; those of ``press`` and ``leaves`` count from the answer: when key ``key`` is
    pressed, when the phone is put down again.
    """

    does: Literal["answers", "rings", "refuses", "is silent", "sends 183, refuses"]
    after: float = 0.0
    code: int = 0
    press: float | None = None
    key: str = "1"
    leaves: float | None = None


@dataclass(frozen=True)
class Phone:
    """A target: its carriers in order, seconds to wait before it rings, whether it must press 1."""

    carriers: tuple[Far, ...]
    delay: int = 0
    confirms: bool = False


@dataclass(frozen=True)
class Row:
    """One call. ``steps`` are rung one after the other, the phones of one step together.

    ``code`` is the SIP code the caller gets, None if he gives up before (after ``patience``), and
    it comes between ``least`` and ``most`` seconds. ``rung`` counts the INVITEs of each carrier in
    the order of the plan; ``winner`` is the place of the one that got the call; ``causes`` are the
    other legs' hangup causes by place.
    """

    kind: Kind
    name: str
    steps: tuple[tuple[Phone, ...], ...]
    code: int | None
    least: float
    most: float
    rung: tuple[int, ...]
    winner: int | None = None
    causes: dict[int, str] = field(default_factory=dict)
    seconds: int = 4
    guards: int = 0
    patience: float | None = None

    @property
    def carriers(self) -> list[Far]:
        """Every carrier of the plan, by place."""
        return [far for step in self.steps for phone in step for far in phone.carriers]

    @property
    def tells_by_variable(self) -> bool:
        """Does a step ring several phones, so that legs' causes are in ``vn_c…``?"""
        return any(len(step) > 1 for step in self.steps)


_marks = itertools.count(1)


def leg_uuid(place: int) -> str:
    """Return a uuid whose first two digits are the leg's place, as vnroute makes them."""
    return f"{place:02x}000000-0000-8000-8000-{next(_marks):012x}"


def lines(row: Row, gateways: Sequence[str]) -> list[str]:
    """Return the plan's applications; ``gateways`` are the names of its carriers' by place."""
    branching = row.tells_by_variable
    plan = ["multiset ^^;" + ";".join((*CHANNEL, *(EXPORTS if branching else ())))]
    if branching:
        plan.append("ring_ready")
    place = 0
    for step in row.steps:
        branches = []
        for phone in step:
            dials = []
            for _ in phone.carriers:
                uuid = leg_uuid(place)
                dials.append(
                    f"[leg_progress_timeout=1,origination_uuid={uuid}]"
                    f"sofia/gateway/{gateways[place]}/{DIALLED}"
                )
                place += 1
            variables = [f"leg_timeout={row.seconds}"]
            if phone.delay:
                variables.append("local_var_clobber=true")
                dials.insert(
                    0,
                    f"[leg_timeout=0,leg_progress_timeout={phone.delay},"
                    f"origination_uuid={leg_uuid(0xFF)}]pickup/{NUMBER[1:]}",
                )
            if phone.confirms:
                variables.append(CONFIRM)
            branches.append(f"{{{','.join(variables)}}}{'|'.join(dials)}")
        plan.append("bridge " + ":_:".join(branches))
        plan += [PAST_A_403] * row.guards
    told = "".join(f"${{vn_c{n:02x}}};" for n in range(place)) if branching else ""
    causes = f"${{originate_causes}};{told}NORMAL_TEMPORARY_FAILURE"
    plan.append(f"hangup ${{regex(m:~{causes}~{PRECEDENCE}~%1)}}")
    return plan


def causes(variable: Callable[[str], str | None]) -> dict[int, str]:
    """Return each leg's hangup cause by place, from the caller's variables or a call record."""
    listed = (variable("originate_causes") or "").removeprefix("ARRAY::")
    found = {}
    for item in listed.split("|:") if listed else ():
        uuid, _, cause = item.partition(";")
        found[int(uuid[:2], 16)] = cause
    for place in range(0xFF):
        told = variable(f"vn_c{place:02x}")
        if told is not None:
            found[place] = told
    return found


# -- the rows -------------------------------------------------------------------------------------


def answers(after: float = 0.3, press: float | None = None, **more: float | str | None) -> Far:
    """Rings, and is picked up."""
    return Far("answers", after, press=press, **more)  # type: ignore[arg-type]


def refuses(code: int) -> Far:
    """Refuses at once."""
    return Far("refuses", code=code)


RINGS: Final = Far("rings")
SILENT: Final = Far("is silent")
EARLY_503: Final = Far("sends 183, refuses", 0.3, 503)


def _phone(*carriers: Far, delay: int = 0, confirms: bool = False) -> Phone:
    return Phone(carriers, delay, confirms)


def _asked(*carriers: Far) -> Phone:
    return Phone(carriers, confirms=True)


BUSY: Final = "USER_BUSY"
GONE: Final = "NORMAL_TEMPORARY_FAILURE"
RANG_OUT: Final = "ALLOTTED_TIMEOUT"


def rows() -> Iterator[Row]:
    """Return every row."""
    yield from _one_phone()
    yield from _in_order()
    yield from _together()
    yield from _staggered()
    yield from _confirmed()
    yield from _confirmed_together()
    yield from _past_a_403()


def _one_phone() -> Iterator[Row]:
    def row(name: str, *carriers: Far, **expected: object) -> Row:
        return Row("one phone", name, ((_phone(*carriers),),), **expected)  # type: ignore[arg-type]

    yield row("answers", answers(), answers(),
              code=200, least=0.3, most=0.8, rung=(1, 0), winner=0)  # fmt: skip
    yield row("503, then answers", refuses(503), answers(),
              code=200, least=0.3, most=0.9, rung=(1, 1), winner=1, causes={0: GONE})  # fmt: skip
    yield row("silent, then answers", SILENT, answers(),
              code=200, least=1.2, most=2.9, rung=(1, 1), winner=1,
              causes={0: "PROGRESS_TIMEOUT"})  # fmt: skip
    yield row("183 then 503, then answers", EARLY_503, answers(),
              code=200, least=0.6, most=1.2, rung=(1, 1), winner=1, causes={0: GONE})  # fmt: skip
    yield row("busy", refuses(486), answers(),
              code=486, least=0.0, most=0.4, rung=(1, 0), causes={0: BUSY})  # fmt: skip
    yield row("rings out", RINGS, answers(), seconds=2,
              code=480, least=2.0, most=3.4, rung=(1, 0), causes={0: RANG_OUT})  # fmt: skip
    yield row("all carriers fail", refuses(503), refuses(500),
              code=503, least=0.0, most=0.4, rung=(1, 1), causes={0: GONE, 1: GONE})  # fmt: skip
    yield row("unwanted", refuses(607), answers(),
              code=607, least=0.0, most=0.4, rung=(1, 0), causes={0: "UNWANTED"})  # fmt: skip


def _in_order() -> Iterator[Row]:
    def row(name: str, *phones: Phone, **expected: object) -> Row:
        steps = tuple((phone,) for phone in phones)
        return Row("in order", name, steps, **expected)  # type: ignore[arg-type]

    yield row("busy, next answers", _phone(refuses(486), answers()), _phone(answers()),
              code=200, least=0.3, most=0.9, rung=(1, 0, 1), winner=2,
              causes={0: BUSY})  # fmt: skip
    yield row("rings out, next answers", _phone(RINGS, answers()), _phone(answers()), seconds=2,
              code=200, least=2.3, most=3.9, rung=(1, 0, 1), winner=2,
              causes={0: RANG_OUT})  # fmt: skip
    yield row("declined, next has no carrier", _phone(refuses(603)), _phone(refuses(503)),
              code=603, least=0.0, most=0.4, rung=(1, 1),
              causes={0: "CALL_REJECTED", 1: GONE})  # fmt: skip


def _together() -> Iterator[Row]:
    def row(name: str, *phones: Phone, then: Phone | None = None, **expected: object) -> Row:
        steps = (phones,) if then is None else (phones, (then,))
        return Row("together", name, steps, **expected)  # type: ignore[arg-type]

    lost = "LOSE_RACE"
    yield row("one answers", _phone(answers(0.5), answers()), _phone(RINGS),
              code=200, least=0.5, most=0.9, rung=(1, 0, 1), winner=0,
              causes={2: lost})  # fmt: skip
    yield row("503 moves one phone on, the other rings on", _phone(refuses(503), answers(1.0)),
              _phone(RINGS), code=200, least=1.0, most=1.5, rung=(1, 1, 1), winner=1,
              causes={0: GONE, 2: lost})  # fmt: skip
    yield row("silence moves one phone on", _phone(SILENT, answers(0.5)), _phone(RINGS),
              code=200, least=1.4, most=2.9, rung=(1, 1, 1), winner=1,
              # That branch still reports the silence, and the other phone is told of a cancel.
              causes={0: "PROGRESS_TIMEOUT", 2: "ORIGINATOR_CANCEL"})  # fmt: skip
    yield row("183 then 503 moves one phone on", _phone(EARLY_503, answers(0.5)), _phone(RINGS),
              code=200, least=0.8, most=1.3, rung=(1, 1, 1), winner=1,
              causes={0: GONE, 2: lost})  # fmt: skip
    yield row("a busy phone leaves the other ringing", _phone(refuses(486), answers()),
              _phone(answers(1.5)), code=200, least=1.5, most=1.9, rung=(1, 0, 1), winner=2,
              causes={0: BUSY})  # fmt: skip
    yield row("a declining phone leaves the other ringing", _phone(refuses(603), answers()),
              _phone(answers(1.5)), code=200, least=1.5, most=1.9, rung=(1, 0, 1), winner=2,
              causes={0: "CALL_REJECTED"})  # fmt: skip
    yield row("nobody answers, next", _phone(RINGS, answers()), _phone(RINGS), seconds=2,
              then=_phone(answers()), code=200, least=2.3, most=3.9, rung=(1, 0, 1, 1), winner=3,
              causes={0: RANG_OUT, 2: RANG_OUT})  # fmt: skip
    yield row("all busy, next at once", _phone(refuses(486), answers()), _phone(refuses(486)),
              then=_phone(answers()), code=200, least=0.3, most=0.9, rung=(1, 0, 1, 1), winner=3,
              causes={0: BUSY, 2: BUSY})  # fmt: skip
    yield row("all busy", _phone(refuses(486), answers()), _phone(refuses(486)),
              code=486, least=0.0, most=0.5, rung=(1, 0, 1), causes={0: BUSY, 2: BUSY})  # fmt: skip
    yield row("one busy, no carrier for the other", _phone(refuses(486)),
              _phone(refuses(503), refuses(503)), code=486, least=0.0, most=0.5, rung=(1, 1, 1),
              causes={0: BUSY, 1: GONE, 2: GONE})  # fmt: skip
    yield row("one busy, the other rings out", _phone(refuses(486)), _phone(RINGS), seconds=2,
              code=486, least=2.0, most=3.4, rung=(1, 1),
              causes={0: BUSY, 1: RANG_OUT})  # fmt: skip
    yield row("no carrier at all", _phone(refuses(503), refuses(500)), _phone(refuses(503)),
              code=503, least=0.0, most=0.5, rung=(1, 1, 1),
              causes={0: GONE, 1: GONE, 2: GONE})  # fmt: skip
    yield row("caller gives up", _phone(RINGS), _phone(RINGS), patience=1.0,
              code=None, least=1.0, most=1.2, rung=(1, 1))  # fmt: skip


def _staggered() -> Iterator[Row]:
    def row(name: str, *phones: Phone, then: Phone | None = None, **expected: object) -> Row:
        steps = (phones,) if then is None else (phones, (then,))
        return Row("staggered", name, steps, **expected)  # type: ignore[arg-type]

    yield row("the second joins and answers", _phone(RINGS), _phone(answers(), delay=1),
              code=200, least=1.3, most=2.8, rung=(1, 1), winner=1,
              causes={0: "ORIGINATOR_CANCEL"})  # fmt: skip
    yield row("the first answers before", _phone(answers(0.5)), _phone(answers(), delay=1),
              code=200, least=0.5, most=0.9, rung=(1, 0), winner=0)  # fmt: skip
    yield row("the first rings on and answers", _phone(answers(2.5)), _phone(RINGS, delay=1),
              code=200, least=2.5, most=3.0, rung=(1, 1), winner=0,
              # What let the time pass before it ended by PROGRESS_TIMEOUT, which sticks.
              causes={1: "PROGRESS_TIMEOUT"})  # fmt: skip
    yield row("the second by its second carrier", _phone(RINGS),
              _phone(refuses(503), answers(), delay=1), code=200, least=1.3, most=2.9,
              rung=(1, 1, 1), winner=2, causes={0: "ORIGINATOR_CANCEL", 1: GONE})  # fmt: skip
    yield row("the second is busy, its second carrier is not asked", _phone(answers(2.5)),
              _phone(refuses(486), answers(), delay=1), code=200, least=2.5, most=3.0,
              rung=(1, 1, 0), winner=0, causes={1: BUSY})  # fmt: skip
    yield row("nobody answers, next", _phone(RINGS), _phone(RINGS, answers(), delay=1), seconds=2,
              then=_phone(answers()), code=200, least=3.3, most=6.0, rung=(1, 1, 0, 1), winner=3,
              causes={0: RANG_OUT, 1: RANG_OUT})  # fmt: skip
    yield row("all busy", _phone(refuses(486)), _phone(refuses(486), delay=1),
              code=486, least=1.0, most=2.6, rung=(1, 1), causes={0: BUSY, 1: BUSY})  # fmt: skip
    yield row("caller gives up before the second", _phone(RINGS), _phone(RINGS, delay=3),
              patience=0.8, code=None, least=0.8, most=1.0, rung=(1, 0))  # fmt: skip


def _confirmed() -> Iterator[Row]:
    def row(name: str, *phones: Phone, **expected: object) -> Row:
        steps = tuple((phone,) for phone in phones)
        return Row("confirmed", name, steps, **expected)  # type: ignore[arg-type]

    yield row("presses 1", _asked(answers(press=1.0), answers()),
              code=200, least=1.3, most=2.0, rung=(1, 0), winner=0)  # fmt: skip
    yield row("presses nothing, as voicemail does", _asked(answers(), answers()),
              _phone(answers()), code=200, least=3.5, most=5.4, rung=(1, 0, 1), winner=2,
              causes={0: RANG_OUT})  # fmt: skip
    yield row("presses nothing, nobody else", _asked(answers(), answers()),
              code=480, least=3.2, most=5.0, rung=(1, 0), causes={0: RANG_OUT})  # fmt: skip
    yield row("presses another key", _asked(answers(press=0.5, key="5")), _phone(answers()),
              code=200, least=3.5, most=5.4, rung=(1, 1), winner=1,
              causes={0: RANG_OUT})  # fmt: skip
    yield row("hangs up during the prompt", _asked(answers(leaves=1.0), answers()),
              _phone(answers()), code=200, least=1.5, most=2.3, rung=(1, 0, 1), winner=2,
              causes={0: "NORMAL_CLEARING"})  # fmt: skip
    yield row("503, then presses 1", _asked(refuses(503), answers(press=0.5)),
              code=200, least=0.8, most=1.6, rung=(1, 1), winner=1, causes={0: GONE})  # fmt: skip


def _confirmed_together() -> Iterator[Row]:
    def row(name: str, *phones: Phone, **expected: object) -> Row:
        return Row("confirmed together", name, (phones,), **expected)  # type: ignore[arg-type]

    yield row("one presses, the other rings", _asked(answers(press=1.0)), _asked(RINGS),
              code=200, least=1.3, most=2.0, rung=(1, 1), winner=0,
              causes={1: "LOSE_RACE"})  # fmt: skip
    yield row("both answer, one presses", _asked(answers()), _asked(answers(0.8, press=0.7)),
              code=200, least=1.5, most=2.2, rung=(1, 1), winner=1,
              causes={0: "LOSE_RACE"})  # fmt: skip
    yield row("voicemail takes the one, the other answers unasked", _asked(answers()),
              _phone(answers(2.0)), code=200, least=2.0, most=2.5, rung=(1, 1), winner=1,
              causes={0: "LOSE_RACE"})  # fmt: skip
    yield row("nobody presses, the other is busy", _asked(answers()), _phone(refuses(486)),
              code=486, least=3.2, most=5.0, rung=(1, 1),
              causes={0: RANG_OUT, 1: BUSY})  # fmt: skip
    yield row("caller gives up during the prompt", _asked(answers()), _phone(RINGS), patience=1.2,
              code=None, least=1.2, most=1.4, rung=(1, 1))  # fmt: skip


def _past_a_403() -> Iterator[Row]:
    def row(name: str, *phones: Phone, guards: int = 1, **expected: object) -> Row:
        steps = tuple((phone,) for phone in phones)
        return Row("past a 403", name, steps, guards=guards, **expected)  # type: ignore[arg-type]

    no = "CALL_REJECTED"
    yield row("403, next carrier", _phone(refuses(403), answers()),
              code=200, least=0.3, most=0.9, rung=(1, 1), winner=1, causes={0: no})  # fmt: skip
    yield row("603 is a person", _phone(refuses(603), answers()),
              code=603, least=0.0, most=0.4, rung=(1, 0), causes={0: no})  # fmt: skip
    yield row("busy", _phone(refuses(486), answers()),
              code=486, least=0.0, most=0.4, rung=(1, 0), causes={0: BUSY})  # fmt: skip
    yield row("503, 403: nobody is asked twice", _phone(refuses(503), refuses(403), answers()),
              code=200, least=0.3, most=0.9, rung=(1, 1, 1), winner=2,
              causes={0: GONE, 1: no})  # fmt: skip
    yield row("403, 503", _phone(refuses(403), refuses(503), answers()),
              code=200, least=0.3, most=0.9, rung=(1, 1, 1), winner=2,
              causes={0: no, 1: GONE})  # fmt: skip
    yield row("403, 403", _phone(refuses(403), refuses(403), answers()),
              code=603, least=0.0, most=0.5, rung=(1, 1, 0), causes={0: no, 1: no})  # fmt: skip
    yield row("403, 403, guarded twice", _phone(refuses(403), refuses(403), answers()), guards=2,
              code=200, least=0.3, most=1.0, rung=(1, 1, 1), winner=2,
              causes={0: no, 1: no})  # fmt: skip
    yield row("503, then the last says 403", _phone(refuses(503), refuses(403)),
              code=603, least=0.0, most=0.5, rung=(1, 1), causes={0: GONE, 1: no})  # fmt: skip
    yield row("403, 603, next target", _phone(refuses(403), refuses(603), answers()),
              _phone(answers()), code=200, least=0.3, most=1.0, rung=(1, 1, 0, 1), winner=3,
              causes={0: no, 1: no})  # fmt: skip
    yield row("rings out", _phone(RINGS, answers()), seconds=2,
              code=480, least=2.0, most=3.4, rung=(1, 0), causes={0: RANG_OUT})  # fmt: skip


ROWS: Final = tuple(rows())
KINDS: Final = frozenset(row.kind for row in ROWS)


def row_id(row: Row) -> str:
    """Return a row's name among the tests."""
    return f"{row.kind}-{row.name}".replace(" ", "_")
