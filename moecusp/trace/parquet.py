"""Counts as a Parquet table, for pandas, polars or DuckDB; needs the extra ``trace`` (pyarrow).

One row for each site, batch and expert, and for each kind of unrouted slot, in that order; one row group a site. The
columns: site, layer, batch, step (null if unknown), slot ("expert" or a kind of unrouted slot), expert (null for
those), count, tokens (of the batch), bias (null if unknown). They are not
compressed, so that no small file claims all memory.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import ParameterError, integer
from moecusp.trace.archive import HEADER, dumped
from moecusp.trace.files import GIB, TraceFileError, existing, written
from moecusp.trace.sites import UNROUTED, Site, SiteTrace
from moecusp.trace.storage import checked, heading
from moecusp.trace.traces import RoutingTrace

SLOTS = ("expert", *UNROUTED)
_OWN = "batches", "steps", "bias"  # what a site's entry in the header holds besides the site


def save_counts(trace: RoutingTrace, path: str | os.PathLike[str]) -> Path:
    """Write the counts of a trace, without sampled tokens, as a Parquet table: all of it or nothing.

    Parameters
    ----------
    trace : RoutingTrace
        The trace.
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
    ImportError
        Without pyarrow.

    Examples
    --------
    >>> import tempfile
    >>> from moecusp.trace import RoutingTrace, Site, SiteTrace
    >>> from moecusp.trace.parquet import load_counts, save_counts
    >>> trace = RoutingTrace([SiteTrace(Site("mlp", 0, experts=2, k=1), [[3, 1]], [4])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_counts(save_counts(trace, f"{folder}/counts.parquet")) == trace
    True
    """
    arrow, parquet = _arrow()
    if not isinstance(trace, RoutingTrace):
        raise ParameterError("trace", trace, "a RoutingTrace")
    sites = [{**asdict(r.site), "kind": None, **dict(zip(_OWN, _presence(r), strict=True))} for r in trace]
    schema = _schema(arrow).with_metadata({HEADER: dumped(heading(trace, sites))})
    with written(path) as part, parquet.ParquetWriter(part, schema, compression="none") as writer:
        for record in trace:
            table = arrow.table(_columns(arrow, record), schema=schema)
            writer.write_table(table, row_group_size=table.num_rows)
    return Path(path)


def load_counts(path: str | os.PathLike[str], max_bytes: int = GIB, max_rows: int = 50_000_000) -> RoutingTrace:
    """Read a trace that `save_counts` wrote.

    Parameters
    ----------
    path : path
        Of the file.
    max_bytes, max_rows : int
        Refuse a larger file, or one that claims more rows.

    Returns
    -------
    RoutingTrace
        Without sampled tokens.

    Raises
    ------
    TraceFileError
        If the file is missing, too large, truncated, of another format or version, or says what cannot be.
    ImportError
        Without pyarrow.
    """
    arrow, parquet = _arrow()
    integer("max_bytes", max_bytes, 1)
    integer("max_rows", max_rows, 1)
    file = existing(path, max_bytes)
    try:
        with parquet.ParquetFile(file, read_dictionary=["site", "slot"]) as opened:
            return _read(path, arrow, opened, max_rows)
    except TraceFileError:
        raise
    except ParameterError as error:
        raise TraceFileError(path, str(error)) from error
    except (arrow.ArrowException, OSError, ValueError, TypeError) as error:
        raise TraceFileError(path, f"not a whole Parquet file: {str(error)[:200]}") from error


def _read(path: str | os.PathLike[str], arrow: Any, opened: Any, max_rows: int) -> RoutingTrace:
    metadata, schema = opened.metadata, opened.schema_arrow
    if not schema.equals(_schema(arrow)):
        raise TraceFileError(path, f"its columns must be {', '.join(_schema(arrow).names)}, of their types")
    content = (schema.metadata or {}).get(HEADER.encode(), b"")
    header = checked(path, content.decode(errors="replace"), frozenset(_OWN))
    if metadata.num_row_groups != len(header["sites"]) or metadata.num_rows > max_rows:
        raise TraceFileError(path, f"must hold one row group a site and at most max_rows = {max_rows} rows")
    for group in range(metadata.num_row_groups):
        columns = [metadata.row_group(group).column(i) for i in range(metadata.num_columns)]
        if any(column.compression != "UNCOMPRESSED" for column in columns):
            raise TraceFileError(path, "compressed columns are not read (a small file may claim all memory)")
    records = []
    for group, entry in enumerate(header["sites"]):
        own = {name: entry.pop(name) for name in ("kind", *_OWN)}
        site, batches = Site(**entry), integer("batches", own["batches"], 1)
        width = site.experts + len(UNROUTED)
        if metadata.row_group(group).num_rows != batches * width:
            raise TraceFileError(path, f"site {site.name!r} must have {batches} x {width} rows")
        records.append(_record(path, arrow, opened.read_row_group(group), site, own))
    return RoutingTrace(records, header["source"], header["notes"])


def _record(path: str | os.PathLike[str], arrow: Any, table: Any, site: Site, own: dict[str, Any]) -> SiteTrace:
    """Return the record of one row group, whose other columns must be as they would be written again."""
    shape = own["batches"], site.experts + len(UNROUTED)

    def column(name: str, type: Any) -> NDArray[Any]:
        with np.errstate(invalid="ignore"):  # nulls: seen below
            return np.asarray(table[name].to_numpy(), type).reshape(shape)

    counts = column("count", np.int64)
    bias = None if own["bias"] is None else column("bias", np.float64)[:, : site.experts].astype(own["bias"])
    steps = column("step", np.int64)[:, 0] if own["steps"] else None
    slots = {kind: counts[:, site.experts + i] for i, kind in enumerate(UNROUTED)}
    record = SiteTrace(site, counts[:, : site.experts], column("tokens", np.int64)[:, 0], slots, bias, steps)
    if dumped(_presence(record)) != dumped([own[name] for name in _OWN]):  # 1 is not true
        raise TraceFileError(path, f"the header's {', '.join(_OWN)} of {site.name!r} are not those of its rows")
    again = arrow.table(_columns(arrow, record), schema=_schema(arrow))
    for name in again.column_names:
        if not _parts(again[name]) == _parts(table[name]):
            raise TraceFileError(path, f"the column {name!r} of site {site.name!r} is not in order")
    return record


def _columns(arrow: Any, record: SiteTrace) -> dict[str, Any]:
    site, batches, others = record.site, record.batches, len(UNROUTED)
    width = site.experts + others
    counts = np.concatenate([record.counts, np.stack([record.unrouted[kind] for kind in UNROUTED], axis=1)], axis=1)
    slot = np.tile(np.r_[np.zeros(site.experts, np.int32), 1 : others + 1].astype(np.int32), batches)
    expert = np.tile(np.arange(width), batches)
    bias = np.zeros((batches, width))
    if record.bias is not None:
        bias[:, : site.experts] = record.bias
    steps = np.zeros(batches, np.int64) if record.steps is None else record.steps
    nowhere = np.full(batches * width, True)
    return {
        "site": _named(arrow, np.zeros(batches * width, np.int32), [site.name]),
        "layer": np.full(batches * width, site.layer),
        "batch": np.repeat(np.arange(batches), width),
        "step": arrow.array(np.repeat(steps, width), mask=nowhere if record.steps is None else None),
        "slot": _named(arrow, slot, SLOTS),
        "expert": arrow.array(expert, mask=slot > 0),
        "count": counts.ravel(),
        "tokens": np.repeat(record.tokens, width),
        "bias": arrow.array(bias.ravel(), mask=nowhere if record.bias is None else slot > 0),
    }


def _presence(record: SiteTrace) -> tuple[int, bool, str | None]:
    return record.batches, record.steps is not None, None if record.bias is None else record.bias.dtype.name


def _named(arrow: Any, indices: NDArray[np.int32], names: Any) -> Any:
    return arrow.DictionaryArray.from_arrays(arrow.array(indices), arrow.array(list(names)))


def _schema(arrow: Any) -> Any:
    names, whole = arrow.dictionary(arrow.int32(), arrow.string()), arrow.int64()
    types = {"site": names, "layer": whole, "batch": whole, "step": whole, "slot": names, "expert": whole}
    return arrow.schema(list({**types, "count": whole, "tokens": whole, "bias": arrow.float64()}.items()))


def _parts(column: Any) -> list[Any]:
    """Return what to compare: of names their list and the places in it, never a text for each row."""
    array = column.combine_chunks()
    return [array.dictionary, array.indices] if hasattr(array, "indices") else [array]


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("Parquet needs the extra 'trace': pip install 'moecusp[trace]'") from error
    return pyarrow, pyarrow.parquet
