"""``vnroute loadtest``: calls by SIPp through a FreeSWITCH, every one of them checked."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

import rich_click as click

from vnroute.cli import EXIT_INTERRUPTED, EXIT_REFUSED

__all__ = ["command"]

_EPILOG = """\
Examples:

vnroute loadtest list

vnroute loadtest smoke --out results/smoke

vnroute loadtest refusals --rate 30 --json

vnroute loadtest my-profile.yaml --routing routes.yaml --routing rates.csv

vnroute loadtest compare monday/report.json friday/report.json --out both
"""


@click.command("loadtest", epilog=_EPILOG)
@click.argument("words", nargs=-1, metavar="[PROFILE | list | compare A.json B.json]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Directory of the report; else loadtest/PROFILE.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report's JSON as well.")
@click.option("--rate", type=click.FloatRange(0.1, 10_000), default=None,
              help="Calls a second at the peak, all callers together.")  # fmt: skip
@click.option("--for", "lasts", default=None, metavar="TIME",
              help="How long callers begin calls, such as 5m; rates stay.")  # fmt: skip
@click.option("--seed", type=int, default=None, help="Of all that is drawn; else the profile's.")
@click.option("--routing", multiple=True, type=click.Path(), metavar="FILE",
              help="Routing files, number lists, rate decks to route by.")  # fmt: skip
@click.option("--real", "switch", flag_value="real", help="Refuse to run without a FreeSWITCH.")
@click.option("--simulated", "switch", flag_value="simulated",
              help="Take the simulator though there is a FreeSWITCH.")  # fmt: skip
@click.option("--address", default=None, help="Loopback address of all that is started.")
@click.option("--port", type=click.IntRange(1024, 65000), default=11000, show_default=True,
              help="The first of the ports taken.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 20), default=None, help="Of the profile compare.")
@click.option("--keep", is_flag=True, help="Keep traces, records and logs of a run that went well.")
@click.option("--markdown", is_flag=True,
              help="Of the profile compare: print its table as Markdown on stdout.")  # fmt: skip
@click.option("--no-plots", is_flag=True, help="A report without plots: matplotlib is not needed.")
def command(
    words: tuple[str, ...],
    out: Path | None,
    as_json: bool,
    rate: float | None,
    lasts: str | None,
    seed: int | None,
    routing: tuple[str, ...],
    switch: str | None,
    address: str | None,
    port: int,
    rounds: int | None,
    keep: bool,
    markdown: bool,
    no_plots: bool,
) -> int:
    """Place calls through a FreeSWITCH of its own, check each, and write a report.

    PROFILE is a shipped profile (list shows them; smoke if none is given) or a YAML file. SIPp
    plays callers and carriers. Without FreeSWITCH or SIPp the simulator stands in, and the report
    says so. VNROUTE_FREESWITCH and VNROUTE_SIPP name programs that are not on PATH.

    Exit status 0 if every check held, 1 if one did not, 2 if the test could not be run or did not
    come to its end, 130 if it was stopped by Ctrl-C (what was seen is reported as PARTIAL).
    """
    from vnroute.cli.output import print_error, print_problems
    from vnroute.loadtest.errors import INTERRUPTED, LoadTestError
    from vnroute.model.problem import FieldError, RoutingDataError

    try:
        if words[:1] == ("list",) and len(words) == 1:
            return _list(as_json)
        if words[:1] == ("compare",) and len(words) > 1:
            return _compare(words[1:], out, as_json, plots=not no_plots)
        if len(words) > 1:
            raise click.UsageError(f"one profile at a time; got {', '.join(words)}")
        name = words[0] if words else "smoke"
        from vnroute.loadtest.start import Asked, load_test
        from vnroute.loadtest.timing import duration

        asked = Asked(
            name,
            out or Path("loadtest") / Path(name).stem,
            _command_line(),
            switch or "auto",
            rate,
            seed,
            routing,
            address,
            port,
            keep,
            not no_plots,
            rounds,
            None if lasts is None else duration(lasts, "--for"),
        )
        _interrupt_on_signals()
        progress = _Bar() if sys.stderr.isatty() else _Lines()
        try:
            done = load_test(asked, progress)
        finally:
            progress.close()
    except RoutingDataError as error:
        print_problems(error.problems, error.more)
        return 2
    except (LoadTestError, FieldError) as error:
        print_error(str(error))
        return 2
    if as_json:
        from vnroute.cli.output import print_json

        print_json(done.data)
    if markdown and "ways" in done.data:
        from vnroute.loadtest.compare import markdown as ways_markdown

        sys.stdout.write(ways_markdown(done.data) + "\n")
    _tell(done.data, done.html, done.work, sys.stderr if as_json or markdown else sys.stdout)
    if done.data["stopped"]:
        return EXIT_INTERRUPTED if done.data["stopped"] == INTERRUPTED else EXIT_REFUSED
    return 0 if done.data["held"] else 1


def _command_line() -> str:
    """Return the command as it can be given again, without the machine's own paths."""
    import shlex

    return shlex.join(["vnroute", *sys.argv[1:]])


