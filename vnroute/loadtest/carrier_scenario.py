"""What a carrier does, as an ordinary SIPp scenario.

The notation is the simulator's (:mod:`vnroute.simulator.gateways`), so one profile means the same
on SIPp and on the simulator. A mixture becomes a scenario with a branch for each thing that may be
done and an injection file with the number of the branch that each call takes. Waits are ``recv``
with a timeout, never a ``nop``: a message that finds SIPp 3.6 at a ``nop`` ends the call.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from vnroute.simulator.gateways import Behaviour, Script

__all__ = ["REFUSALS", "choices", "scenario", "scripts_of"]

REFUSALS = (
    400, 402, 403, 404, 405, 406, 408, 410, 415, 480, 481, 482, 483, 484, 485, 486, 487, 488, 500,
    501, 502, 503, 504, 600, 603, 604, 606, 607,
)  # fmt: skip

_DRAWS = 8
"""How many values stand for a range: a scenario's timeouts are fixed."""
_SILENCE_MS = 90_000


def scripts_of(behaviour: Behaviour, rng: random.Random) -> list[tuple[float, Script]]:
    """Return all that a carrier may do with a call, each with its weight."""
    if behaviour.choices:
        return [
            (weight * share, script)
            for weight, choice in behaviour.choices
            for share, script in _normal(scripts_of(choice, rng))
        ]
    if behaviour.silent:
        return [(1.0, Script(()))]
    found: list[tuple[float, Script]] = []
    refusals = behaviour.refuse or ((0, 1.0),)
    for status, weight in refusals:
        one = replace(behaviour, refuse=((status, 1.0),) if status else (), _fixed=[])
        drawn = {one.script(rng) for _ in range(_DRAWS)}
        found += [(weight / len(drawn), script) for script in sorted(drawn, key=repr)]
    return found


def _normal(weighted: list[tuple[float, Script]]) -> list[tuple[float, Script]]:
    total = sum(weight for weight, _ in weighted)
    return [(weight / total, script) for weight, script in weighted]


def choices(weighted: Sequence[tuple[float, Script]], calls: int, rng: random.Random) -> list[int]:
    """Return which script each of so many calls gets.

    The first calls take each script once, in a random order, so that a short run has seen all.
    """
    places = list(range(len(weighted)))
    drawn = rng.choices(places, [weight for weight, _ in weighted], k=calls)
    rng.shuffle(places)
    return (places + drawn)[:calls] if calls > 4 * len(places) else drawn


def scenario(scripts: Sequence[Script]) -> str:
    """Return the scenario of a carrier that does one of these, by number in the injection file."""
    parts = [_INVITE.replace("@CHOOSE@", _CHOICE if len(scripts) > 1 else _INVITE_ALONE)]
    if len(scripts) > 1:
        parts.append(_tree(0, len(scripts)))
    for place, script in enumerate(scripts):
        if len(scripts) > 1:
            parts.append(f'  <label id="does_{place}"/>\n')
        parts.append(_branch(place, script))
    parts.append(_CANCELLED + _END)
    return _HEAD + "".join(parts) + "</scenario>\n"


def _tree(low: int, high: int) -> str:
    """Return nops that find a branch by halves: each nop costs SIPp about a millisecond."""
    if high - low == 1:
        return f'  <nop next="does_{low}"/>\n'
    middle = (low + high) // 2
    return (
        f"  <nop><action><test"
        f' assign_to="less" variable="choice" compare="less_than" value="{middle}"/>'
        f"</action></nop>\n"
        f'  <nop test="less" next="less_than_{middle}"/>\n'
        + _tree(middle, high)
        + f'  <label id="less_than_{middle}"/>\n'
        + _tree(low, middle)
    )


def _branch(place: int, script: Script) -> str:
    """Return what is sent, in order, with waits that a CANCEL ends."""
    if not script.signals:
        return (
            f'  <recv request="CANCEL" timeout="{_SILENCE_MS}" ontimeout="end" next="cancelled"/>\n'
        )
    parts = []
    before = 0.0
    finished = False
    for step, (at, status) in enumerate(script.signals):
        wait = round(1000 * (at - before))
        before = at
        if wait > 0:
            label = f"go_{place}_{step}"
            parts.append(
                f'  <recv request="CANCEL" timeout="{wait}" ontimeout="{label}"'
                f' next="cancelled"/>\n  <label id="{label}"/>\n'
            )
        if status == 100:
            parts.append(_response("100 Trying", tag=False))
        elif status == 180:
            parts.append(_response("180 Ringing"))
        elif status == 183:
            parts.append(_response("183 Session Progress", sdp=True))
        elif status == 200:
            parts.append(_answer(place, script))
            finished = True
        else:
            parts.append(_response(f"{status} Refused", retrans=True))
            parts.append(_REFUSED)
            finished = True
    if not finished:
        parts.append(
            f'  <recv request="CANCEL" timeout="{_SILENCE_MS}" ontimeout="end" next="cancelled"/>\n'
        )
    return "".join(parts)


