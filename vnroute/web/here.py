"""The control process's ear for known phones: takes what workers kept, and puts it in force."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vnroute import log
from vnroute.here_spool import read, set_aside, waiting
from vnroute.live.page import fill_page, open_page
from vnroute.live.phones import hear
from vnroute.model import FieldError
from vnroute.settings import Settings
from vnroute.store import open_store

__all__ = ["HereMetrics", "HereService"]

_LOOK_SECONDS = 0.1
_AGAIN_SECONDS = 2.0
RESULTS = ("set", "cleared", "superseded", "over", "refused", "broken")


class HereService:
    """Takes files from the spool as long as the control process runs.

    A file is removed when what it says is in force, or is of no use; until then it waits, also for
    a store that cannot be written.
    """

    def __init__(self, settings: Settings) -> None:
        self.directory = settings.here_spool
        self.results: Counter[str] = Counter()
        self._settings = settings
        self._logger = log.get_logger(process="control")
        self._trouble = ""

    async def run(self) -> None:
        """Take files until cancelled."""
        while True:
            pause = _LOOK_SECONDS
            try:
                if found := waiting(self.directory):
                    await asyncio.to_thread(self.take, found)
                self._trouble = ""
            except Exception as error:  # whatever it is, what waits is tried again
                pause = _AGAIN_SECONDS
                if repr(error) != self._trouble:
                    self._trouble = repr(error)
                    self._logger.error("what phones say waits in the spool", error=str(error))
            await asyncio.sleep(pause)

    def take(self, found: Iterable[Path]) -> None:
        """Put in force what files say, one after the other.

        Raises OSError, StoreError and PageError where that cannot be now: then what is left waits.
        """
        settings = self._settings
        store = open_store(settings.store_address)
        try:
            is_new = not settings.state_page.exists()
            page, why = open_page(settings.state_page)
            if is_new or why:
                fill_page(page, store.overrides())
            for path in found:
                try:
                    said = read(path)
                except ValueError as error:
                    aside = set_aside(path)
                    self._logger.error("no file of ours; set aside", file=str(aside),
                                       error=str(error))  # fmt: skip
                    self.results["broken"] += 1
                    continue
                about = {"person": said.person, "at": said.at or "schedule", "caller": said.caller,
                         "number": said.number, "uuid": said.call,
                         "late_seconds": round(max(0.0, time.time() - said.time), 1)}  # fmt: skip
                try:
                    result: str = hear(store, page, said, datetime.now(UTC))
                    self._logger.info(f"whereabouts {result}", **about)
                except FieldError as error:
                    result = "refused"
                    self._logger.error("whereabouts refused", error=str(error), **about)
                self.results[result] += 1
                path.unlink(missing_ok=True)
        finally:
            store.close()


class HereMetrics(Collector):
    """What became of what phones said, and how much waits, for Prometheus."""

    def __init__(self, service: HereService) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Yield a family a figure."""
        heard = CounterMetricFamily(
            "vnroute_here_heard", "What known phones said, by what became of it.", labels=["result"]
        )
        for result in RESULTS:
            heard.add_metric([result], self._service.results[result])
        yield heard
        try:
            count = len(waiting(self._service.directory))
        except OSError:
            return  # no figure, rather than a wrong one
        yield GaugeMetricFamily(
            "vnroute_here_waiting", "Calls of known phones that wait to be heard.", count
        )
