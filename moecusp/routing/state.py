"""What a router's state is made of: parameters as buffers, in a type that holds them, on a device that is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from moecusp._arguments import ParameterError
from moecusp.parameters import RouterParameters


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return a floating-point type, float32 in place of a narrower one."""
    return dtype if dtype.itemsize >= 4 else torch.float32


def on_device(device: Any) -> None:
    """Raise ParameterError for a device that torch does not find here."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        raise ParameterError("device", device, "a device that torch finds on this machine, such as 'cpu'") from error


def exact(parameters: RouterParameters, name: str) -> Tensor:
    """Return a quantity of parameters in float64 on the host, in their common shape."""
    value = getattr(parameters, name)
    value = value.detach().cpu().double() if isinstance(value, Tensor) else torch.tensor(np.asarray(value, np.float64))
    return value.broadcast_to(parameters.shape).clone()


def fitted(name: str, value: Tensor, dtype: torch.dtype, device: Any) -> Tensor:
    """Return a value in another type, or raise ParameterError if it is too large or too small for that."""
    cast = value.to(dtype)
    fits = cast.isfinite() & ((cast != 0.0) | (value == 0.0))
    if not bool(fits.all()):
        limits = torch.finfo(dtype)
        allowed = f"between {limits.tiny:.2g} and {limits.max:.2g} in size for dtype = {dtype}"
        raise ParameterError(name, value[~fits][0].item(), allowed)
    return cast.to(device=device)
