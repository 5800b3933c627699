"""``vnroute demo``: the main job, end to end, on one machine and without a FreeSWITCH."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import rich_click as click

from vnroute.cli.control import ControlPort, console_url, control_companions, owners_url, with_port
from vnroute.cli.session import Session, pass_session

if TYPE_CHECKING:
    from pathlib import Path

    from vnroute.demo.run import Traffic
    from vnroute.demo.sample import Sample
    from vnroute.settings import ControlSettings, Settings

__all__ = ["command"]


@click.command("demo", epilog="Example: vnroute demo --once --calls 5000 --rate 500")
@click.option("--calls", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--rate", type=click.FloatRange(1), default=500.0, show_default=True,
              help="Calls a second.")  # fmt: skip
@click.option("--numbers", type=click.IntRange(100, 100_000), default=100_000, show_default=True,
              help="Numbers of the sample.")  # fmt: skip
@click.option("--rates", type=click.IntRange(1000, 300_000), default=200_000, show_default=True,
              help="Rates of the sample.")  # fmt: skip
@click.option("--once", is_flag=True, help="End after the calls; exit 0 if each went right.")
@click.option("--control-port", type=ControlPort(), default=None,
              help="Port of the console, or none; else [control] port if free.")  # fmt: skip
@pass_session
def command(
    session: Session,
    calls: int,
    rate: float,
    numbers: int,
    rates: int,
    once: bool,
    control_port: int | None,
) -> int:
    """Load sample data, compile it, answer simulated calls by it, and go on serving.

    Everything lies in the directory demo under vnroute's home; what is loaded there already is
    replaced, and no other data is touched. Each simulated call is held against the decision that
    vnroute route gives for it.
    """
    import uvloop
    from msgspec.structs import replace

    from vnroute import log
    from vnroute.cli.output import print_error
    from vnroute.cli.serve import worker_settings
    from vnroute.demo.run import GATEWAYS, Traffic, called_numbers, free_port, serve_and_call
    from vnroute.demo.show import Lines, LiveTable
    from vnroute.eventsocket.home import AlreadyServing, hold_home
    from vnroute.matcher.image import RouteImage
    from vnroute.simulator import CdrPost

    home = session.settings.home / "demo"
    demo = Session(None, home)
    settings = session.settings
    settings = replace(settings, home=home, store=replace(settings.store, url=""))
    log.configure("warning" if sys.stdout.isatty() else "info", settings.log.format)
    try:
        lock = hold_home(settings.state)
    except AlreadyServing as error:
        print_error(str(error))
        return 2
    with lock:
        sample = _sample(home, numbers, rates)
        image = RouteImage(_load_and_compile(demo, sample, settings.routing.max_hops))
        (home / "sample" / "gateways.yaml").write_text(GATEWAYS, encoding="utf-8")
        wanted = settings.server.port or 8084
        port = free_port(settings.server.host, wanted)
        if port != wanted:
            sys.stdout.write(f"port {wanted} is taken; taking {port}\n")
        settings = replace(
            settings,
            server=replace(settings.server, port=port),
            control=_free_control(with_port(settings.control, control_port)),
            # The judge knows decisions, and none that breakers changed under way: the sample's
            # carriers fail by chance, so that hunting is seen.
            switches=(),
            health=replace(settings.health, failures=0),
            cdr=replace(settings.cdr, store="", collect=(str((home / "json_cdr").absolute()),)),
        )
        if url := owners_url(settings):
            sys.stdout.write(f"console: {url}\n")
            sys.stdout.flush()
        cdr = None
        if settings.control.port:
            cdr = CdrPost(f"{console_url(settings)}cdr", settings.cdr.collect[0])
        owned = [line.partition(",")[0] for line in sample.numbers.read_text().splitlines()[1:]]
        traffic = Traffic()

        def done(traffic: Traffic) -> bool:
            _tell(traffic, home, settings, once)
            return not once

        with LiveTable() if sys.stdout.isatty() else Lines() as show:
            status = uvloop.run(
                serve_and_call(
                    worker_settings(settings),
                    image,
                    called_numbers(owned, calls, seed=26),
                    rate=rate,
                    traffic=traffic,
                    show=show,
                    done=done,
                    companions=control_companions(settings),
                    cdr=cdr,
                )
            )
    right = traffic.matched == traffic.calls
    return status or (0 if right or not once else 1)


def _sample(home: Path, numbers: int, rates: int) -> Sample:
    from vnroute.demo.sample import write_sample

    sys.stdout.write(f"making sample data in {home / 'sample'}\n")
    sys.stdout.flush()
    return write_sample(home / "sample", numbers, rates)


def _load_and_compile(demo: Session, sample: Sample, max_hops: int) -> Path:
    from vnroute.cli.compile import compile_store
    from vnroute.cli.progress import shown_progress
    from vnroute.importing import Input, load

    store = demo.open_store()
    try:
        with shown_progress() as progress:
            report = load(
                store, [Input(path) for path in sample.files],
                replace=True, max_hops=max_hops, progress=progress,
            )  # fmt: skip
        counts = store.counts()
        compiled = compile_store(demo, store, show=True)
    finally:
        store.close()
    sys.stdout.write(
        f"loaded {counts.numbers:,} numbers and {counts.rates:,} rates of {counts.carriers}"
        f" carriers (change {report.change_counter});"
        f" generation {compiled.generation} compiled in {compiled.seconds:.2f} s,"
        f" {compiled.size:,} bytes\n"
    )
    sys.stdout.flush()
    return compiled.path


def _free_control(control: ControlSettings) -> ControlSettings:
    """Return the settings with a port that can be had, where there is to be a console at all."""
    from msgspec.structs import replace

    from vnroute.demo.run import free_port

    if not control.port:
        return control
    return replace(control, port=free_port(control.host, control.port))


def _tell(traffic: Traffic, home: Path, settings: Settings, once: bool) -> None:
    """Say how it went, and what to try next."""
    host, port = settings.server.host, settings.server.port
    wrong = traffic.calls - traffic.matched
    if wrong == 0:
        verdict = f"every one of {traffic.calls:,} calls went where it should"
    else:
        verdict = f"{wrong:,} of {traffic.calls:,} calls did not go where they should"
    lines = [verdict, *traffic.mismatches]
    if not once:
        # Where the command is not on the PATH, it is named as it was called.
        this = "vnroute" if shutil.which("vnroute") else sys.argv[0]
        lines += [
            f"answering FreeSWITCH's socket application on {host}:{port} until stopped (Ctrl-C);"
            " meanwhile, in another shell:",
            f"  {this} --home {home} status",
            f"  {this} --home {home} route +{traffic.recent[-1].did}",
            *([f"  {this} --home {home} report carriers"] if settings.control.port else []),
            f"  {this} simulate --server {host}:{port} --rate 500 --calls 5000"
            f" --gateways {home}/sample/gateways.yaml --numbers {home}/sample/numbers.csv",
        ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
