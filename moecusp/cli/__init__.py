"""Command line ``moecusp``: parse, call, print (the extra ``cli``)."""

from __future__ import annotations

import moecusp as mc

try:
    import click
except ModuleNotFoundError as error:
    raise ImportError("the command line needs click, in the extra cli: pip install 'moecusp[cli]'") from error

from moecusp.cli.compare import compare
from moecusp.cli.completion import completion
from moecusp.cli.locate import locate
from moecusp.cli.models import doctor, trace
from moecusp.cli.report import report
from moecusp.cli.traces import load


@click.group()
@click.version_option(mc.__version__, prog_name="moecusp")
def app() -> None:
    """Say when a mixture-of-experts router collapses onto few experts, and how far away yours is."""


for command in (compare, completion, doctor, load, locate, report, trace):
    app.add_command(command)


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
