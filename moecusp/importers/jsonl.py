"""JSONL: one object a line, which is one batch of one site."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from moecusp._arguments import ParameterError
from moecusp.importers.gathering import Gathering
from moecusp.importers.lines import MAX_BYTES, lines
from moecusp.trace import UNROUTED, RoutingTrace, Site, TraceFileError
from moecusp.trace.archive import dumped
from moecusp.trace.files import parsed, written

_SITE = {field.name for field in fields(Site)} - {"experts"}
_NEEDED = {"name", "layer", "k", "counts", "tokens"}
_ALLOWED = {*_NEEDED, *_SITE, "unrouted", "bias", "step"}


def read_jsonl(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> RoutingTrace:
    """Read counts from JSONL: ``{"name": "layers.3.mlp", "layer": 3, "k": 2, "counts": [5, 3], "tokens": 4}``.

    Parameters
    ----------
    path : path
        Each line is one batch of one site. Needed: name, layer, k, counts (one for each expert), tokens. Allowed: role,
        stack, layout (of `Site`), unrouted (an object), bias (one number for each expert), step.
    max_bytes : int
        Refuse a larger file.

    Returns
    -------
    RoutingTrace
        The trace.

    Raises
    ------
    TraceFileError
        If a line is not as said, with its number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from moecusp.importers import read_jsonl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "loads.jsonl"
    ...     _ = file.write_text('{"name": "a", "layer": 0, "k": 2, "counts": [5, 3], "tokens": 4}')
    ...     read_jsonl(file)["a"].counts.tolist()
    [[5, 3]]
    """
    found = Gathering(path)
    for number, line in lines(path, max_bytes):
        try:
            row = parsed(path, line)
        except TraceFileError as error:
            raise TraceFileError(path, f"line {number}: {error.problem}") from error
        if not isinstance(row, dict) or not _NEEDED <= row.keys() <= _ALLOWED:
            names = ", ".join(sorted(_NEEDED)), ", ".join(sorted(_ALLOWED - _NEEDED))
            raise TraceFileError(path, f"line {number}: must be an object with {names[0]}; may have {names[1]}")
        unrouted = row.get("unrouted", {})
        if not isinstance(unrouted, dict) or not unrouted.keys() <= set(UNROUTED):
            raise TraceFileError(path, f"line {number}: unrouted must be an object with {', '.join(UNROUTED)}")
        site = {key: row[key] for key in _SITE & row.keys()}
        more: dict[str, Any] = {"tokens": row["tokens"], "bias": row.get("bias"), "step": row.get("step")}
        found.add(f"line {number}", site, row["counts"], unrouted=unrouted, **more)
    return found.trace("JSONL")


def write_jsonl(trace: RoutingTrace, path: str | os.PathLike[str]) -> Path:
    """Write the counts of a trace as JSONL: all of it or nothing.

    Parameters
    ----------
    trace : RoutingTrace
        Samples, source and notes are left out.
    path : path
        A file there is replaced.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    TraceFileError
        If the path cannot be written.
    """
    if not isinstance(trace, RoutingTrace):
        raise ParameterError("trace", trace, "a RoutingTrace")
    with written(path) as part, open(part, "w", encoding="utf-8") as file:
        for record in trace:
            place = {key: getattr(record.site, key) for key in sorted(_SITE)}
            for batch in range(record.batches):
                slots = {kind: int(record.unrouted[kind][batch]) for kind in UNROUTED if record.unrouted[kind].any()}
                row = {**place, "counts": record.counts[batch].tolist(), "tokens": int(record.tokens[batch])}
                row |= {"unrouted": slots} if slots else {}
                row |= {} if record.bias is None else {"bias": record.bias[batch].astype(float).tolist()}
                row |= {} if record.steps is None else {"step": int(record.steps[batch])}
                file.write(dumped(row) + "\n")
    return Path(path)
