"""The simulated session: runs the applications of a plan, as FreeSWITCH would run them.

Sources: ``switch_core_standard_on_execute`` (switch_core_state_machine.c) for the order of things,
``switch_core_session_exec`` (switch_core_session.c) for how an argument reaches its application,
``audio_bridge_function`` (mod_dptools.c) and ``switch_ivr_multi_threaded_bridge``
(switch_ivr_bridge.c) for ``bridge``, ``switch_channel_handle_cause`` (switch_channel.c) for what a
failed bridge does to the caller, ``sofia_on_hangup`` (mod_sofia.c) for the status he gets.

A session is a generator: it yields what it cannot do by itself, a wait or another ``socket`` run,
and is sent the result.  With the simulated clock nobody needs to wait and a call costs only the
thinking.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from .applications import (
    HARMLESS,
    Application,
    Assignment,
    Limit,
    read_export,
    read_hangup,
    read_inline,
    read_limit,
    read_limit_execute,
    read_multiset,
    read_multiunset,
    read_respond,
    read_set,
)
from .causes import (
    DESTINATION_OUT_OF_ORDER,
    NONE,
    NORMAL_CLEARING,
    NORMAL_TEMPORARY_FAILURE,
    NUMBERS,
    ORIGINATOR_CANCEL,
    cause_of_sip,
    cause_of_text,
    sip_of_cause,
)
from .channel_data import Setup, channel_variables
from .cstring import separate_text
from .dialstring import read_expanded
from .expansion import Expander
from .gateways import Gateways
from .global_variables import GLOBALS
from .headers import Headers, is_true, leading_int
from .limits import Limits
from .originate import NEVER, Attempt, Outcome, Surroundings, originate
from .records import LegRecord

#: More applications than any plan has; a plan that runs ``socket`` in a ring ends here.
MOST_STEPS: Final = 1000


@dataclass(frozen=True, slots=True)
class Wait:
    """A session's request: let ``seconds`` of the simulation's clock pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RunSocket:
    """A session's request: run ``socket`` with ``argument``; send back the new extension.

    Without an argument the call was sent through the dialplan again, which has servers of its own.

    ``variables`` are the channel variables set so far, for CHANNEL_DATA.  Send None if no server
    answered with an extension: the dialplan then goes on.
    """

    argument: str | None
    variables: dict[str, str]


Request = Wait | RunSocket
Steps = Generator[Request, Sequence[Application] | None, None]


class Channel:
    """The A leg: its variables, and whether it is answered or hung up."""

    __slots__ = ("_base", "_odd", "_setup", "_values", "answered", "cause", "respond_code")

    _odd: Headers | None

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._base: dict[str, str] | None = None
        # Lower-cased name -> value, None once unset.  Lists and names in mixed case take the long
        # way, with FreeSWITCH's own rules.
        self._values: dict[str, str | None] = {}
        self._odd = None
        self.answered = False
        self.cause = NONE
        self.respond_code = 0

    def get(self, name: str, index: int = -1) -> str | None:
        """``switch_channel_get_variable``: a variable, or a field of the caller profile."""
        if index < 0:
            found = self._values.get(name)
            if found is not None:
                return found
        lowered = name.lower()
        if lowered in self._values:
            return self._values[lowered] if index < 0 else None
        if self._odd is not None and lowered in self._odd:
            return self._odd.get(name, index)
        if lowered in _NEVER_AT_FIRST or index >= 0:
            return None
        if lowered == "max_forwards":
            return str(self._setup.max_forwards)
        if self._base is None:
            self._base = {k.lower(): v for k, v in channel_variables(self._setup).items()}
        return self._base.get(lowered) or GLOBALS.get(lowered)

    def set(self, name: str, value: str | None) -> None:
        """Set a variable; None or an empty text unsets it."""
        if not name:
            return
        if value and name.islower() and "[" not in name and not value.startswith("ARRAY::"):
            if self._odd is not None:
                self._odd.delete(name)
            self._values[name] = value
        elif not value:
            if self._odd is not None:
                self._odd.delete(name)
            self._values[name.lower()] = None
        else:
            self._values.pop(name.partition("[")[0].lower(), None)
            self._lists().add(name, value)

    def _lists(self) -> Headers:
        if self._odd is None:
            self._odd = Headers()
        return self._odd

    def push(self, name: str, value: str) -> None:
        """Add one element to a list variable."""
        lowered = name.lower()
        before = self._values.pop(lowered, None)
        if before is not None:
            self._lists().add(name, before)
        self._lists().add(name, value, push=True)

    def hang_up(self, cause: str) -> None:
        """Hang the caller up; the first cause stays."""
        if self.cause == NONE:
            self.cause = cause if cause != NONE else NORMAL_CLEARING

    @property
    def down(self) -> bool:
        """Has it been hung up?"""
        return self.cause != NONE

    @property
    def variables(self) -> dict[str, str]:
        """What has been set since the call came in."""
        plain = {name: value for name, value in self._values.items() if value is not None}
        return plain if self._odd is None else plain | self._odd.to_dict()


