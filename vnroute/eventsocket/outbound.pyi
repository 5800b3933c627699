import asyncio
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from vnroute.dips.dipper import Dipper
from vnroute.eventsocket.here import HereKeeper
from vnroute.matcher.decide import Matcher

class OutboundServer:
    matcher: Matcher
    allowed: list[IPv4Network | IPv6Network]
    live: int
    most_live: int
    accepted: int
    answered: int
    dipper: Dipper | None
    keeper: HereKeeper | None
    def __init__(
        self,
        matcher: Matcher,
        log: Callable[..., Any],
        allowed: Iterable[str],
        max_bytes: int = 11_000_000,
        max_seconds: float = 10.0,
        max_connections: int = 20_000,
        check_peers: bool = True,
    ) -> None: ...
    def __call__(self) -> asyncio.BaseProtocol: ...
    def allows(self, address: str) -> bool: ...
    def take_looped(self) -> tuple[list[bytes], int]: ...
    def close_overdue(self) -> None: ...
    def delays_us(self) -> list[int]: ...
    def counts(self) -> dict[str, int]: ...
