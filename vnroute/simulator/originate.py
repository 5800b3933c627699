"""A bridge attempt: what FreeSWITCH does with a dial string, on a clock that costs nothing.

The rules and their order are those of ``switch_ivr_originate``, ``check_channel_status``,
``check_per_channel_timeouts`` and ``switch_ivr_enterprise_originate``
(``src/switch_ivr_originate.c``).  Time is simulated: the clock jumps from one event to the next.
Two properties of the real clock are kept, since they show: the state of the legs is looked at
every 20 ms, and all time-outs compare whole seconds of the wall clock, so that a
``leg_progress_timeout`` of 3 ends between 3 and 4 seconds after the leg began.
"""

from __future__ import annotations

import math
import random
import uuid as uuids
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from .applications import read_limit
from .causes import (
    ALLOTTED_TIMEOUT,
    DESTINATION_OUT_OF_ORDER,
    LOSE_RACE,
    NO_ANSWER,
    NO_PICKUP,
    NONE,
    NORMAL_CLEARING,
    ORIGINATOR_CANCEL,
    PROGRESS_TIMEOUT,
    SUCCESS,
    cause_of_sip,
    cause_of_text,
    phrase_of,
)
from .cstring import decode, encode, memory, separate, string_at
from .dialstring import Branch, DialString, Group, Leg
from .expansion import Expander
from .gateways import Behaviour, Gateways, Script, Signal
from .headers import is_number, is_true, leading_int
from .limits import Limits

POLL: Final = 0.02
NEVER: Final = math.inf

#: SWITCH_DEFAULT_TIMEOUT (switch_types.h), seconds.
DEFAULT_TIMEOUT: Final = 60

#: A leg's failure to be created when another leg of the call holds its uuid
#: (switch_core_session_request_uuid fails, sofia_outgoing_channel).
UUID_IN_USE: Final = DESTINATION_OUT_OF_ORDER

_SILENT: Final = Script(())


class ALeg(Protocol):
    """What a bridge needs of the caller's channel."""

    def get(self, name: str, index: int = -1) -> str | None:
        """A channel variable."""

    def set(self, name: str, value: str | None) -> None:
        """Set or, with None, unset a channel variable."""

    def push(self, name: str, value: str) -> None:
        """Add an element to a list variable."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One leg while it runs and after.  Times are seconds on the simulation's clock."""

    leg: Leg
    gateway: str
    number: str
    uuid: str
    started: float
    script: Script = _SILENT
    created: bool = True
    ended: float | None = None
    cause: str = NONE
    sip: int = 0
    ring_ready: bool = False
    early_media: bool = False
    answered_at: float | None = None
    group_started: float = 0.0
    leg_timeout: int = 0
    progress_timeout: int = 0
    delay: int = 0
    required: bool = False
    next_signal: int = 0
    released: float = 0.0
    pickup: bool = False
    key: str = ""
    taken_at: float = NEVER
    held: set[str] = field(default_factory=set)

    @property
    def down(self) -> bool:
        """Has the leg been hung up?"""
        return self.ended is not None

    def next_event(self) -> float:
        """When its far end next does something; NEVER if it does not."""
        if self.ended is not None or self.delay:
            return NEVER
        if self.key:
            return min(self.taken_at, self.gives_up_at())
        if self.next_signal >= len(self.script.signals):
            return NEVER
        return self.released + self.script.signals[self.next_signal][0]

    def ask_for(self, key: str) -> None:
        """Whoever answered is asked to press ``key`` (CF_TAGGED, launch_collect_thread)."""
        self.key = key
        answered = self.answered_at if self.answered_at is not None else 0.0
        if key == "exec":
            # An application that decides by itself; here it takes every call, at once.
            self.taken_at = answered
        elif self.script.press is not None and self.script.key == key:
            self.taken_at = answered + self.script.press

    def gives_up_at(self) -> float:
        """When whoever was asked for a key hangs up instead."""
        if self.answered_at is None or not self.script.callee_hangs_up:
            return NEVER
        return self.answered_at + self.script.talk


