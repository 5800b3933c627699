"""Plans: what happens to a call, step by step, until someone answers or it is hung up."""

from __future__ import annotations

from typing import Literal

import msgspec

from vnroute.model.causes import parse_cause
from vnroute.model.choice import Choice
from vnroute.model.e164 import parse_prefix
from vnroute.model.here import Here
from vnroute.model.ids import check_id
from vnroute.model.language import parse_language
from vnroute.model.problem import FieldError
from vnroute.model.schedule import OPEN
from vnroute.model.target import Target, check_confirm, check_show
from vnroute.model.treatment import check_file, check_voicemail

__all__ = ["ACTS", "MAX_STEPS", "MAX_TARGETS", "RELAY", "WITHHELD", "How", "Plan", "Step"]

MAX_STEPS = 32
MAX_TARGETS = 16
MAX_TOLD = 16
"""Campaigns, and languages, that a step may name."""
RELAY = "relay"
"""``hangup: relay`` gives the caller the cause that matters of what was rung: busy before
declined, declined before no answer, no answer before what carriers say of themselves."""


WITHHELD = "withheld"
"""Among the callers of a step: one whose number is withheld or is none."""

ACTS = ("ring", "play", "here", "voicemail", "hangup")
"""What a step may do."""

How = Literal["in-order", "together", "share", "rotate"]
"""How a step's targets are rung: one after the other; all at once, each after its delay; one chosen
by its share of the calls first, then the others in order; each call beginning with the next."""


