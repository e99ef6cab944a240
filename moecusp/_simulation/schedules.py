"""Changes of feedback and asymmetry during a run: piecewise linear in the step, with jumps where knots coincide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from moecusp._arguments import Array, ParameterError, Range, constant

Knots = Iterable[tuple[int, float]]
_OFFSETS = Range(low=-1e150, high=1e150)


@dataclass(frozen=True)
class Schedule:
    """Offsets added to the feedback and the asymmetry of every router.

    Attributes
    ----------
    feedback, asymmetry : ndarray, shape (knots, 2)
        Rows (step, offset), ascending in the step; constant outside, linear between. Empty: no change.
    """

    feedback: Array = field(default_factory=lambda: np.empty((0, 2)))
    asymmetry: Array = field(default_factory=lambda: np.empty((0, 2)))

    @property
    def constant(self) -> bool:
        """Whether nothing changes."""
        return self.feedback.size == 0 and self.asymmetry.size == 0

    def offsets(self, start: int, stop: int) -> Array:
        """Return the offsets of feedback and of asymmetry at steps start..stop-1, shape (2, stop - start)."""
        steps = np.arange(start, stop, dtype=np.float64)
        return np.stack([_interpolate(steps, self.feedback), _interpolate(steps, self.asymmetry)])

    def largest(self, name: str) -> float:
        """Return the largest size of an offset."""
        return float(np.max(np.abs(getattr(self, name)[:, 1]), initial=0.0))


def knots(name: str, value: Knots | None) -> Array:
    """Return the knots (step, offset) as an array, or raise ParameterError."""
    if value is None:
        return np.empty((0, 2))
    try:
        pairs = list(value)
    except TypeError as error:
        raise ParameterError(name, value, "pairs (step, offset)") from error
    table: Array = constant(name, pairs, _OFFSETS)
    if table.ndim != 2 or table.shape[1] != 2:
        raise ParameterError(name, value, "pairs (step, offset)")
    if np.any(table[1:, 0] < table[:-1, 0]):
        raise ParameterError(name, value, "ascending in the step")
    return table


def _interpolate(steps: Array, table: Array) -> Array:
    """Interpolate linearly; at a jump (two knots at one step) the later value holds from that step on."""
    if table.size == 0:
        return np.zeros_like(steps)
    at, offset = table[:, 0], table[:, 1]
    right = np.searchsorted(at, steps, side="right")
    lower, upper = np.maximum(right - 1, 0), np.minimum(right, len(at) - 1)
    width = at[upper] - at[lower]
    fraction = np.divide(steps - at[lower], width, out=np.zeros_like(steps), where=width > 0)
    return np.asarray(offset[lower] + fraction * (offset[upper] - offset[lower]))
