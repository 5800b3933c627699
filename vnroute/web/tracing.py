"""OpenTelemetry traces of the control process, off unless ``[otel] endpoint`` names a collector.

What is traced are pieces of work: a group commit, a batch stored, a compilation, a request to the
API; and calls, from when they began to their end, by their records. Workers trace nothing, so a
call costs the same with it on: what a decision was is in its call's record, and how long it took in
the workers' histogram of delays. OpenTelemetry is imported only where it is on
(``pip install vnroute[otel]``), and its exporter has a thread of its own: a dead collector holds up
nothing.
"""

from __future__ import annotations

import time
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

from vnroute import __version__
from vnroute.calls.record import Call
from vnroute.settings import OtelSettings

__all__ = ["Tracing", "TracingMissing", "open_tracing"]

_EXPORT_SECONDS = 2.0


class TracingMissing(Exception):
    """OpenTelemetry is wanted and not installed."""


class Tracing:
    """Writes finished spans."""

    def __init__(self, settings: OtelSettings, node: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
            from opentelemetry.trace import SpanKind
        except ImportError as error:
            raise TracingMissing(
                "otel.endpoint is set and OpenTelemetry is missing; pip install vnroute[otel]"
            ) from error
        self._kinds = {True: SpanKind.SERVER, False: SpanKind.INTERNAL}
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(1 / settings.one_in),
            resource=Resource.create(
                {
                    "service.name": "vnroute",
                    "service.version": __version__,
                    "service.instance.id": node,
                }
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=settings.endpoint, timeout=_EXPORT_SECONDS),
                schedule_delay_millis=1000,
            )
        )
        self._tracer = self._provider.get_tracer("vnroute", __version__)

    def note(self, name: str, seconds: float, request: bool = False, **attributes: Any) -> None:
        """Write a span of that length that ends now; ``a__b`` is the attribute ``a.b``."""
        end = time.time_ns()
        span = self._tracer.start_span(
            name,
            kind=self._kinds[request],
            start_time=end - int(seconds * 1e9),
            attributes={key.replace("__", "."): value for key, value in attributes.items()},
        )
        span.end(end)

    def call(self, call: Call) -> None:
        """Write a span of a call that has ended: what was decided and what came of it.

        Without numbers and names: they are nobody's business who reads traces.
        """
        said: dict[str, Any] = {
            "uuid": call.uuid, "switch": call.switch, "account": call.account, "plan": call.plan,
            "campaign": call.campaign, "generation": call.generation, "hops": call.hops,
            "outcome": call.outcome, "refused": call.refused, "cause": call.cause, "sip": call.sip,
            "talk_ms": call.talk_ms, "gateways": [leg.gateway for leg in call.legs],
            "leg_causes": [leg.cause for leg in call.legs],
        }  # fmt: skip
        span = self._tracer.start_span(
            "call",
            kind=self._kinds[True],
            start_time=1000 * call.started,
            attributes={f"vnroute.{name}": value for name, value in said.items() if value},
        )
        if call.pdd_ms is not None:
            span.add_event("ringing", timestamp=1000 * (call.started + 1000 * call.pdd_ms))
        if call.answered:
            span.add_event("answered", timestamp=1000 * call.answered)
        span.end(1000 * call.ended)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return an application that writes a span for each request but CDRs and scrapes.

        By method and the first words of the path: what follows may be somebody's number.
        """

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            if "method" not in scope or path in ("/cdr", "/metrics", "/healthz", "/readyz"):
                await app(scope, receive, send)
                return
            began, status = time.perf_counter(), 500

            async def sending(message: Any) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, sending)
            finally:
                route = "/".join(path.split("/")[:4])
                method = str(scope.get("method"))
                self.note(
                    f"{method} {route}", time.perf_counter() - began, True,
                    http__request__method=method, http__route=route,
                    http__response__status_code=status,
                )  # fmt: skip

        return traced

    def close(self) -> None:
        """Send what waits, for two seconds at most, and end."""
        self._provider.force_flush(int(_EXPORT_SECONDS * 1000))
        self._provider.shutdown()


def open_tracing(settings: OtelSettings, node: str) -> Tracing | None:
    """Return what writes spans, None where it is off. Raises :class:`TracingMissing`."""
    return Tracing(settings, node) if settings.endpoint else None
