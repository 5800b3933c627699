"""From mod_json_cdr's JSON to a call: one record a call, its legs beneath.

What is read, and where it stands: FreeSWITCH's switch_ivr_generate_json_cdr (switch_ivr.c). The
decision is in the ``vn_*`` variables, the legs in ``originate_causes`` (uuid;CAUSE of each leg over
all bridges, in order) and ``originated_legs`` (uuid;name;number dialled). A leg's uuid bears its
place in ``vn_legs`` in its first two hex digits, so no leg needs a look-up.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from vnroute.calls.cleaning import (
    clean_id,
    clean_label,
    clean_name,
    clean_number,
    clean_uuid,
    small_int,
    text_of,
)
from vnroute.calls.leg_reading import read_leg, sip_code
from vnroute.calls.record import Call, Leg, LegRecord, Outcome
from vnroute.calls.times import Times, times_of
from vnroute.model.causes import CAUSES

__all__ = [
    "READ",
    "ForeignRecord",
    "OfLeg",
    "Unreadable",
    "clean_dialled",
    "gateway_of",
    "outcome_of",
    "read_record",
]

_OUR_LEG = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MOST_LEGS = 256
_NO_FAILURE = frozenset(("", "NONE", "SUCCESS", "NORMAL_CLEARING"))
_WAITING = "ff"
"""How the uuid of a leg begins that rings nobody: it makes a later phone wait (docs/ringing.md)."""

_OUTCOMES: dict[str, Outcome] = {
    "USER_BUSY": "busy",
    "BUSY_EVERYWHERE": "busy",
    "NO_ANSWER": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "CALL_REJECTED": "declined",
    "DECLINE": "declined",
    "UNWANTED": "declined",
    "ORIGINATOR_CANCEL": "cancelled",
    # The leg that was rung together with the one that was picked up.
    "LOSE_RACE": "cancelled",
    "PICKED_OFF": "cancelled",
}
# FreeSWITCH itself gave up on these, so the last SIP code it heard is not theirs.
_NO_REPLY = frozenset(
    ("", "PROGRESS_TIMEOUT", "ALLOTTED_TIMEOUT", "ORIGINATOR_CANCEL", "LOSE_RACE", "PICKED_OFF")
)


class Unreadable(Exception):
    """A body that is no CDR: what is wrong, in a few words."""


class OfLeg(Exception):
    """A record of a B leg (log-b-leg), which is no call; ``record`` is what it tells."""

    def __init__(self, record: LegRecord) -> None:
        super().__init__(record.uuid)
        self.record = record


class ForeignRecord(Exception):
    """A record of a call that is none of ours, such as one that this switch placed itself."""


READ = (
    "uuid", "direction", "originating_leg_uuid", "hangup_cause", "hangup_cause_q850",
    "vn_refused", "vn_number", "vn_account", "vn_plan", "vn_campaign", "vn_generation", "vn_hops",
    "vn_legs", "sip_from_user", "sip_from_display", "originate_causes", "originated_legs",
    "bridge_uuid", "last_bridge_to", "bridge_hangup_cause", "sip_invite_failure_status",
    "last_bridge_proto_specific_hangup_cause", "start_uepoch", "answer_uepoch", "bridge_uepoch",
    "end_uepoch", "progress_uepoch", "progress_media_uepoch",
)  # fmt: skip
"""The variables that are read of the hundred and more that a record has: the others cost nothing
(msgspec passes over what a Struct does not name)."""

_Variables = msgspec.defstruct("_Variables", [(name, Any, None) for name in READ], frozen=True)


class _Body(msgspec.Struct, frozen=True):
    variables: _Variables  # type: ignore[valid-type]
    channel_data: dict[str, Any] = {}
    callflow: Any = None
    switchname: Any = ""


class _AllVariables(msgspec.Struct, frozen=True):
    variables: dict[str, Any]


_decoder = msgspec.json.Decoder(_Body)
_whole_decoder = msgspec.json.Decoder(_AllVariables)


def outcome_of(cause: str) -> Outcome:
    """Return what a hangup cause without an answer means."""
    return _OUTCOMES.get(cause, "failed")


def read_record(body: bytes, received: int) -> Call:
    """Return the call that a mod_json_cdr record tells of; ``received`` is Unix microseconds.

    Raises :class:`Unreadable` for what is no such record, :class:`OfLeg` and
    :class:`ForeignRecord` for what is no call of ours. Values that their notation does not allow
    are left empty; a call is not lost for them.
    """
    try:
        record = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error
    except RecursionError as error:
        raise Unreadable("nested too deep") from error
    variables = msgspec.structs.asdict(record.variables)
    profile = _caller_profile(record.callflow)
    uuid = clean_uuid(variables.get("uuid") or profile.get("uuid"))
    if not uuid:
        raise Unreadable("no uuid among its variables")
    direction = text_of(variables.get("direction") or record.channel_data.get("direction"))
    if direction == "outbound":
        if _OUR_LEG.fullmatch(uuid) or variables["originating_leg_uuid"] is not None:
            more = _whole_decoder.decode(body).variables
            raise OfLeg(read_leg(uuid, more, times_of(variables, received)))
        raise ForeignRecord(uuid)
    times = times_of(variables, received)
    cause = clean_id(variables.get("hangup_cause"))
    refused = clean_id(variables.get("vn_refused"))
    outcome: Outcome = "refused" if refused else "answered" if times.answered else outcome_of(cause)
    return Call(
        uuid=uuid,
        started=times.started,
        answered=times.answered,
        ended=times.ended,
        received=received,
        switch=clean_name(record.switchname),
        number=clean_number(variables.get("vn_number"))
        or clean_number(profile.get("destination_number")),
        account=clean_id(variables.get("vn_account")),
        plan=clean_id(variables.get("vn_plan")),
        campaign=clean_id(variables.get("vn_campaign")),
        generation=small_int(variables.get("vn_generation")),
        hops=small_int(variables.get("vn_hops"), 0, 1000),
        routed=variables["vn_generation"] is not None,
        outcome=outcome,
        refused=refused,
        cause=cause,
        q850=small_int(variables.get("hangup_cause_q850"), 0, 1000),
        sip=200 if times.answered else _sip_of_cause(cause),
        caller=clean_number(profile.get("caller_id_number") or variables.get("sip_from_user")),
        caller_name=clean_name(profile.get("caller_id_name") or variables.get("sip_from_display")),
        pdd_ms=times.pdd_ms,
        duration_ms=(times.ended - times.started) // 1000,
        talk_ms=(times.ended - times.answered) // 1000 if times.answered else 0,
        clock_off=times.clock_off,
        legs=_legs(variables, times, body),
    )


def _caller_profile(callflow: Any) -> dict[str, Any]:
    """Return the call's first caller profile: the oldest comes last."""
    if isinstance(callflow, list) and callflow and isinstance(callflow[-1], dict):
        profile = callflow[-1].get("caller_profile")
        if isinstance(profile, dict):
            return profile
    return {}


