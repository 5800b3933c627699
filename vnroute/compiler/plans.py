"""Plans become programs: words that the matcher walks once a call.

docs/route-image.md lists the words. A target is a number with its row of choices, found here, so
that the hot path reads a list; a target that is one of our own numbers becomes a step into that
number's plan.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping

from vnroute.compiler.text import Texts
from vnroute.image.program import NO_CHOICES, SCHEDULE_STATES, Op
from vnroute.model import RELAY, Plan
from vnroute.model.e164 import parse_number

__all__ = ["CHANNEL", "HUNT", "RELAY_HANGUP", "STOP_CAUSES", "Programs"]

STOP_CAUSES = ("USER_BUSY", "CALL_REJECTED", "ALLOTTED_TIMEOUT", "UNWANTED")
"""What ends the hunt for one target: what the person did. Busy (486, 600), declined (603; 403 has
the same cause in FreeSWITCH), rang for the target's whole time, unwanted (607). Every other cause
is the carrier's or the network's, and the next carrier is tried."""

CHANNEL = ";".join(
    (
        # A bridge that failed lets the plan go on; one that was answered ends it.
        "hangup_after_bridge=true",
        "continue_on_fail=true",
        # Else the last leg's own SIP code would reach the caller, whatever the plan's hangup says
        # (sofia_on_hangup in mod_sofia.c reads last_bridge_proto_specific_hangup_cause).
        "sip_ignore_remote_cause=true",
        # The caller's own X- headers stay off the carriers' legs.
        "sip_copy_custom_headers=false",
        # Early media is no success: 183 and then 503 goes on to the next carrier.
        "ignore_early_media=true",
        # A carrier that stays silent does not end the hunt.
        "originate_continue_on_timeout=true",
        f"fail_on_single_reject={','.join(STOP_CAUSES)}",
    )
)
"""What every call sets on its channel, where each bridge of the plan reads it
(switch_ivr_originate.c takes these from the caller's channel as well as from the braces)."""

HUNT = ""
"""What stands in the braces of each bridge; nothing as yet that CHANNEL does not say."""

_RELAY_ELSE = "NORMAL_TEMPORARY_FAILURE"

RELAY_HANGUP = (
    f"${{regex(m:~${{originate_causes}};{_RELAY_ELSE}~"
    "^(?|.*;(USER_BUSY)|.*;(CALL_REJECTED)|.*;(NO_ANSWER)|.*;ALLOTTED_TIMEOUT()"
    f"|.*;(UNALLOCATED_NUMBER)|.*;({_RELAY_ELSE}))~%1)}}"
)
"""The cause that matters, told by FreeSWITCH itself when the plan is through.

``originate_causes`` lists ``uuid;CAUSE`` of every leg of every bridge. The alternatives of the
branch-reset group (``(?|``, pcre2pattern) are tried in order, each over the whole list, so their
order is the precedence: busy, declined, no answer, rang out (which has no cause of its own: an
empty one is NORMAL_CLEARING, SIP 480), unallocated; else, or where no leg was made, 503. Seen on
FreeSWITCH 1.11: [486] [503, 503] gives 486, [503] [603] gives 603, all 503 gives 503.
"""


class Programs:
    """The PROGRAMS section, plan by plan.

    ``schedules`` gives the row of each schedule's id, ``choices_of`` the row of choices of a
    destination's digits (None for none), ``plan_of`` the row of the plan that answers a number if
    it is one of ours and in service, NOT_OURS if it is not ours, and None if it is suspended.
    """

    NOT_OURS = -1

    def __init__(
        self,
        texts: Texts,
        schedules: Mapping[str, int],
        choices_of: Callable[[str], int | None],
        plan_of: Callable[[int], int | None],
    ) -> None:
        self.words = array("I")
        self._texts = texts
        self._schedules = schedules
        self._choices_of = choices_of
        self._plan_of = plan_of

    def add(self, plan: Plan) -> tuple[int, int]:
        """Write a plan's program; return (first word, number of words)."""
        first = len(self.words)
        for place, step in enumerate(plan.steps):
            mark = place << 8
            body = array("I")
            if step.hangup:
                cause = RELAY_HANGUP if step.hangup == RELAY else step.hangup
                body.extend([Op.HANGUP | mark, *self._texts.place(cause)])
            for target in step.ring:
                self._target(body, mark, parse_number(target), step.seconds)
            if step.when:
                state = SCHEDULE_STATES.index(step.state)
                self.words.extend([Op.WHEN | mark, self._schedules[step.when], state, len(body)])
            self.words.extend(body)
        self.words.append(Op.END)
        return first, len(self.words) - first

    def _target(self, body: array[int], mark: int, number: int, seconds: int) -> None:
        low, high = number & 0xFFFFFFFF, number >> 32
        plan = self._plan_of(number)
        if plan == self.NOT_OURS:
            choices = self._choices_of(str(number))
            at = NO_CHOICES if choices is None else choices
            body.extend([Op.RING | mark, seconds, 0, at, low, high])
        elif plan is not None:
            body.extend([Op.FORWARD | mark, plan, low, high])
