"""Command line ``moecusp``: parse, call, print (the extra ``cli``)."""

from __future__ import annotations

from collections.abc import Iterator

import moecusp as mc

try:
    import click
except ModuleNotFoundError as error:
    raise ImportError("the command line needs click, in the extra cli: pip install 'moecusp[cli]'") from error


@click.group()
@click.version_option(mc.__version__, prog_name="moecusp")
def app() -> None:
    """Say when a mixture-of-experts router collapses onto few experts, and how far away yours is."""


@app.command()
@click.option("--feedback", type=float, required=True, help="Feedback κ > 0 (score/time).")
@click.option("--decay", type=float, default=1.0, show_default=True, help="Decay rate μ > 0 (1/time).")
@click.option(
    "--inverse-temperature", type=float, default=1.0, show_default=True, help="Inverse temperature β > 0 (1/score)."
)
@click.option(
    "--asymmetry", type=float, default=0.0, show_default=True, help="Asymmetry h = h₁ − h₂ (score/time), two experts."
)
@click.option("--experts", type=int, default=2, show_default=True, help="Number of experts K >= 2.")
def locate(feedback: float, decay: float, inverse_temperature: float, asymmetry: float, experts: int) -> None:
    """Say where a softmax router sits relative to collapse."""
    if experts != 2 and asymmetry:
        raise mc.ParameterError("asymmetry", asymmetry, "0 with more than two experts")
    router = mc.RouterParameters(feedback, decay, inverse_temperature, asymmetry, experts)
    click.echo("\n".join([*_of_any(router), *(_of_two(router) if experts == 2 else _of_many(experts))]))


def _of_any(router: mc.RouterParameters) -> Iterator[str]:
    yield f"critical feedback  {router.critical_feedback:.10g}"
    yield f"gain               {router.gain:.10g}  (1 is critical)"


def _of_two(router: mc.RouterParameters) -> Iterator[str]:
    yield f"reduced asymmetry  {router.reduced_asymmetry:.10g}"
    yield f"regime             {router.regime().name}"
    fold = router.folds()
    yield f"folds at h         {'none' if fold != fold else f'±{fold:.10g}'}"
    found = router.equilibria()
    for load, stability in zip(found.load, found.stability, strict=True):
        if stability != mc.Stability.ABSENT:
            yield f"load of expert 1   {load:.10g}  ({mc.Stability(stability).name.lower()})"


def _of_many(experts: int) -> Iterator[str]:
    yield f"fold gain          {mc.expert_fold_gain(experts):.10g}  (from here on one expert can hold the load)"


@app.command()
@click.argument("trace", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all metrics instead of a table.")
def load(trace: str, as_json: bool) -> None:
    """Say how each layer of a recorded TRACE (.npz, .safetensors, .parquet) spreads its tokens over its experts."""
    import json

    from moecusp import metrics
    from moecusp.trace import load as read
    from moecusp.trace.parquet import load_counts

    try:
        found = load_counts(trace) if trace.endswith(".parquet") else read(trace)
    except ImportError as error:  # an extra is missing
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(metrics.summary(found), indent=1) if as_json else metrics.table(found))


def execute(command: click.Command, name: str) -> int:
    """Run a command line and return its exit status; what the user got wrong is said in one line."""
    try:
        result = command.main(prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _say(error.format_message(), error.exit_code)
    except mc.ParameterError as error:
        return _say(str(error), 2)
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted; nothing was written", 130)
    except OSError as error:
        return _say(f"{error.filename or 'file'}: {error.strerror}", 1)
    return result if isinstance(result, int) else 0


def _say(message: str, status: int) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return status
