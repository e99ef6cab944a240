"""Which backend runs a plan."""

from __future__ import annotations

import importlib.util
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import Array, ParameterError
from moecusp._simulation.arguments import bounded, choice
from moecusp._simulation.plan import Plan
from moecusp._simulation.statistics import Sums

NAMES = ("auto", "numpy", "numba", "torch", "triton")
INSTALL = {"numba": "moecusp[fast]", "torch": "moecusp[torch]", "triton": "moecusp[torch]' 'triton"}
THREADS_LIMIT = 4096
SINGLE_MEMORY, SINGLE_TOKENS = 2**15, 2**16
"""Steps that the state remembers, and tokens a step, for which float32 does: its rounding of 2^-25 a step, which is one
of the decay too, then moves no state by more than 2^-10 of its size."""


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
    """Return the backend of that name, ready at step 0; raise ParameterError, or ImportError for what is missing."""
    choice("backend", name, NAMES)
    choice("dtype", dtype, ("float64", "float32"))
    if threads is not None:
        bounded("threads", threads, 1, THREADS_LIMIT)
    if name == "auto":
        plain = dtype == "float64" and device is None
        name = "numba" if plain and importlib.util.find_spec("numba") is not None else "numpy"
    if dtype == "float32":
        _check_single(plan, name)
    if device is not None and name not in ("torch", "triton"):
        raise ParameterError("device", device, "left out unless the backend is torch or triton")
    if name == "numpy":
        from moecusp._simulation.arrays import ArrayBackend

        return ArrayBackend(plan, np, None, dtype)
    try:
        return _loaded(plan, name, threads, device, dtype)
    except ImportError as error:
        raise ImportError(f"backend = \"{name}\" needs {name}: pip install '{INSTALL[name]}'") from error


def _loaded(plan: Plan, name: str, threads: int | None, device: str | None, dtype: str) -> Backend:
    """Return a backend that needs more than NumPy."""
    if name == "numba":
        from moecusp._simulation.compiled import CompiledBackend

        return CompiledBackend(plan, threads)
    import torch

    _check_device(torch, device)
    if name == "triton":
        from moecusp._simulation.fused import FusedBackend

        return FusedBackend(plan, device, dtype)
    from moecusp._simulation.arrays import ArrayBackend

    return ArrayBackend(plan, torch, device, dtype)


def _check_single(plan: Plan, name: str) -> None:
    """Raise ParameterError where float32 would give other dynamics."""
    if name == "numba":
        raise ParameterError("dtype", "float32", '"float64" for numba')
    memory = float(np.max(plan.memory))
    if memory > SINGLE_MEMORY:
        allowed = f'"float64" where the scores remember more than {SINGLE_MEMORY} steps, here {memory:.3g}'
        raise ParameterError("dtype", "float32", f"{allowed} (the lesser of steps and 1/(decay * increment))")
    if plan.tokens > SINGLE_TOKENS:
        raise ParameterError("dtype", "float32", f'"float64" for a batch_size above {SINGLE_TOKENS}')


def _check_device(torch: Any, device: Any) -> None:
    """Raise ParameterError for a device that is not there, or that holds no numbers."""
    if device is None:
        return
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        raise ParameterError("device", device, f"one that torch finds here ({str(error).splitlines()[0]})") from error
