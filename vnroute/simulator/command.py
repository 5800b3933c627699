"""The command ``simulate``: place test calls against outbound servers and say what came of them."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

import msgspec
import rich_click as click

from .callers import check_did, made_up_callers, read_callers, read_numbers
from .cdr import LOST, CdrPost
from .errors import InputError
from .expectations import read_expectations
from .gateways import ALL_ANSWER, Gateways
from .load import CallOptions, LoadSummary, Percentiles, Server, Simulator, run_load
from .records import CallRecord

#: Exit statuses.
ALL_WELL, CALLS_FAILED, BAD_INPUT = 0, 1, 2

_T = TypeVar("_T")


def _servers(addresses: tuple[str, ...], host: str, port: int) -> list[Server]:
    try:
        if addresses:
            return [Server.parse(address) for address in addresses]
        return [Server(host, port)]
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _dids(numbers: tuple[str, ...], file: str | None) -> Iterator[str]:
    for number in numbers:
        yield check_did(number, "command line", 0)
    if file is not None:
        yield from read_numbers(file)


def _run(main: Coroutine[Any, Any, _T]) -> _T:
    # Imported here, so that showing the help costs no event loop.
    import uvloop

    return uvloop.run(main)


def _seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 10 else f"{value:.1f} s"


def _percentiles(name: str, values: Percentiles | None) -> str:
    if values is None:
        return f"{name:<16} -"
    return (
        f"{name:<16} p50 {_seconds(values.p50)}  p95 {_seconds(values.p95)}"
        f"  p99 {_seconds(values.p99)}  max {_seconds(values.max)}"
    )


def _counts(counts: dict[Any, int]) -> str:
    return "  ".join(f"{name} {count}" for name, count in counts.items()) or "-"


def describe(summary: LoadSummary) -> str:
    """A run's summary as a few lines of plain text."""
    lines = [
        f"{'calls':<16} {summary.calls} in {summary.seconds:.2f} s"
        f" ({summary.calls_per_second:.0f}/s)",
        f"{'plans':<16} {summary.plans} received, {summary.without_plan} calls without",
        f"{'answered':<16} {summary.answered} ({summary.answer_seizure_ratio:.1%}),"
        f" {summary.legs} legs tried",
        _percentiles("first command", summary.connect),
        _percentiles("plan", summary.plan),
        _percentiles("post-dial delay", summary.pdd),
        f"{'caller got':<16} {_counts(summary.sip)}",
        f"{'causes':<16} {_counts(summary.causes)}",
    ]
    for name, count in summary.gateways.items():
        causes = {cause: n for cause, n in count.causes.items() if cause != "NONE"}
        lines.append(
            f"{'gateway':<16} {name}: {count.answered} of {count.tried} answered"
            + (f"  {_counts(causes)}" if causes else "")
        )
    if summary.cdrs:
        lines.append(f"{'CDRs':<16} {_counts(summary.cdrs)}")
    if summary.failovers:
        lines.append(f"{'failovers':<16} {summary.failovers} servers passed over")
    if summary.fallbacks:
        lines.append(f"{'fallbacks':<16} {summary.fallbacks} calls left to the local fallback")
    for error, times in summary.errors.items():
        lines.append(f"{'error':<16} {times} x {error}")
    if summary.mismatches:
        lines.append(f"{'mismatches':<16} {summary.mismatches}")
        lines.extend(f"  {mismatch}" for mismatch in summary.first_mismatches)
    return "\n".join(lines)


def describe_call(record: CallRecord) -> str:
    """One call as a few lines of plain text: its plan, its legs, its end."""
    lines = [f"{record.did} from {record.caller}: {record.final_sip} {record.final_cause}"]
    lines.extend(f"  plan  {step}" for step in record.plan)
    for leg in record.legs:
        what = "answered" if leg.answered else f"{leg.cause}{f' ({leg.sip})' if leg.sip else ''}"
        lines.append(f"  leg   {leg.t_start:8.2f} s  {leg.gateway} {leg.number}: {what}")
    if record.error:
        lines.append(f"  error {record.error}")
    if record.mismatch:
        lines.append(f"  expected otherwise: {record.mismatch}")
    return "\n".join(lines)


def _show_progress(summary: LoadSummary) -> None:
    plan = summary.plan
    delay = f"  plan p99 {_seconds(plan.p99)}" if plan is not None else ""
    click.echo(
        f"\r{summary.calls} calls  {summary.calls_per_second:.0f}/s"
        f"  {summary.without_plan} without plan{delay}   ",
        err=True,
        nl=False,
    )


