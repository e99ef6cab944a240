"""``moecusp compare``: two recorded traces side by side."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

import moecusp as mc
from moecusp.cli.report import Undiagnosed, opened, processes, write_text


@click.command(short_help="Say what changed from one trace to another, layer by layer.")
@click.argument("first", type=click.Path())
@click.argument("second", type=click.Path())
@click.option("-o", "--output", type=click.Path(), help="HTML page to write.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--tokens", type=int, default=65_536, show_default=True, help="Tokens with scores to look at in each layer."
)
def compare(first: str, second: str, output: str | None, as_json: bool, tokens: int) -> int:
    """Say what changed from the trace FIRST to the trace SECOND, layer by layer, with intervals.

    The exit status is 0, 1 if a layer has collapsed or come near it since FIRST, 2 if there is no comparison.
    """
    started = datetime.now(UTC)
    try:
        from moecusp import diagnosis as dg
        from moecusp.report.provenance import collect

        if output is not None and Path(output).suffix != ".html":
            raise mc.ParameterError("output", output, "a path that ends in .html")
        traces = [opened(path, tokens) for path in (first, second)]
        found = dg.compare(*(dg.diagnose(each, tokens=tokens, processes=processes(each)) for each in traces))
        provenance = collect(f"moecusp compare {first} {second}", 0, started)
        if output is not None:
            write_text(Path(output), dg.comparison_html(found, provenance))
    except (ImportError, MemoryError) as error:
        raise Undiagnosed(str(error) or type(error).__name__) from error
    if as_json:
        click.echo(json.dumps(dg.comparison_json(found, provenance), indent=1, ensure_ascii=False))
    else:
        click.echo(dg.comparison_table(found))
    return found.status