def _sip_of_cause(cause: str) -> int:
    """Return what mod_sofia answers the caller with for a cause (hangup_cause_to_sip).

    A plan sets sip_ignore_remote_cause, so the cause alone decides.
    """
    if cause in CAUSES:
        return CAUSES[cause].sip
    return {"ORIGINATOR_CANCEL": 487, "GATEWAY_DOWN": 503, "INVALID_GATEWAY": 484}.get(cause, 480)


def _array(value: Any) -> list[str]:
    """Return the items of a channel variable: ``ARRAY::a|:b``, or one bare value."""
    text = text_of(value)
    if text.startswith("ARRAY::"):
        return text.removeprefix("ARRAY::").split("|:")[:_MOST_LEGS]
    return [text] if text else []


def _legs(variables: dict[str, Any], times: Times, body: bytes) -> tuple[Leg, ...]:
    causes = _pairs(variables.get("originate_causes"))
    dialled = _pairs(variables.get("originated_legs"))
    uuids = [uuid for uuid in (dialled | causes) if uuid and not uuid.startswith(_WAITING)]
    if not uuids:
        return ()
    labels = text_of(variables.get("vn_legs")).split(",")
    picked_up = clean_uuid(variables.get("bridge_uuid") or variables.get("last_bridge_to"))
    ending = clean_id(variables.get("bridge_hangup_cause")) or clean_id(
        variables.get("hangup_cause")
    )
    heard = sip_code(variables.get("last_bridge_proto_specific_hangup_cause")) or small_int(
        variables.get("sip_invite_failure_status"), 0, 699
    )
    given_up = clean_id(variables.get("hangup_cause")) == "ORIGINATOR_CANCEL"
    made: list[Leg] = []
    if len(causes) < len(dialled):
        # Legs rung together are in originated_legs only; each has told its own cause (vn_cXX).
        variables = _whole_decoder.decode(body).variables
    for uuid in uuids:
        place = _place_of(uuid)
        cause = clean_id(causes.get(uuid) or variables.get(f"vn_c{place:02x}"))
        won = uuid == picked_up and times.bridged > 0 and cause in _NO_FAILURE
        if cause in ("NONE", "SUCCESS"):
            cause = ""
        made.append(
            Leg(
                attempt=len(made) + 1,
                uuid=uuid,
                gateway=gateway_of(uuid, labels),
                dialled=clean_dialled(dialled.get(uuid, "").rpartition(";")[2]),
                outcome="answered"
                if won
                else "cancelled"
                if given_up and not cause
                else outcome_of(cause),
                cause=ending if won else cause,
                sip=200 if won else 0,
                # The call's own delay is the first leg's, unless another one was tried before.
                pdd_ms=times.pdd_ms if won and len(uuids) == 1 else None,
                talk_ms=(times.ended - times.bridged) // 1000 if won else 0,
                together=uuid not in causes,
            )
        )
    if heard:
        # The A leg keeps the code of the last leg that was refused, and only that.
        for at in range(len(made) - 1, -1, -1):
            if made[at].outcome != "answered" and made[at].cause not in _NO_REPLY:
                made[at] = msgspec.structs.replace(made[at], sip=heard)
                break
    return tuple(made)


def _pairs(value: Any) -> dict[str, str]:
    """Return what stands behind each uuid of a list, in order."""
    found: dict[str, str] = {}
    for item in _array(value):
        uuid, _, rest = item.partition(";")
        found.setdefault(clean_uuid(uuid), rest)
    return found


_DIALLED = re.compile(r"[0-9A-Za-z+*#._-]{1,64}", re.ASCII)


def _place_of(uuid: str) -> int:
    """Return a leg's place in ``vn_legs``, as its uuid bears it; -1 if it is none of ours."""
    return int(uuid[:2], 16) if _OUR_LEG.fullmatch(uuid) else -1


def gateway_of(uuid: str, labels: list[str]) -> str:
    """Return the gateway of a leg by the items of ``vn_legs``; empty where they do not tell."""
    place = _place_of(uuid)
    return clean_label(labels[place]) if 0 <= place < len(labels) else ""


def clean_dialled(text: str) -> str:
    """Return what was dialled, as the carrier wanted it written (prefixes, ``#``)."""
    return text if _DIALLED.fullmatch(text) else ""
