"""Puts a run on a real switch together: SIPp's logs on both sides, and FreeSWITCH's call records.

A caller's Call-ID begins with the planned call's id; the call record holds that Call-ID
(``sip_call_id``) and the uuids of the legs; a leg's INVITE at a carrier bears its uuid as Call-ID.
So nothing is matched by time or by number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from vnroute.loadtest.observed import Evidence, SeenCall, SeenLeg, Stray
from vnroute.loadtest.sipp import SippCallers, SippCarrier

__all__ = ["gather", "leg_causes", "read_records", "variable", "when"]

_REPEATS = 33.0
"""Seconds in which an INVITE without any answer is repeated (RFC 3261, timer B: 32 s)."""


def when(stamp: str) -> float:
    """Return SIPp's time stamp (date, tab, time, tab, seconds) as seconds since 1970."""
    return float(stamp.rpartition("\t")[2])


def _id_of(call_id: str) -> str:
    """Return group and place of a Call-ID: GROUP-PLACE-PID@ADDRESS."""
    return call_id.partition("@")[0].rpartition("-")[0]


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return all whole call records; one that is still being written is left out."""
    records = []
    for path in sorted(folder.glob("*.json")):
        try:
            records.append(json.loads(path.read_text(encoding="utf-8", errors="replace")))
        except (OSError, json.JSONDecodeError):
            continue
    return records


def gather(
    callers: Iterable[SippCallers], carriers: Iterable[SippCarrier], records: list[dict[str, Any]]
) -> Evidence:
    """Return what was seen, call by call, and what belongs to none."""
    calls: dict[str, SeenCall] = {}
    for group in callers:
        for planned in group.calls:
            calls[planned.id] = SeenCall(planned)
        _read_caller(group.lines(), calls)
    evidence = Evidence(list(calls.values()), records=len(records))
    legs: dict[str, SeenLeg] = {}
    for record in records:
        call = calls.get(_id_of(variable(record, "sip_call_id") or ""))
        if call is None:
            said = variable(record, "sip_call_id") or "no sip_call_id"
            evidence.strays.append(Stray("a call record of no call", said))
            continue
        call.records += 1
        if call.records == 1:
            _read_record(call, record, legs)
    for carrier in carriers:
        for scripts, lines in carrier.all_lines():
            here: set[str] = set()
            repeated: set[str] = set()
            for line in lines:
                leg = legs.get(line[2])
                if line[0] == "INVITE":
                    evidence.invites += 1
                    if line[2] not in here and leg is not None and _is_repeated(leg, line, carrier):
                        repeated.add(line[2])
                    here.add(line[2])
                if line[2] in repeated:
                    continue
                if leg is None:
                    if line[0] == "INVITE":
                        evidence.strays.append(
                            Stray(
                                "an INVITE that no call record lists",
                                f"{carrier.gateway}: {line[3]}, Call-ID {line[2]}",
                            )
                        )
                    continue
                _read_carrier(line, leg, carrier.gateway, scripts, evidence)
    return evidence


def _is_repeated(leg: SeenLeg, line: list[str], carrier: SippCarrier) -> bool:
    """Whether an INVITE that came to a carrier's next life is one that its last life left without
    any answer: FreeSWITCH goes on repeating it, though the call went elsewhere (RFC 3261,
    17.1.1.2).
    """
    return (
        leg.gateway == carrier.gateway
        and leg.invited_at is not None
        and leg.ended_at is None
        and when(line[1]) - leg.invited_at < _REPEATS
    )


def _read_caller(lines: list[list[str]], calls: dict[str, SeenCall]) -> None:
    for line in lines:
        if len(line) < 3:
            continue
        call = calls.get(_id_of(line[2]))
        if call is None:
            continue
        kind, at = line[0], when(line[1])
        match kind:
            case "SENT":
                call.sent += 1
                call.sent_at = at
            case "RINGING":
                call.ringing_at = call.ringing_at or at
            case "FINAL":
                call.finals += 1
                call.final_at, call.code = at, int(line[3])
            case "CANCEL":
                call.cancelled_at = at
                if line[3]:
                    # The 200 was to the INVITE: the answer crossed the CANCEL.
                    call.finals += 1
                    call.final_at, call.code = at, 200
            case "HUNGUP":
                call.hung_up_at = at
            case "REINVITED":
                call.reinvited = True


def variable(record: Mapping[str, Any], name: str) -> str | None:
    """Return a channel variable of a call record, decoded, or None."""
    value = record.get("variables", {}).get(name)
    return None if value is None else unquote(str(value))


def leg_causes(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return uuid and hangup cause of all legs made for a call, over all bridges of its plan."""
    text = variable(record, "originate_causes")
    items = text.removeprefix("ARRAY::").split("|:") if text else []
    return [item.partition(";")[::2] for item in items]


def _seconds(record: dict[str, Any], name: str) -> float | None:
    text = variable(record, name)
    return int(text) / 1e6 if text and text.isdigit() and text != "0" else None


def _read_record(call: SeenCall, record: dict[str, Any], legs: dict[str, SeenLeg]) -> None:
    generation = variable(record, "vn_generation")
    call.generation = int(generation) if generation and generation.isdigit() else None
    call.refused = variable(record, "vn_refused") or ""
    call.hangup_cause = variable(record, "hangup_cause") or ""
    answered, ended = _seconds(record, "answer_uepoch"), _seconds(record, "end_uepoch")
    call.record_ended_at = ended
    if answered and ended:
        call.billed = ended - answered
    labels = variable(record, "vn_legs")
    call.labels = len(labels.split(",")) if labels else 0
    for uuid, cause in leg_causes(record):
        try:
            place = int(uuid[:2], 16)
        except ValueError:
            place = -1
        leg = SeenLeg(place, "", "", cause, uuid, answered=cause == "NONE")
        call.legs.append(leg)
        legs[uuid] = leg
    call.legs.sort(key=lambda leg: leg.place)


def _read_carrier(
    line: list[str], leg: SeenLeg, gateway: str, scripts: list[Any], evidence: Evidence
) -> None:
    kind, at = line[0], when(line[1])
    match kind:
        case "INVITE":
            if leg.invited_at is not None:
                evidence.strays.append(
                    Stray("a leg with two INVITEs", f"{gateway}: {line[3]}, Call-ID {line[2]}")
                )
                return
            leg.invited_at = at
            leg.gateway = gateway
            leg.dialled = line[3]
            choice = int(line[4]) if line[4].isdigit() else 0
            leg.script = scripts[choice] if choice < len(scripts) else None
        case "REFUSED" | "ANSWERED" | "CANCEL" | "BYE":
            leg.ended_at = at
            leg.cancelled |= kind == "CANCEL"