#: Variables a bridge asks for on every call and which no call has unless its plan set them.
_NEVER_AT_FIRST: Final = frozenset(
    {
        "app_disable_expand_variables",
        "bridge_early_media",
        "call_timeout",
        "continue_on_fail",
        "effective_caller_id_name",
        "effective_caller_id_number",
        "export_vars",
        "fail_on_single_reject",
        "failure_causes",
        "hangup_after_bridge",
        "hangup_on_single_reject",
        "ignore_early_media",
        "ignore_ring_ready",
        "last_bridge_proto_specific_hangup_cause",
        "originate_continue_on_timeout",
        "origination_nested_vars",
        "park_after_bridge",
        "preserve_originated_vars",
        "progress_timeout",
        "return_ring_ready",
        "ring_ready",
        "sip_ignore_remote_cause",
        "transfer_after_bridge",
        "transfer_on_fail",
    }
)


@dataclass(slots=True)
class Session:
    """One call after its plan has come: run :meth:`steps`, then read what became of it.

    ``epoch`` is the Unix time at which the plan begins; the simulation's clock (``now``) reads 0
    there.  ``patience`` is after how many seconds the caller gives up unanswered, ``limits`` what
    the switch counts for all its calls.  ``progress_at``, ``answered_at`` and ``bridged_at`` are
    the caller's, on the same clock.
    """

    setup: Setup
    gateways: Gateways
    epoch: float
    rng: random.Random
    patience: float = math.inf
    limits: Limits = field(default_factory=Limits)
    channel: Channel = field(init=False)
    now: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    answered_by: Attempt | None = None
    progress_at: float | None = None
    answered_at: float | None = None
    bridged_at: float | None = None
    api_calls: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _queue: list[Application] = field(default_factory=list)
    _around: Surroundings = field(init=False)
    _expander: Expander = field(init=False)
    _slept: float = 0.0
    _held: set[str] = field(default_factory=set)
    _leaves_by: str = ORIGINATOR_CANCEL

    def __post_init__(self) -> None:
        self.channel = Channel(self.setup)
        self._expander = Expander(
            self.channel, {"uuid_kill": self._uuid_kill, "sched_api": self._sched_api}
        )
        self._around = Surroundings(
            gateways=self.gateways,
            rng=self.rng,
            epoch=self.epoch,
            attempts=self.attempts,
            hangup_at=self.patience if self.patience < NEVER else NEVER,
            caller_uuid=self.setup.uuid,
            uuids={self.setup.uuid},
            limits=self.limits,
            on_progress=self._progress,
        )

    def begin(self, epoch: float) -> None:
        """The plan has come at ``epoch`` (Unix time): the clock's 0."""
        self.epoch = self._around.epoch = epoch

    def _uuid_kill(self, argument: str) -> str:
        """``uuid_kill UUID [CAUSE]`` (mod_commands.c): hangs the caller up, if he is meant."""
        uuid, _, cause = argument.partition(" ")
        if uuid != self.setup.uuid:
            return "-ERR No such channel!\n"
        self.channel.hang_up(cause_of_text(cause) if cause else NORMAL_CLEARING)
        return "+OK\n"

    def _sched_api(self, argument: str) -> str:
        """``sched_api +SECONDS GROUP uuid_kill UUID CAUSE`` (mod_commands.c).

        The caller is hung up then, unless he is answered before, which takes it back in every plan.
        The scheduler counts whole seconds of the clock (switch_scheduler.c).
        """
        when, _, api, uuid, cause = [*argument.split(" "), "", "", "", "", ""][:5]
        if api == "uuid_kill" and uuid == self.setup.uuid and when.startswith("+"):
            moment = math.floor(self.epoch + self.now) + leading_int(when[1:]) - self.epoch
            if moment < self._around.hangup_at:
                self._around.hangup_at = self.patience = moment
                self._leaves_by = cause_of_text(cause)
        return "+OK Added: 1\n"

    def _progress(self, at: float) -> None:
        if self.progress_at is None:
            self.progress_at = at

    def _answered(self) -> None:
        self.channel.answered = True
        if self.answered_at is None:
            self.answered_at = self.now

    def steps(self, extension: Iterable[Application]) -> Steps:
        """Run the extension to the caller's hang-up, yielding what needs the world outside."""
        self._queue = list(extension)
        channel = self.channel
        steps = 0
        while self._queue and not channel.down:
            steps += 1
            if steps > MOST_STEPS:
                self.notes.append(f"more than {MOST_STEPS} applications")
                break
            if self.now >= self.patience and not channel.answered:
                channel.hang_up(self._leaves_by)
                break
            yield from self._execute(self._queue.pop(0))
        # "has executed the last dialplan instruction, hanging up"
        channel.hang_up(NORMAL_CLEARING)
        self.limits.release_all(self._held)
        for attempt in self.attempts:
            self.limits.release_all(attempt.held)

    def execute(self, application: Application) -> Steps:
        """Run one application alone, as ``sendmsg`` with ``execute`` does."""
        if not self.channel.down:
            yield from self._execute(application)

    def _execute(self, application: Application) -> Steps:
        name, argument = application.name, application.argument
        channel = self.channel
        if argument is not None and not is_true(channel.get("app_disable_expand_variables")):
            argument = self._expander.expand(argument)
        # After the expansion: an argument may quote that of the application before it.
        channel.set("current_application_data", argument)
        channel.set("current_application", name)
        run = _RUN.get(name)
        if run is not None:
            if run(self, argument):
                yield from self._pass_time()
        elif name == "limit":
            yield from self._limit(argument)
        elif name == "bridge":
            yield from self._bridge(argument)
        elif name == "socket":
            extension = yield RunSocket(argument or "", channel.variables)
            if extension is not None:
                self._queue = list(extension)
        elif name == "limit_execute":
            limit = read_limit_execute(argument or "")
            if limit is not None and limit.application is not None and self._take(limit):
                yield from self._execute(limit.application)
                if not channel.down:
                    self.limits.release(self._held, f"{limit.realm}_{limit.resource}")
        elif name == "transfer":
            yield from self._transfer(*[*(argument or "").split(), "", ""][:2])
        elif name in ("execute_extension", "redirect", "deflect"):
            self.notes.append(f"{name} leaves what is simulated")
            self._queue.clear()
        elif name not in HARMLESS:
            self.notes.append(f"unknown application {name!r}")
            channel.hang_up(DESTINATION_OUT_OF_ORDER)

    def _take(self, limit: Limit) -> bool:
        """``switch_limit_incr``: counts a use, and leaves the count on the channel."""
        key = f"{limit.realm}_{limit.resource}"
        now = math.floor(self.epoch + self.now)
        if not self.limits.take(self._held, limit.backend, key, limit.most, limit.interval, now):
            return False
        total, rate = self.limits.usage(key)
        for name, value in (("limit_usage", total), ("limit_rate", rate)):
            self.channel.set(name, str(value))
            self.channel.set(f"{name}_{key}", str(value))
        return True

    def _pass_time(self) -> Steps:
        seconds, self._slept = self._slept, 0.0
        self.now += seconds
        yield Wait(seconds)

    # -- applications that only touch the channel; true asks for time to pass -----------------

    def _assign(self, assignment: Assignment | None) -> None:
        if assignment is None:
            return
        value = assignment.value
        if value is not None:
            value = self._expander.expand(value)
        self.channel.set(assignment.name, value)

    def _set(self, argument: str | None) -> bool:
        self._assign(read_set(argument or ""))
        return False

    def _multiset(self, argument: str | None) -> bool:
        for assignment in read_multiset(argument or ""):
            self._assign(assignment)
        return False

    def _unset(self, argument: str | None) -> bool:
        self.channel.set(argument or "", None)
        return False

    def _multiunset(self, argument: str | None) -> bool:
        for name in read_multiunset(argument or ""):
            self.channel.set(name, None)
        return False

    def _push(self, argument: str | None) -> bool:
        assignment = read_set(argument or "")
        if assignment is not None and assignment.value is not None:
            self.channel.push(assignment.name, self._expander.expand(assignment.value))
        return False

    def _export(self, argument: str | None) -> bool:
        # switch_channel_export_variable_var_check: the name keeps its "nolocal:" on this channel.
        assignment = read_export(argument or "")
        if assignment is None:
            return False
        self.channel.set(assignment.name, assignment.value)
        if assignment.value is not None:
            before = self.channel.get("export_vars")
            names = f"{before},{assignment.name}" if before else assignment.name
            self.channel.set("export_vars", names)
        return False

    def _limit(self, argument: str | None) -> Steps:
        limit = read_limit(argument or "")
        if limit is None or self._take(limit):
            return
        if limit.then.startswith("!"):
            self.channel.hang_up(cause_of_text(limit.then[1:]))
        else:
            yield from self._transfer(limit.then, limit.dialplan)

    def _transfer(self, extension: str, dialplan: str) -> Steps:
        """``switch_ivr_session_transfer``: to applications in line, or through the dialplan anew.

        The dialplan sends every number to vnroute's servers, as fs-conf's does. Resources are given
        back on the way (``limit_state_handler``), unless ``limit_ignore_transfer`` keeps them.
        """
        channel = self.channel
        left = leading_int(channel.get("max_forwards") or "70") - 1
        if left <= 0:
            channel.hang_up("EXCHANGE_ROUTING_ERROR")
            return
        channel.set("max_forwards", str(left))
        self.setup.profile_index += 1
        if not is_true(channel.get("limit_ignore_transfer")):
            self.limits.release_all(self._held)
        self._queue.clear()
        if dialplan.lower() == "inline":
            self._queue = read_inline(extension)
        elif extension.removeprefix("+") != self.setup.did.removeprefix("+"):
            self.notes.append(f"transfer to {extension} leaves what is simulated")
        else:
            plan = yield RunSocket(None, channel.variables)
            if plan is None:
                channel.hang_up("NORMAL_TEMPORARY_FAILURE")
            else:
                self._queue = list(plan)

    def _hangup(self, argument: str | None) -> bool:
        self.channel.hang_up(read_hangup(argument))
        return False

    def _respond(self, argument: str | None) -> bool:
        status, _ = read_respond(argument)
        if status > 399 and not (self.channel.answered and status == 488):
            if not self.channel.down:
                self.channel.respond_code = status
            self.channel.hang_up("USER_CHALLENGE" if status == 401 else cause_of_sip(status))
        elif status >= 300:
            self.notes.append(f"respond {status} leaves what is simulated")
        return False

    def _answer(self, argument: str | None) -> bool:
        self._progress(self.now)
        self._answered()
        return False

    def _pre_answer(self, argument: str | None) -> bool:
        self._progress(self.now)
        return False

    def _sleep(self, argument: str | None) -> bool:
        self._slept = max(leading_int(argument or ""), 0) / 1000
        return True

    # -- bridge ------------------------------------------------------------------------------

    def _exports(self) -> dict[str, str]:
        """``switch_channel_process_export``: what every B leg inherits."""
        names = self.channel.get("export_vars")
        if not names:
            return {}
        exported = {"export_vars": names}
        for name in separate_text(names, ",", 256):
            value = self.channel.get(name)
            if value is not None:
                lowered = name.lower()
                for prefix in ("nolocal:", "_nolocal_"):
                    if lowered.startswith(prefix):
                        name = name[len(prefix) :]
                        break
                exported[name] = value
        return exported

    def _bridge(self, argument: str | None) -> Steps:
        if not argument:
            return
        channel = self.channel
        if channel.get("preserve_originated_vars") in ("false", "no"):
            channel.set("originated_legs", None)
            channel.set("originate_causes", None)
        inherited = self._exports()
        if ":_:" in argument:
            inherited["ent_originate_aleg_uuid"] = self.setup.uuid
            for kind in ("name", "number"):
                value = channel.get(f"effective_caller_id_{kind}")
                if value is not None:
                    inherited[f"origination_caller_id_{kind}"] = value
        dial = read_expanded(argument, inherited, is_true(channel.get("origination_nested_vars")))
        if channel.answered:
            self._around.hangup_at = NEVER
        before = self.now
        outcome = originate(dial, self._around, channel, before)
        self.now = outcome.at
        if outcome.at > before:
            yield Wait(outcome.at - before)
        if outcome.hang_up:
            # hangup_on_single_reject hangs up at the end of every originate, a good one included.
            winner = outcome.winner
            if winner is not None:
                winner.ended = self.now
                if winner.answered_at is not None:
                    self._answered()
                    self.answered_by = winner
            channel.hang_up(outcome.cause)
            return
        if self.now >= self._around.hangup_at:
            channel.hang_up(self._leaves_by)
            return
        if outcome.winner is None:
            self._bridge_failed(outcome)
            return
        yield from self._talk(outcome.winner)

    def _bridge_failed(self, outcome: Outcome) -> None:
        channel = self.channel
        for cause in outcome.branch_causes:
            self._handle_cause(cause)
        channel.set("originate_failed_cause", outcome.cause)
        self._handle_cause(outcome.cause)

    def _handle_cause(self, cause: str) -> None:
        """``switch_channel_handle_cause``: does a failed bridge hang the caller up?"""
        channel = self.channel
        if channel.down:
            return
        go_on, only = channel.get("continue_on_fail"), channel.get("failure_causes")
        words = {cause.lower(), str(NUMBERS.get(cause, 0))}
        if go_on is None and only is None:
            if cause in ("NO_ANSWER", "NO_USER_RESPONSE", ORIGINATOR_CANCEL):
                return
        else:
            if only is not None and not _lists(only, words):
                return
            if go_on is not None and (is_true(go_on) or _lists(go_on, words)):
                return
        if channel.get("transfer_on_fail") is not None:
            self.notes.append("transfer_on_fail leaves what is simulated")
        channel.hang_up(cause)

    def _talk(self, winner: Attempt) -> Steps:
        """``switch_ivr_multi_threaded_bridge``: from the bridge to its end."""
        channel = self.channel
        if winner.answered_at is None and not self._early_bridge(winner):
            # Early media counted as success, and the far end then refused or fell silent.
            ended = winner.ended if winner.ended is not None else self.now
            if ended > self.now:
                yield Wait(ended - self.now)
            self.now = ended
            channel.set("bridge_hangup_cause", winner.cause)
            if self.now >= self._around.hangup_at:
                channel.hang_up(self._leaves_by)
            else:
                self._handle_cause(winner.cause)
            return
        if winner.answered_at is not None and winner.answered_at > self.now:
            yield Wait(winner.answered_at - self.now)
            self.now = winner.answered_at
        self._answered()
        self.bridged_at = self.now
        self.answered_by = winner
        for name in ("bridge_uuid", "last_bridge_to", "signal_bond"):
            channel.set(name, winner.uuid)
        if winner.script.talk:
            yield Wait(winner.script.talk)
            self.now += winner.script.talk
        winner.ended = self.now
        channel.set("last_bridge_role", "originator")
        channel.set("bridge_hangup_cause", NORMAL_CLEARING)
        if not winner.script.callee_hangs_up:
            channel.hang_up(NORMAL_CLEARING)
            return
        channel.set("last_bridge_hangup_cause", NORMAL_CLEARING)
        hup = channel.get("hangup_after_bridge") or ""
        if hup.lower() == "explicit" or is_true(hup):
            channel.hang_up(NORMAL_CLEARING)

    def _early_bridge(self, winner: Attempt) -> bool:
        """Play an early-media bridge on; true if the far end answers after all."""
        give_up = self._around.hangup_at
        while winner.next_signal < len(winner.script.signals):
            offset, status = winner.script.signals[winner.next_signal]
            at = winner.released + offset
            if at >= give_up:
                break
            winner.next_signal += 1
            if status == 200:
                winner.answered_at = at
                return True
            if status >= 300:
                winner.sip, winner.cause, winner.ended = status, cause_of_sip(status), at
                self.channel.set("sip_invite_failure_status", str(status))
                self.channel.set("last_bridge_hangup_cause", winner.cause)
                self.channel.set("last_bridge_proto_specific_hangup_cause", f"sip:{status}")
                return False
        # Nothing more comes: the caller listens until he gives up.
        winner.ended = give_up if give_up < NEVER else self.now
        winner.cause = ORIGINATOR_CANCEL
        if give_up == NEVER:
            self.notes.append("early media without end: the caller is taken to give up at once")
            self._around.hangup_at = self.now
        return False

    # -- the end -----------------------------------------------------------------------------

    @property
    def final_sip(self) -> int:
        """The status of the A leg's INVITE.

        ``sofia_on_hangup`` (mod_sofia.c): 200 if it was answered; else the status ``respond``
        set; else the last B leg's own status (``last_bridge_proto_specific_hangup_cause``); else
        that of the cause.
        """
        channel = self.channel
        if channel.answered:
            return 200
        if channel.respond_code:
            return channel.respond_code
        if not is_true(channel.get("sip_ignore_remote_cause")):
            specific = channel.get("last_bridge_proto_specific_hangup_cause") or ""
            scheme, colon, status = specific.partition(":")
            if colon and scheme.lower() in ("sip", "sips") and leading_int(status):
                return leading_int(status)
        return sip_of_cause(channel.cause)

    def leg_records(self) -> list[LegRecord]:
        """What is known of each leg, for the call's record."""
        effective = self.channel.get("effective_caller_id_number")
        default = effective or self.setup.caller.number
        return [
            LegRecord(
                endpoint=attempt.leg.endpoint,
                gateway=attempt.gateway,
                number=attempt.number,
                cause=attempt.cause,
                sip=attempt.sip if attempt.answered_at is None else 200,
                t_start=round(attempt.started, 6),
                t_end=round(self.now if attempt.ended is None else attempt.ended, 6),
                uuid=attempt.uuid,
                caller=attempt.leg.parameter("origination_caller_id_number") or default,
                created=attempt.created,
                answered=attempt.answered_at is not None,
            )
            for attempt in self.attempts
            # A pickup rings nobody: plans use it to let time pass.
            if not attempt.pickup
        ]


def _lists(text: str, words: set[str]) -> bool:
    return any(item.lower() in words for item in separate_text(text, ",", 256))


_RUN: Final[dict[str, Callable[[Session, str | None], bool]]] = {
    "set": Session._set,
    "multiset": Session._multiset,
    "unset": Session._unset,
    "multiunset": Session._multiunset,
    "push": Session._push,
    "export": Session._export,
    "hangup": Session._hangup,
    "respond": Session._respond,
    "answer": Session._answer,
    "pre_answer": Session._pre_answer,
    "ring_ready": Session._pre_answer,
    "playback": Session._pre_answer,
    "sleep": Session._sleep,
    # It plays and records without answering (voicemail_leave_main in mod_voicemail.c); how long
    # matters to nobody.
    "voicemail": Session._pre_answer,
}


#: What the shipped dialplan does when no server has answered: the caller gets 503.
FALLBACK_CAUSE: Final = NORMAL_TEMPORARY_FAILURE
FALLBACK_SIP: Final = 503
