"""CSV of loads: one row for each expert of a layer in a batch."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator

from moecusp._arguments import integer
from moecusp.importers.gathering import MAX_CELLS, Gathering
from moecusp.importers.lines import MAX_BYTES, lines
from moecusp.trace import RoutingTrace, TraceFileError
from moecusp.trace.arrays import MAX_EXPERTS

_WHOLE = re.compile(r"[0-9]{1,15}(\.0{1,9})?")
_NEEDED, _ALLOWED = {"layer", "expert", "count"}, {"layer", "expert", "count", "step"}


def read_csv(path: str | os.PathLike[str], k: int, max_bytes: int = MAX_BYTES) -> RoutingTrace:
    r"""Read counts from CSV with a header: the columns layer, expert, count, and step if batches have one.

    Parameters
    ----------
    path : path
        One row for each expert of each layer in each batch (step), in any order; every layer has all of its experts in
        each of its steps. Counts are slots (whole numbers), not shares: a share does not say how many tokens it is of.
    k : int
        Slots of a token.
    max_bytes : int
        Refuse a larger file.

    Returns
    -------
    RoutingTrace
        With sites ``layer 0``, ``layer 1``, ...; tokens are slots over k.

    Raises
    ------
    TraceFileError
        If a row is not as said, with its number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from moecusp.importers import read_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "loads.csv"
    ...     _ = file.write_text("layer,expert,count\n3,0,5\n3,1,3\n")
    ...     read_csv(file, k=2)["layer 3"].tokens.tolist()
    [4]
    """
    slots = integer("k", k, 1)
    cells: dict[tuple[int, int], dict[int, int]] = {}
    total, stepped = 0, False
    for number, row in _rows(path, max_bytes):
        stepped = "step" in row
        layer, expert, count, step = (row.get(name, 0) for name in ("layer", "expert", "count", "step"))
        if expert >= MAX_EXPERTS:
            raise TraceFileError(path, f"line {number}: expert = {expert} must be below {MAX_EXPERTS}")
        batch = cells.setdefault((layer, step), {})
        if expert in batch:
            raise TraceFileError(path, f"line {number}: expert {expert} of layer {layer} was there before")
        batch[expert] = count
        total += 1
        if total > MAX_CELLS // 8:  # a dictionary's entry is larger than a number
            raise TraceFileError(path, f"more than {MAX_CELLS // 8} rows: import parts and concatenate them")
    experts: dict[int, int] = {}
    for (layer, _), batch in cells.items():
        experts[layer] = max(experts.get(layer, 0), max(batch) + 1)
    found = Gathering(path)
    for (layer, step), batch in sorted(cells.items()):
        if len(batch) != experts[layer]:
            raise TraceFileError(
                path, f"layer {layer}, step {step}: {len(batch)} of {experts[layer]} experts are there"
            )
        counts = [batch[expert] for expert in range(experts[layer])]
        site = {"name": f"layer {layer}", "layer": layer, "k": slots}
        found.add(f"layer {layer}, step {step}", site, counts, step=step if stepped else None)
    return found.trace("CSV")


def _rows(path: str | os.PathLike[str], max_bytes: int) -> Iterator[tuple[int, dict[str, int]]]:
    """Give each row's line number and its whole numbers by column."""
    names: list[str] = []
    for number, line in lines(path, max_bytes):
        try:
            fields = [field.strip() for field in next(csv.reader([line], strict=True))]
        except csv.Error as error:
            raise TraceFileError(path, f"line {number}: {error}") from error
        if not names:
            names = fields
            if not _NEEDED <= set(names) <= _ALLOWED or len(set(names)) < len(names):
                raise TraceFileError(
                    path, f"line {number}: the columns must be layer, expert, count, and step if known"
                )
        elif len(fields) != len(names) or not all(_WHOLE.fullmatch(field) for field in fields):
            raise TraceFileError(path, f"line {number}: must hold a whole number >= 0 for each of {', '.join(names)}")
        else:
            yield number, {name: int(field.partition(".")[0]) for name, field in zip(names, fields, strict=True)}
