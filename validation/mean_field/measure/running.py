"""What the runs share: reduced parameters, progress, and results that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moecusp import RouterParameters
from validation.studies import Tick

Array = NDArray[np.float64]
T = TypeVar("T")

EXACT = 1_000_000
"""Size of a part that is computed without chance."""


def reduced(gain: ArrayLike, asymmetry: ArrayLike = 0.0) -> RouterParameters:
    """Return the two-expert router of this gain and reduced asymmetry, with mu = beta = 1."""
    return RouterParameters(feedback=2.0 * np.asarray(gain), asymmetry=2.0 * np.asarray(asymmetry))


def opposed(u: ArrayLike) -> Array:
    """Return the scores (u, -u)."""
    return np.stack([np.asarray(u), -np.asarray(u)], axis=-1)


def ticking(tick: Tick, routers: int) -> Callable[[int, int], None]:
    """Return the `progress` of a run that ticks a part forward."""
    last = 0

    def progress(done: int, steps: int) -> None:
        nonlocal last
        tick((done - last) * routers)
        last = done

    return progress


def there(value: T | None) -> T:
    """Return a statistic that a run was asked for."""
    if value is None:
        raise TypeError("the run was not asked for this statistic")
    return value


def grouped(values: Any, groups: int) -> Array:
    """Return values (routers,) by group, shape (groups, routers of each)."""
    return np.asarray(values).reshape(groups, -1)
