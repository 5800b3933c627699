"""One switch for a module of tests, which asks a canned server: plans proven without vnroute."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import types
from collections.abc import Mapping, Sequence
from typing import Any, Self

from tests.freeswitch.canned import Canned, xferext
from tests.freeswitch.harness import (
    FreeSwitch,
    Gateway,
    HarnessError,
    Invite,
    Placed,
    SippCarrier,
    free_port,
    legs,
    place,
)

NUMBER = "+18005551234"
TARGET = "12125550100"

STOP = ("USER_BUSY", "CALL_REJECTED", "ALLOTTED_TIMEOUT", "UNWANTED")
"""What ends the hunt over a target's carriers: what the person did."""

CHANNEL_VARIABLES = (
    "hangup_after_bridge=true",
    "continue_on_fail=true",
    "sip_ignore_remote_cause=true",
    "sip_copy_custom_headers=false",
    "ignore_early_media=true",
    "originate_continue_on_timeout=true",
    f"fail_on_single_reject={','.join(STOP)}",
)

RELAY = (
    "hangup ${regex(m:~${originate_causes};NORMAL_TEMPORARY_FAILURE~"
    "^(?|.*;(USER_BUSY)|.*;(CALL_REJECTED)|.*;(NO_ANSWER)|.*;ALLOTTED_TIMEOUT()"
    "|.*;(UNALLOCATED_NUMBER)|.*;(NORMAL_TEMPORARY_FAILURE))~%1)}"
)
"""The caller hears the cause that matters: busy before declined, before no answer, before the rest.

``originate_causes`` lists the cause of every leg over all bridges. A branch-reset group tries its
alternatives in order, each over the whole list, so their order is the precedence. The cause put
behind the list is what is left where no leg says anything.
"""


def channel(*variables: str) -> str:
    """Return the one multiset that a plan begins with, and more variables."""
    return "multiset ^^;" + ";".join((f"vn_number={NUMBER}", *CHANNEL_VARIABLES, *variables))


def hunt(
    *carriers: SippCarrier, progress: int = 2, ring: int = 6, variables: Sequence[str] = ()
) -> str:
    """Return a bridge to TARGET over carriers, one after the other."""
    timers = (f"leg_progress_timeout={progress}", f"leg_timeout={ring}", *variables)
    dials = "|".join(f"sofia/gateway/{carrier.name}/{TARGET}" for carrier in carriers)
    return f"bridge {{{','.join(timers)}}}{dials}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one call went: the caller's side, each carrier's INVITEs, and the call record."""

    placed: Placed
    invites: Mapping[str, Sequence[Invite]]
    record: Mapping[str, Any]

    @property
    def code(self) -> int | None:
        """The caller's final SIP code."""
        return self.placed.code()

    @property
    def seconds(self) -> float:
        """How long the caller waited for it."""
        (call,) = self.placed.calls
        return call.seconds if call.seconds is not None else float("inf")

    @property
    def causes(self) -> list[str]:
        """The hangup cause of each leg that was made, in order; NONE is the leg that answered."""
        return [leg.cause for leg in legs(self.record)]

    def count(self, carrier: SippCarrier) -> int:
        """Return how many INVITEs reached a carrier."""
        return len(self.invites[carrier.name])


class Lab:
    """A switch, the canned server that it asks, and gateways to hand out.

    Every test takes gateways of its own: FreeSWITCH goes on for half a minute with the INVITE to a
    carrier that stayed silent, and would reach the next test's carrier on the same port.
    """

    def __init__(self, gateways: int = 120, **options: Any) -> None:
        self.applications: Sequence[str] = ()
        self.server = Canned(lambda _: xferext(self.applications))
        self._unused = [Gateway(f"gw{n}", free_port()) for n in range(gateways)]
        self._all = list(self._unused)
        self._options = options
        self._stack = contextlib.ExitStack()
        self._switch: FreeSwitch | None = None

    def __enter__(self) -> Self:
        self._stack.enter_context(self.server)
        switch = FreeSwitch([self.server.node], self._all, **self._options)
        self._switch = self._stack.enter_context(switch)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def switch(self) -> FreeSwitch:
        """The running switch."""
        if self._switch is None:
            raise HarnessError("the lab is closed")
        return self._switch

    def gateway(self) -> Gateway:
        """Return a gateway that no test has used yet."""
        return self._unused.pop()

    def call(self, applications: Sequence[str], *carriers: SippCarrier, **options: Any) -> Outcome:
        """Place one call that is answered with a plan, while these carriers listen."""
        self.applications = applications
        before = len(self.switch.cdrs())
        with contextlib.ExitStack() as stack:
            for carrier in carriers:
                stack.enter_context(carrier)
            placed = place(self.switch.address, options.pop("numbers", [NUMBER]), **options)
            self.switch.wait_idle()
            invites = {carrier.name: carrier.invites() for carrier in carriers}
        end = time.monotonic() + 5
        while len(self.switch.cdrs()) == before and time.monotonic() < end:
            time.sleep(0.05)
        (record,) = self.switch.cdrs()[before:]
        return Outcome(placed, invites, record)