@dataclass(slots=True)
class Outcome:
    """How an originate ended: the cause, when, and the winning leg if there is one.

    ``hang_up``: the caller is hung up with the cause whatever follows (hangup_on_single_reject).
    ``branch_causes``: the failed branches of an enterprise originate, each of which is put to
    ``continue_on_fail`` by itself.
    """

    cause: str
    at: float
    winner: Attempt | None = None
    hang_up: bool = False
    branch_causes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Surroundings:
    """What all originates of one call share.

    ``epoch`` is the Unix time at which the simulation's clock reads 0; ``hangup_at`` when the
    caller gives up.  ``on_progress`` hears of the first sign of life the caller gets.
    """

    gateways: Gateways
    rng: random.Random
    epoch: float
    attempts: list[Attempt]
    caller_number: str = ""
    caller_uuid: str = ""
    hangup_at: float = NEVER
    uuids: set[str] = field(default_factory=set)
    limits: Limits = field(default_factory=Limits)
    on_progress: Callable[[float], None] = lambda at: None

    def second(self, at: float) -> int:
        """The wall clock's whole second at ``at`` (switch_epoch_time_now)."""
        return math.floor(self.epoch + at + 1e-9)

    def time_of(self, second: int) -> float:
        """When on the simulation's clock the wall clock comes to ``second``."""
        return second - self.epoch


@dataclass(slots=True)
class _Settings:
    """oglobals and the locals of switch_ivr_originate that the global variables decide."""

    early_ok: bool = True
    ignore_early_media: int = 0
    continue_on_timeout: bool = False
    ignore_ring_ready: bool = False
    return_ring_ready: bool = False
    ring_ready: bool = False
    fail_on_single_reject: int = 0
    reject_causes: str | None = None
    hangup_on_single_reject: bool = False
    timeout: int = DEFAULT_TIMEOUT
    progress_timeout: int = DEFAULT_TIMEOUT
    retries: int = 1
    delay_start: float = 0.0
    confirm_key: str = ""
    confirm_timeout: int = 0
    confirm_without_end: bool = False


#: A leg variables that count for a bridge when the dial string has none of the name.
_COPIED: Final = (
    "fail_on_single_reject",
    "hangup_on_single_reject",
    "ignore_early_media",
    "bridge_early_media",
    "originate_continue_on_timeout",
    "ignore_ring_ready",
    "return_ring_ready",
    "ring_ready",
    "progress_timeout",
    "group_confirm_key",
    "group_confirm_timeout",
    "group_confirm_cancel_timeout",
)


def _settings(branch: Branch, a_leg: ALeg | None) -> _Settings:
    found: Mapping[str, str] = branch.global_variables
    if not all(name.islower() for name in found):
        found = {name.lower(): value for name, value in found.items()}
    settings = _Settings()
    if a_leg is not None:
        copied = {
            name: value
            for name in _COPIED
            if name not in found and (value := a_leg.get(name)) is not None
        }
        if copied:
            found = {**found, **copied}
        call_timeout = a_leg.get("call_timeout")
        if call_timeout is not None:
            settings.timeout = max(leading_int(call_timeout), 0) or DEFAULT_TIMEOUT

    settings.hangup_on_single_reject = is_true(found.get("hangup_on_single_reject"))
    causes = found.get("fail_on_single_reject")
    if causes is not None or settings.hangup_on_single_reject:
        settings.reject_causes = causes
        settings.fail_on_single_reject = 1 if is_true(causes) else -1
    if is_true(found.get("bridge_early_media")):
        settings.early_ok, settings.ignore_early_media = False, 3
    early = found.get("ignore_early_media")
    if early is not None:
        mode = 1 if is_true(early) else {"consume": 4, "ring_ready": 2}.get(early, 0)
        if mode:
            settings.early_ok, settings.ignore_early_media = False, mode
    settings.continue_on_timeout = is_true(found.get("originate_continue_on_timeout"))
    settings.ignore_ring_ready = is_true(found.get("ignore_ring_ready"))
    settings.return_ring_ready = is_true(found.get("return_ring_ready"))
    settings.ring_ready = is_true(found.get("ring_ready"))
    settings.timeout = _positive(found.get("originate_timeout")) or settings.timeout
    settings.progress_timeout = _positive(found.get("progress_timeout")) or settings.timeout
    # switch_cond_next() that often: a millisecond each, and a little more on a real clock.
    settings.delay_start = _positive(found.get("originate_delay_start")) / 1000
    settings.confirm_key = found.get("group_confirm_key") or ""
    timeout = found.get("group_confirm_timeout")
    if timeout is None:
        settings.confirm_without_end = is_true(found.get("group_confirm_cancel_timeout"))
    elif is_number(timeout):
        settings.confirm_timeout = leading_int(timeout)
        settings.confirm_without_end = settings.confirm_timeout == 0
    retries = found.get("originate_retries")
    if is_true(retries):
        number = leading_int(retries or "")
        settings.retries = number if 0 < number < 101 else 1
    return settings


