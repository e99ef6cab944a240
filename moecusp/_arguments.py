"""The one place where arguments are checked: real, finite, inside their range, or a ParameterError that says so.

Computation is in float64; `restore` gives the caller back a scalar for scalars and float32 for float32.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from moecusp._numerics.gradients import checked
from moecusp._numerics.operations import Array as Array
from moecusp._numerics.operations import is_tensor, namespace

Restore = Callable[[Any], Any]
Result = TypeVar("Result")


class ParameterError(ValueError):
    """An argument is not usable; the message names it, its value and its allowed range."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        self.name, self.value, self.allowed = name, value, allowed
        super().__init__(f"{name} = {_short(value)}: {name} must be {allowed}")

    def __reduce__(self) -> tuple[type[ParameterError], tuple[str, object, str]]:
        """Survive pickling, which would otherwise replay the message as the name."""
        return type(self), (self.name, self.value, self.allowed)


@dataclass(frozen=True)
class Range:
    """An interval of the extended reals, with open ends where said."""

    low: float = -np.inf
    high: float = np.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, values: Array) -> NDArray[np.bool_]:
        """Return where values lie inside; NaN and the infinities never do."""
        low = values > self.low if self.open_low else values >= self.low
        high = values < self.high if self.open_high else values <= self.high
        return low & high & (values > -np.inf) & (values < np.inf)

    def __str__(self) -> str:
        """Return the range in words."""
        parts = []
        if np.isfinite(self.low):
            parts.append(f"{'>' if self.open_low else '>='} {self.low:g}")
        if np.isfinite(self.high):
            parts.append(f"{'<' if self.open_high else '<='} {self.high:g}")
        return " and ".join(["finite and real", *parts]) if parts else "finite and real"


REAL = Range()
POSITIVE = Range(low=0.0, open_low=True)
NON_NEGATIVE = Range(low=0.0)
MOST = 2**53  # up to it every count is a float


class Reducible:
    """A router that a function of (gain, asymmetry) takes in the place of the two: see `of_router`."""

    def reduced_values(self, what: str) -> tuple[Any, Any]:
        """Return the gain and the reduced asymmetry for the function of that name."""
        raise NotImplementedError


def of_router(function: Callable[..., Result]) -> Callable[..., Result]:
    """Let a function of gain and asymmetry accept one `RouterParameters` in the place of both."""
    code = getattr(function, "__wrapped__", function).__code__
    names = code.co_varnames[: code.co_argcount]
    place = names.index("gain")
    two = len([name for name in ("gain", "asymmetry") if name in names])

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Result:
        by_name = "gain" in named
        router = named["gain"] if by_name else arguments[place] if len(arguments) > place else None
        if not isinstance(router, Reducible):
            return function(*arguments, **named)
        values = router.reduced_values(function.__name__)[:two]
        before, after = arguments[:place], () if by_name else arguments[place + 1 :]
        rest = names[place + two :]
        if "asymmetry" in named or len(after) > len(rest) or set(rest[: len(after)]) & set(named):
            given = named["asymmetry"] if "asymmetry" in named else after[0] if after else None
            raise ParameterError("asymmetry", given, "left out: the RouterParameters in the place of gain has its own")
        if by_name:
            return function(*arguments, **named | dict(zip(names[place : place + two], values, strict=True)))
        return function(*before, *values, *after, **named)

    return call


def real(name: str, value: object, allowed: Range = REAL) -> Any:
    """Return value as a float64 array or tensor, or raise ParameterError."""
    wanted = str(allowed)
    if is_tensor(value):
        return _real_tensor(name, value, allowed)
    if is_masked(value):
        raise ParameterError(name, value, f"{wanted}, with nothing masked: no average over tokens is taken here")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ParameterError(name, value, f"{wanted}, in a regular array") from error
    if array.dtype.kind not in "iuf":
        raise ParameterError(name, value, wanted)
    if array.size == 0:
        raise ParameterError(name, value, f"{wanted}, and not empty")
    numbers = array.astype(np.float64)
    inside = allowed.holds(numbers)
    if not np.all(inside):
        where = tuple(int(i) for i in np.argwhere(~inside)[0])
        label = f"{name}[{', '.join(map(str, where))}]" if where else name
        raise ParameterError(label, array[where].item(), wanted)
    return numbers


def is_masked(value: object) -> bool:
    """Return whether value is a masked array of NumPy with something masked, without importing numpy.ma."""
    ma = sys.modules.get("numpy.ma")
    return ma is not None and isinstance(value, ma.MaskedArray) and bool(ma.getmaskarray(value).any())


def number(name: str, value: object, allowed: Range = REAL) -> float:
    """Return value as one float, or raise ParameterError."""
    array = constant(name, value, allowed)
    if array.ndim:
        raise ParameterError(name, value, f"one number, {allowed}")
    return float(array)


