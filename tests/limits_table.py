"""Calls at once over three carriers, two of them limited: a real FreeSWITCH and the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.images import MONDAY_NOON_IN_NEW_YORK, compiled
from tests.support.memory import MemoryRouting
from vnroute.matcher.decide import Matcher
from vnroute.matcher.explain import channel_data
from vnroute.model import Account, Carrier, Gateway, Number, Plan, Step
from vnroute.model.limits import Limits

NUMBER = "+18005551234"


class Answers:
    """vnroute's own answers where A takes two calls at a time, B one, and C any number."""

    def __init__(
        self,
        gateways: Sequence[str],
        directory: Path,
        limits: Sequence[Limits | None] = (Limits(calls=2), Limits(calls=1), None),
        of_carrier: bool = False,
    ) -> None:
        carriers = [
            Carrier(
                id=f"c{place}",
                limits=limit if of_carrier else None,
                gateways=(
                    Gateway(
                        id=f"g{place}",
                        gateway=gateway,
                        progress_seconds=3,
                        limits=None if of_carrier else limit,
                    ),
                ),
            )
            for place, (gateway, limit) in enumerate(zip(gateways, limits, strict=True))
        ]
        routing = MemoryRouting(
            account_list=[Account(id="a")],
            plan_list=[
                Plan(
                    id="p",
                    account="a",
                    steps=(Step(ring=("+12125550100",), seconds=9), Step(hangup="relay")),
                )
            ],
            number_list=[Number(number=NUMBER, account="a", plan="p")],
            carrier_list=carriers,
        )
        self._matcher = Matcher(compiled(routing, directory))

    def reply(self) -> bytes:
        """Return the answer to one more call; each has uuids of its own."""
        return self._matcher.decide(
            channel_data(NUMBER[1:], caller="+34911234567"), MONDAY_NOON_IN_NEW_YORK
        )