_SDP = """
      v=0
      o=- 1 1 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0 101
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
"""


def _response(
    status: str, *, tag: bool = True, sdp: bool = False, retrans: bool = False, more: str = ""
) -> str:
    body = (
        f"      Content-Type: application/sdp\n      Content-Length: [len]\n{_SDP}"
        if sdp
        else "      Content-Length: 0\n"
    )
    contact = (
        "      Contact: <sip:[local_ip]:[local_port];transport=[transport]>\n"
        if (tag and not retrans) or sdp
        else ""
    )
    again = ' retrans="500"' if retrans else ""
    return (
        f"  <send{again}{more}>\n    <![CDATA[\n"
        f"      SIP/2.0 {status}\n"
        "      [last_Via:]\n      [last_From:]\n"
        f"      [last_To:]{';tag=[pid]B[call_number]' if tag else ''}\n"
        f"      [last_Call-ID:]\n      [last_CSeq:]\n{contact}{body}\n    ]]>\n  </send>\n"
    )


def _answer(place: int, script: Script) -> str:
    parts = [
        _response("200 OK", sdp=True, retrans=True),
        '  <recv request="ACK">\n    <action>'
        '<log message="ANSWERED|[timestamp]|[call_id]|200"/></action>\n  </recv>\n',
    ]
    hangs_up = script.callee_hangs_up
    if hangs_up:
        # Whatever comes first: the time is over, or the other side hangs up.
        parts.append(
            f'  <recv request="BYE" timeout="{max(1, round(1000 * script.talk))}"'
            f' ontimeout="bye_{place}" next="bye"><action>'
            '<log message="BYE|[timestamp]|[call_id]|received"/></action></recv>\n'
            f'  <label id="bye_{place}"/>\n{_BYE}'
        )
        return "".join(parts)
    parts.append(_TALK.replace("@", str(place)))
    return "".join(parts)


_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<!-- A carrier behind a gateway. With an injection file, its first field says what is done. The log
     (-trace_logs) gets a line for each thing that happens: what|when|Call-ID|... -->
<scenario name="carrier">
"""

_INVITE = """  <recv request="INVITE" rrs="true">
    <action>
      <ereg regexp="INVITE sip:([^@; ]*)" search_in="msg" check_it="true" assign_to="line,dialled"/>
      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
      <ereg regexp=".*" search_in="hdr" header="P-Asserted-Identity:" assign_to="asserted"/>
      <ereg regexp=".*" search_in="hdr" header="Privacy:" assign_to="privacy"/>
      <ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="seq"/>
@CHOOSE@    </action>
  </recv>
  <Reference variables="line,seq"/>
"""

_LOG = (
    "INVITE|[timestamp]|[call_id]|[$dialled]|@|"
    "[$from]|[$asserted]|[$privacy]"
)  # fmt: skip
_CHOICE = f"""      <assignstr assign_to="text" value="[field0]"/>
      <todouble assign_to="choice" variable="text"/>
      <log message="{_LOG.replace("@", "[field0]")}"/>
"""
_INVITE_ALONE = f"""      <log message="{_LOG.replace("@", "0")}"/>
"""

_REFUSED = """  <recv request="ACK" next="end">
    <action><log message="REFUSED|[timestamp]|[call_id]|"/></action>
  </recv>
"""

_TALK = """  <label id="talk_@"/>
  <recv request="INVITE" optional="true" next="again_@"/>
  <recv request="ACK" optional="true" next="talk_@"/>
  <recv request="BYE" next="bye">
    <action><log message="BYE|[timestamp]|[call_id]|received"/></action>
  </recv>
  <label id="again_@"/>
""" + _response("200 OK", sdp=True, more=' next="talk_@"').replace(";tag=[pid]B[call_number]", "")

_BYE = """  <send retrans="500">
    <![CDATA[
      BYE [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:[$dialled]@[local_ip]:[local_port]>;tag=[pid]B[call_number]
      To:[$from]
      [routes]
      Call-ID: [call_id]
      CSeq: 1 BYE
      Max-Forwards: 70
      Content-Length: 0

    ]]>
  </send>
  <recv request="BYE" optional="true" next="bye"/>
  <recv response="200" timeout="32000" ontimeout="end" next="end">
    <action><log message="BYE|[timestamp]|[call_id]|sent"/></action>
  </recv>
"""

_CANCELLED = (
    """  <label id="cancelled"/>
"""
    + _response("200 OK")
    + """  <send retrans="500">
    <![CDATA[
      SIP/2.0 487 Request Terminated
      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]B[call_number]
      [last_Call-ID:]
      CSeq: [$seq] INVITE
      Content-Length: 0

    ]]>
  </send>
  <recv request="ACK" next="end">
    <action><log message="CANCEL|[timestamp]|[call_id]|"/></action>
  </recv>
"""
)

_END = (
    """  <label id="bye"/>
"""
    + _response("200 OK", tag=False)
    + """  <label id="end"/>
"""
)
