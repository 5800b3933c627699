"""What a leg's own record tells: mod_json_cdr posts it where ``log-b-leg`` is on.

Its media figures are those of switch_core_media_set_stats (switch_core_media.c), as switch_rtp.c
counts them.
"""

from __future__ import annotations

import math
import re
from typing import Any

from vnroute.calls.cleaning import clean_id, small_int, text_of
from vnroute.calls.record import LegRecord
from vnroute.calls.times import Times

__all__ = ["read_leg", "sip_code"]

_SIP = re.compile(r"sip:([1-6][0-9]{2})", re.ASCII)
_FIGURE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_MOST_PACKETS = 1 << 40


def read_leg(uuid: str, variables: dict[str, Any], times: Times) -> LegRecord:
    """Return what a leg's record tells; what its notation does not allow is left empty."""
    packets = _count(variables, "in_packet_count")
    # Without a packet the switch tells the best MOS there is, and no jitter.
    heard = variables if packets else {}
    variance = _figure(heard, "in_jitter_max_variance")
    loss = _figure(heard, "in_jitter_loss_rate")
    return LegRecord(
        uuid=uuid,
        started=times.started,
        cause=clean_id(variables.get("hangup_cause")),
        sip=200
        if times.answered
        else sip_code(variables.get("proto_specific_hangup_cause"))
        or small_int(variables.get("sip_invite_failure_status"), 0, 699),
        pdd_ms=times.pdd_ms,
        up_ms=(times.ended - times.answered) // 1000 if times.answered else 0,
        read_codec=clean_id(variables.get("read_codec")),
        write_codec=clean_id(variables.get("write_codec")),
        packets_in=packets,
        packets_missed=_count(heard, "in_skip_packet_count"),
        packets_out=_count(variables, "out_packet_count"),
        mos=_figure(heard, "in_mos"),
        jitter_ms=None if variance is None else round(math.sqrt(variance), 2),
        loss_percent=None if loss is None else round(100 * min(loss, 1.0), 2),
    )


def sip_code(value: Any) -> int:
    """Return the code of a protocol-specific cause, as ``sip:503``; 0 for what is none."""
    match = _SIP.fullmatch(text_of(value))
    return int(match[1]) if match else 0


def _count(variables: dict[str, Any], name: str) -> int | None:
    value = variables.get(f"rtp_audio_{name}")
    return None if value is None else small_int(value, 0, _MOST_PACKETS)


def _figure(variables: dict[str, Any], name: str) -> float | None:
    text = text_of(variables.get(f"rtp_audio_{name}"))
    return float(text) if _FIGURE.fullmatch(text) else None
