"""Policies, written as FreeSWITCH reads them: stop lists, and the lines that decide by SIP code.

A bridge stops at the causes of ``fail_on_single_reject``. FreeSWITCH has one cause for several SIP
codes, and no "once more": so a bridge stops at every cause that any code of it stops at, and a line
behind it, the *guard*, goes on where the code says so::

    bridge ${vn_go}

``vn_go`` is a regular expression over the causes of all legs, the last SIP code, and the argument
of the bridge that failed: while a bridge's argument is expanded, ``current_application_data`` still
is that of the application before. It gives that argument from the carrier after the one that
failed on, or nothing, which bridges to nobody (docs/hunting.md).

A carrier's own table stands in the brackets of its legs, where the guard reads it off that
argument: ``vn_hunt=CALL_REJECTED603n`` is that its 603 goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from vnroute.model.causes import SIP_CAUSES
from vnroute.model.policy import ADVANCE, DEFAULT_POLICY, HUNT, RELAY_CAUSES, Hunt, Policy

__all__ = [
    "FAILURE_CAUSES",
    "GLOBALS",
    "GO_ON",
    "advance_causes",
    "carrier_causes",
    "carrier_table",
    "ends_loops",
    "guard",
    "relay",
    "stop_causes",
    "together_causes",
]

_RANG_OUT = "ALLOTTED_TIMEOUT"
"""What a leg leaves that rang for its target's whole time (``leg_timeout``)."""

_ELSE = "41"
"""What the caller gets of failures that are none of those that matter: NORMAL_TEMPORARY_FAILURE by
its Q.850 number, 503."""

_UNNAMED = ("NO_ANSWER", "NO_USER_RESPONSE")
"""Told by an empty cause, which is NORMAL_CLEARING, SIP 480: FreeSWITCH would make 408 of
NO_USER_RESPONSE, which is what it made of a carrier's 480."""


def _table(policy: Policy) -> dict[str, tuple[Hunt, dict[int, Hunt]]]:
    """Return, for each cause, what its own row says and what rows of its SIP codes say."""
    rows: dict[str, Hunt] = {**HUNT, **policy.hunt}
    causes = {cause: "next" for cause in SIP_CAUSES.values()} | {
        key: action for key, action in rows.items() if not key.isdecimal()
    }
    # A policy's own row for a cause is not undone by a built-in one for a code of that cause.
    found: dict[str, tuple[Hunt, dict[int, Hunt]]] = {}
    for cause, action in causes.items():
        codes = {
            code: rows[str(code)]
            for code, made in SIP_CAUSES.items()
            if made == cause
            and str(code) in rows
            and (str(code) in policy.hunt or cause not in policy.hunt)
        }
        found[cause] = (action, codes)  # type: ignore[assignment]
    return found


def _leaves(cause: str) -> tuple[str, ...]:
    """Return what legs leave for a cause of the tables."""
    return (_RANG_OUT,) if cause == "NO_ANSWER" else (cause,)


def stop_causes(policy: Policy, more: Collection[str] = ()) -> tuple[str, ...]:
    """Return the causes at which a bridge stops; the guard goes on from there where it may.

    ``more`` are the causes that some carrier's own table stops at (carrier_causes).
    """
    table = _table(policy)
    own = tuple(
        left
        for cause, (action, codes) in table.items()
        if action != "next" or any(other != "next" for other in codes.values())
        for left in _leaves(cause)
    )
    return own + tuple(cause for cause in more if cause not in own)


def carrier_causes(tables: Iterable[Mapping[str, Hunt]]) -> tuple[str, ...]:
    """Return the causes that carriers' own tables stop at, for a code of theirs or all: what each
    bridge has to stop at, since it has one list for all its carriers.
    """
    found = {
        left
        for table in tables
        for key, action in table.items()
        if action != "next"
        for left in _leaves(SIP_CAUSES[int(key)] if key.isdecimal() else key)
    }
    return tuple(sorted(found))


def carrier_table(table: Mapping[str, Hunt]) -> str:
    """Return a carrier's own table as guards read it: each row a cause, a SIP code of it or
    none, and the first letter of what is done, with colons between them.
    """
    rows: list[str] = []
    for key, action in table.items():
        if key.isdecimal():
            rows.append(f"{SIP_CAUSES[int(key)]}{key}{action[0]}")
            continue
        codes = [code for code, made in SIP_CAUSES.items() if made == key]
        if any(table.get(str(code), action) != action for code in codes):
            # A code beats its cause, so the cause is told by the codes that say nothing else.
            rows += [f"{key}{code}{action[0]}" for code in codes if str(code) not in table]
        else:
            rows += [f"{left}{action[0]}" for left in _leaves(key)]
    return ":".join(rows)


