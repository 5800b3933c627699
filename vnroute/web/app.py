"""The application that the control process serves: every path, and what answers it."""

from __future__ import annotations

from litestar import Litestar, Response, Router, get
from litestar.config.app import AppConfig
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from vnroute import __version__
from vnroute.web.api.audit import audit_handlers
from vnroute.web.api.blocks import block_handlers
from vnroute.web.api.callers import caller_handlers
from vnroute.web.api.changes import Changes
from vnroute.web.api.decks import deck_handlers
from vnroute.web.api.entities import entity_handlers
from vnroute.web.api.fraud import fraud_handlers
from vnroute.web.api.gateways import gateway_handlers
from vnroute.web.api.jobs import Jobs
from vnroute.web.api.numbers import number_handlers
from vnroute.web.api.overrides import override_handlers
from vnroute.web.api.people import people_handlers
from vnroute.web.api.policies import policy_handlers
from vnroute.web.api.problems import plugin as problems_plugin
from vnroute.web.api.route import route_handlers
from vnroute.web.api.schedule_week import week_handlers
from vnroute.web.api.schema import Schema
from vnroute.web.api.test_calls import call_handlers
from vnroute.web.api.who import Door, authentication, rate_limit
from vnroute.web.compile_metrics import CompileMetrics
from vnroute.web.console_files import console_handlers
from vnroute.web.headers import COMMON
from vnroute.web.metrics import CONTENT_TYPE, Metrics
from vnroute.web.publishing import Publisher
from vnroute.web.report_api import report_handlers
from vnroute.web.status_api import LiveStatus, health_handlers, status_handlers
from vnroute.web.tracing import Tracing

__all__ = ["make_app"]


def make_app(
    live: LiveStatus,
    metrics: Metrics,
    more: AppConfig | None = None,
    tracing: Tracing | None = None,
) -> Litestar:
    """Return the application; ``more`` brings further handlers and what they need around them."""

    @get("/metrics")
    async def scrape() -> Response[bytes]:
        """Return all metrics in Prometheus' text format."""
        return Response(await metrics.render(), media_type=CONTENT_TYPE)

    config = more or AppConfig()
    settings = live.reader.settings
    door, publisher = Door(settings), Publisher(settings)
    publisher.tracing = tracing
    metrics.add(CompileMetrics(publisher))
    changes, jobs = Changes(settings, publisher), Jobs(settings)

    def start() -> None:
        door.prepare()
        publisher.start()

    return Litestar(
        route_handlers=[
            *console_handlers(),
            scrape,
            *health_handlers(live),
            Router(
                "/api/v1",
                route_handlers=[
                    *status_handlers(live),
                    *report_handlers(settings),
                    *entity_handlers(changes),
                    *number_handlers(changes),
                    *block_handlers(changes),
                    *caller_handlers(changes, jobs),
                    *policy_handlers(settings),
                    *people_handlers(door),
                    *audit_handlers(changes),
                    *route_handlers(changes),
                    *week_handlers(changes),
                    *override_handlers(changes),
                    *fraud_handlers(changes),
                    *deck_handlers(changes, jobs),
                    *call_handlers(changes),
                    *gateway_handlers(settings),
                ],
                middleware=[authentication(door), rate_limit(settings.control.requests_per_second)],
            ),
            *config.route_handlers,
        ],
        on_startup=[*config.on_startup, start],
        on_shutdown=[*config.on_shutdown, jobs.stop, publisher.stop, changes.close, door.close],
        lifespan=config.lifespan,
        response_headers=COMMON,
        plugins=[problems_plugin()],
        openapi_config=OpenAPIConfig(
            title="vnroute",
            version=__version__,
            path="/api/schema",
            render_plugins=[Schema()],
            components=Components(
                security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}
            ),
            security=[{"key": []}],
        ),
        # Errors are JSON without a traceback; the log has the details.
        debug=False,
        logging_config=None,
    )
