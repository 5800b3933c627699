"""The links to all switches: started, watched, killed where they are silent, started again.

A link is a process (:mod:`vnroute.carriers.switch_link`). One that says nothing for
``silence_seconds`` longer than it should hangs in its library, or in a connection that swallows
everything: it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from vnroute.carriers.gateway_report import GatewayReport
from vnroute.carriers.switch_link import LinkSettings, Report

__all__ = ["SwitchAddress", "SwitchState", "Switches"]

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_SILENCE_SECONDS = 10.0
_MOST_LINE = 16_000_000


@dataclass(frozen=True, slots=True)
class SwitchAddress:
    """Where a switch's Event Socket listens, and its password."""

    name: str
    host: str
    port: int
    password: str


@dataclass(slots=True)
class SwitchState:
    """What is known of a switch. Moments are Unix seconds, 0 for never."""

    name: str
    connected: bool = False
    since: float = 0.0
    why: str = "not tried yet"
    restarts: int = 0
    heard: float = 0.0
    sessions: int = 0
    sessions_per_second: int = 0
    idle_cpu: float = 0.0
    link_memory: int = 0
    gateways: dict[str, GatewayReport] = field(default_factory=dict)


class Switches:
    """Keeps a link to each of ``addresses``.

    ``heard`` is told of each report of gateways: (switch, moment, gateways). ``states`` is what
    is known of each switch.
    """

    module: ClassVar[str] = "vnroute.carriers.switch_link"
    lost: ClassVar[str] = "no control connection; gateways are judged by their calls alone"

    def __init__(
        self,
        addresses: Sequence[SwitchAddress],
        heard: Callable[[str, float, tuple[GatewayReport, ...]], None],
        logger: Any,
        *,
        poll_seconds: float = 0.25,
        recycle_seconds: float = 3600.0,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        self.states = {address.name: SwitchState(address.name) for address in addresses}
        self._addresses = tuple(addresses)
        self._heard = heard
        self._logger = logger
        self._poll_seconds = poll_seconds
        self._recycle_seconds = recycle_seconds
        self._silence_seconds = poll_seconds + silence_seconds
        self._pipes: dict[str, asyncio.StreamWriter] = {}
        self._decoder = msgspec.json.Decoder(Report)
        self._random = random.Random()

    async def run(self) -> None:
        """Keep all links until cancelled; their processes end with it."""
        async with asyncio.TaskGroup() as tasks:
            for address in self._addresses:
                tasks.create_task(self._keep(address))

    async def _keep(self, address: SwitchAddress) -> None:
        wait = _FIRST_WAIT
        state = self.states[address.name]
        while True:
            spent = await self._once(address)
            state.restarts += 1
            if spent or state.heard > state.since > 0.0:
                wait = _FIRST_WAIT
            if not spent:
                # Jitter, so that many nodes do not all come back to a switch at once.
                await asyncio.sleep(wait * self._random.uniform(0.5, 1.0))
                wait = min(2 * wait, _LONGEST_WAIT)

    async def _once(self, address: SwitchAddress) -> bool:
        """Run one link to its end; return whether it only was to be renewed."""
        state = self.states[address.name]
        state.heard = state.since = 0.0
        settings = LinkSettings(
            name=address.name,
            host=address.host,
            port=address.port,
            poll_seconds=self._poll_seconds,
            recycle_seconds=self._recycle_seconds,
        )
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.module, msgspec.json.encode(settings).decode(),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_MOST_LINE,
            )  # fmt: skip
        except OSError as error:
            self._lost(state, f"cannot start the link: {error}")
            return False
        assert process.stdin is not None and process.stdout is not None
        why = ""
        try:
            process.stdin.write(address.password.encode() + b"\n")
            self._pipes[address.name] = process.stdin
            while True:
                try:
                    # Not wait_for: Python 3.11's loses a cancellation that comes with a line.
                    async with asyncio.timeout(self._silence_seconds):
                        line = await process.stdout.readline()
                except TimeoutError:
                    why = f"silent for {self._silence_seconds:g} seconds"
                    break
                if not line:
                    break
                report = self._decoder.decode(line)
                if report.kind == "spent":
                    state.link_memory = report.memory
                    return True
                if report.kind in ("refused", "lost"):
                    why = report.text
                    break
                self._take(state, report)
        except (msgspec.DecodeError, ValueError, ConnectionError) as error:
            why = f"the link writes what is no report: {error}"
        finally:
            self._pipes.pop(address.name, None)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._lost(state, why or f"the link died (status {process.returncode})")
        return False

    def _take(self, state: SwitchState, report: Report) -> None:
        state.heard = report.at
        if report.kind == "up":
            state.since = report.at
        elif report.kind == "heartbeat":
            state.sessions, state.idle_cpu = report.sessions, report.idle_cpu
            state.sessions_per_second = report.sessions_per_second
            state.link_memory = report.memory
        elif report.kind == "gateways":
            if not state.connected:
                state.connected, state.why = True, ""
                self._logger.info("control connection up", switch=state.name)
            state.gateways = {gateway.name: gateway for gateway in report.gateways}
            self._heard(state.name, report.at, report.gateways)
        elif report.text:
            self._logger.info("switch says", switch=state.name, said=report.text[:200])

    def _lost(self, state: SwitchState, why: str) -> None:
        if state.connected or why != state.why:
            self._logger.error(self.lost, switch=state.name, why=why)
        state.connected, state.why, state.gateways = False, why, {}