def together_causes(policy: Policy) -> tuple[str, ...]:
    """Return the causes at which a phone's hunt stops where phones ring together.

    No line can stand between two carriers there, and their SIP codes are not told: a cause stops if
    the cause itself or any code of it does, and "once" is "next".
    """
    return tuple(
        left
        for cause, (action, codes) in _table(policy).items()
        if action == "stop" or "stop" in codes.values()
        for left in _leaves(cause)
    )


def _codes(codes: list[int]) -> str:
    return str(codes[0]) if len(codes) == 1 else f"(?:{'|'.join(map(str, codes))})"


def _ways(policy: Policy, wanted: Hunt) -> str:
    """Return the alternatives, ``CAUSE#code#`` each, after which a policy wants that."""
    whole: list[str] = []
    ways: list[str] = []
    for cause, (action, codes) in _table(policy).items():
        made = [code for code, other in SIP_CAUSES.items() if other == cause]
        here = [code for code in made if codes.get(code, action) == wanted]
        there = [code for code in made if codes.get(code, action) != wanted]
        if action == wanted and not there:
            whole += _leaves(cause)
        elif action == wanted:
            ways.append(f"{cause}#(?!{_codes(there)}#)")
        elif here:
            ways.append(f"{cause}#{_codes(here)}#")
    if whole:
        ways.insert(0, f"(?:{'|'.join(whole)})#")
    return "|".join(ways)


_LEG = "#(?:.*:)?([^|:]{36})."
"""The last leg's uuid in ``originate_causes``: ``uuid;CAUSE`` of each leg, an ARRAY if there are
many. No semicolon stands in here: it would part variables in a ``multiset``."""

_FAILED = "([A-Z_]+)#([^#]*)#"
"""Its cause, and the last SIP code."""

_HUNG_UP = "NORMAL_CLEARING#"
"""What a phone leaves that hangs up while it is asked for a key: no table says what follows, and
nothing does."""

_MARK = "{o=1}"
"""Goes into a bridge's braces that was gone on to by "once": from there it is not done again."""


def _carrier(actions: str) -> str:
    """Return what is ahead of a bridge's legs if the table of the carrier that failed says so."""
    return rf".*vn_hunt=[^],]*\b\3\4?{actions}[^]]*=\2"


def _next(policy: Policy, tables: bool = True) -> str:
    """Return pattern, replacement and flags of a guard's ``regex``; ``tables``: some carrier has a
    table of its own. What a carrier's says of a failure comes before what the policy says.
    """
    stop, once = _ways(policy, "stop"), _ways(policy, "once")
    onward = "|".join(filter(None, (stop, once, _HUNG_UP)))
    size = len(_MARK)
    own, legs = f"{_FAILED}([^[]*)", f"{_FAILED}(?!.o=1)([^[]*)"
    unsaid = f"(?!{_carrier('[os]')})" if tables else ""
    ways = [f"().{{{size}}}{_LEG}(?!{onward}){own}{unsaid}"]
    if once:
        unsaid = f"(?!{_carrier('[ns]')})" if tables else ""
        ways.append(f"(.{{{size}}}){_LEG}(?={once}){legs}{unsaid}")
    if tables:
        ways.append(f"().{{{size}}}{_LEG}{own}(?={_carrier('n')})")
        ways.append(f"(.{{{size}}}){_LEG}{legs}(?={_carrier('o')})")
    return rf"^(?|{'|'.join(ways)}).*=\2[^|]*[|](.+)~%1%5%6~n"


def _guard(pattern: str) -> str:
    subject = f"{_MARK}#${{originate_causes}}#${{sip_invite_failure_status}}#"
    return f"${{regex(m:~{subject}${{current_application_data}}~{pattern})}}"


def guard(policy: Policy, tables: bool = True) -> str:
    """Return the argument of a guard's ``bridge``: the variable that GO_ON sets, or an expression
    of its own for a policy with a table of its own. ``tables`` as in _next.
    """
    built_in = _next(policy) == GLOBALS["vn_next"]
    return "${vn_go}" if built_in else _guard(_next(policy, tables))


