"""Limits of gateways and carriers, as variables of a leg.

FreeSWITCH runs ``execute_on_originate`` on a leg that it has made, before the session's thread
starts and with it the INVITE (switch_ivr_originate.c). ``limit`` counts the leg there, or hangs it
up: the hunt goes on as after any other failure, so stop lists, guards and branches that ring
together stay as they are. The count goes down as the leg ends, whoever ends it
(``limit_state_handler``, switch_limit.c); ``limit_ignore_transfer`` keeps it through the leg's own
CS_ROUTING.
"""

from __future__ import annotations

from vnroute.model import Carrier, Gateway

__all__ = ["leg_limits"]

_CAUSE = "NORMAL_CIRCUIT_CONGESTION"


def leg_limits(carrier: Carrier, gateway: Gateway) -> str:
    """Return the variables of a gateway's legs, each after a comma; nothing without limits.

    Calls at a time are counted first: a leg that is refused there is not counted a second.
    """
    counted: list[tuple[str, str, str]] = []
    limited = (("gateway", gateway.id, gateway.limits), ("carrier", carrier.id, carrier.limits))
    for kind, name, limits in limited:
        if limits is not None and limits.calls:
            counted.append((f"vn_{kind}", name, str(limits.calls)))
    for kind, name, limits in limited:
        if limits is not None and limits.cps:
            counted.append((f"vn_{kind}_cps", name, f"{limits.cps}/1"))
    if not counted:
        return ""
    return ",limit_ignore_transfer=true" + "".join(
        f",execute_on_originate_{place}=limit hash {realm} {name} {most} !{_CAUSE}"
        for place, (realm, name, most) in enumerate(counted, 1)
    )
