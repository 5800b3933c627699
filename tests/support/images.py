"""A small operator's routing data, and images compiled of any."""

from __future__ import annotations

from pathlib import Path

from tests.support.memory import MemoryRouting
from vnroute.compiler import compile_image
from vnroute.image.layout import image_name
from vnroute.matcher.image import RouteImage
from vnroute.model import (
    Account,
    Carrier,
    Gateway,
    Number,
    NumberBlock,
    OpenHours,
    Plan,
    Rate,
    Schedule,
    Step,
)

MONDAY_NOON_IN_NEW_YORK = 1795453200.0
"""2026-11-23 12:00 -05:00."""
SUNDAY_NOON_IN_NEW_YORK = MONDAY_NOON_IN_NEW_YORK - 86400


def acme() -> MemoryRouting:
    """An account with office hours, two carriers and a fallback carrier, and a few numbers."""
    return MemoryRouting(
        account_list=[
            Account(id="acme", time_zone="America/New_York", allow=("+1", "+44")),
            Account(id="gone", state="suspended"),
        ],
        schedule_list=[
            Schedule(
                id="office-hours",
                time_zone="America/New_York",
                open=(OpenHours(days="mon-fri", hours="09:00-17:00"),),
            )
        ],
        plan_list=[
            Plan(
                id="acme-main",
                account="acme",
                steps=(
                    Step(when="office-hours", ring=("+12125550100",), seconds=20),
                    Step(ring=("+19175550123",), seconds=25),
                    Step(hangup="USER_BUSY"),
                ),
            ),
            Plan(
                id="acme-london",
                account="acme",
                steps=(Step(ring=("+442079460999", "+18005551234")), Step(hangup="relay")),
            ),
            Plan(
                id="acme-night",
                account="acme",
                steps=(
                    Step(when="office-hours", ring=("+12125550100",)),
                    Step(hangup="NO_ANSWER"),
                ),
            ),
            Plan(
                id="acme-far", account="acme", steps=(Step(ring=("+5511955550100",)),
                                                      Step(hangup="NO_ANSWER"))
            ),
            Plan(id="gone-main", account="gone", steps=(Step(hangup="NO_ANSWER"),)),
        ],
        number_list=[
            Number(
                number="+18005551234", account="acme", plan="acme-main", campaign="spring-26"
            ),
            Number(number="+442079460123", account="acme", plan="acme-london"),
            Number(number="+18005550001", account="acme", plan="acme-night"),
            Number(number="+18005550002", account="acme", plan="acme-main", state="suspended"),
            Number(number="+18005550003", account="gone", plan="gone-main"),
            Number(number="+18005550004", account="acme", plan="acme-far"),
        ],
        block_list=[
            NumberBlock(block="+1888555xxxx", account="acme", plan="acme-main"),
            NumberBlock(block="+188855512xx", account="acme", plan="acme-night", campaign="b12"),
        ],
        carrier_list=[
            Carrier(id="alpha", gateways=(Gateway(id="alpha-1", gateway="gwA"),)),
            Carrier(
                id="beta",
                gateways=(
                    Gateway(id="beta-1", gateway="gwB1", format="00{e164_digits}"),
                    Gateway(id="beta-2", gateway="gwB2", format="{e164}", progress_seconds=3),
                ),
            ),
        ],
        rate_list=[
            Rate(prefix="1", carrier="alpha", rate="0.01"),
            Rate(prefix="1", carrier="beta", rate="0.02"),
            Rate(prefix="1212", carrier="beta", rate="0.005"),
            Rate(prefix="44", carrier="beta", rate="0.011"),
            Rate(prefix="4420", carrier="alpha", rate="0.011"),
        ],
    )  # fmt: skip


def compiled(
    routing: MemoryRouting, directory: Path, generation: int = 7, **options: int
) -> RouteImage:
    """Compile routing data, and open the image."""
    path = directory / image_name(generation)
    options.setdefault("now", int(MONDAY_NOON_IN_NEW_YORK))
    compile_image(routing, path, generation=generation, **options)  # type: ignore[arg-type]
    return RouteImage(path)
