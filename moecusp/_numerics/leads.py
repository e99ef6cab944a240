"""The lead of the largest of K independent normal logits over the second: one integral, on panels about its peak."""

from __future__ import annotations

import numpy as np

from moecusp._numerics.gauss import panels
from moecusp._numerics.operations import Array

_LEFT = np.array([-9.0, -6.5, -4.5, -3.0, -2.0, -1.0])  # in deviations of the peak
_RIGHT = np.array([0.0, 1.0, 2.0, 3.0, 4.5, 6.5, 9.0])
_BLOCK = 256
_HALVINGS = 50


def _log_normal(y: Array) -> Array:
    from scipy.special import log_ndtr

    return np.asarray(log_ndtr(y))


def _hazard(y: Array) -> Array:
    """Return (log Phi)'(y) = phi(y)/Phi(y), which falls in y."""
    return np.asarray(np.exp(-0.5 * y * y - 0.5 * np.log(2.0 * np.pi) - _log_normal(y)))


def overlap(w: Array, squares: int, others: float) -> Array:
    """Return the integral of phi(y + w) phi(y)^squares Phi(y)^others over the line, w >= 0 of any shape.

    The integrand is log-concave; the second derivative of its logarithm is at most -(1 + squares) and falls to the
    left. So nine deviations of the peak to the left, and nine of the widest to the right, leave less than 1e-17.
    """
    flat = np.asarray(w, dtype=np.float64).ravel()
    pieces = [_overlap(flat[i : i + _BLOCK], squares, others) for i in range(0, flat.size, _BLOCK)]
    return np.concatenate(pieces).reshape(np.shape(w))


def _overlap(w: Array, squares: int, others: float) -> Array:
    low = -w / (1.0 + squares)  # the slope of the logarithm is not negative there, and not positive at the other end
    high = np.full_like(w, np.sqrt(2.0 * np.log(others + 2.0)) + 1.0)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        rising = others * _hazard(middle) > (1.0 + squares) * middle + w
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    peak = 0.5 * (low + high)
    hazard = _hazard(peak)
    deviation = 1.0 / np.sqrt(1.0 + squares + others * np.maximum(hazard * (hazard + peak), 0.0))
    widest = 9.0 / np.sqrt(1.0 + squares)
    end = 9.0 * deviation
    stretch = np.linspace(0.0, 1.0, 5)[1:]
    breaks = np.concatenate(
        [peak[:, None] + deviation[:, None] * np.concatenate([_LEFT, _RIGHT]),
         (peak + end)[:, None] + np.maximum(widest - end, 0.0)[:, None] * stretch],
        axis=1,
    )  # fmt: skip
    top = _exponent(peak, w, squares, others)

    def integrand(y: Array) -> Array:
        return np.exp(_exponent(y, w[:, None, None], squares, others) - top[:, None, None])

    scale = np.exp(top) / (2.0 * np.pi) ** (0.5 * (1 + squares))
    return np.asarray(panels(integrand, breaks, 24) * scale)


def _exponent(y: Array, w: Array, squares: int, others: float) -> Array:
    return np.asarray(-0.5 * (y + w) ** 2 - 0.5 * squares * y * y + others * _log_normal(y))
