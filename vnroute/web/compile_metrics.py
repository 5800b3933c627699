"""Metrics of the compilations that the control process runs when routing data changes."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vnroute.web.publishing import Publisher

__all__ = ["CompileMetrics"]


class CompileMetrics(Collector):
    """How the last compilation went; 0 seconds before the first."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def collect(self) -> Iterable[Metric]:
        """Yield each family."""
        built = self._publisher.built
        yield GaugeMetricFamily(
            "vnroute_compile_seconds",
            "How long the control process took for its last compilation.",
            built.seconds if built else 0.0,
        )
        yield GaugeMetricFamily(
            "vnroute_compile_failing",
            "1 where the last compilation failed: the generation before is in force.",
            float(bool(self._publisher.error)),
        )
