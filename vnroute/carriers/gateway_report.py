"""What ``sofia xmlstatus gateway`` says of a switch's gateways, as plain data.

The element names are those of mod_sofia's ``xmlstatus`` (sofia_reg.c and mod_sofia.c,
``xml_gateway_status``); they were read from a FreeSWITCH 1.11.
"""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec

__all__ = ["BadReport", "GatewayReport", "read_gateways"]

_MOST_BYTES = 64_000_000


class BadReport(Exception):
    """A text that is no such report; says why in a few words."""


class GatewayReport(msgspec.Struct, frozen=True, array_like=True):
    """One gateway on one switch.

    ``pinged`` is whether the switch sends OPTIONS; ``up`` what it makes of them (or of the
    registration). ``made`` and ``failed`` count the legs since the profile was started.
    ``ping_ms`` is the last answer's time.
    """

    name: str
    up: bool
    pinged: bool
    state: str = ""
    ping_ms: float = 0.0
    made: int = 0
    failed: int = 0


def read_gateways(text: str) -> list[GatewayReport]:
    """Return the gateways of a report; raise :class:`BadReport` for what is none.

    A DOCTYPE is refused, and with it any entity of its own. A gateway without a name, or with
    counters that are no numbers, breaks the report: a wrong reading is worse than none.
    """
    if len(text) > _MOST_BYTES:
        raise BadReport(f"{len(text)} characters")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadReport("it has a DOCTYPE")
    start = text.find("<gateways")
    if start < 0:
        raise BadReport(f"no list of gateways but {text[:60]!r}")
    try:
        # The declaration names an encoding that the socket did not use.
        root = ElementTree.fromstring(text[start:])
        return [_gateway(element) for element in root.iter("gateway")]
    except (ElementTree.ParseError, ValueError) as error:
        raise BadReport(str(error)) from None


def _gateway(element: ElementTree.Element) -> GatewayReport:
    values = {child.tag: (child.text or "").strip() for child in element}
    name = values.get("name", "")
    if not name:
        raise ValueError("a gateway without a name")
    return GatewayReport(
        name=name,
        up=values.get("status", "UP") == "UP",
        pinged=int(values.get("pingfreq") or 0) > 0,
        state=values.get("state", ""),
        ping_ms=float(values.get("pingtime") or 0.0),
        made=int(values.get("calls-out") or 0),
        failed=int(values.get("failed-calls-out") or 0),
    )
