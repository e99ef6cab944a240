"""What inference servers return as routed experts: whole numbers, tokens x layers x k, -1 where nothing was set."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from moecusp._arguments import ParameterError, integer
from moecusp.importers.lines import MAX_BYTES
from moecusp.trace import RoutingTrace, Sample, Site, SiteTrace, TraceFileError
from moecusp.trace.arrays import MAX_EXPERTS
from moecusp.trace.files import existing

_CHUNK = 2**22  # entries at a time


def from_routed_experts(
    requests: Iterable[Any], experts: int, *, names: Sequence[str] | None = None, keep: bool = False
) -> RoutingTrace:
    """Return the trace of requests, each of which is a batch.

    Parameters
    ----------
    requests : iterable of array_like of int, each of shape (tokens, layers, k)
        Expert ids from 0 to experts - 1, or -1. A token with -1 in all slots of a layer was not recorded there (the
        last token of an answer, a cached prefix): its slots count as padded. A token with -1 in some slots used fewer.
    experts : int
        Number of real experts of each layer.
    names : sequence of str, optional
        Of the layers. Default: ``layer 0``, ``layer 1``, ... A layer without any id is dense, and left out.
    keep : bool
        Whether to keep the chosen experts of all tokens as the sample.

    Returns
    -------
    RoutingTrace
        The trace.

    Raises
    ------
    ParameterError
        If an id is out of range, shapes differ, or nothing was recorded.

    Examples
    --------
    >>> from moecusp.importers import from_routed_experts
    >>> trace = from_routed_experts([[[[0, 2]], [[1, 2]], [[-1, -1]]]], experts=4)
    >>> trace["layer 0"].counts.tolist(), trace["layer 0"].tokens.tolist()
    ([[1, 1, 2, 0]], [2])
    """
    number = integer("experts", experts, 1)
    if number > MAX_EXPERTS:
        raise ParameterError("experts", number, f"at most {MAX_EXPERTS}")
    arrays = [_checked(f"requests[{i}]", request, number) for i, request in enumerate(requests)]
    if not arrays or any(array.shape[1:] != arrays[0].shape[1:] for array in arrays):
        raise ParameterError(
            "requests", [array.shape for array in arrays], "of one shape (any, layers, k), one at least"
        )
    layers, k = arrays[0].shape[1:]
    titles = [f"layer {layer}" for layer in range(layers)] if names is None else list(names)
    if len(titles) != layers:
        raise ParameterError("names", titles, f"one for each of the {layers} layers")
    found = [_record(Site(titles[i], i, number, k), [array[:, i] for array in arrays], keep) for i in range(layers)]
    return RoutingTrace([record for record in found if record], {"imported from": "routed experts"})


def read_routed_experts(path: str | os.PathLike[str], experts: int, max_bytes: int = MAX_BYTES) -> RoutingTrace:
    """Return the trace of one array in a .npy file, read in parts from disk.

    Parameters
    ----------
    path : path
        Of an array (tokens, layers, k) as `from_routed_experts` takes it.
    experts : int
        Number of real experts of each layer.
    max_bytes : int
        Refuse a larger file.

    Returns
    -------
    RoutingTrace
        With one batch.

    Raises
    ------
    TraceFileError
        If the file is no such array. Nothing is unpickled.
    """
    integer("max_bytes", max_bytes, 1)
    try:
        return from_routed_experts([npy.open_memmap(existing(path, max_bytes), mode="r")], experts)
    except TraceFileError:
        raise
    except (ValueError, OSError, EOFError) as error:
        raise TraceFileError(path, f"no array of routed experts: {str(error)[:200]}") from error


def decoded_routed_experts(text: str | bytes, layers: int, k: int) -> NDArray[np.int32]:
    """Return the array (tokens, layers, k) that SGLang sends as base64 of int32.

    Parameters
    ----------
    text : str or bytes
        ``meta_info["routed_experts"]``.
    layers, k : int
        Layers of the model, and slots of a token.

    Returns
    -------
    ndarray of int32, shape (tokens, layers, k)
        For `from_routed_experts`.

    Raises
    ------
    ParameterError
        If the text is not base64 or its length fits no number of tokens.
    """
    width = integer("layers", layers, 1) * integer("k", k, 1)
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise ParameterError("text", text, "base64") from error
    if not content or len(content) % (4 * width):
        raise ParameterError("text", f"{len(content)} bytes", f"a multiple of 4 x {layers} x {k} bytes")
    return np.frombuffer(content, "<i4").reshape(-1, layers, k)


def _checked(name: str, request: Any, experts: int) -> NDArray[Any]:
    try:
        array = np.asanyarray(request)
    except (ValueError, OverflowError) as error:
        raise ParameterError(name, request, "a regular array (tokens, layers, k)") from error
    if array.ndim != 3 or array.dtype.kind not in "iu" or not array.size:
        raise ParameterError(name, (array.shape, array.dtype.name), "whole numbers, (tokens, layers, k)")
    for part in _parts(array):
        low, high = int(part.min()), int(part.max())
        if low < -1 or high >= experts:
            raise ParameterError(name, low if low < -1 else high, f"ids from 0 to {experts - 1}, or -1")
    return np.asarray(array)


def _parts(array: NDArray[Any]) -> list[NDArray[Any]]:
    step = max(1, _CHUNK // max(1, array[0].size))
    return [array[i : i + step] for i in range(0, len(array), step)]


def _record(site: Site, batches: list[NDArray[Any]], keep: bool) -> SiteTrace | None:
    """Return the record of a layer, None if no token has an expert there."""
    counts = np.zeros((len(batches), site.experts), np.int64)
    tokens, null, padded = (np.zeros(len(batches), np.int64) for _ in range(3))
    for batch, ids in enumerate(batches):
        for part in _parts(ids):
            real = part >= 0
            seen = real.any(axis=1)
            counts[batch] += np.bincount(part[real].astype(np.int64), minlength=site.experts)
            tokens[batch] += seen.sum()
            padded[batch] += site.k * (~seen).sum()
            null[batch] += (~real[seen]).sum()
    if not counts.any():
        return None
    sample = None
    if keep:
        chosen = np.concatenate(batches).astype(np.int32)
        origin = np.repeat(np.arange(len(batches)), [len(ids) for ids in batches])
        sample = Sample(chosen, mask=(chosen >= 0).any(axis=1), batch=origin)
    return SiteTrace(site, counts, tokens, {"null": null, "padded": padded}, sample=sample)
