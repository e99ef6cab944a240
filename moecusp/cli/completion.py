"""``moecusp completion``: what a shell reads to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(short_help="Print what completes this command in a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the lines with which SHELL completes this command: put them into its startup file."""
    kind = get_completion_class(shell)
    root = context.find_root()
    assert kind is not None
    name = root.info_name or "moecusp"
    click.echo(kind(root.command, {}, name, f"_{name.replace('-', '_').upper()}_COMPLETE").source())
