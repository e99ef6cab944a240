"""Logs of training that print tokens_per_expert, as Megatron-LM and its relatives do."""

from __future__ import annotations

import os
import re

from moecusp._arguments import integer
from moecusp.importers.gathering import Gathering
from moecusp.importers.lines import MAX_BYTES, lines
from moecusp.trace import RoutingTrace, TraceFileError
from moecusp.trace.arrays import MAX_EXPERTS

_STEP = re.compile(r"\b(?:iteration|step)[ :=]{1,12}([0-9]{1,15})\b", re.IGNORECASE)
_LAYER = re.compile(r"\blayer(?:_number)?[ _:=.]{0,4}([0-9]{1,9})\b", re.IGNORECASE)
_NAME = "tokens_per_expert"
_WHOLE = re.compile(r"([0-9]{1,15})(?:\.0{0,9})?")


def read_megatron_log(path: str | os.PathLike[str], k: int, max_bytes: int = MAX_BYTES) -> RoutingTrace:
    r"""Read counts from a log with lines like ``iteration 10 | layer 3 | tokens_per_expert: tensor([5, 3])``.

    Parameters
    ----------
    path : path
        A text file. A line with ``tokens_per_expert`` is a batch of its layer and needs ``layer N`` and one bracketed
        list of whole numbers; ``iteration N`` or ``step N`` holds from its line on. Other lines are passed over.
    k : int
        Slots of a token.
    max_bytes : int
        Refuse a larger file.

    Returns
    -------
    RoutingTrace
        With sites ``layer 0``, ``layer 1``, ...; tokens are slots over k. Lines of several ranks or micro-batches are
        batches of their own.

    Raises
    ------
    TraceFileError
        If a line that speaks of tokens_per_expert cannot be read (a list broken over lines, shares), with its number,
        or if there is none.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from moecusp.importers import read_megatron_log
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "train.log"
    ...     _ = file.write_text("iteration 7/ 90 | loss 2.1\nlayer 3 tokens_per_expert: [5., 3.]\n")
    ...     read_megatron_log(file, k=2)["layer 3"].steps.tolist()
    [7]
    """
    slots, step, found = integer("k", k, 1), None, Gathering(path)
    for number, line in lines(path, max_bytes):
        if now := _STEP.search(line):
            step = int(now[1])
        if _NAME not in line:
            continue
        layer, counts = _LAYER.search(line), _listed(line)
        if layer is None or not counts:
            expected = f"layer N and {_NAME} with one list of whole numbers, on one line"
            raise TraceFileError(path, f"line {number}: must have {expected}")
        site = {"name": f"layer {int(layer[1])}", "layer": int(layer[1]), "k": slots}
        found.add(f"line {number}", site, counts, step=step)
    return found.trace("log")


def _listed(line: str) -> list[int]:
    """Return the whole numbers in brackets after the name, none if there is no such list or the name is there twice."""
    _, _, after = line.partition(_NAME)
    opened = after.find("[", 0, 40)
    closed = after.find("]", opened)
    if _NAME in after or opened < 0 or closed < 0 or after.count(",", opened, closed) > MAX_EXPERTS:
        return []
    entries = [_WHOLE.fullmatch(entry.strip()) for entry in after[opened + 1 : closed].rstrip(", ").split(",")]
    return [int(entry[1]) for entry in entries if entry] if all(entries) else []
