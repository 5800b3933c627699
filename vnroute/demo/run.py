"""The demo: sample data loaded and compiled, workers answering, a simulated FreeSWITCH calling."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vnroute.demo.judge import mismatch
from vnroute.eventsocket.companion import Companion
from vnroute.eventsocket.supervisor import Supervisor
from vnroute.eventsocket.worker import WorkerSettings
from vnroute.matcher.decide import Matcher
from vnroute.matcher.image import RouteImage
from vnroute.simulator import CallOptions, CallRecord, CdrPost, Gateways, LoadSummary, run_load

__all__ = ["GATEWAYS", "Traffic", "serve_and_call"]

GATEWAYS = """\
# What each gateway of the demo does with a call. `vnroute simulate --gateways` takes this file.
gateways:
  alpha1: {mix: [{weight: 70, ringing: 50ms, answer: [1s, 8s], talk: [5s, 90s]},
                 {weight: 20, refuse: 503}, {weight: 10, refuse: 486, after: 2s}]}
  alpha2: {mix: [{weight: 60, ringing: 50ms, answer: [1s, 8s], talk: [5s, 90s]},
                 {weight: 40, early_media: 200ms, refuse: 503}]}
  beta1: silent
  gamma1: {mix: [{weight: 80, ringing: 90ms, answer: [2s, 12s], talk: [5s, 90s]},
                 {weight: 15, ringing: 1s, ring: forever}, {weight: 5, refuse: 603, after: 3s}]}
  delta1: down
  omega1: {mix: [{weight: 90, ringing: 200ms, answer: [2s, 15s], talk: [5s, 90s]},
                 {weight: 10, refuse: 404}]}
  omega2: {refuse: 500}
"""

_COLLECTING_SECONDS = 15.0


@dataclass
class Traffic:
    """What has happened so far, for whoever shows it."""

    calls: int = 0
    summary: LoadSummary = field(default_factory=LoadSummary)
    matched: int = 0
    hunted: int = 0
    mismatches: list[str] = field(default_factory=list)
    recent: list[CallRecord] = field(default_factory=list)


def free_port(host: str, wanted: int) -> int:
    """Return ``wanted`` if it can be listened on, else a port that the kernel has free."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no port of {host} is free")


def called_numbers(owned: list[str], calls: int, seed: int) -> list[str]:
    """Choose the numbers to call: ours, as FreeSWITCH reports them, and one in fifty not ours."""
    source = random.Random(seed)
    return [
        "199955501" + f"{source.randrange(100):02}" if source.random() < 0.02
        else source.choice(owned).removeprefix("+")
        for _ in range(calls)
    ]  # fmt: skip


async def serve_and_call(
    workers: list[WorkerSettings],
    image: RouteImage,
    numbers: list[str],
    *,
    rate: float,
    traffic: Traffic,
    show: Callable[[Traffic], None],
    done: Callable[[Traffic], bool],
    companions: Sequence[Companion] = (),
    cdr: CdrPost | None = None,
) -> int:
    """Start the workers, place a call to each of ``numbers``, and serve on while ``done`` says so.

    Returns the supervisor's exit status. ``show`` is called twice a second while calls are placed.
    Each call's CDR is posted to ``cdr``; the first calls may find the control process still
    starting, their CDRs are kept on disk and collected by it.
    """
    supervisor = Supervisor(workers, companions)
    serving = asyncio.create_task(supervisor.run())
    calling = asyncio.create_task(_call(workers[0], image, numbers, rate, traffic, show, cdr))
    await asyncio.wait([serving, calling], return_when=asyncio.FIRST_COMPLETED)
    if calling.done():
        calling.result()
        if not done(traffic):
            if cdr is not None:
                await cdr.collected(_COLLECTING_SECONDS)
            supervisor.stopping.set()
    else:
        calling.cancel()
    return await serving


async def _call(
    worker: WorkerSettings,
    image: RouteImage,
    numbers: list[str],
    rate: float,
    traffic: Traffic,
    show: Callable[[Traffic], None],
    cdr: CdrPost | None,
) -> None:
    await _listening(worker.host, worker.port)
    matcher = Matcher(image, worker.max_hops)
    traffic.calls = len(numbers)

    def judge(record: CallRecord) -> None:
        now = time.time()
        told = mismatch(record, matcher, (now, now - 5))
        if told is None:
            traffic.matched += 1
        elif len(traffic.mismatches) < 20:
            traffic.mismatches.append(f"+{record.did}: {told}")
        traffic.hunted += len(record.legs) > 1
        traffic.recent.append(record)
        del traffic.recent[:-12]

    def progress(summary: LoadSummary) -> None:
        traffic.summary = summary
        show(traffic)

    traffic.summary = await run_load(
        [f"{worker.host}:{worker.port}"],
        numbers,
        rate=rate,
        concurrency=2000,
        gateways=Gateways.from_text(GATEWAYS, "demo gateways"),
        # Without a seed: a second demo's calls are not the first one's, and have CDRs of their own.
        options=CallOptions(cdr=cdr),
        on_call=judge,
        on_progress=progress,
    )
    show(traffic)


async def _listening(host: str, port: int) -> None:
    """Wait until a worker takes connections; raise OSError where none does in ten seconds."""
    until = time.monotonic() + 10
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
