"""The routing of a text: a file through a tokenizer and a model, recorded."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import nn

from moecusp._arguments import ParameterError, integer
from moecusp.routing.adapters import Reader
from moecusp.routing.recorder import record
from moecusp.trace import RoutingTrace

TOKENS, ROWS, LENGTH = 65_536, 8, 512
_BLOCK = 2**20  # characters that are tokenized at once, and the rest of their line


def trace_text(
    model: nn.Module,
    tokenizer: Any,
    text: str | os.PathLike[str],
    *,
    tokens: int = TOKENS,
    batch: int = ROWS,
    length: int = LENGTH,
    sample: int = 4096,
    sites: str = "",
    readers: Mapping[str, Reader] | None = None,
    progress: Callable[[int], object] | None = None,
) -> RoutingTrace:
    """Record where a model sends the tokens of a text file.

    Parameters
    ----------
    model : Module
        Of transformers, such as from `open_model`.
    tokenizer : object
        Of transformers, such as from `open_tokenizer`.
    text : path
        A file in UTF-8, read part by part.
    tokens : int
        Tokens at most, from the beginning of the text; >= 1.
    batch, length : int
        Sequences of a batch, and tokens of a sequence; >= 1. The text is cut into sequences without gaps; each begins
        as the tokenizer begins a text (with a token of its own, or none). What is left over at the end makes a batch of
        its own, so that nothing is padded.
    sample : int
        Tokens of each router kept whole; >= 0.
    sites, readers
        As for `record`.
    progress : callable, optional
        Called after each batch with its number of tokens.

    Returns
    -------
    RoutingTrace
        Its `source` names the text, the tokens and the type of the weights. For a model of two stacks, both read the
        text.

    Raises
    ------
    ParameterError
        If an argument is not as said, the file is no text, or the tokenizer is of another model.

    Examples
    --------
    >>> from moecusp.routing import open_model, open_tokenizer, trace_text
    >>> trace_text(open_model(folder), open_tokenizer(folder), "text.txt", tokens=10_000)  # doctest: +SKIP
    """
    if not isinstance(model, nn.Module):
        raise ParameterError("model", model, "a torch.nn.Module")
    limit, rows, width = integer("tokens", tokens, 1), integer("batch", batch, 1), integer("length", length, 1)
    recorder = record(model, sample=sample, sites=sites, readers=readers)
    more = _arguments(model)
    device, size = next(model.parameters()).device, _vocabulary(model)
    done = 0
    with recorder, torch.inference_mode():
        for group in _batches(_sequences(tokenizer, text, width), rows, limit):
            if (highest := max(map(max, group))) >= size:
                raise ParameterError("tokenizer", f"token {highest}", f"of this model, which has {size} tokens")
            ids = torch.tensor(group, device=device)
            both = {"decoder_input_ids": ids} if "decoder_input_ids" in more else {}
            model(**{**more, "input_ids": ids, "attention_mask": torch.ones_like(ids), **both})
            done += ids.numel()
            if progress is not None:
                progress(ids.numel())
    if not done:
        raise ParameterError("text", os.fspath(text), "a file with text: it has no token")
    trace = recorder.trace()
    weights = str(next(model.parameters()).dtype).removeprefix("torch.")
    told = {"text": os.path.basename(os.fspath(text)) or "text", "tokens": str(done), "dtype": weights}
    return RoutingTrace(trace.records, {**trace.source, **told}, trace.notes)


def _arguments(model: nn.Module) -> dict[str, Any]:
    """Return what keeps a call from doing more than routing, of what the model takes."""
    wanted: dict[str, Any] = {"use_cache": False, "logits_to_keep": 1}
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        wanted["decoder_input_ids"] = None
    names = inspect.signature(model.forward).parameters
    return {name: value for name, value in wanted.items() if name in names}


def _vocabulary(model: nn.Module) -> int:
    embedding = getattr(model, "get_input_embeddings", lambda: None)()
    return int(getattr(embedding, "num_embeddings", 2**62))


def _sequences(tokenizer: Any, path: str | os.PathLike[str], length: int) -> Iterator[list[int]]:
    """Give the text as sequences of so many tokens, the last one perhaps shorter."""
    start = _start(tokenizer)
    if len(start) >= length:
        raise ParameterError("length", length, f"> {len(start)}: a sequence begins with that many tokens of its own")
    rest: list[int] = []
    for block in _blocks(path):
        rest += tokenizer(block, add_special_tokens=False, verbose=False)["input_ids"]
        step = length - len(start)
        whole = len(rest) // step * step
        yield from (start + rest[i : i + step] for i in range(0, whole, step))
        rest = rest[whole:]
    if rest:
        yield start + rest


def _start(tokenizer: Any) -> list[int]:
    """Return the tokens that a text begins with whatever is in it."""
    first = getattr(tokenizer, "bos_token_id", None)
    return [first] if first is not None and tokenizer("a")["input_ids"][:1] == [first] else []


def _blocks(path: str | os.PathLike[str]) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            while block := file.read(_BLOCK):
                yield block + file.readline()
    except (UnicodeDecodeError, TypeError, ValueError, OSError) as error:
        if isinstance(error, ParameterError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise ParameterError("text", str(path), f"a file of text in UTF-8 ({reason})") from error


def _batches(sequences: Iterator[list[int]], rows: int, limit: int) -> Iterator[list[list[int]]]:
    """Give sequences of one length together, so many at a time, until there are so many tokens."""
    group: list[list[int]] = []
    for sequence in _limited(sequences, limit):
        if group and (len(group) == rows or len(sequence) != len(group[0])):
            yield group
            group = []
        group.append(sequence)
    if group:
        yield group


def _limited(sequences: Iterator[list[int]], limit: int) -> Iterator[list[int]]:
    for sequence in sequences:
        yield list(islice(sequence, limit))
        limit -= len(sequence)
        if limit <= 0:
            return
