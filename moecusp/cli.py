"""Command line ``moecusp``: parse, call, print (the extra ``cli``)."""

from __future__ import annotations

import sys
from typing import Annotated

import click
import typer

import moecusp as mc

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def _group() -> None:
    """Say when a mixture-of-experts router collapses onto few experts, and how far away yours is."""


@app.command()
def locate(
    feedback: Annotated[float, typer.Option(help="Feedback κ > 0 (score/time).")],
    decay: Annotated[float, typer.Option(help="Decay rate μ > 0 (1/time).")] = 1.0,
    inverse_temperature: Annotated[float, typer.Option(help="Inverse temperature β > 0 (1/score).")] = 1.0,
    asymmetry: Annotated[float, typer.Option(help="Asymmetry h = h1 - h2 (score/time), two experts.")] = 0.0,
    experts: Annotated[int, typer.Option(help="Number of experts K >= 2.")] = 2,
) -> None:
    """Say where a softmax router sits relative to collapse."""
    router = mc.RouterParameters(feedback, decay, inverse_temperature, asymmetry, experts)
    typer.echo(f"critical feedback  {router.critical_feedback:.10g}")
    typer.echo(f"gain               {router.gain:.10g}  (1 is critical)")
    if experts != 2:
        return
    typer.echo(f"reduced asymmetry  {router.reduced_asymmetry:.10g}")
    typer.echo(f"regime             {router.regime().name}")
    fold = router.folds()
    typer.echo(f"folds at h         {'none' if fold != fold else f'±{fold:.10g}'}")
    found = router.equilibria()
    for load, stability in zip(found.load, found.stability, strict=True):
        if stability != mc.Stability.ABSENT:
            typer.echo(f"load of expert 1   {load:.10g}  ({mc.Stability(stability).name.lower()})")


def execute(application: typer.Typer, name: str) -> int:
    """Run a command line and return its exit status; what the user got wrong is said in one line."""
    try:
        result = application(prog_name=name, standalone_mode=False)
    except click.UsageError as error:
        return _say(error.format_message(), 2)
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
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return status


def main() -> int:
    """Run the command line ``moecusp``."""
    return execute(app, "moecusp")


if __name__ == "__main__":
    sys.exit(main())
