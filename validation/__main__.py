"""Command line: ``python -m validation run [STUDY] --profile quick``, and ``seeds STUDY`` for its verdicts by seed."""

from __future__ import annotations

import importlib
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from moecusp import ParameterError
from moecusp.cli import execute

STUDIES = {
    "digits": "validation.digits.study",
    "mean-field": "validation.mean_field.study",
    "soft-hard": "validation.soft_hard.study",
    "routers": "validation.routers.study",
    "ecology": "validation.ecology.study",
    "trained": "validation.trained.study",
}
"""Each module holds its `STUDY`; it is imported only when it runs, for that takes seconds."""
PROFILES = ("smoke", "quick", "full")
DEVICES = ("cpu", "cuda")
BACKENDS = ("loky", "threading", "dask")


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
@click.option("--device", default="cpu", show_default=True, help="Where torch computes: cpu or cuda.")
@click.option("--fresh", is_flag=True, help="Discard an interrupted run instead of going on with it.")
@click.option(
    "--processes", type=int, help="Parts at a time; by default one, or one a core (routers, ecology, trained)."
)
@click.option("--backend", default="loky", show_default=True, help="What runs the parts: a backend of joblib, or dask.")
@click.option("--scheduler", help="Address of dask's scheduler, such as tcp://host:8786.")
def run(
    study: str, profile: str, output: Path, seed: int, device: str, fresh: bool, processes: int | None, backend: str,
    scheduler: str | None,
) -> int:  # fmt: skip
    """Run a study and write its report: index.html, report.md, report.json.

    Studies: digits, mean-field, soft-hard, routers, ecology, trained.

    What was predicted, and each part of the run as it ends, is kept in OUTPUT.work until the report stands; after an
    interruption the same command goes on from there.

    The exit status is 0 when the suite ran soundly, whatever the verdicts; 1 when a planted control failed; 2 for bad
    arguments; 130 when interrupted.
    """
    from moecusp.report import check_folder
    from validation.memory import hold
    from validation.studies import Study, execute
    from validation.work import work_folder

    _check(study, profile, device)
    if not 0 <= seed < 2**31:
        raise ParameterError("seed", seed, ">= 0 and < 2^31")
    if processes is not None and not processes >= 1:
        raise ParameterError("processes", processes, ">= 1")
    if backend not in BACKENDS:
        raise ParameterError("backend", backend, f"one of: {', '.join(BACKENDS)}")
    if device != "cpu" and (backend, processes) != ("loky", None):
        raise ParameterError("device", device, "cpu where parts run elsewhere: other processes do not compute on it")
    if (backend == "dask") != (scheduler is not None):
        raise ParameterError("scheduler", scheduler, "given with --backend dask, and only with it")
    check_folder(output)  # before the imports
    signal.signal(signal.SIGTERM, _interrupt)
    hold()
    try:
        chosen: Study[Any] = importlib.import_module(STUDIES[study]).STUDY
        with _backend(backend, scheduler):
            report, page = execute(
                chosen, chosen.profiles[profile], seed, output, fresh=fresh, device=device, progress=_bar, say=_say,
                command=_command(), processes=processes or (None if backend == "loky" else -1),
            )  # fmt: skip
    except KeyboardInterrupt:
        if not work_folder(output).exists():
            raise
        _say(f"error: interrupted; what was done is kept in {work_folder(output)}: the same command goes on from there")
        return 130
    for finding in report.findings:
        control = " (control)" if finding.expected else ""
        click.echo(f"{finding.verdict.value:<13} {finding.id}{control}: {finding.effect} {finding.estimate:.4g}")
    click.echo(f"report: {page}")
    if not report.sound:
        _say("error: a planted control did not come out as planted; do not trust this run")
        return 1
    return 0