def constant(name: str, value: object, allowed: Range = REAL) -> Array:
    """Return value as a float64 array without a gradient, or raise ParameterError: a tensor must not ask for one."""
    array = real(name, value, allowed)
    if not is_tensor(array):
        return np.asarray(array)
    if array.requires_grad:
        raise ParameterError(name, value, f"{allowed}; no gradient is taken in it, so pass {name}.detach()")
    return np.asarray(array.cpu().numpy())


def reals(**named: tuple[object, Range]) -> tuple[list[Array], Restore]:
    """Return the arguments as broadcast float64 arrays, and the function that gives a result the caller's type.

    Raises ParameterError for an argument out of range and for shapes that do not broadcast together.
    """
    arrays = [real(name, value, allowed) for name, (value, allowed) in named.items()]
    if any(map(is_tensor, arrays)):
        return _broadcast_tensors(named, arrays)
    try:
        broadcast = [np.array(a) for a in np.broadcast_arrays(*arrays)]
    except ValueError as error:
        shapes = {name: array.shape for name, array in zip(named, arrays, strict=True)}
        raise ParameterError(" and ".join(named), shapes, "of shapes that broadcast together") from error
    kinds = {np.asarray(value).dtype for value, _ in named.values() if isinstance(value, np.ndarray | np.generic)}
    single = bool(kinds) and all(kind.kind == "f" and kind.itemsize <= 4 for kind in kinds)

    def restore(result: Any) -> Any:
        return result.astype(np.float32)[()] if single and result.dtype == np.float64 else result[()]

    return broadcast, restore


def dense(name: str, value: Any, allowed: Range) -> Any:
    """Return a tensor, or raise ParameterError if it is sparse, nested or without numbers."""
    if value.is_meta or value.is_nested or str(value.layout) != "torch.strided":
        raise ParameterError(name, value, f"{allowed}, in a dense tensor that holds numbers")
    return value


def _real_tensor(name: str, value: Any, allowed: Range) -> Any:
    """Return a tensor in float64 on its device, or raise ParameterError."""
    wanted = str(allowed)
    if value.is_complex() or str(value.dtype) == "torch.bool":
        raise ParameterError(name, value, wanted)
    if value.numel() == 0:
        raise ParameterError(name, value, f"{wanted}, and not empty")
    dense(name, value, allowed)

    def check(numbers: Any) -> None:
        inside = allowed.holds(numbers)
        if not inside.all():
            where = tuple((~inside).nonzero()[0].tolist())
            label = f"{name}[{', '.join(map(str, where))}]" if where else name
            raise ParameterError(label, numbers[where].item(), wanted)

    return checked(check, value.double())  # on the graph: what follows is differentiable, or declares its derivatives


def _broadcast_tensors(named: dict[str, tuple[object, Range]], arrays: list[Any]) -> tuple[list[Any], Restore]:
    """Return the arguments as broadcast float64 tensors on one device; float32 comes back if all tensors had it."""
    torch = namespace(next(a for a in arrays if is_tensor(a)))
    device = next(a.device for a in arrays if is_tensor(a))
    try:
        broadcast = torch.broadcast_tensors(*(torch.as_tensor(a, device=device) for a in arrays))
    except RuntimeError as error:
        shapes = {name: tuple(array.shape) for name, array in zip(named, arrays, strict=True)}
        raise ParameterError(" and ".join(named), shapes, "of shapes that broadcast, on one device") from error
    types = {value.dtype for value, _ in named.values() if is_tensor(value) and value.is_floating_point()}  # type: ignore[attr-defined]
    single = bool(types) and torch.float64 not in types

    def restore(result: Any) -> Any:
        return result.to(torch.float32) if single and result.dtype == torch.float64 else result

    return [b.contiguous() for b in broadcast], restore


def integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return value as an int that is at least low and at most high, or raise ParameterError."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)
    if not whole or value < low or (high is not None and value > high):  # type: ignore[operator]
        raise ParameterError(name, value, f"an integer >= {low}" + ("" if high is None else f" and <= {high}"))
    return int(value)  # type: ignore[call-overload, no-any-return]


def count(name: str, value: object, low: int) -> int:
    """Return value as an int that is at least low and that a float holds exactly, or raise ParameterError."""
    return integer(name, value, low, MOST)


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no integers of more than 4,300 digits
        if isinstance(value, int):
            return f"an integer of {value.bit_length()} bits"
        return f"a {type(value).__name__} with integers too long to write"
    if len(text) <= 60:
        return text
    path = isinstance(value, str | PathLike)  # which says most at its end
    return f"{text[:20]}...{text[-37:]}" if path else f"{text[:57]}..."
