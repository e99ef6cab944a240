"""The arrays of a trace: checked once, read-only afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import ParameterError

Integers = NDArray[np.int64]

MAX_EXPERTS = 2**16
MAX_COUNT = 2**46  # of one entry: sums over experts, and tokens times k, stay below 2**62


def naturals(name: str, value: object, shape: tuple[int | None, ...], low: int = 0, high: int = MAX_COUNT) -> Integers:
    """Return whole numbers from low to high in an array of this shape (None: any length), or raise ParameterError."""
    array = _shaped(name, value, shape, "iu", "whole numbers")
    outside = (array < low) | (array > high)
    if outside.any():
        where = np.argwhere(outside)[0]
        raise ParameterError(_at(name, where), array[tuple(where)].item(), f"from {low} to {high}")
    return frozen(array, np.dtype(np.int64))


def numbers(name: str, value: object, shape: tuple[int | None, ...], *, ruled_out: bool = False) -> NDArray[Any]:
    """Return finite floats of their own width; with `ruled_out`, -inf too (an expert that could not be chosen)."""
    array = _shaped(name, value, shape, "f", "floats")
    bad = ~np.isfinite(array)
    if ruled_out:
        bad &= array != -np.inf
    if bad.any():
        where = np.argwhere(bad)[0]
        raise ParameterError(_at(name, where), array[tuple(where)].item(), "finite" + " or -inf" * ruled_out)
    return frozen(array, array.dtype)


def truths(name: str, value: object, shape: tuple[int | None, ...]) -> NDArray[np.bool_]:
    """Return booleans, or raise ParameterError."""
    return frozen(_shaped(name, value, shape, "b", "booleans"), np.dtype(np.bool_))


def frozen(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a read-only array of this type; one that is read-only already is shared, any other is copied."""
    if array.dtype == dtype and array.dtype.isnative and not array.flags.writeable:
        return array
    copy = np.array(array, dtype=dtype.newbyteorder("="), order="C")
    copy.flags.writeable = False
    return copy


def _shaped(name: str, value: object, shape: tuple[int | None, ...], kinds: str, words: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ParameterError(name, value, f"{words} in a regular array") from error
    if array.dtype.kind not in kinds or array.dtype.itemsize > 8:
        raise ParameterError(f"{name}.dtype", array.dtype.name, f"{words} of at most 64 bits")
    if len(array.shape) != len(shape) or any(s is not None and s != n for s, n in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if s is None else str(s) for s in shape)
        raise ParameterError(f"{name}.shape", array.shape, f"({wanted})")
    return array


def _at(name: str, where: NDArray[np.intp]) -> str:
    return f"{name}[{', '.join(str(int(i)) for i in where)}]"
