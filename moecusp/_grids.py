"""Arguments of a grid that is too large to hold: checked and cut into blocks without being copied."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import ParameterError, Range
from moecusp._numerics.operations import is_tensor, namespace


def grid(**named: Any) -> list[Any]:
    """Return the arguments broadcast to one shape, as views; wrong types and shapes and nothing at all are refused."""
    arrays = [_array(name, value) for name, value in named.items()]
    tensor = next((a for a in arrays if is_tensor(a)), None)
    try:
        if tensor is None:
            return list(np.broadcast_arrays(*arrays))
        as_tensor = namespace(tensor).as_tensor
        return list(namespace(tensor).broadcast_tensors(*(as_tensor(a, device=tensor.device) for a in arrays)))
    except (ValueError, RuntimeError) as error:
        shapes = {name: tuple(a.shape) for name, a in zip(named, arrays, strict=True)}
        raise ParameterError(" and ".join(named), shapes, "of shapes that broadcast together") from error


def _array(name: str, value: Any) -> Any:
    if is_tensor(value):
        array, wrong = value, value.is_complex() or str(value.dtype) == "torch.bool"
    else:
        try:
            array = np.asarray(value)
        except (ValueError, TypeError) as error:
            raise ParameterError(name, value, "finite and real, in a regular array") from error
        wrong = array.dtype.kind not in "iuf"
    if wrong:
        raise ParameterError(name, value, "finite and real")
    if 0 in array.shape:
        raise ParameterError(name, value, "finite and real, and not empty")
    return array


def flat_part(x: Any, part: slice) -> Any:
    """Return a slice of a broadcast array or tensor as if it were flat, copying no more than that."""
    if not is_tensor(x):
        return x.flat[part]
    torch = namespace(x)
    place = torch.arange(part.start, part.stop, device=x.device)
    return x[torch.unravel_index(place, x.shape)] if x.ndim else x.expand(len(place))


def in_range(name: str, value: Any, block: Any, allowed: Range, shape: tuple[int, ...], start: int) -> None:
    """Raise ParameterError for the first value of a block that is out of range, by its place in the argument."""
    outside = ~allowed.holds(block)
    if not outside.any():
        return
    first = int(outside.nonzero()[0][0])
    whole = np.unravel_index(start + first, shape) if shape else ()
    own = np.shape(value)
    place = [0 if n == 1 else int(i) for i, n in zip(whole[len(whole) - len(own) :], own, strict=True)]
    label = f"{name}[{', '.join(map(str, place))}]" if place else name
    raise ParameterError(label, block[first].item(), str(allowed))
