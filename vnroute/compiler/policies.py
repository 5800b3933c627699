"""The POLICIES section: how targets are hunted, each policy as FreeSWITCH is told it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from vnroute.compiler.hunting import (
    GO_ON,
    advance_causes,
    carrier_causes,
    ends_loops,
    guard,
    relay,
    stop_causes,
    together_causes,
)
from vnroute.compiler.text import Texts
from vnroute.model.policy import DEFAULT_POLICY, RING_SECONDS, Hunt, Policy

__all__ = ["Policies", "whole_seconds"]

_HUNG_UP = "NORMAL_CLEARING"
"""What a phone leaves that hangs up on the confirmation's tones: it is not rung again."""


def whole_seconds(seconds: int) -> int:
    """Return the leg_progress_timeout that gives a gateway up within so many seconds.

    FreeSWITCH compares whole seconds of the clock (switch_ivr_originate.c): a timeout of N fires
    after N to N + 1 seconds.
    """
    return max(1, seconds - 1)


class Policies:
    """Rows of the section, made as they are asked for; ``""`` is the built-in policy.

    ``max_attempts`` is how many gateways are tried for one target where a policy does not say,
    ``together`` what a call sets besides where it rings targets together, ``tables`` are carriers'
    own tables of what follows after failures.
    """

    def __init__(
        self,
        texts: Texts,
        policies: Iterable[Policy],
        max_attempts: int,
        together: str,
        tables: Sequence[Mapping[str, Hunt]] = (),
    ) -> None:
        self.records = bytearray()
        self.count = 0
        self._texts = texts
        self._policies = {"": DEFAULT_POLICY} | {policy.id: policy for policy in policies}
        self._max_attempts = max_attempts
        self._together = together
        self._tables = any(tables)
        self._stops = carrier_causes(tables)
        self._rows: dict[tuple[str, bool], int] = {}
        # A call that is diverted to a number of nobody's plan is hunted by row 0.
        self.row("", False)

    def relay(self, policy: str) -> tuple[str, str, str]:
        """Return what a plan under a policy hangs up with at ``relay`` (hunting.relay)."""
        return relay(self._policies[policy])

    def ring_seconds(self, policy: str) -> int:
        """Return how long a target rings of which neither it nor its step says how long."""
        return self._policies[policy].ring_seconds or RING_SECONDS

    def total(self, policy: str) -> str:
        """Return what a call sets so that it rings no longer than a plan's policy lets it.

        The switch's scheduler hangs the caller up, unless he is answered before. FreeSWITCH has no
        other bound: with a list of causes to stop at it never looks at ``originate_timeout``.
        """
        seconds = self._policies[policy].total_seconds
        if not seconds:
            return ""
        kill = f"+{seconds} ${{uuid}} uuid_kill ${{uuid}} ALLOTTED_TIMEOUT"
        return f";api_on_answer=sched_del ${{uuid}};vn_total=${{sched_api({kill})}}"

    def row(self, policy: str, confirms: bool) -> int:
        """Return the row of a policy, for phones that must press a key or for others."""
        row = self._rows.get((policy, confirms))
        if row is None:
            row = self._rows[policy, confirms] = self.count
            self.count += 1
            self.records += self._record(self._policies[policy], confirms)
        return row

    def _record(self, policy: Policy, confirms: bool) -> bytes:
        more = (_HUNG_UP,) if confirms else ()
        own = guard(policy, self._tables)
        texts = (
            _list(stop_causes(policy, self._stops) + more, stop_causes(DEFAULT_POLICY)),
            _list(together_causes(policy) + more, together_causes(DEFAULT_POLICY)),
            self._together,
            GO_ON if own == guard(DEFAULT_POLICY) else "",
            own,
            advance_causes(policy),
        )
        return b"".join(self._texts.packed(text) for text in texts) + struct.pack(
            "<IIII",
            policy.max_attempts or self._max_attempts,
            whole_seconds(policy.progress_seconds) if policy.progress_seconds else 0,
            ends_loops(policy),
            0,
        )


def _list(causes: tuple[str, ...], told: tuple[str, ...]) -> str:
    """Return what stands in the braces: nothing, if the call's own list says the same.

    FreeSWITCH looks for a cause's name anywhere in it, so ``+`` parts them: a comma would end the
    variable.
    """
    return "" if causes == told else f"fail_on_single_reject={'+'.join(causes)}"
