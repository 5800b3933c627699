"""Records as mod_json_cdr posts them, made to measure."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

DATA = Path(__file__).parent / "data"
NOW = 1_795_400_000_000_000
"""2026-11-23 02:13:20 UTC, in microseconds: soon after the captured calls."""


def captured(name: str) -> bytes:
    """Return what a real FreeSWITCH posted."""
    return (DATA / f"{name}.json_cdr.json").read_bytes()


def leg_uuid(place: int) -> str:
    """Return a leg's uuid as the matcher makes them: version 8, its place first."""
    made = uuid.uuid4().hex
    return str(uuid.UUID(f"{place:02x}{made[2:12]}8{made[13:16]}a{made[17:]}"))


def record(
    *,
    call: str = "",
    number: str = "+18005551234",
    caller: str = "+34911234567",
    name: str = "Ana",
    campaign: str = "spring-26",
    account: str = "acme",
    gateways: str = "alpha-1,beta-1",
    legs: tuple[tuple[int, str], ...] = ((0, "NONE"),),
    dialled: str = "12125550100",
    talk: float = 30.0,
    started: float | None = None,
    cause: str = "",
    **more: Any,
) -> bytes:
    """Return one record; ``legs`` are (place in vn_legs, cause), NONE for the one picked up."""
    begin = int((time.time() - talk - 5 if started is None else started) * 1e6)
    answered = any(reason == "NONE" for _, reason in legs)
    answer = begin + 2_000_000 if answered else 0
    end = begin + 2_000_000 + int(talk * 1e6) if answered else begin + 3_000_000
    uuids = [leg_uuid(place) for place, _ in legs]
    won = next((u for u, (_, reason) in zip(uuids, legs, strict=True) if reason == "NONE"), "")
    variables: dict[str, Any] = {
        "direction": "inbound",
        "uuid": call or str(uuid.uuid4()),
        "vn_number": number,
        "vn_account": account,
        "vn_plan": "main",
        "vn_campaign": campaign,
        "vn_generation": "7",
        "vn_hops": "1",
        "vn_legs": gateways,
        "hangup_cause": cause or ("NORMAL_CLEARING" if answered else "USER_BUSY"),
        "hangup_cause_q850": "16" if answered else "17",
        "start_uepoch": str(begin),
        "answer_uepoch": str(answer),
        "bridge_uepoch": str(answer),
        "progress_uepoch": str(begin + 800_000 if answered else 0),
        "end_uepoch": str(end),
        "bridge_uuid": won,
        **more,
    }
    if legs:
        variables["originate_causes"] = "ARRAY::" + "|:".join(
            f"{u};{reason}" for u, (_, reason) in zip(uuids, legs, strict=True)
        )
        variables["originated_legs"] = "ARRAY::" + "|:".join(
            f"{u};Outbound Call;{dialled}" for u in uuids
        )
    body = {
        "core-uuid": "c0ffee",
        "switchname": "fs1",
        "channel_data": {"direction": "inbound"},
        "variables": {
            key: quote(value, safe="") if isinstance(value, str) else value
            for key, value in variables.items()
        },
        "callflow": [
            {
                "caller_profile": {
                    "caller_id_name": name,
                    "caller_id_number": caller,
                    "destination_number": number.removeprefix("+"),
                }
            }
        ],
    }
    return json.dumps(body).encode()
