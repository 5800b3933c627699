"""Traces: off without a trace of OpenTelemetry, on to a collector, whatever the collector does."""

from __future__ import annotations

import gzip
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calls.support import record
from tests.web.support import Home, free_port

pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")


class Collector:
    """Takes OTLP over HTTP, and keeps the spans by name."""

    def __init__(self) -> None:
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        self.spans: dict[str, list[Any]] = {}
        self.resource: dict[str, str] = {}
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                told = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
                for each in told.resource_spans:
                    for pair in each.resource.attributes:
                        collector.resource[pair.key] = pair.value.string_value
                    for scope in each.scope_spans:
                        for span in scope.spans:
                            collector.spans.setdefault(span.name, []).append(span)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1/traces"


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_spans_of_what_the_control_process_does(tmp_path: Path, collector: Collector) -> None:
    home = Home(tmp_path / "home")
    home.environment["VNROUTE_OTEL_ENDPOINT"] = collector.url
    home.load()
    home.serve()
    try:
        home.until(lambda: home.post(record())[0] == 200)
        assert home.get("/api/v1/calls")[0] in (200, 400, 503)
        home.get("/api/v1/numbers/%2B18005551234")
        wanted = {"cdr commit", "cdr store", "call", "GET /api/v1/calls", "GET /api/v1/numbers"}
        home.until(lambda: wanted <= set(collector.spans))
    finally:
        home.close()
    assert collector.resource["service.name"] == "vnroute"
    (commit,) = collector.spans["cdr commit"]
    assert {pair.key: pair.value.int_value for pair in commit.attributes} == {"records": 1}
    assert 0 < commit.end_time_unix_nano - commit.start_time_unix_nano < 60 * 10**9
    stored = {pair.key: pair.value.int_value for pair in collector.spans["cdr store"][0].attributes}
    assert stored == {"calls": 1, "doubled": 0}
    (call,) = collector.spans["call"]
    said = {pair.key: pair.value for pair in call.attributes}
    assert said["vnroute.plan"].string_value == "main"
    assert said["vnroute.outcome"].string_value == "answered"
    assert [each.string_value for each in said["vnroute.gateways"].array_value.values] == [
        "alpha-1"]  # fmt: skip
    ringing, answered = call.events
    assert (ringing.name, answered.name) == ("ringing", "answered")
    began, ended = call.start_time_unix_nano, call.end_time_unix_nano
    assert answered.time_unix_nano - began == 2 * 10**9
    assert ended - answered.time_unix_nano == 30 * 10**9
    # Numbers are nobody's business who reads traces.
    for name, spans in collector.spans.items():
        text = name + "".join(str(span.attributes) for span in spans)
        assert not any(
            word in text for word in ("18005551234", "34911234567", "Ana", "12125550100")
        )
    assert not any("/cdr" in name or "/metrics" in name for name in collector.spans)


def test_a_dead_collector_holds_nothing_up(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.environment["VNROUTE_OTEL_ENDPOINT"] = f"http://127.0.0.1:{free_port()}/v1/traces"
    home.load()
    home.serve()
    try:
        for _ in range(50):
            assert home.post(record())[0] == 200
        home.until(
            lambda: 'vnroute_calls_total{outcome="answered"} 50.0' in home.get("/metrics")[1]
        )
    finally:
        home.close()


def test_off_nothing_of_it_is_imported() -> None:
    code = (
        "import sys; import vnroute.web.control, vnroute.eventsocket.worker;"
        "from vnroute.web.tracing import open_tracing; from vnroute.settings import OtelSettings;"
        "assert open_tracing(OtelSettings(), 'x') is None;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_settings(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for name, value in (("ENDPOINT", "collector:4317"), ("ENDPOINT", "http://a:secret@b/"),
                        ("ONE_IN", "0")):  # fmt: skip
        environment = home.environment | {f"VNROUTE_OTEL_{name}": value}
        done = subprocess.run(
            [sys.executable, "-m", "vnroute.cli", "settings"],
            env=environment, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2 and f"otel.{name.lower()}" in done.stderr
        assert "secret" not in done.stderr