def _interrupt_on_signals() -> None:
    """Let SIGTERM and SIGHUP end a run as Ctrl-C does; a second one cannot cut the cleaning up."""

    def interrupt(number: int, frame: object) -> None:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, interrupt)


def _list(as_json: bool) -> int:
    from vnroute.cli.output import print_json, wide_console
    from vnroute.loadtest.profile import read_profile, shipped_profiles

    profiles = {name: read_profile(name) for name in shipped_profiles()}
    if as_json:
        print_json({name: profile.about for name, profile in profiles.items()})
        return 0
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE, show_header=False)
    for name, profile in profiles.items():
        shown.add_row(name, profile.about)
    wide_console().print(shown)
    return 0


def _compare(names: tuple[str, ...], out: Path | None, as_json: bool, *, plots: bool) -> int:
    from vnroute.cli.output import print_json, wide_console
    from vnroute.loadtest.report import compare_page, compare_rows, read_report

    if len(names) != 2:
        raise click.UsageError(f"compare takes two reports (JSON); got {len(names)}")
    a, b = (read_report(Path(name)) for name in names)
    rows = compare_rows(a, b)
    if as_json:
        print_json([dict(zip(("what", "a", "b", "ratio"), row, strict=True)) for row in rows])
    else:
        from rich import box
        from rich.table import Table

        shown = Table(box=box.SIMPLE)
        for place, head in enumerate(("", *names, "B / A")):
            shown.add_column(head, justify="right" if place else "left")
        for row in rows:
            shown.add_row(*row)
        wide_console().print(shown)
    if out is not None:
        drawn = []
        if plots:
            from vnroute.loadtest.plots import two_runs

            drawn = two_runs(a, b, names)
        out.mkdir(parents=True, exist_ok=True)
        (out / "compare.html").write_text(compare_page(a, b, names, drawn), encoding="utf-8")
        sys.stderr.write(f"{out / 'compare.html'}\n")
    return 0


def _words(figures: dict[str, Any]) -> str:
    if "begun" not in figures:
        return ", ".join(f"{key} {value}" for key, value in figures.items())
    return (
        f"{figures['begun']:,} of {figures['calls']:,} begun,"
        f" {figures['final']:,} with a final answer, {figures['seconds']:.0f} s"
    )


class _Lines:
    """A plain line for each stage, and one every five seconds while calls are placed."""

    def __init__(self) -> None:
        self._stage = ""
        self._next = 0.0

    def __call__(self, stage: str, figures: dict[str, Any]) -> None:
        now = time.monotonic()
        if stage == self._stage and now < self._next:
            return
        self._stage, self._next = stage, now + 5.0
        words = _words(figures)
        sys.stderr.write(f"{stage}: {words}\n" if words else f"{stage}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Nothing is left to be tidied up."""


class _Bar:
    """One line, redrawn in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.status import Status

        self._status = Status("", console=Console(stderr=True))
        self._status.start()

    def __call__(self, stage: str, figures: dict[str, Any]) -> None:
        words = _words(figures)
        self._status.update(f"{stage}: {words}" if words else stage)

    def close(self) -> None:
        """Take the line away, and give the cursor back."""
        self._status.stop()


def _tell(data: dict[str, Any], html: Path, work: Path | None, out: Any) -> None:
    """Print checks, the first ladder, and where the report is."""
    from rich.console import Console
    from rich.text import Text

    from vnroute.loadtest.report import disturbed

    console = Console(file=out, highlight=False, width=None if out.isatty() else 400)
    if data["stopped"]:
        console.print(Text(f"PARTIAL: {data['stopped']}", style="bold red"))
    if data["simulated"]:
        console.print(Text("SIMULATED: no FreeSWITCH and no SIPp took part", style="bold yellow"))
    for check in data["checks"]:
        style, word = ("green", "held") if check["held"] else ("bold red", "NOT HELD")
        notes = f": {'; '.join(check['notes'][:3])}" if check["notes"] else ""
        console.print(Text.assemble((f"{word:>8}", style), f"  {check['name']}{notes}"))
    if data["ladders"]:
        console.print()
        console.print(Text(data["ladders"][0]))
        console.print()
    calls, pdd = data["calls"], data["delays"]["pdd"]
    line = f"{calls['placed']:,} calls, {calls['legs']:,} legs, {calls['answered']:,} answered"
    if calls["a_second"]:
        line += f", {calls['a_second']} calls/s"
    if pdd:
        line += f"; post-dial delay p50 {1000 * pdd['p50']:.0f} ms, p99 {1000 * pdd['p99']:.0f} ms"
    for part in ("FreeSWITCH", "vnroute"):
        if data["cpu"].get(part, {}).get("ms_a_call"):
            line += f"; {part} {data['cpu'][part]['ms_a_call']:.2f} ms CPU a call"
    for text in (*data.get("summary", ()), line, *filter(None, [disturbed(data)])):
        console.print(Text(text))
    console.print(Text(f"report: {html}"))
    if work is not None:
        console.print(Text(f"traces, records and logs: {work}"))