def _record_writer(
    file: str | None, open_files: ExitStack
) -> Callable[[CallRecord], object] | None:
    """A function that writes records as JSON Lines; None without a file."""
    if file is None:
        return None
    try:
        sink = (
            sys.stdout.buffer
            if file == "-"
            else open_files.enter_context(io.BufferedWriter(io.FileIO(file, "w")))
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(file, 0, "file", reason, "a writable file") from error
    encoder = msgspec.json.Encoder()
    return lambda record: sink.write(encoder.encode(record) + b"\n")


#: Up to so many calls, each is shown by itself.
_FEW = 10


@click.command(
    "simulate",
    epilog="Example: vnroute simulate --numbers dids.txt --calls 100000 --gateways lab.yaml",
)
@click.argument("numbers", nargs=-1)
@click.option("--host", default="127.0.0.1", show_default=True, help="The server's address.")
@click.option("--port", default=8084, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="HOST:PORT",
    help="A server; repeat for those that stand behind it. Overrides --host and --port.",
)
@click.option(
    "--numbers", "number_file", metavar="FILE", help="DIDs to call, one a line; - reads stdin."
)
@click.option("--calls", type=click.IntRange(1), help="How many calls; default: each number once.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Calls begun per second.")
@click.option("--concurrency", default=100, show_default=True, type=click.IntRange(1, 20_000))
@click.option("--gateways", "gateway_file", metavar="FILE", help="What gateways do (YAML).")
@click.option("--callers", "caller_file", metavar="FILE", help="Callers: number,name a line (CSV).")
@click.option("--hostile", is_flag=True, help="Give every third made-up caller a hostile name.")
@click.option("--seed", type=int, help="Repeat the same random choices.")
@click.option("--split", type=click.IntRange(1), metavar="BYTES", help="Send call data in pieces.")
@click.option("--headers", type=click.IntRange(0, 10_000), default=0, help="Extra SIP headers.")
@click.option(
    "--time-scale",
    type=click.FloatRange(0, 100),
    default=0.0,
    help="Real seconds per simulated second; 0 (default) waits for nothing.",
)
@click.option("--patience", type=click.FloatRange(0, min_open=True), help="Seconds a caller waits.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=25.0,
    show_default=True,
    help="Seconds to wait for a server.",
)
@click.option("--expect", "expect_file", metavar="FILE", help="Expected outcomes (JSON Lines).")
@click.option(
    "--records", "record_file", metavar="FILE", help="Write each call's record (JSON Lines)."
)
@click.option("--cdr", "cdr_url", metavar="URL", help="Post each call's CDR, as mod_json_cdr does.")
@click.option("--cdr-dir", metavar="DIR", help="Keep there what could not be posted (err-log-dir).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--allow-remote", is_flag=True, help="Allow servers on other machines.")
@click.pass_context
def simulate(
    context: click.Context,
    numbers: tuple[str, ...],
    host: str,
    port: int,
    servers: tuple[str, ...],
    number_file: str | None,
    calls: int | None,
    rate: float | None,
    concurrency: int,
    gateway_file: str | None,
    caller_file: str | None,
    hostile: bool,
    seed: int | None,
    split: int | None,
    headers: int,
    time_scale: float,
    patience: float | None,
    timeout: float,
    expect_file: str | None,
    record_file: str | None,
    cdr_url: str | None,
    cdr_dir: str | None,
    as_json: bool,
    allow_remote: bool,
) -> None:
    """Place test calls to NUMBERS against an outbound server, as a FreeSWITCH would.

    Each call gets its plan from the server, and the plan runs on simulated gateways and a
    simulated clock: a gateway that is silent for half a minute costs no time. Exit status 0 if
    every call got a plan, 1 if some got none or came out otherwise than expected, or a CDR was
    lost, 2 if an input cannot be used. Call ids come from --seed, too: a receiver of CDRs takes
    those of a second run with the same seed for doubles.
    """
    if not numbers and number_file is None:
        raise click.UsageError("no number to call: name some, or give --numbers FILE")
    if cdr_dir and not cdr_url:
        raise click.UsageError("--cdr-dir keeps what --cdr URL could not post: give both")
    try:
        cdr = CdrPost(cdr_url, cdr_dir) if cdr_url else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    options = CallOptions(
        time_scale=time_scale,
        split=split or 0,
        extra_headers=headers,
        patience=patience or float("inf"),
        timeout=timeout,
        allow_remote=allow_remote,
        cdr=cdr,
    )
    shown: list[CallRecord] = []
    addresses = _servers(servers, host, port)
    for address in addresses:
        if not address.is_loopback and not allow_remote:
            raise click.UsageError(f"{address} is not on this machine; --allow-remote calls it")
    with ExitStack() as open_files:
        try:
            gateways = Gateways.from_file(gateway_file) if gateway_file else ALL_ANSWER
            expectations = read_expectations(expect_file) if expect_file else None
            rng = Simulator(addresses, gateways, options, seed).rng
            callers = read_callers(caller_file) if caller_file else made_up_callers(rng, hostile)
            write = _record_writer(record_file, open_files)

            def on_call(record: CallRecord) -> None:
                if len(shown) <= _FEW:
                    shown.append(record)
                if write is not None:
                    write(record)

            # A call's garbage has no cycles to speak of: look for some less often.
            gc.set_threshold(50_000, 20, 50)
            summary = _run(
                run_load(
                    addresses,
                    _dids(numbers, number_file),
                    calls=calls,
                    rate=rate,
                    concurrency=concurrency,
                    gateways=gateways,
                    callers=callers,
                    options=options,
                    seed=seed,
                    expectations=expectations,
                    on_call=on_call,
                    on_progress=_show_progress if sys.stderr.isatty() else None,
                )
            )
        except (InputError, ValueError) as error:
            click.echo(f"vnroute: {error}", err=True)
            context.exit(BAD_INPUT)

    if sys.stderr.isatty():
        click.echo("", err=True)
    text_goes_to_stderr = record_file == "-"
    if as_json:
        document = msgspec.json.format(msgspec.json.encode(summary), indent=2).decode()
        click.echo(document, err=text_goes_to_stderr)
    else:
        if len(shown) <= _FEW:
            for record in shown:
                click.echo(describe_call(record), err=text_goes_to_stderr)
        click.echo(describe(summary), err=text_goes_to_stderr)
    if summary.calls == 0:
        click.echo("vnroute: no number to call", err=True)
        context.exit(BAD_INPUT)
    if summary.without_plan or summary.mismatches or summary.fallbacks or summary.cdrs.get(LOST):
        context.exit(CALLS_FAILED)


def main() -> None:
    """Run the command by itself, without the rest of vnroute's command line."""
    simulate(prog_name="vnroute simulate")


if __name__ == "__main__":
    main()
