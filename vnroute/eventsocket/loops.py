"""What is said of a call that was forwarded too often: where it came along, as far as it tells."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

__all__ = ["forwarded"]

_FIELDS = {
    "number": "Caller-Destination-Number",
    "caller": "Caller-Caller-ID-Number",
    "hops": "variable_vn_hops",
    "max_forwards": "variable_max_forwards",
    "from_address": "variable_sip_network_ip",
    "call_id": "variable_sip_call_id",
    "uuid": "Unique-ID",
}
_PATHS = ("variable_sip_h_Diversion", "variable_sip_history_info")
_USER = re.compile(r"(?:sips?|tel):(\+?[0-9]{1,15})(?![0-9])", re.ASCII)
_MOST = 20


def forwarded(channel_data: bytes) -> dict[str, Any]:
    """Return what a log line says of a call, by its CHANNEL_DATA.

    ``path`` holds the numbers that forwarded it, the last one first, as Diversion (RFC 5806) and
    History-Info (RFC 7044) tell them; carriers may leave both out. What is not there is left out.
    """
    block: dict[str, str] = {}
    for line in channel_data.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(": ")
        block.setdefault(name, unquote(value)[:500])
    said: dict[str, Any] = {
        field: block[name][:100] for field, name in _FIELDS.items() if block.get(name)
    }
    path = [number for name in _PATHS for number in _USER.findall(block.get(name, ""))]
    return {**said, "path": path[:_MOST]}
