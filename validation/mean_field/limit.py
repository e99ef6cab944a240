"""The flow that the discrete rule approaches, and the constants of the proved distance from it (docs/mean-field.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bound:
    """E sup |u - flow|^2 <= 2 noise delta/B + 2 (bias delta)^2; see docs/mean-field.md."""

    noise: float
    bias: float


def bound(gain: float, asymmetry: float, start: float, horizon: float) -> Bound:
    """Return the constants of the proved bound for two experts, for delta <= 1."""
    growth = max(gain - 1.0, 0.0)
    lipschitz = max(1.0, gain - 1.0)
    time = min(horizon, 1.0 / (2.0 * growth)) if growth else horizon
    reach = max(abs(start), gain + abs(asymmetry))
    speed = reach + gain + abs(asymmetry)
    spread = float(np.expm1(growth * horizon)) / growth if growth else horizon
    return Bound(16.0 * gain**2 * float(np.exp(2.0 * growth * horizon)) * time, 0.5 * lipschitz * speed * spread)


def flow(gain: float, asymmetry: float, start: float, times: NDArray[Any]) -> Array:
    """Return the solution of du/dtau = g tanh u - u + eta at the times given."""
    from scipy.integrate import solve_ivp

    solution = solve_ivp(
        lambda _, u: gain * np.tanh(u) - u + asymmetry,
        (0.0, float(times[-1])), [start], method="DOP853", rtol=1e-12, atol=1e-13, t_eval=times,
    )  # fmt: skip
    return np.asarray(solution.y[0])
