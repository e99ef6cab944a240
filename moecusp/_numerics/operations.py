"""The operations beyond arithmetic that the kernels are written in, for NumPy arrays and torch tensors.

Each looks at its argument: torch is touched only where a tensor comes in. `fast` puts scalar counterparts for numba
in their place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def is_tensor(x: Any) -> bool:
    """Return whether x is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def namespace(x: Any) -> Any:
    """Return the module whose functions take x: NumPy or torch."""
    return sys.modules["torch"] if is_tensor(x) else np


def full_like(x: float, like: Any) -> Any:
    """Return an array or tensor like another one, filled with x."""
    return namespace(like).full_like(like, x)


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return yes where the condition holds and no elsewhere.

    NumPy's own branches for each point, which on random conditions costs as much as ten additions: numbers of 64 bits
    are therefore chosen by their bits.
    """
    if is_tensor(condition):
        return namespace(condition).where(condition, yes, no)
    x, y = np.asarray(yes), np.asarray(no)
    shape = np.shape(condition)
    if not shape or x.dtype != y.dtype or x.itemsize != 8 or x.shape not in (shape, ()) or y.shape not in (shape, ()):
        return np.where(condition, x, y)
    mask, bits = np.negative(condition.view(np.int8)).astype(np.int64), y.view(np.int64)
    mask &= x.view(np.int64) ^ bits
    mask ^= bits
    return mask.view(x.dtype)


def least(x: Any, bound: float) -> Any:
    """Return x, but at most a bound."""
    return x.clamp(max=bound) if is_tensor(x) else np.minimum(x, bound)


def greatest(x: Any, y: Any) -> Any:
    """Return the larger of x and y, which may be a number; y where x is NaN."""
    if not is_tensor(x):
        return np.fmax(x, y)
    return namespace(x).fmax(x, y) if is_tensor(y) else x.clamp(min=y)


def patched(values: Any, condition: Any, function: Any, *arguments: Any) -> Any:
    """Return a tuple of new values with those of function(*arguments) in their places where a rare condition holds."""
    places = nonzero(condition)
    if len(places):
        for whole, part in zip(values, function(*(x[places] for x in arguments)), strict=True):
            whole[places] = part
    return values


def split(condition: Any, yes: Any, no: Any, *arguments: Any) -> Any:
    """Return the tuple yes(*arguments) where the condition holds and no(*arguments) elsewhere, computed only there."""
    flat = condition.ravel()
    places, others = nonzero(flat), nonzero(~flat)
    if not len(places):
        return no(*arguments)
    if not len(others):
        return yes(*arguments)
    whole: Any = None
    for chosen, function in ((places, yes), (others, no)):
        parts = function(*(x.ravel()[chosen] for x in arguments))
        whole = whole or tuple(namespace(x).empty_like(arguments[0]).ravel() for x in parts)
        for all_of_it, part in zip(whole, parts, strict=True):
            all_of_it[chosen] = part
    return tuple(x.reshape(condition.shape) for x in whole)


def sqrt(x: Any) -> Any:
    """Return the square root."""
    return namespace(x).sqrt(x)


def as_bits(x: Any) -> Any:
    """Return the 64 bits of a float as an integer."""
    return x.view(namespace(x).int64)


def as_float(bits: Any) -> Any:
    """Return the float of 64 bits."""
    return bits.view(namespace(bits).float64)


def as_integer(x: Any) -> Any:
    """Return whole floats as 64-bit integers."""
    return x.to(namespace(x).int64) if is_tensor(x) else np.asarray(x).astype(np.int64)


def scaled(x: Any, power: Any) -> Any:
    """Return x 2^power for a whole float power, rounded once, and 0 or inf beyond the range of a float."""
    power = namespace(power).clip(power, -3060.0, 3060.0)
    third = namespace(power).round(power / 3.0)
    for part in (third, third, power - 2.0 * third):
        x = x * as_float((as_integer(part) + 1023) << 52)
    return x


def parts(x: Any) -> tuple[Any, Any]:
    """Return the mantissa of a float and its power of two, a whole float."""
    mantissa, power = namespace(x).frexp(x)
    return mantissa, power.to(mantissa.dtype) if is_tensor(x) else power * 1.0


def on_host(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return function(*arguments) of NumPy arrays; for tensors through the host, and back to their device."""
    tensor = next((a for a in arguments if is_tensor(a)), None)
    if tensor is None:
        return function(*arguments)
    as_tensor, device = namespace(tensor).as_tensor, tensor.device

    def back(result: Any) -> Any:
        if isinstance(result, tuple):
            every = [back(part) for part in result]
            return type(result)(*every) if hasattr(result, "_fields") else tuple(every)
        return as_tensor(np.ascontiguousarray(result), device=device).reshape(np.shape(result))

    return back(function(*(a.detach().cpu().numpy() if is_tensor(a) else a for a in arguments)))


def take(table: Sequence[float], index: Any) -> Any:
    """Return the entries of a table of constants."""
    if is_tensor(index):
        torch = namespace(index)
        return torch.tensor(table, dtype=torch.float64, device=index.device)[index]
    return np.take(_array(table), index, mode="clip")  # spares a check


def nonzero(condition: Any) -> Any:
    """Return the places of a flat array where the condition holds."""
    return condition.nonzero()[:, 0] if is_tensor(condition) else np.flatnonzero(condition)


@cache
def _array(table: tuple[float, ...]) -> Any:
    return np.array(table)
