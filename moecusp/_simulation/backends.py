"""Which backend runs a plan."""

from __future__ import annotations

import importlib.util
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import Array, ParameterError, integer
from moecusp._simulation.plan import Plan
from moecusp._simulation.statistics import Sums

NAMES = ("auto", "numpy", "numba", "torch", "triton")


class Backend(Protocol):
    """What every backend offers."""

    name: str

    def advance(self, start: int, stop: int, *, collecting: bool) -> None:
        """Take steps start..stop-1."""

    def collect(self) -> Array:
        """Start accumulating from here; return the state, the reference of the sums."""

    def state(self) -> Array:
        """Return the state, shape (rows, routers)."""

    def sums(self) -> Sums:
        """Return what was accumulated."""

    def passed(self) -> NDArray[np.int64]:
        """Return the step of each router's first passage, -1 where there was none."""


def choose(plan: Plan, name: str, threads: int | None, device: str | None, dtype: str) -> Backend:
    """Return the backend of that name, ready at step 0, or raise ParameterError."""
    if name not in NAMES:
        raise ParameterError("backend", name, "one of " + ", ".join(NAMES))
    if dtype not in ("float64", "float32"):
        raise ParameterError("dtype", dtype, '"float64" or "float32"')
    if threads is not None:
        integer("threads", threads, 1)
    if name == "auto":
        plain = dtype == "float64" and device is None
        name = "numba" if plain and importlib.util.find_spec("numba") is not None else "numpy"
    if dtype == "float32" and name == "numba":
        raise ParameterError("dtype", dtype, '"float64" for numba')
    if device is not None and name not in ("torch", "triton"):
        raise ParameterError("device", device, "left out unless the backend is torch or triton")
    if name == "numba":
        from moecusp._simulation.compiled import CompiledBackend

        return CompiledBackend(plan, threads)
    if name == "triton":
        from moecusp._simulation.fused import FusedBackend

        return FusedBackend(plan, device, dtype)
    from moecusp._simulation.arrays import ArrayBackend

    if name == "torch":
        import torch

        return ArrayBackend(plan, torch, device, dtype)
    return ArrayBackend(plan, np, None, dtype)
