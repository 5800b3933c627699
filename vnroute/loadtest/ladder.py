"""One call as a ladder: who sent what to whom, when; beside it, what was expected."""

from __future__ import annotations

from vnroute.loadtest.checks import Mismatch
from vnroute.loadtest.observed import SeenCall
from vnroute.loadtest.predict import Decision

__all__ = ["ladder"]

_WIDTH = 18


def ladder(mismatch: Mismatch) -> str:
    """Return the ladder of a call that went wrong, as plain text."""
    call, decision = mismatch.call, mismatch.decision
    gateways: list[str] = []
    for planned in decision.legs:
        if planned.gateway not in gateways:
            gateways.append(planned.gateway)
    for leg in call.legs:
        if leg.gateway and leg.gateway not in gateways:
            gateways.append(leg.gateway)
    columns = ["caller", "FreeSWITCH", "vnroute", *gateways]
    lines = [
        f"call {call.planned.id}: {call.planned.caller or 'unknown'} calls {call.planned.called}",
        f"WRONG: {mismatch.why}",
        "",
        " " * 9 + "".join(f"{name:^{_WIDTH}}" for name in columns),
    ]
    for at, source, target, text in sorted(_steps(call, decision, gateways), key=lambda s: s[0]):
        lines.append(f"{at:7.3f}s " + _arrow(columns, source, target, text))
    lines += ["", "expected, as vnroute route says:"]
    lines += [f"  {line}" for line in _expected(decision)]
    lines += ["found:"]
    lines += [f"  {line}" for line in _found(call)]
    return "\n".join(lines)


def _steps(
    call: SeenCall, decision: Decision, gateways: list[str]
) -> list[tuple[float, int, int, str]]:
    began = call.sent_at or 0.0
    steps = [(0.0, 0, 1, "INVITE")] if call.sent else []
    if call.got_plan:
        said = f"refuse: {call.refused}" if call.refused else f"plan, {call.labels} legs"
        # When the plan came is not in any trace: it lies before the first leg.
        steps.append((0.0, 2, 1, said))
    for leg in call.legs:
        gateway = leg.gateway or (
            decision.legs[leg.place].gateway if leg.place < len(decision.legs) else ""
        )
        column = 3 + gateways.index(gateway) if gateway in gateways else 2
        if leg.invited_at is not None:
            steps.append((leg.invited_at - began, 1, column, f"INVITE {leg.place + 1}"))
            end = leg.ended_at if leg.ended_at is not None else leg.invited_at
            if not leg.answered:
                steps.append((end - began, column, 1, leg.cause))
            else:
                answer = call.final_at if call.final_at is not None else end
                steps.append((answer - began, column, 1, "200"))
        else:
            steps.append((0.0, column, 1, leg.cause or "?"))
    if call.ringing_at is not None:
        steps.append((call.ringing_at - began, 1, 0, "180"))
    if call.cancelled_at is not None:
        steps.append((call.cancelled_at - began, 0, 1, "CANCEL"))
    if call.final_at is not None and call.code is not None:
        steps.append((call.final_at - began, 1, 0, str(call.code)))
    if call.hung_up_at is not None:
        steps.append((call.hung_up_at - began, 0, 1, "BYE"))
    return steps


def _arrow(columns: list[str], source: int, target: int, text: str) -> str:
    """Return a line with an arrow from one column to another, the text upon it."""
    centre = [_WIDTH * place + _WIDTH // 2 for place in range(len(columns))]
    line = [" "] * (_WIDTH * len(columns))
    for place in centre:
        line[place] = "|"
    low, high = sorted((centre[source], centre[target]))
    for place in range(low + 1, high):
        line[place] = "-"
    if target > source:
        line[high - 1] = ">"
    else:
        line[low + 1] = "<"
    shown = f" {text} "[: max(4, high - low - 3)]
    begin = (low + high - len(shown)) // 2 + 1
    line[begin : begin + len(shown)] = shown
    return "".join(line).rstrip()


def _expected(decision: Decision) -> list[str]:
    lines = [f"{decision.number}, plan {decision.plan or '-'}"]
    if decision.refused:
        lines.append(f"refused as {decision.refused}: {decision.cause}, SIP {decision.code}")
    for place, leg in enumerate(decision.legs, 1):
        lines.append(
            f"leg {place}: {leg.gateway} to {leg.dialled}, silent for {leg.progress_seconds} s at"
            f" most, ringing for {leg.ring_seconds} s at most (target {leg.target + 1})"
        )
    if not decision.refused:
        end = "the cause that matters" if decision.relays else f"SIP {decision.code}"
        lines.append(f"nobody answers: {end}")
    return lines


def _found(call: SeenCall) -> list[str]:
    lines = []
    for leg in call.legs:
        did = ""
        if leg.script is not None:
            words = [f"{status} after {at:.2f} s" for at, status in leg.script.signals]
            did = "; its carrier meant to send " + (", ".join(words) if words else "nothing")
        lines.append(f"leg {leg.place + 1}: {leg.gateway or 'no carrier'}: {leg.cause}{did}")
    waited = "-" if call.waited is None else f"{call.waited:.2f} s"
    lines.append(f"the caller got SIP {call.code} after {waited}")
    lines.append(
        f"{call.records} call records; hangup cause {call.hangup_cause or '-'};"
        f" generation {call.generation if call.generation is not None else '-'}"
    )
    return lines
