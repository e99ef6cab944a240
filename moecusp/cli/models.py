"""``moecusp doctor`` and ``moecusp trace``: a model of transformers in a folder (the extras ``torch`` and ``hf``)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

import moecusp as mc

DEVICE = "Where to run. Default: cuda if there is one, else cpu."
DTYPE = "Type of the weights; auto: as they are saved."
DTYPES = ["auto", "float32", "bfloat16", "float16"]


class _Unexamined(click.ClickException):
    """No examination took place: 1 would say that there were warnings."""

    exit_code = 2


def _opening(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every command with a model in a folder takes."""
    command = click.option("--dtype", type=click.Choice(DTYPES), default="auto", show_default=True, help=DTYPE)(command)
    command = click.option("--device", help=DEVICE)(command)
    return click.argument("model_dir", type=click.Path())(command)


@click.command(short_help="Examine the routers of a model in a folder.")
@_opening
@click.option(
    "--checkpointing",
    type=click.Choice(["all", "off", "on", "reentrant"]),
    default="all",
    show_default=True,
    help="How you are going to train: gradient checkpointing off, on, or on with use_reentrant=True.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a finding for each check and router.")
def doctor(model_dir: str, device: str | None, dtype: str, checkpointing: str, as_json: bool) -> int:
    """Examine the routers of the model in MODEL_DIR: found, obeyed, balanced, reached by the loss.

    The exit status is 0, 1 with warnings, 2 if something fails or cannot be examined.
    """
    with _named(_Unexamined):
        from moecusp.routing import doctor as examine
        from moecusp.routing import open_model

        found = examine(open_model(model_dir, device=device, dtype=dtype), checkpointing=checkpointing)
    click.echo(json.dumps(found.summary(), indent=1) if as_json else found.table())
    return found.status


@click.command(short_help="Record which expert gets which token of a text.")
@_opening
@click.option("--text", required=True, type=click.Path(), help="File of text in UTF-8.")
@click.option("-o", "--output", required=True, type=click.Path(), help="Trace to write: .safetensors or .npz.")
@click.option("--tokens", type=int, default=65_536, show_default=True, help="Tokens at most.")
@click.option("--batch", type=int, default=8, show_default=True, help="Sequences at a time.")
@click.option("--length", type=int, default=512, show_default=True, help="Tokens of a sequence.")
@click.option("--logits", type=int, default=4096, show_default=True, help="Tokens of each router kept with all scores.")
def trace(
    model_dir: str,
    device: str | None,
    dtype: str,
    text: str,
    output: str,
    tokens: int,
    batch: int,
    length: int,
    logits: int,
) -> None:
    """Record which expert of the model in MODEL_DIR really gets which token of a text. Nothing is downloaded."""
    with _named(click.ClickException):
        from tqdm import tqdm

        from moecusp.routing import open_model, open_tokenizer, trace_text
        from moecusp.trace import save

        _check(output)
        tokenizer = open_tokenizer(model_dir)
        model = open_model(model_dir, device=device, dtype=dtype)
        with tqdm(total=tokens, unit=" tokens", unit_scale=True, disable=not sys.stderr.isatty(), leave=False) as bar:
            found = trace_text(
                model, tokenizer, text, tokens=tokens, batch=batch, length=length, sample=logits, progress=bar.update
            )
        save(found, output)
    click.echo(f"{output}: {len(found)} routers, {found.source['tokens']} tokens of {found.source['text']}")


def _check(output: str) -> None:
    """Refuse now what could not be written after the model has run."""
    path = Path(output)
    if path.suffix not in (".npz", ".safetensors"):
        raise mc.ParameterError("output", output, "a path that ends in .safetensors or .npz")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise mc.ParameterError("output", output, "a file in a folder that is there and can be written to")


@contextmanager
def _named(kind: type[click.ClickException]) -> Iterator[None]:
    """Turn a missing extra, and whatever stops a model that runs, into one line."""
    try:
        yield
    except (ImportError, RuntimeError, MemoryError) as error:
        raise kind(str(error) or type(error).__name__) from error
