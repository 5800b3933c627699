"""Calls that are up on all switches, as long as somebody asks: a link of its own to each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from vnroute.calls.up import CallUp
from vnroute.carriers.calls_link import HangUp
from vnroute.carriers.switch_link import Report
from vnroute.carriers.switches import SwitchAddress, Switches, SwitchState

__all__ = ["CallsUp"]

_POLL_SECONDS = 5.0
_SILENCE_SECONDS = 90.0
_WANTED_SECONDS = 1.0


class CallsUp(Switches):
    """Keeps a link to each of ``addresses`` while ``wanted`` says so.

    ``told`` hears of each switch's calls, and the moment by its own clock (Unix seconds); of None
    where a switch's calls are not known any more.
    """

    module = "vnroute.carriers.calls_link"
    lost = "no control connection; fraud rules count calls of this switch only when they have ended"

    def __init__(
        self,
        addresses: Sequence[SwitchAddress],
        told: Callable[[str, float, tuple[CallUp, ...] | None], None],
        wanted: Callable[[], bool],
        logger: Any,
        *,
        poll_seconds: float = _POLL_SECONDS,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        super().__init__(
            addresses, lambda *_: None, logger,
            poll_seconds=poll_seconds, silence_seconds=silence_seconds,
        )  # fmt: skip
        self._told = told
        self._wanted = wanted
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Keep all links until cancelled; their processes end with it."""
        self._loop = asyncio.get_running_loop()
        await super().run()

    async def _once(self, address: SwitchAddress) -> bool:
        while not self._wanted():
            await asyncio.sleep(_WANTED_SECONDS)
        return await super()._once(address)

    def _take(self, state: SwitchState, report: Report) -> None:
        super()._take(state, report)
        if report.kind != "calls":
            return
        if not state.connected:
            state.connected, state.why = True, ""
            self._logger.info("calls that are up are known", switch=state.name)
        self._told(state.name, report.clock, report.calls)
        if not self._wanted():
            # The link ends with its standard input, and a new one waits until it is wanted again.
            self._told(state.name, report.clock, None)
            self._pipes[state.name].close()

    def _lost(self, state: SwitchState, why: str) -> None:
        if self._wanted():
            super()._lost(state, why)
        state.connected = False
        self._told(state.name, 0.0, None)

    def hang_up(self, switch: str, uuids: Sequence[str], cause: str) -> None:
        """Have a switch end calls; from any thread. Where its link is down nothing is done."""
        line = msgspec.json.encode(HangUp(tuple(uuids), cause)) + b"\n"
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._say, switch, line)

    def _say(self, switch: str, line: bytes) -> None:
        pipe = self._pipes.get(switch)
        if pipe is not None and not pipe.is_closing():
            pipe.write(line)
