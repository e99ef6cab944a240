"""``moecusp report``: how near a recorded model is to collapse, on one page."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import moecusp as mc

if TYPE_CHECKING:
    from moecusp.trace import RoutingTrace, TraceFile

LARGE = 1 << 28  # bytes


class Undiagnosed(click.ClickException):
    """No diagnosis took place: 1 would say that a layer is near collapse."""

    exit_code = 2


@click.command(short_help="Say how near a recorded model is to collapse, on one page.")
@click.argument("trace", type=click.Path())
@click.option(
    "-o", "--output", type=click.Path(), help="HTML page to write. Default: the trace's name with .html, here."
)
@click.option("--markdown", is_flag=True, help="Write the same in Markdown beside it (.md).")
@click.option("--json", "as_json", is_flag=True, help="Write it for programs beside it (.json).")
@click.option("--feedback", type=float, help="Feedback κ > 0 of the training run (score/time), with --decay.")
@click.option("--decay", type=float, help="Decay rate μ > 0 of the training run (1/time), with --feedback.")
@click.option(
    "--tokens", type=int, default=65_536, show_default=True, help="Tokens with scores to look at in each layer."
)
@click.option(
    "--noise", type=float, default=0.01, show_default=True, help="Noise on logits whose flips are counted (score)."
)
@click.option("--training-batch", type=float, help="For advice: tokens of a training step.")
@click.option("--drift", type=float, help="For advice: drift of a logit per training step (score).")
@click.option("--bias-step", type=float, help="For advice: step u of the sign rule in use (score).")
@click.option("--loss-rate", type=float, help="For advice: rate ρ at which scores follow the balance loss.")
@click.option("--violation", type=float, help="For advice: the largest violation in a batch that is wanted.")
def report(
    trace: str,
    output: str | None,
    markdown: bool,
    as_json: bool,
    feedback: float | None,
    decay: float | None,
    tokens: int,
    noise: float,
    training_batch: float | None,
    drift: float | None,
    bias_step: float | None,
    loss_rate: float | None,
    violation: float | None,
) -> int:
    """Say how near each layer of a recorded TRACE is to collapse, on one self-contained page.

    TRACE is a file (.npz, .safetensors, .parquet) or the folder of a stream. The exit status is 0 if nothing alarms, 1
    if a layer has collapsed or is near it, 3 if nothing alarms but a layer cannot be told, 2 if there is no diagnosis.
    """
    started = datetime.now(UTC)
    try:
        from moecusp import diagnosis as dg
        from moecusp.report.provenance import collect

        paths = _paths(trace, output, markdown, as_json)
        aim = dg.Aim(training_batch, feedback, decay, drift, bias_step, loss_rate, violation)
        read = opened(trace, tokens)
        with _bar(len(read)) as bar:
            found = dg.diagnose(
                read, feedback=feedback, decay=decay, tokens=tokens, noise=noise, processes=processes(read),
                progress=bar.update,
            )  # fmt: skip
        provenance = collect(f"moecusp report {trace}", 0, started)
        makers: dict[str, Any] = {"html": dg.html, "md": dg.markdown, "json": _dumped}
        for kind, path in paths.items():
            write_text(path, makers[kind](found, provenance, aim))
    except (ImportError, MemoryError) as error:
        raise Undiagnosed(str(error) or type(error).__name__) from error
    click.echo(found.headline)
    click.echo("\n".join(str(path) for path in paths.values()))
    return found.status


def opened(path: str, tokens: int) -> RoutingTrace | TraceFile:
    """Return a trace; of a .safetensors file layer by layer; of the parts of a stream so many tokens with scores.

    Both may be larger than memory.
    """
    from moecusp.cli.traces import read
    from moecusp.diagnosis.tokens import thinned
    from moecusp.trace import RoutingTrace, TraceFile, TraceStream

    if not Path(path).is_dir():
        return TraceFile(path) if path.endswith(".safetensors") else read(path)
    stream = TraceStream(path)
    share = max(1, tokens // max(1, len(stream)))
    parts = (
        RoutingTrace([thinned(record, share) for record in part], part.source, part.notes) for part in stream
    )  # fmt: skip
    return RoutingTrace.concatenate(parts) if len(stream) else stream.counts()


def processes(trace: RoutingTrace | TraceFile) -> int:
    """Return how many processes look at layers: one a core for a large file, which repays their start."""
    from moecusp.report.provenance import cores
    from moecusp.trace import TraceFile

    return cores() if isinstance(trace, TraceFile) and trace.path.stat().st_size >= LARGE else 1


def _paths(trace: str, output: str | None, markdown: bool, as_json: bool) -> dict[str, Path]:
    """Return where everything goes, refused now if it cannot."""
    page = Path(output) if output is not None else Path(f"{Path(trace).stem or 'trace'}.html")
    if page.suffix != ".html":
        raise mc.ParameterError("output", str(page), "a path that ends in .html")
    paths = {"html": page}
    paths |= {"md": page.with_suffix(".md")} if markdown else {}
    paths |= {"json": page.with_suffix(".json")} if as_json else {}
    for path in paths.values():
        if path.is_dir() or not path.parent.is_dir():
            raise mc.ParameterError("output", str(path), "a file in a folder that is there")
        if path.exists() and Path(trace).exists() and path.samefile(trace):
            raise mc.ParameterError("output", str(path), "another file than the trace")
    return paths


def _dumped(*arguments: Any) -> str:
    from moecusp.diagnosis import as_json

    return json.dumps(as_json(*arguments), indent=1, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    from moecusp.trace.files import written

    with written(path) as part:
        part.write_text(text, encoding="utf-8")


def _bar(layers: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=layers, unit=" layers", disable=not sys.stderr.isatty(), leave=False)