class Step(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"state": "is", "callers": "from", "campaigns": "campaign", "languages": "language"},
):
    """One step: ring targets, play a sound, hear where a person is, take a message, or hang up.

    It applies if the schedule named by ``when`` is in the state named by ``is``; always, if
    ``when`` is not given; and, if ``from`` is given, to callers of those prefixes only
    (``withheld``: without a number); if ``campaign`` is given, to calls to numbers of those
    campaigns, and if ``language`` is, to callers who understand one of those best, of all that the
    plan names. ``seconds`` is how long each target may ring (None: as the policy says), ``show``
    whose number they see, ``confirm`` the key with which a phone's user takes the call (so that
    voicemail does not), ``policy`` how targets are hunted here, if not as the plan
    says. ``play`` is a sound that the caller hears before he is answered, ``voicemail`` the
    mailbox that takes the call, BOX@DOMAIN. ``here`` is what a person says by calling from a phone
    that is known to be his, for which the step ends the call; others go on to the next. Exactly one
    of ``ring``, ``play``, ``here``, ``voicemail`` and ``hangup`` is given.
    """

    when: str = ""
    state: str = OPEN
    callers: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    ring: tuple[str | Target, ...] = ()
    how: How = "in-order"
    seconds: int | None = None
    show: str = "caller"
    confirm: str = ""
    policy: str = ""
    play: str = ""
    here: Here | None = None
    voicemail: str = ""
    hangup: str = ""

    def __post_init__(self) -> None:
        if self.policy:
            check_id(self.policy, "policy")
        if self.when:
            check_id(self.when, "when")
            check_id(self.state, "is")
        elif self.state != OPEN:
            raise FieldError("is", repr(self.state), '"when" beside it, naming a schedule')
        given = [name for name in ACTS if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) or f"none of {', '.join(ACTS)}"
            raise FieldError(given[0] if given else "ring", found, f"one of {', '.join(ACTS)}")
        if len(self.ring) > MAX_TARGETS:
            raise FieldError("ring", f"{len(self.ring)} targets", f"{MAX_TARGETS} at most")
        for position, prefix in enumerate(self.callers):
            if prefix != WITHHELD:
                parse_prefix(prefix, f"from[{position}]")
        for name, told in (("campaign", self.campaigns), ("language", self.languages)):
            if len(told) > MAX_TOLD:
                raise FieldError(name, f"{len(told)} of them", f"{MAX_TOLD} at most")
        for position, campaign in enumerate(self.campaigns):
            check_id(campaign, f"campaign[{position}]")
        for position, language in enumerate(self.languages):
            parse_language(language, f"language[{position}]")
        self._check_targets()
        if self.seconds is not None and not 1 <= self.seconds <= 600:
            raise FieldError("seconds", str(self.seconds), "1 to 600 seconds")
        if self.hangup and self.hangup != RELAY:
            parse_cause(self.hangup)
        if self.play:
            check_file(self.play)
        if self.voicemail:
            check_voicemail(self.voicemail)

    def _check_targets(self) -> None:
        check_show(self.show)
        check_confirm(self.confirm)
        for position, target in enumerate(self.ring):
            field = f"ring[{position}]"
            if isinstance(target, str):
                try:
                    target = Target(to=target)
                except FieldError as error:
                    raise FieldError(field, error.found, error.expected) from None
            if target.delay and self.how != "together":
                raise FieldError(f"{field}.delay", f"{target.delay} s", "how: together beside it")
            if target.share != 1 and self.how != "share":
                raise FieldError(f"{field}.share", str(target.share), "how: share beside it")
            if target.kind in ("plan", "person") and self.how == "together":
                expected = f"no {target.kind} among targets rung together"
                raise FieldError(field, repr(target.to), expected)
        if self.how != "in-order" and len(self.ring) < 2:
            raise FieldError("how", self.how, "two targets or more")

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets, each with what it takes from the step."""
        return tuple(
            Target(
                to=target.to,
                seconds=target.seconds or self.seconds or 0,
                delay=target.delay,
                share=target.share,
                show=target.show or self.show,
                confirm=target.confirm or self.confirm,
            )
            for target in (Target(to=t) if isinstance(t, str) else t for t in self.ring)
        )

    @property
    def kind(self) -> str:
        """One of ACTS."""
        return next(name for name in ACTS if getattr(self, name))

    @property
    def ends(self) -> bool:
        """Whether a call can get no further than this step, whatever the moment and the caller."""
        return bool(self.hangup or self.voicemail) and not self.conditions

    @property
    def conditions(self) -> str:
        """What it applies under, in words; empty where it always does."""
        said = f" when {self.when} is {self.state}" if self.when else ""
        for word, told in (
            ("from", self.callers),
            ("campaign", self.campaigns),
            ("language", self.languages),
        ):
            said += f" {word} {', '.join(told)}" if told else ""
        return said


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The steps of an account's plan, in order.

    The last step, and no other, ends the call at any moment: a ``hangup`` or a ``voicemail``
    without conditions. ``policy`` names how targets are hunted and which failures go on,
    the built-in tables if empty; ``choice`` is how carriers are chosen for its targets, in place of
    the account's.
    """

    id: str
    account: str
    steps: tuple[Step, ...]
    policy: str = ""
    choice: Choice | None = None

    def __post_init__(self) -> None:
        check_id(self.id)
        check_id(self.account, "account")
        if self.policy:
            check_id(self.policy, "policy")
        if not self.steps:
            raise FieldError("steps", "no steps", "steps, the last a hangup without when")
        if len(self.steps) > MAX_STEPS:
            raise FieldError("steps", f"{len(self.steps)} steps", f"{MAX_STEPS} at most")
        for position, step in enumerate(self.steps[:-1]):
            if step.ends:
                raise FieldError(
                    f"steps[{position}]",
                    f"{step.kind} {step.hangup or step.voicemail}",
                    "no step after it: it always ends the call",
                )
        rings = next((place for place, step in enumerate(self.steps) if step.ring), MAX_STEPS)
        for position, step in enumerate(self.steps):
            if step.here and position > rings:
                raise FieldError(
                    f"steps[{position}].here",
                    f"here behind steps[{rings}], which rings",
                    "here before all steps that ring: it is said when the call comes",
                )
        if not self.steps[-1].ends:
            last = self.steps[-1]
            found = last.kind + last.conditions
            raise FieldError(
                f"steps[{len(self.steps) - 1}]",
                f"{found} as the last step",
                f'a last step that always ends the call: "hangup: {RELAY}" or a cause,'
                " without when, from, campaign and language",
            )
