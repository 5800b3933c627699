"""Plans become programs: words that the matcher walks once a call.

docs/route-image.md lists the words. A target is a number with its row of choices, found here, so
that the hot path reads a list; a target that is one of our own numbers becomes a step into that
number's plan.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Mapping
from functools import cached_property

from vnroute import model
from vnroute.compiler.hunting import FAILURE_CAUSES, stop_causes, together_causes
from vnroute.compiler.policies import Policies
from vnroute.compiler.text import Texts
from vnroute.image.program import NO_ASSIGNMENT, NO_CHOICES, NO_LIMIT, PICKS, SHOWS, Op
from vnroute.model import Plan, Step
from vnroute.model.e164 import digits_of
from vnroute.model.here import Here
from vnroute.model.language import HEADS, language_of_head, parse_language
from vnroute.model.plan import WITHHELD
from vnroute.model.policy import DEFAULT_POLICY
from vnroute.model.target import Target
from vnroute.model.treatment import Treatment

__all__ = ["CHANNEL", "CONFIRM", "TARGET_BYTES", "TOGETHER", "Programs"]

CHANNEL = ";".join(
    (
        # A bridge that failed lets the plan go on, unless the call went in a circle; one that was
        # answered ends it.
        "hangup_after_bridge=true",
        FAILURE_CAUSES,
        # Else the last leg's own SIP code would reach the caller, whatever the plan's hangup says
        # (sofia_on_hangup in mod_sofia.c reads last_bridge_proto_specific_hangup_cause).
        "sip_ignore_remote_cause=true",
        # The caller's own X- headers stay off the carriers' legs.
        "sip_copy_custom_headers=false",
        # Early media is no success: 183 and then 503 goes on to the next carrier.
        "ignore_early_media=true",
        # A carrier that stays silent does not end the hunt.
        "originate_continue_on_timeout=true",
        f"fail_on_single_reject={','.join(stop_causes(DEFAULT_POLICY))}",
    )
)
"""What every call sets on its channel, where each bridge of the plan reads it
(switch_ivr_originate.c takes these from the caller's channel as well as from the braces)."""

TOGETHER = ";".join(
    (
        # A branch of an enterprise originate runs without the caller's channel: what it must know
        # is exported to it. `nolocal:` is for the legs only.
        "origination_nested_vars=true",
        "export_vars=origination_nested_vars,nolocal:fail_on_single_reject,nolocal:process_cdr,"
        "nolocal:api_hangup_hook",
        f"nolocal:fail_on_single_reject={','.join(together_causes(DEFAULT_POLICY))}",
        # A leg that lost has no originator, so mod_json_cdr would post it as a call of its own.
        "nolocal:process_cdr=false",
        # originate_causes stays empty: each leg writes its cause into the caller's vn_cNN, NN being
        # its place in vn_legs, which is how its uuid begins. Expanded once for the caller, once
        # more, behind its backslashes, for the leg.
        r"nolocal:api_hangup_hook=uuid_setvar ${uuid} vn_c\\\${uuid:0:2} \\\${hangup_cause}",
    )
)
"""What a call that rings targets together sets besides CHANNEL (docs/ringing.md)."""

CONFIRM = (
    "group_confirm_key={key},group_confirm_timeout=10,group_confirm_read_timeout=2000,"
    "group_confirm_file='tone_stream://%(200,50,440)%(200,50,554)%(200,50,659)'"
)
"""A phone whose user must press a key to take the call: three rising tones, again every two
seconds, for ten seconds. No key counts as not answered."""

HERE_TONES = "tone_stream://%(150,50,660);%(150,50,880)"
CLEAR_TONES = "tone_stream://%(150,50,880);%(150,50,660)"
"""What a known phone hears that says where somebody is, and that he follows his schedule again:
two tones, up and down."""

_TARGET = struct.Struct("<QIIIIII")
TARGET_BYTES = 64


def voicemail(box: str) -> str:
    """Return the application that takes a message for ``BOX@DOMAIN`` (mod_voicemail's profile
    ``default``); it answers the call.
    """
    user, _, domain = box.partition("@")
    return f"voicemail default {domain} {user}"


class Programs:
    """The PROGRAMS and TARGETS sections, plan by plan; ``rotations`` counts the steps that rotate.

    ``asked`` gives the row of a schedule and the number of its state for (account of the plan,
    schedule, state), ``plans`` the row of each plan's id,
    ``choices_of`` the row of choices of a plan's target by its digits, how they are ordered, and
    what their price must stay below,
    ``own`` the row of the assignment of a number that is one
    of ours, None for others, and ``plan_of`` the row of the plan that an assignment has;
    ``sip_profile`` is FreeSWITCH's profile that SIP URIs are dialled through; ``places`` gives the
    row that says where a person is, and the targets of his places, for a target that is one;
    ``phones`` the numbers by which a person is known when he calls.
    """

    def __init__(
        self,
        texts: Texts,
        asked: Callable[[str, str, str], tuple[int, int]],
        plans: Mapping[str, int],
        choices_of: Callable[[Plan, str], tuple[int, int, int]],
        policies: Policies,
        own: Callable[[int], int | None] = lambda number: None,
        plan_of: Callable[[int], int] = lambda assignment: 0,
        sip_profile: str = "vnroute",
        places: Callable[[Target], tuple[int, list[Target]]] = lambda target: (0, []),
        phones: Callable[[str], tuple[int, ...]] = lambda person: (),
    ) -> None:
        self.words = array("I")
        self.targets = bytearray()
        self.rotations = 0
        self.asks_languages = False
        self._target_rows: dict[tuple[Target, int, tuple[int, int, int]], int] = {}
        self._plan: Plan | None = None
        self.policies = policies
        self._texts = texts
        self._asked = asked
        self._plans = plans
        self._sip_profile = sip_profile
        self._places = places
        self._phones = phones
        self._choices_of = choices_of
        self._own = own
        self._plan_of = plan_of

    def add(self, plan: Plan) -> tuple[int, int]:
        """Write a plan's program; return (first word, number of words)."""
        first = len(self.words)
        self._plan = plan
        for place, step in enumerate(plan.steps):
            mark = place << 8
            body = array("I")
            if step.hangup:
                if step.hangup == model.RELAY:
                    relay = self.policies.relay(plan.policy)
                    pieces = (word for piece in relay for word in self._texts.place(piece))
                    body.extend([Op.RELAY | mark, *pieces])
                else:
                    body.extend([Op.HANGUP | mark, *self._texts.place(step.hangup)])
            elif step.play:
                body.extend([Op.APPLY | mark, *self._texts.place(f"playback {step.play}")])
            elif step.here:
                self._here(body, mark, step.here)
            elif step.voicemail:
                body.extend([Op.TAKE | mark, *self._texts.place(voicemail(step.voicemail))])
            elif step.how == "together":
                self._together(body, mark, step.targets, step.policy or plan.policy)
            elif step.how == "in-order":
                for target in step.targets:
                    self._target(body, mark, target, step.policy or plan.policy)
            else:
                self._pick(body, mark, step, step.policy or plan.policy)
            if step.languages:
                body = self._language(mark, step, len(body)) + body
            if step.callers:
                body = self._from(mark, step.callers, len(body)) + body
            if step.campaigns:
                body = self._campaign(mark, step.campaigns, len(body)) + body
            if step.when:
                asked = self._asked(plan.account, step.when, step.state)
                self.words.extend([Op.WHEN | mark, *asked, len(body)])
            self.words.extend(body)
        self.words.append(Op.END)
        return first, len(self.words) - first

    def treat(self, treatment: Treatment, cause: str) -> tuple[int, int]:
        """Write the program of a treatment that is no plan; ``cause`` is the occasion's."""
        first = len(self.words)
        if treatment.voicemail:
            self.words.extend([Op.TAKE, *self._texts.place(voicemail(treatment.voicemail))])
        else:
            if treatment.play:
                self.words.extend([Op.APPLY, *self._texts.place(f"playback {treatment.play}")])
            self.words.extend([Op.HANGUP | 1 << 8, *self._texts.place(treatment.cause or cause)])
        self.words.append(Op.END)
        return first, len(self.words) - first

    @cached_property
    def ending(self) -> int:
        """First word of the program that ends a call which was diverted; nothing comes after it."""
        first = len(self.words)
        pieces = (word for piece in self.policies.relay("") for word in self._texts.place(piece))
        self.words.extend([Op.RELAY, *pieces, Op.END])
        return first

    def _target(self, body: array[int], mark: int, target: Target, policy: str) -> None:
        """Write what rings one target, or goes on in the plan of a number of ours."""
        if target.kind == "plan":
            body.extend([Op.FORWARD | mark, self._plans[target.name], 0, 0, NO_ASSIGNMENT])
            return
        if target.kind == "person":
            row, places = self._places(target)
            for state, place in enumerate(places):
                inner = array("I")
                self._target(inner, mark, place, policy)
                body.extend([Op.WHEN | mark, row, state, len(inner)])
                body.extend(inner)
            return
        number = target.number
        assignment = None if number is None else self._own(number)
        if number is None or assignment is None:
            body.extend([Op.RING | mark, self._row(target, policy)])
        else:
            plan = self._plan_of(assignment)
            words = [number & 0xFFFFFFFF, number >> 32, assignment]
            body.extend([Op.FORWARD | mark, plan, *words])

    def _together(
        self, body: array[int], mark: int, targets: tuple[Target, ...], policy: str
    ) -> None:
        # The load refuses numbers of ours here: they have plans of their own, not one bridge.
        rows = [self._row(target, policy) for target in targets]
        body.extend([Op.TOGETHER | mark, len(rows), *rows])

    def _here(self, body: array[int], mark: int, here: Here) -> None:
        """Write what a call from one of a person's phones says."""
        phones = self._phones(here.person)
        sound = here.play or (CLEAR_TONES if here.clear else HERE_TONES)
        body.extend([Op.HERE | mark, len(phones)])
        body.extend([*self._texts.place(here.said), *self._texts.place(sound)])
        for phone in phones:
            body.extend([phone & 0xFFFFFFFF, phone >> 32])

    def _pick(self, body: array[int], mark: int, step: Step, policy: str) -> None:
        """Write a choice of the target to begin with: (share, words) of each, then their words."""
        bodies = []
        for target in step.targets:
            words = array("I")
            self._target(words, mark, target, policy)
            bodies.append((target.share, words))
        slot = self.rotations
        self.rotations += step.how == "rotate"
        body.extend([Op.PICK | mark, PICKS.index(step.how), slot, len(bodies)])
        for share, words in bodies:
            body.extend([share, len(words)])
        for _, words in bodies:
            body.extend(words)

    def _from(self, mark: int, callers: tuple[str, ...], skip: int) -> array[int]:
        """Write the callers that the next words are for: withheld or not, and prefixes."""
        prefixes = [digits_of(caller) for caller in callers if caller != WITHHELD]
        words = array("I", [Op.FROM | mark, skip, WITHHELD in callers, len(prefixes)])
        for prefix in prefixes:
            words.extend([int(prefix) & 0xFFFFFFFF, int(prefix) >> 32, len(prefix)])
        return words

    def _campaign(self, mark: int, campaigns: tuple[str, ...], skip: int) -> array[int]:
        """Write the campaigns that the next words are for."""
        words = array("I", [Op.CAMPAIGN | mark, skip, len(campaigns)])
        for campaign in campaigns:
            words.extend(self._texts.place(campaign))
        return words

    def _language(self, mark: int, step: Step, skip: int) -> array[int]:
        """Write the languages that the next words are for, then the others that the plan names."""
        assert self._plan is not None
        self.asks_languages = True
        own = dict.fromkeys(parse_language(one) for one in step.languages)
        named = [parse_language(one) for other in self._plan.steps for one in other.languages]
        keys = dict.fromkeys([*own, *named])
        words = array("I", [Op.LANGUAGE | mark, skip, len(own), len(keys)])
        for key in keys:
            words.extend([key & 0xFFFFFFFF, key >> 32])
        return words

    def languages(self) -> bytes:
        """Return the LANGUAGES section: a language for the first four digits of numbers; nothing
        where no plan asks.
        """
        if not self.asks_languages:
            return b""
        return struct.pack(f"<{HEADS}Q", *(language_of_head(f"{n:04}") for n in range(HEADS)))

    def _row(self, target: Target, policy: str) -> int:
        """Return the row of a target under a policy, which is added if it is new."""
        hunted = self.policies.row(policy, bool(target.confirm))
        chosen = (NO_CHOICES, 0, NO_LIMIT)
        if target.kind == "number":
            assert self._plan is not None
            chosen = self._choices_of(self._plan, str(target.number))
        row = self._target_rows.get((target, hunted, chosen))
        if row is None:
            row = self._target_rows[target, hunted, chosen] = len(self._target_rows)
            seconds = target.seconds or self.policies.ring_seconds(policy)
            self.targets += self._record(target, hunted, seconds, *chosen)
        return row

    def _record(
        self, target: Target, policy: int, seconds: int, choices: int, order: int, limit: int
    ) -> bytes:
        number = target.number or 0
        dial = shown = ""
        if target.kind == "sip":
            dial = f"sofia/{self._sip_profile}/{target.name}"
        elif target.kind == "gateway":
            dial = f"sofia/gateway/{target.name}"
        elif target.kind == "user":
            dial = f"user/{target.name}"
        show = target.show
        if show not in SHOWS:
            show, shown = "fixed", f"+{digits_of(target.show)}"
        return (
            _TARGET.pack(number, choices, policy, seconds, target.delay, SHOWS.index(show), order)
            + self._texts.packed(dial)
            + self._texts.packed(shown)
            + self._texts.packed(CONFIRM.format(key=target.confirm) if target.confirm else "")
            + struct.pack("<Q", limit)
        )
