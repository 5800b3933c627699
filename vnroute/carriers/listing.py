"""Every gateway of the routing data and what workers are told of it, for people and for the API."""

from __future__ import annotations

from typing import Any

from vnroute import log
from vnroute.carriers.by_hand import ByHand
from vnroute.carriers.memory import Memory
from vnroute.image.keys import Kind
from vnroute.image.state_page import PageError, StatePage
from vnroute.matcher.passed_over import BADNESS_WORDS
from vnroute.settings import Settings
from vnroute.store import open_store
from vnroute.store.opening import store_exists

__all__ = ["gateway_rows", "loaded_gateways"]


def gateway_rows(settings: Settings) -> list[dict[str, Any]]:
    """Return what workers are told now, and what the health process remembers of each.

    Raises OSError and ValueError where what is kept cannot be read.
    """
    memory = Memory(settings.state / "carriers", log.get_logger(process="carriers"))
    breakers = {kept.gateway: kept for kept in memory.breakers()}
    drained = ByHand(settings.state / "carriers").all()
    try:
        page = StatePage.open(settings.state_page)
    except FileNotFoundError:
        page = None
    except PageError as error:
        raise ValueError(str(error)) from None
    rows = []
    for carrier, gateway in loaded_gateways(settings):
        said = page.get(Kind.GATEWAY, gateway) if page is not None else None
        kept, by_hand = breakers.get(gateway), drained.get(gateway)
        state = "drained" if by_hand else BADNESS_WORDS[min(said.extra, 4)] if said else "closed"
        rows.append(
            {
                "gateway": gateway,
                "carrier": carrier,
                "state": state,
                "share": 0.0 if by_hand else said.value / 1000 if said else 1.0,
                "since": by_hand.since if by_hand else kept.since if kept else None,
                "why": by_hand.why if by_hand else kept.why if kept else "",
                "by": by_hand.by if by_hand else "",
            }
        )
    return rows


def loaded_gateways(settings: Settings) -> list[tuple[str, str]]:
    """Return (carrier, gateway) of the routing data; none where nothing is loaded."""
    if not store_exists(settings.store_address):
        return []
    store = open_store(settings.store_address, create=False)
    try:
        with store.snapshot() as snapshot:
            return [(carrier.id, gateway.id)
                    for carrier in snapshot.carriers() for gateway in carrier.gateways]  # fmt: skip
    finally:
        store.close()