def _alternatives(policy: Policy, rejected: str) -> str:
    """Return pattern and replacement that find the cause that matters most.

    The alternatives of the branch-reset group (``(?|``, pcre2pattern) are tried in order, each over
    the whole list, so their order is the precedence.
    """
    ways = []
    for cause in policy.relay or RELAY_CAUSES:
        if cause == "CALL_REJECTED":
            ways.append(rejected)
        elif cause == "NO_ANSWER":
            ways.append(".*;(?:NO_ANSWER|ALLOTTED_TIMEOUT|NORMAL_CLEARING)()")
        elif cause in _UNNAMED:
            ways.append(f".*;{cause}()")
        else:
            ways.append(f".*;({cause})")
    return f"^(?|{'|'.join(ways)}|.*;({_ELSE}))~%1"


def _of_legs(policy: Policy) -> str:
    # A person declined if no carrier of the same target was tried after that: the third and fourth
    # digit of a leg's uuid are its target's. The last leg's SIP code tells 403 from 603.
    declined = r".*(?=.{37}(CALL_REJECTED)(?!#40))..(..)(?!.*:..\2)"
    return _alternatives(policy, declined)


def _of_variables(policy: Policy) -> str:
    return _alternatives(policy, ".*;(CALL_REJECTED)")


def relay(policy: Policy) -> tuple[str, str, str]:
    """Return three pieces of what a plan hangs up with at ``relay``.

    The first and the last are the whole where nobody was rung together: ``originate_causes`` lists
    ``uuid;CAUSE`` of every leg. Between the first and the second stand the variables in which legs
    that rang together left their causes.
    """
    legs, together = _of_legs(policy), _of_variables(policy)
    if legs == GLOBALS["vn_relay"]:
        legs, together = "${vn_relay}", "${vn_relay_together}"
    return (
        "${regex(m:~${originate_causes}",
        f";{_ELSE}~{together})}}",
        f"#${{sip_invite_failure_status}};{_ELSE}~{legs})}}",
    )


GLOBALS = {
    "vn_next": _next(DEFAULT_POLICY),
    "vn_relay": _of_legs(DEFAULT_POLICY),
    "vn_relay_together": _of_variables(DEFAULT_POLICY),
    "ignore_q850_reason": "true",
}
"""The global variables that fs-conf/vars.xml sets: the long patterns of the built-in tables, named
by each answer in place of their text, and that a carrier's SIP code decides, not the Q.850 cause
that it may add (``sofia_handle_sip_i_state`` in sofia.c). A global variable cannot hold ``${``
(``switch_core_set_variable``), so what they are matched against is in the answer."""

GO_ON = "vn_go=" + _guard("${vn_next}").replace("$", r"\\\$")
r"""What a call sets whose targets have several carriers: the guard, once. ``\\\$`` keeps it whole
through both readings of a ``multiset``; it is expanded where a ``bridge`` names it."""


_LOOP = "EXCHANGE_ROUTING_ERROR"

FAILURE_CAUSES = f"failure_causes={_LOOP}"
"""What every call sets: a bridge that fails for this cause hangs the caller up with it, after any
other the plan goes on (``switch_channel_handle_cause`` in switch_channel.c)."""


def ends_loops(policy: Policy) -> bool:
    """Whether FAILURE_CAUSES does what a policy says of loops: they end the hunt, whichever SIP
    code tells of them, and the plan. Else nothing may hang the caller up before the line behind
    the bridge.
    """
    action, codes = _table(policy)[_LOOP]
    stops = action == "stop" and all(other == "stop" for other in codes.values())
    return stops and {**ADVANCE, **policy.advance}[_LOOP] == "stop"


def advance_causes(policy: Policy) -> str:
    """Return the alternatives of causes that end a plan at once, nothing where every cause goes on.

    Each stands before ``#`` and the last SIP code, or before ``;``; a carrier's 403 is no refusal.
    """
    table = {**ADVANCE, **policy.advance}
    ways = []
    for cause, action in table.items():
        if action == "stop" and not (cause == _LOOP and ends_loops(policy)):
            left = "|".join({cause, *_leaves(cause)})
            ways.append(f"({left}){'(?!#40)' if cause == 'CALL_REJECTED' else ''}[#;]")
    return "|".join(ways)
