"""``moecusp load``: what a recorded trace says of each layer."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from moecusp.trace import RoutingTrace


@click.command(short_help="Say how a trace spreads tokens over experts.")
@click.argument("trace", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all metrics instead of a table.")
def load(trace: str, as_json: bool) -> None:
    """Say how each layer of a recorded TRACE spreads its tokens over its experts.

    TRACE is a file (.npz, .safetensors, .parquet) or the folder of a stream.
    """
    from moecusp import metrics

    try:
        found = read(trace)
    except ImportError as error:  # an extra is missing
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(metrics.summary(found), indent=1) if as_json else metrics.table(found))


def read(path: str) -> RoutingTrace:
    """Return a trace from a file of any kind, or the counts of a stream from its folder."""
    from moecusp.trace import TraceFileError, TraceStream
    from moecusp.trace import load as load_file
    from moecusp.trace.parquet import load_counts

    if os.path.isdir(path):
        return TraceStream(path).counts()
    if path.endswith(".parquet"):
        return load_counts(path)
    if not path.endswith((".npz", ".safetensors")):
        raise TraceFileError(path, "must end in .npz, .safetensors or .parquet, or be the folder of a stream")
    return load_file(path)
