"""``vnroute completion``: completion scripts for shells."""

from __future__ import annotations

import sys

import rich_click as click

__all__ = ["command"]


@click.command("completion", epilog='Example: eval "$(vnroute completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell, to be evaluated in its start file."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = ctx.find_root().command
    sys.stdout.write(kind(root, {}, "vnroute", "_VNROUTE_COMPLETE").source() + "\n")
