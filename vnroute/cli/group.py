"""The group of all subcommands. None is imported until it is run."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import rich_click as click

from vnroute import __version__
from vnroute.cli.session import Session

__all__ = ["COMMANDS", "cli"]

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "See calls being routed, with sample data and without a FreeSWITCH."),
    "check": ("check", "Check routing files, number lists and rate decks; apply nothing."),
    "load": ("load", "Load routing files, number lists and rate decks: all or nothing."),
    "import": ("import_", "Import millions of numbers or rates from CSV."),
    "portability": ("portability", "Keep the table of ported numbers."),
    "deck": ("deck", "Import rate decks as carriers send them, compare them, go back."),
    "compile": ("compile", "Compile what is loaded into a route image."),
    "route": ("route", "Show where a call to a number would go, and why."),
    "expiring": ("expiring", "List numbers that expire or leave quarantine soon."),
    "schedule": ("schedule", "Show what a schedule says, week by week and change by change."),
    "number": ("number", "Show, set or remove one number; live without compiling."),
    "override": ("override", "Set by hand what a schedule is or where calls go, until a time."),
    "fraud": ("fraud", "Show what fraud rules hit, block and lift, try rules on past calls."),
    "here": ("here", "Say where a person is, so that calls follow."),
    "serve": ("serve", "Answer FreeSWITCH: run the Event Socket server."),
    "simulate": ("simulate", "Place calls as FreeSWITCH would, and play the carriers."),
    "loadtest": ("loadtest", "Place calls by SIPp through a FreeSWITCH, and check every one."),
    "status": ("status", "Show what is loaded, compiled and running."),
    "gateway": ("gateway", "Show how gateways are, drain them and restore them."),
    "report": ("report", "Report on campaigns, carriers, accounts and numbers."),
    "cdr": ("cdr", "Show and export call records (CDRs)."),
    "console": ("console", "Print the address that opens the console."),
    "user": ("user", "Add, change and remove users of the console and the API."),
    "key": ("key", "Add and remove keys of programs that use the API."),
    "settings": ("settings", "Show the settings in force, and where each comes from."),
    "completion": ("completion", "Print the completion script for a shell."),
}
"""Name, file in this directory, and what ``vnroute --help`` says of it."""

_HELPING = "vnroute.helping"


class _LazyGroup(click.RichGroup):
    """A group that imports a subcommand's file when it is asked for, and not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        file, summary = COMMANDS[cmd_name]
        if ctx.meta.get(_HELPING):
            return click.RichCommand(name=cmd_name, help=summary)
        module = f"{__package__}.{file}"
        try:
            command: click.Command = importlib.import_module(module).command
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            return _not_built(cmd_name)
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        ctx.meta[_HELPING] = True
        super().format_help(ctx, formatter)


def _not_built(name: str) -> click.Command:
    @click.command(name, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1)
    def command(arguments: tuple[str, ...]) -> None:
        raise click.ClickException(f"{name}: not built yet")

    return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: vnroute load routing.yaml && vnroute import numbers numbers.csv",
)
@click.version_option(__version__, prog_name="vnroute", message="%(prog)s %(version)s")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file; else VNROUTE_CONFIG, else vnroute.toml in the working directory.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of all that vnroute writes; else VNROUTE_HOME, else var.",
)
@click.pass_context
def cli(ctx: click.Context, config: Path | None, home: Path | None) -> None:
    """Tell FreeSWITCH where every call to a virtual number (a DID) goes."""
    ctx.obj = Session(config, home)
