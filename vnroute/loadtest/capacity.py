"""How many calls a second a running switch takes: short probes, found by halves, bounded in time.

Each probe is a SIPp of its own on the switch at rest, so none suffers from what the one before left
behind. What one probe says may be an accident of the machine: the first rate that did not pass is
tried once more before it is believed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vnroute.loadtest.errors import RunBroken
from vnroute.loadtest.figures import percentiles
from vnroute.loadtest.process import wait_until
from vnroute.loadtest.profile import Knee, Profile
from vnroute.loadtest.real import Bench
from vnroute.loadtest.routes import Routes
from vnroute.loadtest.sipp import SippCallers
from vnroute.loadtest.timing import duration
from vnroute.loadtest.traces import when
from vnroute.loadtest.traffic import plan_traffic

__all__ = ["Capacity", "Probe", "judge_probe", "search"]

_FURTHER = 3
"""Rates tried above the knee, where the second try of the rate that did not pass does pass."""
_NEVER = 1e9
"""Seconds waited by a call that heard nothing while it was listened to."""


class Probe(msgspec.Struct, frozen=True):
    """What one probe came to; delays in seconds. ``why`` is the limit it passed, or empty."""

    rate: float
    placed: int
    failed: int
    achieved: float
    pdd_p50: float
    pdd_p99: float
    why: str


def judge_probe(rate: float, lines: Sequence[Sequence[str]], planned: int, knee: Knee) -> Probe:
    """Return what the log of a probe's callers says of it."""
    sent: dict[str, float] = {}
    heard: dict[str, float] = {}
    answered: set[str] = set()
    for line in lines:
        kind, at, call = line[0], when(line[1]), line[2]
        if kind == "SENT":
            sent[call] = at
        elif kind == "RINGING":
            heard.setdefault(call, at)
        elif kind == "FINAL" and line[3] == "200":
            heard.setdefault(call, at)
            answered.add(call)
    moments = sorted(sent.values())
    seconds = moments[-1] - moments[0] if len(moments) > 1 else 0.0
    achieved = (len(moments) - 1) / seconds if seconds > 0 else 0.0
    waits = percentiles(heard[call] - at if call in heard else _NEVER for call, at in sent.items())
    p50, p99 = (waits["p50"], waits["p99"]) if waits else (_NEVER, _NEVER)
    failed = planned - len(answered)
    limit = duration(knee.pdd_p99, "knee.pdd_p99")
    why = ""
    if failed > knee.failures * planned:
        why = f"{failed} of {planned} calls not answered in time"
    elif p99 > limit:
        why = f"post-dial delay p99 {1000 * p99:.0f} ms"
    elif achieved < (1 - knee.late) * rate:
        why = f"the callers only made {achieved:.0f} calls a second"
    return Probe(rate, len(sent), failed, round(achieved, 1), round(p50, 4), round(p99, 4), why)


def search(
    rates: Sequence[float],
    passes: Callable[[float], bool],
    *,
    near: float | None = None,
    time_left: Callable[[], bool] = lambda: True,
) -> float:
    """Return the highest of rising rates that passes; 0 where none does.

    ``near`` is where it was before: the search begins around it. Once no time is left, the highest
    rate that has passed is returned.
    """
    low, high = -1, len(rates)

    def ask(place: int) -> None:
        nonlocal low, high
        if low < place < high and time_left():
            if passes(rates[place]):
                low = place
            else:
                high = place

    if near is not None and near in rates:
        place = rates.index(near)
        ask(place)
        ask(place + 1 if low == place else place - 1)
    while high - low > 1 and time_left():
        ask((low + high) // 2)
    for _ in range(_FURTHER):
        if high >= len(rates) or high - low > 1 or not time_left() or not passes(rates[high]):
            break
        low, high = high, high + 1
    return rates[low] if low >= 0 else 0.0


@dataclass
class Capacity:
    """Looks for the knee of a switch that runs; used as ``then`` of :func:`run_real`."""

    sipp: str
    folder: Path
    profile: Profile
    routes: Routes
    seed: int
    near: float | None = None
    tell: Callable[[float], None] = lambda rate: None
    knee: float | None = None

    def __post_init__(self) -> None:
        self.probes: list[Probe] = []

    def __call__(self, bench: Bench) -> None:
        """Probe until the knee is known, or its time is over."""
        knee = self.profile.knee
        until = time.monotonic() + knee.search
        count = int((knee.most - knee.start) / knee.step) + 1
        rates = [knee.start + knee.step * n for n in range(count)]

        def passes(rate: float) -> bool:
            self.tell(rate)
            self.probes.append(self._probe(bench, rate))
            return not self.probes[-1].why

        self.knee = search(
            rates, passes, near=self.near, time_left=lambda: time.monotonic() < until
        )

    def _probe(self, bench: Bench, rate: float) -> Probe:
        knee, switch = self.profile.knee, bench.switch
        if switch is None:
            raise RunBroken("there is no switch to probe")
        name = f"probe-{len(self.probes) + 1}"
        group = msgspec.structs.replace(
            self.profile.callers[0], name=name, arrivals={"steady": rate, "seconds": knee.seconds}
        )
        one = msgspec.structs.replace(self.profile, callers=(group,))
        planned = plan_traffic(one, self.routes, seed=self.seed)[name]
        callers = SippCallers(
            self.sipp, self.folder, group, planned,
            address=switch.host, port=bench.spare_port, target=switch.address,
        )  # fmt: skip
        bench.callers.append(callers)
        callers.start()
        # Whoever waits longer than the limit allows has failed; the others end by then.
        longest = max(call.at + call.hold for call in planned)
        until = time.monotonic() + longest + 2 * duration(knee.pdd_p99, "knee.pdd_p99") + 0.5
        while callers.running and time.monotonic() < until:
            time.sleep(0.05)
        lines = callers.lines()
        callers.stop()
        bench.callers.remove(callers)
        if switch.sessions():
            switch.api("hupall")
            wait_until("FreeSWITCH is idle after a probe", lambda: not switch.sessions(), 30, 0.1)
        return judge_probe(rate, lines, len(planned), knee)
