"""Traces on disk: what is in a file, whichever way its arrays are stored."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import ParameterError, integer
from moecusp.trace import archive
from moecusp.trace.archive import dumped, read_npz, read_safetensors, write_npz, write_safetensors
from moecusp.trace.files import GIB, MAX_HEADER, TraceFileError, existing, parsed, written
from moecusp.trace.samples import Sample
from moecusp.trace.sites import UNROUTED, Site, SiteTrace
from moecusp.trace.traces import RoutingTrace

FORMAT, VERSION = "moecusp.routing-trace", 1
SITE = {field.name for field in fields(Site)}
_RECORD = ("counts", "tokens", "unrouted", "bias", "steps")
_SAMPLE = ("chosen", "weights", "scores", "mask", "batch")


def save(trace: RoutingTrace, path: str | os.PathLike[str]) -> Path:
    """Write a trace to `path`, all of it or nothing.

    Parameters
    ----------
    trace : RoutingTrace
        The trace.
    path : path
        Ending in .npz (up to 2 GiB) or .safetensors (with the extra ``trace``); a file there is replaced.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    TraceFileError
        If the path ends otherwise or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from moecusp.trace import RoutingTrace, Site, SiteTrace, load, save
    >>> trace = RoutingTrace([SiteTrace(Site("mlp", 0, experts=2, k=1), [[3, 1]], [4])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load(save(trace, f"{folder}/trace.npz")) == trace
    True
    """
    if not isinstance(trace, RoutingTrace):
        raise ParameterError("trace", trace, "a RoutingTrace")
    write = {".npz": write_npz, ".safetensors": write_safetensors}.get(_suffix(path))
    if write is None:
        raise TraceFileError(path, "must end in .npz or .safetensors")
    header, arrays = encoded(trace)
    if write is write_npz and sum(array.nbytes + 1000 for array in arrays.values()) + len(header) > archive.MOST_NPZ:
        raise TraceFileError(path, "2 GiB or more does not go into .npz: write .safetensors")
    with written(path) as part:
        write(part, header, arrays)
    return Path(path)


def load(path: str | os.PathLike[str], max_bytes: int = 4 * GIB) -> RoutingTrace:
    """Read a trace. Nothing in the file is executed, and no more memory is taken than the file's size.

    Parameters
    ----------
    path : path
        Of a file that `save` wrote: .npz or .safetensors.
    max_bytes : int
        Refuse a larger file.

    Returns
    -------
    RoutingTrace
        The trace, checked as if it were newly made.

    Raises
    ------
    TraceFileError
        If the file is missing, too large, truncated, of another format or version, or says what cannot be.
    """
    integer("max_bytes", max_bytes, 1)
    read = {".npz": read_npz, ".safetensors": read_safetensors}.get(_suffix(path))
    if read is None:
        raise TraceFileError(path, "must end in .npz or .safetensors")
    return decoded(path, *read(existing(path, max_bytes)))


def encoded(trace: RoutingTrace) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the header and the arrays by name, `site/array` and `site/sample/array`."""
    arrays: dict[str, NDArray[Any]] = {}
    for index, record in enumerate(trace):
        unrouted = np.stack([record.unrouted[kind] for kind in UNROUTED], axis=1)
        for name in _RECORD:
            value = unrouted if name == "unrouted" else getattr(record, name)
            if value is not None:
                arrays[f"{index}/{name}"] = value
        if record.sample is not None:
            arrays |= {f"{index}/sample/{name}": array for name, array in record.sample.arrays().items()}
    kinds = [record.sample.kind if record.sample else None for record in trace]
    sites = [{**asdict(record.site), "kind": kind} for record, kind in zip(trace, kinds, strict=True)]
    return dumped(heading(trace, sites)), arrays


def heading(trace: RoutingTrace, sites: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a file's header; raise ParameterError if it is too long to be read again."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "sites": sites,
        "source": dict(trace.source),
        "notes": list(trace.notes),
    }
    if len(dumped(header)) > MAX_HEADER:
        raise ParameterError("source and notes", "too long", f"at most {MAX_HEADER} bytes with the names of the sites")
    return header


def checked(path: str | os.PathLike[str], content: str, more: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a header of this format and version, whose sites hold `more` too, or raise TraceFileError."""
    if len(content) > MAX_HEADER:
        raise TraceFileError(path, f"its header has more than {MAX_HEADER} characters")
    header = parsed(path, content)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise TraceFileError(path, f"not a routing trace: its header does not say {FORMAT!r}")
    if header.get("version") != VERSION:
        raise TraceFileError(path, f"schema version {header.get('version')!r:.20}; this moecusp reads {VERSION}")
    shape = {"format": str, "version": int, "sites": list, "source": dict, "notes": list}
    if header.keys() != shape.keys() or not all(type(header[key]) is kind for key, kind in shape.items()):
        raise TraceFileError(path, f"its header must hold {', '.join(shape)}")
    for entry in header["sites"]:
        if not isinstance(entry, dict) or entry.keys() != SITE | more | {"kind"}:
            raise TraceFileError(path, f"a site must hold {', '.join(sorted(SITE | more | {'kind'}))}")
    return header


def decoded(path: str | os.PathLike[str], content: str, arrays: Mapping[str, NDArray[Any]]) -> RoutingTrace:
    """Return the trace of a header and arrays, or raise TraceFileError."""
    header = checked(path, content)
    rest = dict(arrays)
    with blamed(path):
        records = [record_of(index, dict(entry), rest) for index, entry in enumerate(header["sites"])]
        if rest:
            raise TraceFileError(path, f"entry {next(iter(rest))[:100]!r} belongs to no site")
        return RoutingTrace(records, header["source"], header["notes"])


@contextmanager
def blamed(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise what is wrong with an argument as what is wrong with a file."""
    try:
        yield
    except TraceFileError:
        raise
    except ParameterError as error:
        raise TraceFileError(path, str(error)) from error


def record_of(index: int, entry: dict[str, Any], rest: dict[str, NDArray[Any]]) -> SiteTrace:
    """Return the record of a site of the header; its arrays are taken out of `rest`."""
    kind = entry.pop("kind")
    site = Site(**entry)
    found = {name: rest.pop(f"{index}/{name}", None) for name in _RECORD}
    sample = {name: rest.pop(f"{index}/sample/{name}", None) for name in _SAMPLE}
    unrouted = found.pop("unrouted")
    if unrouted is None or unrouted.ndim != 2 or unrouted.shape[1] != len(UNROUTED):
        raise ParameterError(
            f"{index}/unrouted", None if unrouted is None else unrouted.shape, f"(batches, {len(UNROUTED)})"
        )
    if sample["chosen"] is None and (kind is not None or any(array is not None for array in sample.values())):
        raise ParameterError(f"{index}/sample/chosen", None, "there with any other array of the sample")
    kept = None if sample["chosen"] is None else Sample(**sample, kind=kind)
    slots = {name: unrouted[:, column] for column, name in enumerate(UNROUTED)}
    return SiteTrace(site, **found, unrouted=slots, sample=kept)


def _suffix(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).suffix
    except TypeError as error:
        raise ParameterError("path", path, "a path") from error
