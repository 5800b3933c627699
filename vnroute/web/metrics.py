"""``/metrics``: what the workers count, in Prometheus' text format.

Nothing is counted twice or under a lock: a scrape reads the workers' stats file, so the calls'
loops are not even told of it. A worker that is started again begins at 0, as Prometheus expects.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from vnroute import __version__
from vnroute.eventsocket.stats import WorkerStats, read_stats
from vnroute.status import OUTCOMES
from vnroute.web.status_api import LiveStatus

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4"
"""Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats)."""

_COUNTERS = {
    "accepted": ("vnroute_connections", "Connections taken from FreeSWITCH."),
    "answered": ("vnroute_plans_sent", "Calls answered with a plan."),
    "refused_peers": ("vnroute_refused_peers", "Connections closed: peer not allowed."),
    "refused_full": ("vnroute_refused_full", "Connections closed: too many are open."),
    "too_long": ("vnroute_too_long", "Connections closed: too many bytes."),
    "too_slow": ("vnroute_too_slow", "Connections closed: too slow."),
    "hung_up_early": (
        "vnroute_hung_up_early",
        "Connections that ended before CHANNEL_DATA.",
    ),
    "errors": ("vnroute_worker_errors", "Connections that failed inside vnroute."),
    "rejected_replies": ("vnroute_rejected_replies", "Answers that FreeSWITCH met with -ERR."),
    "least_bad": ("vnroute_least_bad", "Calls sent to a gateway that is not well: none other was."),
    "dip_hits": ("vnroute_dip_hits", "Targets whose dip's answer was kept."),
    "dips_asked": ("vnroute_dips", "Numbers asked for over the network."),
    "dips_ported": ("vnroute_dips_ported", "Answers with a routing number."),
    "dips_not_ported": ("vnroute_dips_not_ported", "Answers that a number is not ported."),
    "dips_failed": ("vnroute_dips_failed", "Questions without an answer, or with none of use."),
    "dips_late": ("vnroute_dips_late", "Calls routed on the dialled number: no answer in time."),
    "dips_skipped": ("vnroute_dips_skipped", "Numbers not asked for: the server is dead or busy."),
    "here_kept": ("vnroute_here_kept", "Calls from known phones that said where somebody is."),
    "here_failed": (
        "vnroute_here_failed",
        "Such calls that could not be kept, and went on to the next step.",
    ),
    "reloads": ("vnroute_image_reloads", "Route images swapped in."),
    "failed_reloads": ("vnroute_image_reloads_failed", "Route images refused."),
}
_GAUGES = {
    "dips_kept": ("vnroute_dip_answers", "Answers of dips that are kept."),
    "dips_shut": ("vnroute_dips_shut", "1 where calls wait for no dip, since the server is dead."),
    "live": ("vnroute_connections_open", "Connections open now."),
    "most_live": ("vnroute_connections_open_most", "The most connections open at a time."),
    "generation": ("vnroute_worker_generation", "Generation of the image a worker answers by."),
    "overlay": ("vnroute_worker_overlay", "Serial of the overlay a worker answers by; 0: none."),
    "memory": ("vnroute_worker_memory_max_bytes", "The most memory a worker has had, resident."),
    "started": ("vnroute_worker_start_time_seconds", "When a worker started, Unix time."),
    "updated": ("vnroute_worker_update_time_seconds", "When a worker last wrote its page."),
}


def _runs(page: WorkerStats) -> bool:
    try:
        os.kill(page.values["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Workers(Collector):
    """What the workers' pages hold, read at each scrape."""

    def __init__(self, live: LiveStatus) -> None:
        self.path = live.reader.settings.state / "workers.stats"

    def collect(self) -> Iterable[Metric]:
        """Yield a family a counter, a series a worker."""
        pages = [page for page in read_stats(self.path) if _runs(page)]
        yield GaugeMetricFamily("vnroute_workers", "Workers that run.", len(pages))
        for name, (title, said) in _COUNTERS.items():
            counter = CounterMetricFamily(title, said, labels=["worker"])
            for page in pages:
                counter.add_metric([str(page.worker)], page.values[name])
            yield counter
        for name, (title, said) in _GAUGES.items():
            gauge = GaugeMetricFamily(title, said, labels=["worker"])
            for page in pages:
                gauge.add_metric([str(page.worker)], page.values[name])
            yield gauge
        decided = CounterMetricFamily(
            "vnroute_decisions", "Calls by what was decided.", labels=["worker", "outcome"]
        )
        delays = HistogramMetricFamily(
            "vnroute_answer_delay_seconds",
            "From a connection to the plan written; no sum is kept.",
            labels=["worker"],
        )
        for page in pages:
            for outcome in OUTCOMES:
                decided.add_metric([str(page.worker), outcome], page.values[outcome])
            delays.add_metric([str(page.worker)], _buckets(page.delays), sum_value=None)
        yield decided
        yield delays


