"""Command line: ``python -m validation run [STUDY] --profile quick``."""

from __future__ import annotations

import importlib
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from moecusp import ParameterError
from moecusp.cli import execute

STUDIES = {"digits": "validation.digits.study", "mean-field": "validation.discrete_rule.study"}
PROFILES = ("smoke", "quick", "full")


@click.group()
def app() -> None:
    """Confront the theory with real routers."""


@app.command()
@click.argument("study", default="digits")
@click.option("--profile", default="quick", show_default=True, help="Size of the run: smoke, quick or full.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    help="Folder for the report; an earlier report there is replaced.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Every random number follows from it.")
def run(study: str, profile: str, output: Path, seed: int) -> int:
    """Run a study (digits or mean-field) and write its report: index.html, report.md and report.json.

    The exit status is 0 when the suite ran soundly, whatever the verdicts; 1 when a planted control failed; 2 for bad
    arguments.
    """
    from moecusp.report import Report, check_folder, collect, write

    if study not in STUDIES:
        raise ParameterError("study", study, f"one of: {', '.join(STUDIES)}")
    if profile not in PROFILES:
        raise ParameterError("profile", profile, f"one of: {', '.join(PROFILES)}")
    if not 0 <= seed < 2**31:
        raise ParameterError("seed", seed, ">= 0 and < 2^31")
    check_folder(output)

    signal.signal(signal.SIGTERM, _interrupt)
    started = datetime.now(UTC)
    module = importlib.import_module(STUDIES[study])  # only now, for it takes seconds
    outcome = module.run(module.PROFILES[profile], seed, _bars)
    report = Report(
        title=outcome.title,
        summary=outcome.summary,
        study=study,
        profile=profile,
        provenance=collect(shlex.join(["python", "-m", "validation", *sys.argv[1:]]), seed, started),
        parameters=outcome.parameters,
        findings=outcome.findings,
        figures=outcome.figures,
        tables=outcome.tables,
        notes=outcome.notes,
        data=outcome.data,
    )
    page = write(report, output)
    for finding in report.findings:
        control = " (control)" if finding.expected else ""
        click.echo(f"{finding.verdict.value:<13} {finding.id}{control}: {finding.effect} {finding.estimate:.4g}")
    click.echo(f"report: {page}")
    if not report.sound:
        click.echo("error: a planted control did not come out as planted; do not trust this run", err=True)
        return 1
    return 0


@contextmanager
def _bars(title: str, steps: int) -> Iterator[Callable[[int], object]]:
    from tqdm import tqdm

    pause = 0.5 if sys.stderr.isatty() else 15.0
    with tqdm(total=steps, desc=title, mininterval=pause, unit="step") as bar:
        yield bar.update


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(execute(app, "validation"))
