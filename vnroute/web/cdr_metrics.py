"""Metrics of CDRs: taken in, waiting, stored; and of the carriers that they tell of."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from vnroute.calls.counts import COMMIT_BOUNDS
from vnroute.calls.record import OUTCOMES
from vnroute.web.cdr import CdrService

__all__ = ["CdrMetrics"]

_REQUESTS = ("kept", "leg", "foreign", "unreadable", "too_large", "refused_peer", "failed")
_MENDED = ("charset", "clock")
_NOTED = ("doubled", "late", "reordered", "raw", "unrated")


class CdrMetrics(Collector):
    """Counts of this process, since it began."""

    def __init__(self, service: CdrService) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Yield each family."""
        counts = self._service.counts
        yield _counter("vnroute_cdr_requests", "CDRs posted, by how they were answered.",
                       "result", {name: counts.requests[name] for name in _REQUESTS})  # fmt: skip
        yield _counter("vnroute_cdr_mended", "CDRs kept with something put right.",
                       "what", {name: counts.mended[name] for name in _MENDED})  # fmt: skip
        yield _counter("vnroute_cdr_noted", "CDRs that were out of the ordinary.",
                       "what", {name: counts.noted[name] for name in _NOTED})  # fmt: skip
        yield _counter("vnroute_calls", "Calls stored, by outcome.",
                       "outcome", {name: counts.stored[name] for name in OUTCOMES})  # fmt: skip
        yield CounterMetricFamily(
            "vnroute_cdr_collected", "CDRs taken from switches' error directories.",
            counts.collected,
        )  # fmt: skip
        yield from self._carriers()
        yield from self._spool()
        yield from self._webhook()
        yield from self._fraud()
        archiver = self._service.archiver
        yield CounterMetricFamily(
            "vnroute_cdr_archived", "Calls moved into the archive.",
            archiver.archived if archiver else 0,
        )  # fmt: skip
        yield GaugeMetricFamily(
            "vnroute_cdr_archive_failing", "1 where calls are to be archived and cannot be.",
            float(bool(archiver and archiver.failing)),
        )  # fmt: skip
        commits = HistogramMetricFamily(
            "vnroute_cdr_commit_seconds", "Time of a group commit to the spool's disk."
        )
        buckets, total = [], 0
        for bound, count in zip((*COMMIT_BOUNDS, None), counts.commits, strict=True):
            total += count
            buckets.append(("+Inf" if bound is None else f"{bound:g}", float(total)))
        commits.add_metric([], buckets, counts.commit_seconds)
        yield commits

    def _carriers(self) -> Iterable[Metric]:
        counts = self._service.counts
        legs = CounterMetricFamily(
            "vnroute_legs", "Legs stored.", labels=["carrier", "gateway", "outcome"]
        )
        # Copied: the thread that stores adds to them.
        for key, count in dict(counts.legs).items():
            legs.add_metric(key, count)
        yield legs
        talk = CounterMetricFamily(
            "vnroute_leg_talk_seconds", "Time talked.", labels=["carrier", "gateway"]
        )
        for pair, milliseconds in dict(counts.talk_ms).items():
            talk.add_metric(pair, milliseconds / 1000)
        yield talk

    def _spool(self) -> Iterable[Metric]:
        spool, drain = self._service.spool, self._service.drain
        yield GaugeMetricFamily(
            "vnroute_cdr_spool_open", "1 where CDRs can be taken in.", float(spool is not None)
        )
        if spool is None or drain is None:
            return
        waiting = spool.waiting_bytes(drain.position)
        yield GaugeMetricFamily(
            "vnroute_cdr_spool_bytes", "Bytes of CDRs that wait to be stored.", waiting
        )
        oldest = drain.oldest
        lag = max(0.0, time.time() - oldest / 1e6) if waiting and oldest else 0.0
        yield GaugeMetricFamily(
            "vnroute_cdr_lag_seconds", "How long the oldest CDR has been waiting.", lag
        )
        yield GaugeMetricFamily(
            "vnroute_cdr_store_up", "1 where the store of calls can be written.",
            float(not drain.failing),
        )  # fmt: skip
        yield CounterMetricFamily(
            "vnroute_cdr_spool_damaged_bytes", "Bytes of the spool that were no record.",
            self._service.counts.damaged_bytes,
        )  # fmt: skip

    def _fraud(self) -> Iterable[Metric]:
        watch = self._service.fraud
        hits = CounterMetricFamily(
            "vnroute_fraud_hits", "Fraud rules that calls broke, by rule and what it does.",
            labels=("rule", "then"),
        )  # fmt: skip
        if watch is not None:
            for rule in list(watch.rules.values()):
                place = (rule.id, rule.then)
                hits.add_metric(place, watch.hits.get(place, 0))
        yield hits
        yield CounterMetricFamily(
            "vnroute_fraud_judged", "Calls held against fraud rules.", watch.judged if watch else 0
        )
        yield CounterMetricFamily(
            "vnroute_fraud_seconds", "Time that took, reading the calls included.",
            watch.seconds if watch else 0,
        )  # fmt: skip
        yield GaugeMetricFamily(
            "vnroute_fraud_waiting", "Calls stored that were not judged yet.",
            watch.waiting if watch else 0,
        )  # fmt: skip
        yield GaugeMetricFamily(
            "vnroute_fraud_failing", "1 where rules are set and calls are not judged.",
            int(bool(watch and watch.failing)),
        )  # fmt: skip
        yield CounterMetricFamily(
            "vnroute_fraud_hung_up", "Calls that switches were told to hang up.",
            watch.hung_up if watch else 0,
        )  # fmt: skip
        up = GaugeMetricFamily(
            "vnroute_fraud_calls_up", "Calls that are up and count for fraud rules.",
            labels=("switch",),
        )  # fmt: skip
        unknown = GaugeMetricFamily(
            "vnroute_fraud_calls_up_failing",
            "1 where calls that are up should count, and are not known.", labels=("switch",),
        )  # fmt: skip
        if watch is not None and watch.asks_for_calls_up:
            for switch, count in list(watch.calls_up.items()):
                up.add_metric((switch,), count or 0)
                unknown.add_metric((switch,), int(count is None))
        yield up
        yield unknown
        yield GaugeMetricFamily(
            "vnroute_fraud_webhook_failing", "1 where the webhook does not take hits.",
            int(bool(watch and watch.hook_failing)),
        )  # fmt: skip

    def _webhook(self) -> Iterable[Metric]:
        hook = self._service.webhook
        yield CounterMetricFamily(
            "vnroute_cdr_webhook_calls", "Calls that the webhook has taken.",
            hook.told if hook else 0,
        )  # fmt: skip
        yield GaugeMetricFamily(
            "vnroute_cdr_webhook_waiting", "Calls stored that the webhook was not told of yet.",
            hook.waiting if hook else 0,
        )  # fmt: skip
        yield GaugeMetricFamily(
            "vnroute_cdr_webhook_failing", "1 where a webhook is set and does not take calls.",
            float(bool(hook and hook.failing)),
        )  # fmt: skip


def _counter(name: str, said: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, said, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
