"""``vnroute serve``: the Event Socket server that FreeSWITCH's ``socket`` connects to."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import rich_click as click

from vnroute.cli.control import ControlPort, console_url, control_companions, with_port
from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from vnroute.eventsocket.worker import WorkerSettings
    from vnroute.settings import Settings

__all__ = ["command", "worker_settings"]


@click.command("serve", epilog="Example: vnroute compile && vnroute serve --port 8084")
@click.option("--host", default=None, help="Address to listen on; else [server] host.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Else [server] port.")
@click.option(
    "--workers", type=click.IntRange(0, 1024), default=None, help="Worker processes; 0: one a core."
)
@click.option("--control-port", type=ControlPort(), default=None,
              help="Port of console, metrics and CDRs, or none; else [control] port.")  # fmt: skip
@click.option("--empty", is_flag=True,
              help="Begin without a route image: the console leads to a first number.")  # fmt: skip
@pass_session
def command(
    session: Session,
    host: str | None,
    port: int | None,
    workers: int | None,
    control_port: int | None,
    empty: bool,
) -> int:
    """Answer FreeSWITCH's calls by the route image in force.

    One worker a core listens on the same port. A control process beside them serves the console
    and the metrics and takes CDRs; workers route without it. SIGHUP loads the image in force
    anew, SIGTERM and SIGINT answer what is being asked and stop. A process that dies is started
    again.
    """
    import uvloop
    from msgspec.structs import replace

    from vnroute import log
    from vnroute.cli.output import print_error
    from vnroute.eventsocket.home import AlreadyServing, hold_home
    from vnroute.eventsocket.supervisor import Supervisor
    from vnroute.image.generations import current_image

    settings = session.settings
    server = settings.server
    settings = replace(
        settings,
        server=replace(
            server,
            host=server.host if host is None else host,
            port=server.port if port is None else port,
            workers=server.workers if workers is None else workers,
        ),
        control=with_port(settings.control, control_port),
    )
    log.configure(settings.log.level, settings.log.format)
    missing = current_image(settings.images) is None
    if missing and not empty:
        print_error(
            f"{settings.images}: no route image there; run vnroute compile, or begin with --empty"
        )
        return 2
    try:
        lock = hold_home(settings.state)
    except AlreadyServing as error:
        print_error(str(error))
        return 2
    with lock:
        if missing:
            _compile_empty(session)
        _fill_state_page(settings)
        supervisor = Supervisor(worker_settings(settings), control_companions(settings))
        try:
            return uvloop.run(supervisor.run(lambda: _tell_console(settings)))
        except OSError as error:
            place = f"{settings.server.host}:{settings.server.port}"
            print_error(f"cannot listen on {place}: {error.strerror or error}")
            return 2


def _compile_empty(session: Session) -> None:
    """Compile what is stored, be it nothing: every call is refused as to an unknown number."""
    from vnroute.cli.compile import compile_store

    store = session.open_store()
    try:
        compile_store(session, store, show=False)
    finally:
        store.close()


def _fill_state_page(settings: Settings) -> None:
    """Put on the state page what the store says is set by hand; calls are routed without it too."""
    from vnroute import log
    from vnroute.live.page import fill_page, open_page
    from vnroute.store import StoreError, open_store
    from vnroute.store.opening import store_exists

    logger = log.get_logger(process="supervisor")
    try:
        page, why = open_page(settings.state_page)
        if why:
            logger.warning("state page made anew", why=why)
        page.expire()
        if store_exists(settings.store_address):
            store = open_store(settings.store_address, create=False)
            try:
                fill_page(page, store.overrides())
            finally:
                store.close()
    except (StoreError, OSError) as error:
        logger.error("overrides not read; what is on the state page holds", error=str(error))


def _tell_console(settings: Settings) -> None:
    if url := console_url(settings):
        sys.stdout.write(f"console: {url}\nto log in: vnroute console\n")
        sys.stdout.flush()


def worker_settings(settings: Settings) -> list[WorkerSettings]:
    """Return what each worker is told. The counters of workers before are put away."""
    from vnroute.eventsocket.worker import WorkerSettings

    server = settings.server
    count = server.workers or len(os.sched_getaffinity(0))
    stats = settings.state / "workers.stats"
    stats.unlink(missing_ok=True)
    if server.port == 0:
        sys.stderr.write("vnroute: [server] port is 0: the kernel chooses one\n")
    return [
        WorkerSettings(
            worker=worker,
            host=server.host,
            port=server.port,
            backlog=server.backlog,
            allow=server.allow,
            max_bytes=server.max_bytes,
            max_seconds=server.max_seconds,
            max_connections=server.max_connections,
            max_hops=settings.routing.max_hops,
            images=str(settings.images),
            stats=str(stats),
            page=str(settings.state_page),
            here=str(settings.here_spool) if settings.control.port else "",
            dips=settings.dips,
            log_level=settings.log.level,
            log_format=settings.log.format,
        )
        for worker in range(count)
    ]
