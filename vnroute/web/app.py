"""The application that the control process serves: every path, and what answers it."""

from __future__ import annotations

from importlib.resources import files

from litestar import Litestar, MediaType, Response, get
from litestar.config.app import AppConfig
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from vnroute import __version__
from vnroute.web.headers import COMMON, content_security_policy
from vnroute.web.metrics import CONTENT_TYPE, Metrics
from vnroute.web.report_api import report_handlers
from vnroute.web.status_api import LiveStatus, status_handlers

__all__ = ["make_app"]


def _console() -> HTTPRouteHandler:
    page = files("vnroute.web").joinpath("console.html").read_text("utf-8")
    policy = {"Content-Security-Policy": content_security_policy(page)}

    @get("/", sync_to_thread=False)
    def console() -> Response[str]:
        """Return the console: one page that asks /api/v1/status for all it shows."""
        return Response(page, media_type=MediaType.HTML, headers=policy)

    return console


def make_app(live: LiveStatus, metrics: Metrics, more: AppConfig | None = None) -> Litestar:
    """Return the application; ``more`` brings further handlers and what they need around them."""

    @get("/metrics")
    async def scrape() -> Response[bytes]:
        """Return all metrics in Prometheus' text format."""
        return Response(await metrics.render(), media_type=CONTENT_TYPE)

    config = more or AppConfig()
    return Litestar(
        route_handlers=[
            _console(),
            scrape,
            *status_handlers(live),
            *report_handlers(live.reader.settings),
            *config.route_handlers,
        ],
        on_startup=config.on_startup,
        on_shutdown=config.on_shutdown,
        lifespan=config.lifespan,
        response_headers=COMMON,
        openapi_config=OpenAPIConfig(
            title="vnroute",
            version=__version__,
            path="/api/schema",
            render_plugins=[JsonRenderPlugin()],
        ),
        # Errors are JSON without a traceback; the log has the details.
        debug=False,
        logging_config=None,
    )
