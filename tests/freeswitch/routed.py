"""A switch routed by a vnroute of its own, and two carriers that answer, for tables of cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.freeswitch.harness import FreeSwitch, Gateway, Placed, SippCarrier, free_port, place
from tests.freeswitch.test_main_job import Node, vnroute

__all__ = ["rings", "routed"]


@contextmanager
def routed(
    home: Path, routing: str, *commands: Sequence[str]
) -> Iterator[tuple[FreeSwitch, list[SippCarrier]]]:
    """Load a routing file, run commands of ``vnroute``, compile, serve; carriers gwA and gwB."""
    (home / "routes.yaml").write_text(routing)
    for command in (("load", "routes.yaml"), *commands, ("compile",)):
        vnroute(home, *command)
    with ExitStack() as stack:
        node = stack.enter_context(Node(home))
        gateways = [Gateway("gwA", free_port()), Gateway("gwB", free_port())]
        carriers = [stack.enter_context(SippCarrier.answers(one)) for one in gateways]
        yield stack.enter_context(FreeSwitch([node.address], gateways)), carriers


def rings(
    switch: FreeSwitch,
    carriers: Sequence[SippCarrier],
    number: str,
    caller: str,
    headers: Sequence[str],
) -> tuple[Placed, tuple[int, ...]]:
    """Place one call; return what the caller saw, and how often each carrier was rung."""
    before = [carrier.count() for carrier in carriers]
    placed = place(switch.address, [(number, caller)], headers=headers)
    after = [carrier.count() for carrier in carriers]
    return placed, tuple(now - then for now, then in zip(after, before, strict=True))
