"""Where torch computes: the same code runs on the CPU and on another device, and draws the same random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from moecusp import ParameterError

P = ParamSpec("P")
R = TypeVar("R")
_READS = (Tensor.numpy, Tensor.__array__)


class Placed(TorchFunctionMode):
    """Makes code that names no device run on one: numbers are drawn where their generator is, then moved.

    A stream of the CPU so gives the same numbers whatever computes with them. What NumPy reads is brought back.
    """

    def far(self, tensor: Tensor) -> Tensor:
        """Return it on the device in use."""
        return tensor.to(torch.get_default_device())

    def near(self, tensor: Tensor) -> Tensor:
        """Return it on the CPU."""
        return tensor.cpu()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch."""
        kwargs = kwargs or {}
        if func in _READS:
            return func(self.near(args[0]), *args[1:], **kwargs)
        source = kwargs.get("generator")
        if source is None:
            return func(*args, **kwargs)
        if args and isinstance(args[0], Tensor):  # x.exponential_(...)
            x, *others = args
            drawn = func(torch.empty(x.shape, dtype=x.dtype, device=source.device), *others, **kwargs)
            return x.copy_(self.far(drawn))
        return self.far(func(*args, **{**kwargs, "device": source.device}))


@contextmanager
def on(device: str) -> Iterator[None]:
    """Compute on a device inside the context; "cpu" changes nothing.

    Raises
    ------
    ParameterError
        If torch does not find the device on this machine.

    Examples
    --------
    >>> import torch
    >>> from validation.devices import on
    >>> with on("cpu"):
    ...     torch.zeros(2).device.type
    'cpu'
    """
    called(device)
    if device == "cpu":
        yield
    else:
        with torch.device(device), Placed():
            yield


def called(device: str) -> str:
    """Return what the device is called, for a report: "" for the CPU, which the provenance names anyway.

    Raises
    ------
    ParameterError
        If torch does not find it on this machine.
    """
    if device == "cpu":
        return ""
    if device != "cuda" or not torch.cuda.is_available():
        raise ParameterError("device", device, "a device that torch finds on this machine: here that is cpu alone")
    return torch.cuda.get_device_name()


def cached(maxsize: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep the last results of a function, for each device apart: a tensor of one is of no use on another."""

    def kept(function: Callable[P, R]) -> Callable[P, R]:
        @lru_cache(maxsize)
        def on_device(_device: str, *args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **kwargs)

        @wraps(function)
        def found(*args: P.args, **kwargs: P.kwargs) -> R:
            return on_device(str(torch.get_default_device()), *args, **kwargs)  # type: ignore[arg-type]

        return found

    return kept