@app.command()
@click.argument("study")
@click.option("--seeds", type=int, default=20, show_default=True, help="How many: 0, 1, ... one less than that.")
@click.option("--profile", default="quick", show_default=True, help="Size of each run: smoke, quick or full.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("validation/reports"),
    show_default=True,
    help="Folder of tables; this one is STUDY/seeds-PROFILE.md in it, with its numbers in a .json.",
)
@click.option("--device", default="cpu", show_default=True, help="Where torch computes: cpu or cuda.")
@click.option("--fresh", is_flag=True, help="Discard an interrupted run instead of going on with it.")
def seeds(study: str, seeds: int, profile: str, output: Path, device: str, fresh: bool) -> int:
    """Run a study (as `run` does) at many seeds and write the table of its verdicts, a column a seed.

    What each seed gave is kept in STUDY/seeds-PROFILE.work until the table stands; after an interruption the same
    command goes on from there.

    The exit status is 0 when every verdict stands, that is when 19 of 20 seeds agree on it and every planted control
    came out as planted; 1 when one does not, or when two seeds measured the same numbers; 2 for bad arguments; 130 when
    interrupted.
    """
    from dataclasses import replace
    from datetime import UTC, datetime

    from moecusp.report import collect
    from validation.claims import read
    from validation.memory import hold
    from validation.seeds.runs import SeedError, clear, run
    from validation.seeds.table import Table, data, page
    from validation.storage import write_text
    from validation.studies import Study, computing

    _check(study, profile, device)
    if not 2 <= seeds <= 1000:
        raise ParameterError("seeds", seeds, ">= 2 and <= 1000")
    stem = output / study / f"seeds-{profile}"
    work = stem.with_name(stem.name + ".work")
    signal.signal(signal.SIGTERM, _interrupt)
    hold()
    source = collect(_command(), 0, datetime.now(UTC))
    chosen: Study[Any] = importlib.import_module(STUDIES[study]).STUDY
    try:
        with (
            computing(chosen, device) as accelerator,
            _bar(
                study, seeds, 0, "{desc}: {percentage:3.0f}%|{bar}| seed {n:.2f} of {total} [{elapsed}<{remaining}]"
            ) as bar,
        ):
            results = run(chosen, chosen.profiles[profile], range(seeds), work, read().claims, bar, _say, fresh, device)
    except SeedError as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say(f"error: interrupted; what was done is kept in {work}: the same command goes on from there")
        return 130
    source = replace(source, device="; ".join(filter(None, [accelerator, source.device])))
    table = Table(chosen.title, study, profile, source, tuple(results))
    write_text(stem.with_suffix(".json"), data(table))
    write_text(stem.with_suffix(".md"), page(table))
    clear(work)
    work.rmdir()
    for row in table.wavering:
        click.echo(f"{row.name}: {row.agreeing} of {seeds} seeds {row.usual}")
    click.echo(f"table: {stem.with_suffix('.md')}")
    return 1 if table.wavering else 0


@contextmanager
def _bar(title: str, size: int, done: int, form: str | None = None) -> Iterator[Callable[[float], object]]:
    from tqdm import tqdm

    pause = 0.5 if sys.stderr.isatty() else 15.0
    name = title.partition(":")[0]
    with tqdm(
        total=size, initial=done, desc=name, mininterval=pause, unit="", unit_scale=True, smoothing=0.1, bar_format=form
    ) as bar:
        yield bar.update


@contextmanager
def _backend(name: str, scheduler: str | None) -> Iterator[None]:
    """Run what joblib runs by this backend."""
    if name == "loky":
        yield
        return
    import joblib

    with joblib.parallel_config(name, **({"scheduler_host": scheduler} if scheduler else {})):
        yield


def _check(study: str, profile: str, device: str) -> None:
    if study not in STUDIES:
        raise ParameterError("study", study, f"one of: {', '.join(STUDIES)}")
    if profile not in PROFILES:
        raise ParameterError("profile", profile, f"one of: {', '.join(PROFILES)}")
    if device not in DEVICES:
        raise ParameterError("device", device, f"one of: {', '.join(DEVICES)}")


def _command() -> str:
    return shlex.join(["python", "-m", "validation", *sys.argv[1:]])


def _say(text: str) -> None:
    click.echo(text, err=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(execute(app, "validation"))