def _positive(text: str | None) -> int:
    return max(leading_int(text), 0) if text is not None else 0


def matches_reject(causes: str, cause: str) -> bool:
    """Is ``cause`` one of ``fail_on_single_reject``'s?  A substring will do; ``!`` negates.

    ``switch_stristr(cause, causes)`` (switch_ivr_originate.c).
    """
    found = cause.upper() in causes.upper()
    return not found if causes.startswith("!") else found


class _Draws:
    """What chance decided for each leg of a branch, so that a second run goes the same way."""

    __slots__ = ("_scripts", "_uuids")

    def __init__(self) -> None:
        self._scripts: dict[tuple[int, int], Script] = {}
        self._uuids: dict[tuple[int, int], str] = {}

    def script(self, place: tuple[int, int], behaviour: Behaviour, rng: random.Random) -> Script:
        """What the far end of the leg at ``place`` (group, leg) does."""
        found = self._scripts.get(place)
        if found is None:
            found = self._scripts[place] = behaviour.script(rng)
        return found

    def uuid(self, place: tuple[int, int], rng: random.Random) -> str:
        """The uuid of a leg whose dial string sets none."""
        if place not in self._uuids:
            self._uuids[place] = str(uuids.UUID(int=rng.getrandbits(128), version=4))
        return self._uuids[place]