def _buckets(delays: tuple[int, ...]) -> list[tuple[str, float]]:
    """Return cumulative buckets, upper bounds in seconds: bucket i ends at 2**i us."""
    found: list[tuple[str, float]] = []
    total = 0
    for place, count in enumerate(delays):
        total += count
        found.append((f"{(1 << place) / 1e6:g}", total))
    # The last bucket of the page takes whatever is slower than all bounds.
    found[-1] = ("+Inf", total)
    return found


class _Home(Collector):
    """The image and the store, as the status tells them."""

    def __init__(self) -> None:
        self.status: dict[str, object] = {}

    def collect(self) -> Iterable[Metric]:
        """Yield what is known; nothing of what is not there."""
        info = GaugeMetricFamily("vnroute_build_info", "1; the version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        image = self.status.get("image")
        if isinstance(image, dict) and "error" not in image:
            yield GaugeMetricFamily(
                "vnroute_image_generation", "Generation in force.", image["generation"]
            )
            yield GaugeMetricFamily("vnroute_image_bytes", "Size of the image.", image["bytes"])
            yield GaugeMetricFamily(
                "vnroute_image_compile_time_seconds",
                "When the image was compiled, Unix time.",
                image["compiled_at"],
            )
            yield GaugeMetricFamily(
                "vnroute_image_horizon_time_seconds",
                "Until when the image knows the schedules, Unix time.",
                image["horizon_end"],
            )
            rows = GaugeMetricFamily("vnroute_image_rows", "Rows by table.", labels=["table"])
            for name, count in image["rows"].items():
                rows.add_metric([name], count)
            yield rows
        overlay = self.status.get("overlay")
        if isinstance(overlay, dict) and "error" not in overlay:
            yield GaugeMetricFamily(
                "vnroute_overlay_serial", "Change that the overlay goes up to.", overlay["serial"]
            )
            yield GaugeMetricFamily(
                "vnroute_overlay_numbers", "Numbers in the overlay.", overlay["numbers"]
            )
            yield GaugeMetricFamily(
                "vnroute_overlay_waiting",
                "Changes that are not in it and wait for a compilation.",
                overlay["waiting"],
            )
        stored = self.status.get("store")
        if isinstance(stored, dict) and "error" not in stored:
            yield GaugeMetricFamily(
                "vnroute_store_changes", "The store's change counter.", stored["change_counter"]
            )
            rows = GaugeMetricFamily("vnroute_store_rows", "Rows by kind.", labels=["kind"])
            for name, count in stored.items():
                if isinstance(count, int) and name != "change_counter":
                    rows.add_metric([name], count)
            yield rows
        yield GaugeMetricFamily(
            "vnroute_image_stale",
            "1 where the store has changed since the image was compiled.",
            float(bool(self.status.get("stale"))),
        )
        yield GaugeMetricFamily(
            "vnroute_store_readable",
            "1 where the store can be read.",
            float(isinstance(stored, dict) and "error" not in stored),
        )


class Metrics:
    """All that a scrape shows; ``more`` collectors may be added."""

    def __init__(self, live: LiveStatus) -> None:
        self._live = live
        self._home = _Home()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Workers(live))
        self._registry.register(self._home)
        self._began = time.time()

    def add(self, collector: Collector) -> None:
        """Show what another collector knows as well."""
        self._registry.register(collector)

    async def render(self) -> bytes:
        """Return the text of one scrape."""
        self._home.status = await self._live.read()
        return generate_latest(self._registry)
