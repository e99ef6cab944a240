"""``moecusp load``: what a recorded trace says of each layer."""

from __future__ import annotations

import json

import click


@click.command(short_help="Say how a trace spreads tokens over experts.")
@click.argument("trace", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all metrics instead of a table.")
def load(trace: str, as_json: bool) -> None:
    """Say how each layer of a recorded TRACE (.npz, .safetensors, .parquet) spreads its tokens over its experts."""
    from moecusp import metrics
    from moecusp.trace import load as read
    from moecusp.trace.parquet import load_counts

    try:
        found = load_counts(trace) if trace.endswith(".parquet") else read(trace)
    except ImportError as error:  # an extra is missing
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(metrics.summary(found), indent=1) if as_json else metrics.table(found))