class _Originate:
    """One run of switch_ivr_originate."""

    def __init__(
        self,
        branch: Branch,
        around: Surroundings,
        a_leg: ALeg | None,
        legs_listed_on: ALeg | None,
        draws: _Draws,
        cancel_at: float = NEVER,
        cancel_cause: str = LOSE_RACE,
    ) -> None:
        self.branch = branch
        self.around = around
        self.a_leg = a_leg
        self.legs_listed_on = legs_listed_on
        self.draws = draws
        self.cancel_at = cancel_at
        self.cancel_cause = cancel_cause
        self.settings = _settings(branch, a_leg)
        self.force_reason = NONE
        self.reason = NONE
        self.cause = NONE
        self.ring_ready = self.settings.ring_ready
        self.winner: Attempt | None = None
        self.success = False
        self.check_reject = True
        self.sent_ring = False
        self.progress = False
        self.timed_out = False
        self.hups = 0

    # -- one group ---------------------------------------------------------------------------

    def run(self, now: float) -> Outcome:
        a_leg = self.a_leg
        if a_leg is not None:
            a_leg.set("originate_disposition", "failure")
            a_leg.set("DIALSTATUS", "INVALIDARGS")
        if self.branch.error is not None:
            # "goto done" from before the hunt: no leg, no reason, and so a cancelled call.
            self._finish([], "", now)
            return self._end(now)
        now = min(now + self.settings.delay_start, max(self.cancel_at, now))
        for attempt in range(self.settings.retries):
            if attempt:
                now += 1.0
            stop = not self.branch.groups
            for index, group in enumerate(self.branch.groups):
                if now >= self.cancel_at:
                    stop = True
                    break
                now, stop = self._run_group(index, group, now)
                if stop:
                    break
            if stop:
                break
        return self._end(now)

    def _end(self, now: float) -> Outcome:
        cause = self.force_reason if self.force_reason != NONE else self.cause
        return Outcome(cause, now, self.winner if self.success else None)

    def _run_group(self, index: int, group: Group, now: float) -> tuple[float, bool]:
        """Ring one group; (when it ended, does the hunt end with it)."""
        self.reason = NONE
        self.check_reject = True
        self.success = False
        self.sent_ring = False
        self.progress = False
        self.timed_out = False
        self.winner = None
        legs: list[Attempt] = []
        if self.a_leg is not None and now >= self.around.hangup_at:
            self._finish([], "", now)
            return now, False
        for position, leg in enumerate(group.legs):
            attempt, failure = self._create(leg, (index, position), now)
            legs.append(attempt)
            if failure is None:
                continue
            self.reason = failure
            causes = self.settings.reject_causes
            if causes is not None:
                self.check_reject = False
                if self.settings.fail_on_single_reject == 1 or matches_reject(causes, failure):
                    # "goto outer_for": originate_disposition keeps its "failure".  Legs of the
                    # group that were made already are left alone by FreeSWITCH; here they end.
                    self.force_reason = failure
                    for other in legs:
                        if other.created and not other.down:
                            self._hang_up(other, failure, now)
                    return now, True
        if group.error is not None:
            how = "error"
        else:
            now, how = self._wait(legs, now)
        return now, self._finish(legs, how, now)

    def _create(self, leg: Leg, place: tuple[int, int], now: float) -> tuple[Attempt, str | None]:
        """switch_core_session_outgoing_channel: the new leg, and why it could not be made."""
        around = self.around
        attempt = Attempt(leg, leg.kind, leg.destination or "", "", now)
        attempt.released = attempt.group_started = now
        around.attempts.append(attempt)
        failure = self._endpoint(attempt, place)
        if failure is None:
            wanted = leg.parameter("origination_uuid")
            attempt.uuid = wanted or self.draws.uuid(place, around.rng)
            if attempt.uuid in around.uuids:
                failure = UUID_IN_USE
        if failure is not None:
            attempt.created = False
            attempt.cause, attempt.ended = failure, now
            return attempt, failure
        around.uuids.add(attempt.uuid)
        attempt.leg_timeout = _positive(leg.variable("leg_timeout"))
        attempt.progress_timeout = _positive(leg.variable("leg_progress_timeout"))
        attempt.required = is_true(leg.variable("leg_required"))
        attempt.pickup = leg.kind == "pickup"
        attempt.delay = _positive(leg.variable("leg_delay_start"))
        if attempt.delay:
            if attempt.progress_timeout:
                attempt.progress_timeout += attempt.delay
            if attempt.leg_timeout:
                attempt.leg_timeout += attempt.delay
        if self.legs_listed_on is not None:
            name = leg.variable("origination_callee_id_name") or "Outbound Call"
            number = leg.variable("origination_callee_id_number") or attempt.number
            self.legs_listed_on.push("originated_legs", f"{attempt.uuid};{name};{number}")
        self._execute_on_originate(attempt, now)
        return attempt, None

    def _execute_on_originate(self, attempt: Attempt, now: float) -> None:
        """What a leg runs before its INVITE: ``limit`` counts it or hangs it up."""
        for name, value in attempt.leg.variables.items():
            application, _, argument = value.partition(" ")
            if not name.lower().startswith("execute_on_originate") or application != "limit":
                continue
            limit = read_limit(argument)
            if limit is None or attempt.down:
                continue
            key = f"{limit.realm}_{limit.resource}"
            second = self.around.second(now)
            if not self.around.limits.take(
                attempt.held, limit.backend, key, limit.most, limit.interval, second
            ):
                attempt.script = _SILENT
                self._hang_up(attempt, cause_of_text(limit.then.removeprefix("!")), now)

    def _endpoint(self, attempt: Attempt, place: tuple[int, int]) -> str | None:
        """Find the endpoint and draw what its far end will do; the cause if there is none."""
        leg = attempt.leg
        if leg.kind == "error":
            cause = cause_of_text(leg.destination or "service")
            return DESTINATION_OUT_OF_ORDER if cause == NONE else cause
        if leg.kind == "pickup":
            # Waits for somebody to run "pickup"; here nobody does.
            return None
        if leg.kind == "user":
            found = self.around.gateways.resolve_user(leg.destination or "service")
            attempt.gateway, attempt.number, behaviour = found
            if isinstance(behaviour, str):
                return behaviour
            attempt.script = self.draws.script(place, behaviour, self.around.rng)
            return None
        if leg.kind != "sofia":
            return "CHAN_NOT_IMPLEMENTED"
        if self.a_leg is not None:
            forwards = self.a_leg.get("max_forwards")
            if forwards and leading_int(forwards) - 1 <= 0:
                return "EXCHANGE_ROUTING_ERROR"
        attempt.gateway, attempt.number, behaviour = self.around.gateways.resolve(leg.destination)
        if isinstance(behaviour, str):
            return behaviour
        attempt.script = self.draws.script(place, behaviour, self.around.rng)
        return None

    def _wait(self, legs: list[Attempt], now: float) -> tuple[float, str]:
        """The loops around check_channel_status: (when they end, how).

        How: the index of the winner as text, "" for nobody, "timeout" or "cancel".
        """
        created = [attempt for attempt in legs if attempt.created]
        if not created:
            return now, ""
        around, settings = self.around, self.settings
        began = now
        start = around.second(now)
        caller_leaves = around.hangup_at if self.a_leg is not None else NEVER
        # The wall clock's times at which the group as a whole is given up.
        all_time_out = around.time_of(start + settings.timeout)
        no_progress = around.time_of(start + settings.progress_timeout + 1)
        # What one look changes, the next sees; and nobody waits for a delay if all are delayed.
        look_again = any(attempt.delay for attempt in created)
        while True:
            if look_again:
                upcoming = now + POLL
            else:
                upcoming = min(all_time_out, caller_leaves, self.cancel_at)
                if not self.sent_ring and not self.progress:
                    upcoming = min(upcoming, no_progress)
                for attempt in created:
                    upcoming = min(upcoming, attempt.next_event(), self._deadline(attempt, start))
                if upcoming == NEVER:
                    # FreeSWITCH would wait on until the end of days.
                    return now, "timeout"
            polls = max(
                math.ceil((upcoming - began) / POLL - 1e-6), round((now - began) / POLL) + 1
            )
            now = began + polls * POLL
            for attempt in created:
                self._signals(attempt, now)
            if now >= caller_leaves:
                return caller_leaves, "cancel"
            done, winner = self._status(legs, now, around.second(now) - start)
            if done:
                return now, winner
            if now >= self.cancel_at:
                if self.force_reason == NONE:
                    self.force_reason = self.cancel_cause
                return now, "cancel"
            elapsed = around.second(now) - start
            look_again = self._leg_timeouts(created, elapsed, now)
            if not self.sent_ring and not self.progress and elapsed > settings.progress_timeout:
                if self.force_reason == NONE:
                    self.force_reason = PROGRESS_TIMEOUT
                return now, "timeout"
            self.timed_out = elapsed >= settings.timeout
            if self.timed_out or (settings.fail_on_single_reject and self.hups):
                spared = False
                causes = settings.reject_causes
                if causes is not None and not is_true(causes):
                    spared = not any(
                        attempt.down and matches_reject(causes, attempt.cause)
                        for attempt in created
                    )
                if not spared:
                    return now, "timeout"
                if self.timed_out:
                    all_time_out = NEVER

    def _deadline(self, attempt: Attempt, start: int) -> float:
        """When check_per_channel_timeouts next has something to do with ``attempt``."""
        if attempt.down:
            return NEVER
        if attempt.delay:
            return self.around.time_of(start + attempt.delay + 1)
        seconds = []
        if attempt.progress_timeout and not self._has_progress(attempt):
            seconds.append(attempt.progress_timeout)
        if attempt.leg_timeout:
            seconds.append(attempt.leg_timeout)
        return self.around.time_of(start + min(seconds) + 1) if seconds else NEVER

    @staticmethod
    def _has_progress(attempt: Attempt) -> bool:
        return attempt.ring_ready or attempt.answered_at is not None or attempt.early_media

    def _signals(self, attempt: Attempt, now: float) -> None:
        """Take what the gateway has sent up to ``now``."""
        while (at := attempt.next_event()) <= now:
            if attempt.key:
                if attempt.taken_at > at:
                    self._hang_up(attempt, NORMAL_CLEARING, at)
                return
            status = attempt.script.signals[attempt.next_signal][1]
            attempt.next_signal += 1
            a_leg = self.a_leg
            if a_leg is not None:
                # sofia_handle_sip_r_invite: every response below 400 wipes the last failure.
                failed = status >= 400
                a_leg.set("sip_invite_failure_status", str(status) if failed else None)
                a_leg.set("sip_invite_failure_phrase", phrase_of(status) if failed else None)
            if status == Signal.RINGING:
                attempt.ring_ready = True
            elif status == Signal.EARLY_MEDIA:
                attempt.early_media = True
            elif status == Signal.ANSWER:
                attempt.answered_at = at
            elif status >= 300:
                attempt.sip = status
                if a_leg is not None:
                    a_leg.set("sip_hangup_phrase", phrase_of(status))
                self._hang_up(attempt, cause_of_sip(status), at)

    def _hang_up(self, attempt: Attempt, cause: str, at: float) -> None:
        attempt.cause, attempt.ended = cause, at
        self.around.limits.release_all(attempt.held)
        a_leg = self.a_leg
        if a_leg is not None:
            a_leg.set("last_bridge_hangup_cause", cause)
            if attempt.sip:
                a_leg.set("last_bridge_proto_specific_hangup_cause", f"sip:{attempt.sip}")
            run_hangup_hook(attempt, self.around, a_leg)

    def _status(self, legs: list[Attempt], now: float, elapsed: int) -> tuple[bool, str]:
        """check_channel_status: (is the wait over, who won)."""
        done, winner, pickups = self._look(legs, now, elapsed)
        if done and pickups:
            for attempt in legs:
                if attempt.created and attempt.pickup and not attempt.down:
                    self._hang_up(attempt, NO_PICKUP, now)
        return done, winner

    def _look(self, legs: list[Attempt], now: float, elapsed: int) -> tuple[bool, str, int]:
        """As :meth:`_status`, and how many pickups without a time limit were seen on the way."""
        settings = self.settings
        self.hups = 0
        pickups = 0
        for position, attempt in enumerate(legs):
            if not attempt.created:
                self.hups += 1
                continue
            if attempt.required and attempt.down:
                for other in legs:
                    if other.created and not other.down:
                        self._hang_up(other, attempt.cause, now)
                self.hups = len(legs)
                return True, "", pickups
            if attempt.pickup and not attempt.leg_timeout and not attempt.down:
                pickups += 1
            if attempt.ring_ready and not self.ring_ready:
                self.ring_ready = True
                if self.a_leg is not None and not settings.ignore_ring_ready:
                    self._send_ring(now)
            if attempt.early_media:
                if (
                    not self.sent_ring
                    and settings.ignore_early_media == 2
                    and len(legs) == 1
                    and self.a_leg is not None
                    and not settings.ignore_ring_ready
                ):
                    self._send_ring(now)
                self.progress = True
                if not settings.ignore_ring_ready:
                    self.ring_ready = True
            if attempt.down:
                self.hups += 1
            elif (
                attempt.answered_at is not None
                or (settings.early_ok and attempt.early_media)
                or (
                    self.ring_ready
                    and settings.return_ring_ready
                    and len(legs) == 1
                    and attempt.ring_ready
                )
            ):
                key = attempt.key or attempt.leg.variable("group_confirm_key")
                key = key or settings.confirm_key
                if not key:
                    return True, str(position), pickups
                if not attempt.key:
                    self._ask(attempt, key, elapsed)
                elif now >= attempt.taken_at:
                    return True, str(position), pickups
        # A group of which only pickups without a time limit remain is at its end, too.
        return self.hups > 0 and self.hups + pickups == len(legs), "", pickups

    def _ask(self, attempt: Attempt, key: str, elapsed: int) -> None:
        """Ask whoever answered for a key; its time for that begins now."""
        settings = self.settings
        seconds, without_end = settings.confirm_timeout, settings.confirm_without_end
        own = attempt.leg.variable("group_confirm_timeout")
        if own is not None and is_number(own):
            seconds = leading_int(own)
            without_end = seconds == 0
        if seconds > 0:
            attempt.leg_timeout = attempt.progress_timeout = elapsed + seconds
        elif without_end:
            attempt.leg_timeout = attempt.progress_timeout = 0
        attempt.ask_for(key)

    def _send_ring(self, now: float) -> None:
        self.sent_ring = True
        self.around.on_progress(now)

    def _leg_timeouts(self, legs: list[Attempt], elapsed: int, now: float) -> bool:
        """check_per_channel_timeouts; true if it changed anything."""
        changed = False
        delayed = [attempt for attempt in legs if not attempt.down and attempt.delay]
        if delayed:
            active = any(not attempt.down and not attempt.delay for attempt in legs)
            shortest = min(attempt.delay for attempt in delayed)
            early = shortest - elapsed
            for attempt in delayed:
                if not active:
                    # Nobody else rings: the next one need not wait, and its timers shrink too.
                    if attempt.leg_timeout:
                        attempt.leg_timeout = max(attempt.leg_timeout - early, 1)
                    if attempt.progress_timeout:
                        attempt.progress_timeout = max(attempt.progress_timeout - early, 1)
                    attempt.delay -= shortest
                elif elapsed > attempt.delay:
                    attempt.delay = 0
                else:
                    continue
                changed = True
                if not attempt.delay:
                    attempt.released = now
        for attempt in legs:
            if attempt.down:
                continue
            if (
                attempt.progress_timeout
                and elapsed > attempt.progress_timeout
                and not self._has_progress(attempt)
            ):
                self._hang_up(attempt, PROGRESS_TIMEOUT, now)
                self.force_reason = PROGRESS_TIMEOUT
                changed = True
            elif attempt.leg_timeout and elapsed > attempt.leg_timeout:
                self._hang_up(attempt, ALLOTTED_TIMEOUT, now)
                changed = True
        return changed

    # -- after a group -----------------------------------------------------------------------

    def _finish(self, legs: list[Attempt], how: str, now: float) -> bool:
        """From "notready:" to the end of the group's turn; true if the hunt ends."""
        a_leg = self.a_leg
        created = [attempt for attempt in legs if attempt.created]
        winner = legs[int(how)] if how.isdigit() else None
        for attempt in created:
            if attempt is winner or how == "error":
                continue
            if how == "timeout" or self.timed_out:
                self.reason = NO_ANSWER
            elif how == "cancel":
                self.reason = ORIGINATOR_CANCEL
            elif len(legs) > 1:
                self.reason = LOSE_RACE
            else:
                self.reason = attempt.cause if attempt.down else NO_ANSWER
            if not attempt.down:
                cause = self.force_reason if self.force_reason != NONE else self.reason
                self._hang_up(attempt, cause, now)

        if winner is not None and a_leg is not None:
            self.around.on_progress(now)
        self.winner = winner
        self.success = winner is not None and (a_leg is None or now < self.around.hangup_at)
        if self.success:
            self.cause = SUCCESS
        else:
            # The first leg of the group speaks for all of it.
            self.cause = created[0].cause if created else NONE
            if self.cause == NONE:
                # With no leg and no reason FreeSWITCH asks the caller's channel, which has none.
                fallback = NONE if a_leg is not None else DESTINATION_OUT_OF_ORDER
                self.cause = self.reason if self.reason != NONE else fallback
            if self.cause in (SUCCESS, NONE) or how == "cancel":
                self.cause = ORIGINATOR_CANCEL
            elif how == "timeout":
                self.cause = NO_ANSWER
        if a_leg is not None:
            a_leg.set("originate_disposition", self.cause)
            a_leg.set("DIALSTATUS", _DIAL_STATUS.get(self.cause, self.cause))
            for attempt in created:
                a_leg.push("originate_causes", f"{attempt.uuid};{attempt.cause}")
        for attempt in created:
            if not attempt.down and attempt is not winner:
                self._hang_up(attempt, self.cause, now)
        if self.success:
            return True
        causes = self.settings.reject_causes
        if (
            self.settings.fail_on_single_reject
            and self.check_reject
            and causes is not None
            and not is_true(causes)
            and any(matches_reject(causes, attempt.cause) for attempt in created)
        ):
            return True
        return self.timed_out and not self.settings.continue_on_timeout


