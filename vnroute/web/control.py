"""The control process: what the supervisor runs beside the workers, for people and for CDRs.

Workers never wait for it. It stops when it is told to (SIGTERM) or when its supervisor is gone, so
that the next supervisor's finds the port free.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
import uvloop

from vnroute import log
from vnroute.carriers.calls_up import CallsUp
from vnroute.fraud.watch import FraudWatch
from vnroute.settings import Settings
from vnroute.web.app import make_app
from vnroute.web.cdr import CdrService
from vnroute.web.cdr_metrics import CdrMetrics
from vnroute.web.cdr_protocol import CdrConnections
from vnroute.web.health import HealthMetrics, HealthService, switch_address
from vnroute.web.here import HereMetrics, HereService
from vnroute.web.metrics import Metrics
from vnroute.web.status_api import LiveStatus
from vnroute.web.told import decode, with_passwords
from vnroute.web.tracing import Tracing, TracingMissing, open_tracing

__all__ = ["CANNOT_LISTEN", "main"]

CANNOT_LISTEN = 69
"""Exit status where the address cannot be had (EX_UNAVAILABLE in sysexits.h): try again later."""

_LOOK_SECONDS = 0.5


class _Server(uvicorn.Server):
    """uvicorn, which leaves signals to us: it would raise them again when it is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(4096)
    except BaseException:
        listening.close()
        raise
    return listening


async def _stop_with(parent: int, server: uvicorn.Server) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(_LOOK_SECONDS)
    server.should_exit = True


def _calls_up(settings: Settings, watch: FraudWatch) -> CallsUp:
    """Return who tells the fraud rules of calls that are up."""
    calls_up = CallsUp(
        [switch_address(switch) for switch in settings.switches],
        watch.take_calls_up,
        lambda: watch.asks_for_calls_up,
        log.get_logger(process="control"),
    )
    watch.follow_switches([switch.name for switch in settings.switches], calls_up.hang_up)
    return calls_up


async def _serve(
    settings: Settings, listening: socket.socket, parent: int, tracing: Tracing | None
) -> None:
    live = LiveStatus(settings)
    metrics, cdrs = Metrics(live), CdrService(settings)
    metrics.add(CdrMetrics(cdrs))
    health = HealthService(settings)
    cdrs.watch(health.called)
    metrics.add(HealthMetrics(health))
    here = HereService(settings)
    metrics.add(HereMetrics(here))
    app = cdrs.in_front_of(make_app(live, metrics, cdrs.config(), tracing))
    if tracing is not None:
        cdrs.tracing = tracing
        cdrs.watch(tracing.call)
        app = tracing.around(app)
    server = _Server(
        uvicorn.Config(
            app,
            # Whatever makes protocols will do, says Config.load; its hint asks for a class.
            http=cast(Any, CdrConnections(cdrs)),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=5,
            ssl_certfile=settings.control.tls_certificate or None,
            ssl_keyfile=settings.control.tls_key or None,
        )
    )

    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    watching = loop.create_task(_stop_with(parent, server))
    beside = [loop.create_task(health.run()), loop.create_task(here.run())]
    if cdrs.fraud is not None and settings.switches:
        beside.append(loop.create_task(_calls_up(settings, cdrs.fraud).run()))
    host, port = listening.getsockname()[:2]
    log.get_logger(process="control").info(
        "console", url=f"{settings.control.scheme}://{_in_url(host)}:{port}/"
    )
    # What lives now lives until the end; the collector need not walk it. Records come and go by
    # their reference counts, so it need not look as often either.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    await server.serve(sockets=[listening])
    for task in (watching, *beside):
        task.cancel()
    await asyncio.gather(watching, *beside, return_exceptions=True)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def main(arguments: list[str]) -> int:
    """Run a control process until it is told to stop, or its supervisor is gone.

    The arguments are the settings as JSON and the supervisor's process id: asked for only here, the
    parent might be gone already, and whoever adopts orphans would be taken for it.
    """
    settings, parent = with_passwords(decode(arguments[0]), os.environ), int(arguments[1])
    log.configure(settings.log.level, settings.log.format)
    control = settings.control
    logger = log.get_logger(process="control")
    if control.tls_certificate:
        try:
            own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            own.load_cert_chain(control.tls_certificate, control.tls_key)
        except (OSError, ssl.SSLError) as error:
            logger.error("no HTTPS; calls are routed all the same", error=str(error),
                         certificate=control.tls_certificate, key=control.tls_key)  # fmt: skip
            return CANNOT_LISTEN
    try:
        listening = _listening_socket(control.host, control.port)
    except OSError as error:
        place = f"{_in_url(control.host)}:{control.port}"
        logger.error("cannot listen; calls are routed all the same", address=place,
                     error=error.strerror or str(error))  # fmt: skip
        return CANNOT_LISTEN
    try:
        tracing = open_tracing(settings.otel, f"{_in_url(control.host)}:{control.port}")
    except TracingMissing as error:
        logger.error("no traces", error=str(error))
        tracing = None
    uvloop.run(_serve(settings, listening, parent, tracing))
    if tracing is not None:
        tracing.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (IndexError, ValueError) as error:
        sys.stderr.write(f"vnroute: run by vnroute serve, with its settings as JSON ({error})\n")
        sys.exit(2)
