"""What is known of gateways, carriers and switches, as plain data for the API and for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vnroute.carriers.health import GatewayHealth, Health
from vnroute.carriers.quality import Figures, class_of
from vnroute.carriers.switches import SwitchState

__all__ = ["as_data"]


def as_data(health: Health, switches: Iterable[SwitchState], now: float) -> dict[str, Any]:
    """Return ``gateways``, ``carriers`` and ``switches``; moments are Unix seconds."""
    return {
        "gateways": [_gateway(gateway, now) for gateway in health.gateways.values()],
        "carriers": [
            {"carrier": carrier, "class": class_of(zones[0]), **_figures(zones[0])}
            for carrier, zones in sorted(health.carrier_figures(now).items())
        ],
        "switches": [
            {
                "switch": switch.name,
                "connected": switch.connected,
                "why": switch.why,
                "sessions": switch.sessions,
                "idle_cpu": switch.idle_cpu,
                "restarts": switch.restarts,
                "link_memory": switch.link_memory,
            }
            for switch in switches
        ],
    }


def _gateway(gateway: GatewayHealth, now: float) -> dict[str, Any]:
    return {
        "gateway": gateway.known.id,
        "carrier": gateway.known.carrier,
        "state": "drained" if gateway.drained is not None else gateway.state,
        "share": gateway.share / 1000,
        "drained": gateway.drained
        and {
            "since": gateway.drained.since,
            "by": gateway.drained.by,
            "why": gateway.drained.why,
        },
        "switches": [
            {
                "switch": name,
                "state": watched.breaker.state,
                "down": watched.breaker.down,
                "since": watched.breaker.since,
                "until": watched.breaker.until or None,
                "why": watched.breaker.why,
                "openings": watched.breaker.openings,
                "ping_ms": watched.ping_ms if watched.pinged else None,
                "usual_failures": round(watched.meter.usual, 3) if watched.heard else None,
                "legs_a_second": round(watched.meter.rate(), 2) if watched.heard else None,
            }
            for name, watched in gateway.switches.items()
        ],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    return {
        "legs": figures.legs,
        "asr": rounded(figures.asr),
        "ner": rounded(figures.ner),
        "acd_seconds": rounded(figures.acd_seconds),
        "pdd_seconds": rounded(figures.pdd_seconds),
    }
