"""Plans: what happens to a call, step by step, until someone answers or it is hung up."""

from __future__ import annotations

from typing import Literal

import msgspec

from vnroute.model.causes import parse_cause
from vnroute.model.e164 import parse_number
from vnroute.model.ids import check_id
from vnroute.model.problem import FieldError

__all__ = ["MAX_STEPS", "MAX_TARGETS", "RELAY", "Plan", "Step"]

MAX_STEPS = 32
MAX_TARGETS = 16
RELAY = "relay"
"""``hangup: relay`` gives the caller the cause that matters of what was rung: busy before
declined, declined before no answer, no answer before what carriers say of themselves."""


class Step(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"state": "is"}
):
    """One step: ring targets in the order given, or hang up.

    It applies if the schedule named by ``when`` is in the state named by ``is``; always, if
    ``when`` is not given. ``seconds`` is how long each target may ring. Exactly one of ``ring``
    and ``hangup`` is given.
    """

    when: str = ""
    state: Literal["open", "closed"] = "open"
    ring: tuple[str, ...] = ()
    seconds: int = 25
    hangup: str = ""

    def __post_init__(self) -> None:
        if self.when:
            check_id(self.when, "when")
        elif self.state != "open":
            raise FieldError("is", repr(self.state), '"when" beside it, naming a schedule')
        if bool(self.ring) == bool(self.hangup):
            found = "both" if self.ring else "neither"
            raise FieldError("ring", f"{found} of ring and hangup", "one of ring and hangup")
        if len(self.ring) > MAX_TARGETS:
            raise FieldError("ring", f"{len(self.ring)} targets", f"{MAX_TARGETS} at most")
        for position, target in enumerate(self.ring):
            parse_number(target, f"ring[{position}]")
        if not 1 <= self.seconds <= 600:
            raise FieldError("seconds", str(self.seconds), "1 to 600 seconds")
        if self.hangup and self.hangup != RELAY:
            parse_cause(self.hangup)

    @property
    def kind(self) -> str:
        """``ring`` or ``hangup``."""
        return "ring" if self.ring else "hangup"

    @property
    def ends(self) -> bool:
        """Whether a call can get no further than this step, whatever the moment."""
        return bool(self.hangup) and not self.when


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The steps of an account's plan, in order.

    The last step, and no other, ends the call at any moment: a ``hangup`` without ``when``.
    """

    id: str
    account: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        check_id(self.id)
        check_id(self.account, "account")
        if not self.steps:
            raise FieldError("steps", "no steps", "steps, the last a hangup without when")
        if len(self.steps) > MAX_STEPS:
            raise FieldError("steps", f"{len(self.steps)} steps", f"{MAX_STEPS} at most")
        for position, step in enumerate(self.steps[:-1]):
            if step.ends:
                raise FieldError(
                    f"steps[{position}]",
                    f"hangup {step.hangup}",
                    "no step after it: it always ends the call",
                )
        if not self.steps[-1].ends:
            last = self.steps[-1]
            found = last.kind + (f" when {last.when}" if last.when else "")
            raise FieldError(
                f"steps[{len(self.steps) - 1}]",
                f"{found} as the last step",
                f'a last step that always ends the call: "hangup: {RELAY}" or a cause, no when',
            )