_DIAL_STATUS: Final = {
    "ORIGINATOR_CANCEL": "CANCEL",
    "USER_BUSY": "BUSY",
    "NO_ANSWER": "NOANSWER",
    "DESTINATION_OUT_OF_ORDER": "INVALIDARGS",
    "INVALID_PROFILE": "INVALIDARGS",
    "CALL_REJECTED": "DONTCALL",
}


class _LegVariables:
    """A leg's variables as its hang-up hook sees them."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def get(self, name: str, index: int = -1) -> str | None:
        lowered = name.lower()
        if lowered == "hangup_cause":
            return self._attempt.cause
        if lowered == "uuid":
            return self._attempt.uuid
        return self._attempt.leg.variable(lowered)


def run_hangup_hook(attempt: Attempt, around: Surroundings, a_leg: ALeg) -> None:
    """``api_hangup_hook`` of a leg that has ended: what ``uuid_setvar`` in it does to the caller.

    ``api_hook`` (switch_core_state_machine.c).  Other APIs have no effect here, nor has one that
    runs when the caller has hung up: his channel is not found any more.
    """
    hook = attempt.leg.variable("api_hangup_hook")
    ended = attempt.ended
    if not hook or not attempt.created or ended is None or ended >= around.hangup_at:
        return
    name, _, argument = hook.partition("::" if "::" in hook else " ")
    if name != "uuid_setvar":
        return
    m = memory(encode(Expander(_LegVariables(attempt)).expand(argument)))
    fields = [decode(string_at(m, p)) for p in separate(m, 0, ord(" "), 3)]
    if len(fields) > 1 and fields[0] == around.caller_uuid and fields[1]:
        a_leg.set(fields[1], fields[2] if len(fields) > 2 else None)


def originate(dial: DialString, around: Surroundings, a_leg: ALeg, now: float) -> Outcome:
    """Run a ``bridge``'s dial string from ``now`` on; the A leg's variables are set on the way.

    ``around.attempts`` gains an entry for every leg tried.  The caller's hang-up counts.
    """
    if dial.enterprise:
        return _enterprise(dial, around, a_leg, now)
    run = _Originate(dial.branches[0], around, a_leg, a_leg, _Draws())
    outcome = run.run(now)
    outcome.hang_up = run.settings.hangup_on_single_reject
    return outcome


@dataclass(slots=True)
class _BranchRun:
    outcome: Outcome
    attempts: list[Attempt]
    listed: list[str]


def _run_branch(
    branch: Branch,
    draws: _Draws,
    around: Surroundings,
    now: float,
    cancel_at: float,
    cancel_cause: str,
) -> _BranchRun:
    listed = _List()
    inner = Surroundings(
        around.gateways, around.rng, around.epoch, [], uuids=set(around.uuids), limits=around.limits
    )
    run = _Originate(branch, inner, None, listed, draws, cancel_at, cancel_cause)
    return _BranchRun(run.run(now), inner.attempts, listed.values)


def _enterprise(dial: DialString, around: Surroundings, a_leg: ALeg, now: float) -> Outcome:
    """``:_:``: the branches hunt side by side, each without knowing of the caller."""
    if dial.error is not None:
        # "goto done" with no branch: the cause is still SUCCESS there, and becomes NO_ANSWER.
        a_leg.set("originate_disposition", "failure")
        a_leg.set("hangup_cause", NO_ANSWER)
        return Outcome(NO_ANSWER, now)
    draws = [_Draws() for _ in dial.branches]
    # First each branch by itself, to learn who is first; then the others again, cut off then.
    runs = [
        _run_branch(branch, drawn, around, now, NEVER, LOSE_RACE)
        for branch, drawn in zip(dial.branches, draws, strict=True)
    ]
    first = min(
        (run for run in runs if run.outcome.winner is not None),
        key=lambda run: run.outcome.at,
        default=None,
    )
    if first is not None and first.outcome.at >= around.hangup_at:
        first = None
    end = around.hangup_at if first is None else first.outcome.at
    if end < NEVER:
        # A winner whose branch had a silent carrier before reports that one's PROGRESS_TIMEOUT, and
        # the others are told that the caller gave up.
        lost = first is not None and first.outcome.cause == SUCCESS
        cause = LOSE_RACE if lost else ORIGINATOR_CANCEL
        for i, run in enumerate(runs):
            if run is first:
                continue
            for attempt in run.attempts:
                around.limits.release_all(attempt.held)
            runs[i] = _run_branch(dial.branches[i], draws[i], around, now, end, cause)
            # One that had just won all the same is hung up by enterprise_originate_thread.
            late = runs[i].outcome.winner
            if late is not None and not late.down:
                late.cause, late.ended = cause, end
                around.limits.release_all(late.held)

    tried = [attempt for run in runs for attempt in run.attempts]
    around.attempts.extend(sorted(tried, key=lambda attempt: attempt.started))
    around.uuids.update(attempt.uuid for attempt in tried if attempt.created)
    for run in runs:
        for value in run.listed:
            a_leg.push("originated_legs", value)

    winner = first.outcome.winner if first is not None else None
    for attempt in sorted(tried, key=lambda attempt: attempt.ended or 0.0):
        if attempt is not winner:
            run_hangup_hook(attempt, around, a_leg)

    if first is not None:
        success = first.outcome.cause == SUCCESS
        a_leg.set("originate_disposition", "success" if success else "failure")
        if not success:
            a_leg.set("hangup_cause", first.outcome.cause)
        around.on_progress(end)
        return Outcome(first.outcome.cause, end, winner)
    cause = SUCCESS
    for run in runs:
        if run.outcome.cause not in (cause, LOSE_RACE, NO_PICKUP):
            cause = run.outcome.cause
    if cause == SUCCESS:
        cause = NO_ANSWER
    a_leg.set("originate_disposition", "failure")
    a_leg.set("hangup_cause", cause)
    at = min(end, max((run.outcome.at for run in runs), default=now))
    failed = [run.outcome.cause for run in runs if run.outcome.cause not in (SUCCESS, NONE)]
    return Outcome(cause, at, branch_causes=failed)


class _List:
    """Collects the ``originated_legs`` of one enterprise branch."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def get(self, name: str, index: int = -1) -> str | None:
        return None

    def set(self, name: str, value: str | None) -> None:
        return None

    def push(self, name: str, value: str) -> None:
        self.values.append(value)
