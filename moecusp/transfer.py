"""Exact expectations for two experts: the transfer operator of the discrete rule on a grid (docs/theory.md, section 7).

In reduced variables, with delta = mu eps, one step is u <- (1 - delta) u + delta (eta + g (2n/B - 1)), n of B tokens
having chosen expert 1 with probability (1 + tanh u)/2 each. The operator takes a function f to its expectation after
one step; off the grid f is interpolated by cubics. Its transpose moves probabilities. What simulation measures with
noise follows without any, up to a discretisation error that is measured by halving the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, REAL, Array, ParameterError, Range, constant, integer, number

LARGEST = 2**24
"""Grid points times outcomes of a step, at most: a few gigabytes."""
_FIELDS = {
    "gain": NON_NEGATIVE,
    "step": Range(low=0.0, high=2.0, open_low=True, open_high=True),
    "asymmetry": REAL,
    "reach": NON_NEGATIVE,
    "resolution": Range(low=2.0),
}


@dataclass(frozen=True)
class Estimate:
    """A value and how far it moved when the grid was halved, an estimate of its discretisation error."""

    value: Any
    error: float


@dataclass(frozen=True)
class TransferOperator:
    """One step of the two-expert rule as a sparse matrix on a grid of reduced score differences.

    Parameters
    ----------
    gain : float
        Gain g >= 0.
    step : float
        delta = mu eps, decay times increment, 0 < delta < 2 (dimensionless).
    asymmetry : float
        Reduced asymmetry eta.
    batch_size : int
        Tokens B >= 1 a step.
    reach : float, optional
        Half-width of the grid; at least, and by default, that of the interval which no trajectory leaves.
    resolution : float
        Grid points per noise step delta g/sqrt(B), >= 2.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    References
    ----------
    docs/theory.md, section 7; statement ``discrete.mean_drift``.

    Examples
    --------
    >>> from moecusp.transfer import TransferOperator
    >>> operator = TransferOperator(gain=0.5, step=0.05)
    >>> density = operator.stationary()
    >>> bool(abs(density @ operator.grid) < 1e-12)  # balanced
    True
    """

    gain: float
    step: float
    asymmetry: float = 0.0
    batch_size: int = 1
    reach: float = 0.0
    resolution: float = 8.0

    def __post_init__(self) -> None:
        """Check every field."""
        for name, allowed in _FIELDS.items():
            object.__setattr__(self, name, number(name, getattr(self, name), allowed))
        object.__setattr__(self, "batch_size", integer("batch_size", self.batch_size, 1))
        fits = self.batch_size < LARGEST and self._spacing > 0.0
        points = 2.0 * self._half / self._spacing if fits else np.inf
        if not points * (self.batch_size + 1) < LARGEST:
            value = (self.step, self.batch_size, self.reach, self.resolution)
            wanted = f"such that {points:.3g} grid points times batch_size + 1 outcomes of a step are < {LARGEST}"
            raise ParameterError("step, batch_size, reach and resolution", value, wanted)

    @property
    def _half(self) -> float:
        """Half-width of the grid: |u| stays within sum_n |1 - step|^n times the largest push."""
        push = self.step / min(self.step, 2.0 - self.step) * (self.gain + abs(self.asymmetry))
        return max(push, self.reach, self.step)

    @property
    def _spacing(self) -> float:
        return self.step * max(self.gain, 0.1) / float(np.sqrt(self.batch_size)) / self.resolution

    @cached_property
    def grid(self) -> Array:
        """Reduced score differences u, ascending and equally spaced, symmetric about 0."""
        count = max(int(np.ceil(self._half / self._spacing)), 8)
        return np.linspace(-self._half, self._half, 2 * count + 1)

    @cached_property
    def matrix(self) -> Any:
        """Sparse matrix (scipy CSR): row i holds the weights of the state after one step from grid point i."""
        from scipy.sparse import coo_array
        from scipy.stats import binom

        u, size = self.grid, self.grid.size
        chance = 0.5 * (1.0 + np.tanh(u))
        rows, columns, weights = [], [], []
        for count in range(self.batch_size + 1):
            probability = binom.pmf(count, self.batch_size, chance)
            used = np.flatnonzero(probability > 1e-18)
            push = self.asymmetry + self.gain * (2.0 * count / self.batch_size - 1.0)
            target = (1.0 - self.step) * u[used] + self.step * push
            first, stencil = _cubic(u, target)
            for offset in range(4):
                rows.append(used)
                columns.append(first + offset)
                weights.append(probability[used] * stencil[offset])
        where = (np.concatenate(rows), np.concatenate(columns))
        return coo_array((np.concatenate(weights), where), shape=(size, size)).tocsr()

    def at(self, u: float) -> Array:
        """Return the weights that interpolate a grid function at u; as a row, the distribution of a router there."""
        point = number("u", u, Range(low=float(self.grid[0]), high=float(self.grid[-1])))
        first, stencil = _cubic(self.grid, np.array([point]))
        weights = np.zeros(self.grid.size)
        weights[first[0] + np.arange(4)] = stencil[:, 0]
        return weights

    def evolve(self, weights: Array, steps: int) -> Array:
        """Return the distribution after `steps` steps from the one given."""
        weights = constant("weights", weights)
        if weights.shape != self.grid.shape:
            raise ParameterError("weights", weights.shape, f"of the shape of the grid, {self.grid.shape}")
        transposed = self.matrix.T.tocsr()
        for _ in range(integer("steps", steps, 0)):
            weights = transposed @ weights
        return weights

    def stationary(self) -> Array:
        """Return the stationary distribution: weights on the grid that sum to 1."""
        from scipy.sparse import eye_array
        from scipy.sparse.linalg import spsolve

        size, middle = self.grid.size, self.grid.size // 2
        others = np.delete(np.arange(size), middle)  # one equation is redundant: fix one weight, then normalise
        system = (self.matrix.T - eye_array(size)).tocsr()[others]
        density = np.ones(size)
        density[others] = spsolve(system[:, others].tocsc(), -system[:, [middle]].toarray()[:, 0])
        return np.asarray(density / density.sum())

    def passage_times(self, low: float = -np.inf, high: float = np.inf) -> Array:
        """Return the mean number of steps until u <= low or u >= high, from each grid point; 0 outside."""
        from scipy.sparse import eye_array
        from scipy.sparse.linalg import spsolve

        low, high = (
            x if isinstance(x, float) and np.isinf(x) else number(name, x) for name, x in (("low", low), ("high", high))
        )
        inside = np.flatnonzero((self.grid > low) & (self.grid < high))
        if inside.size in (0, self.grid.size):
            raise ParameterError("low and high", (low, high), "such that some grid points are inside and some are not")
        kept = self.matrix[inside][:, inside]
        times = np.zeros(self.grid.size)
        times[inside] = spsolve((eye_array(inside.size) - kept).tocsc(), np.ones(inside.size))
        return times

    def finer(self) -> TransferOperator:
        """Return the operator on a grid twice as fine."""
        return replace(self, resolution=2.0 * self.resolution)


def stationary_moments(operator: TransferOperator) -> Estimate:
    """Return mean, variance and lag-1 autocorrelation of u in the stationary state, with their discretisation error.

    Examples
    --------
    >>> from moecusp.transfer import TransferOperator, stationary_moments
    >>> found = stationary_moments(TransferOperator(gain=0.5, step=0.05))
    >>> [round(abs(float(x)), 5) for x in found.value], found.error < 1e-9
    ([0.0, 0.01237, 0.97472], True)
    """

    def moments(each: TransferOperator) -> Array:
        density, u = each.stationary(), each.grid
        mean = density @ u
        variance = density @ (u - mean) ** 2
        return np.array([mean, variance, density @ ((u - mean) * (each.matrix @ (u - mean))) / variance])

    return _refined(operator, moments)


def mean_passage_time(operator: TransferOperator, start: float, low: float = -np.inf, high: float = np.inf) -> Estimate:
    """Return the mean number of steps from u = start until u <= low or u >= high, with its discretisation error.

    Examples
    --------
    >>> from moecusp.transfer import TransferOperator, mean_passage_time
    >>> found = mean_passage_time(TransferOperator(gain=1.5, step=0.05), start=-1.288, high=1.0)
    >>> 35_000 < found.value < 36_000, found.error < 0.001 * found.value
    (True, True)
    """
    return _refined(operator, lambda each: each.at(start) @ each.passage_times(low, high))


def _refined(operator: TransferOperator, function: Any) -> Estimate:
    coarse, fine = function(operator), function(operator.finer())
    value = fine if np.ndim(fine) else float(fine)
    return Estimate(value, float(np.max(np.abs(np.asarray(fine) - coarse))))


def _cubic(grid: Array, points: Array) -> tuple[Any, Array]:
    """Return the first of four neighbours of each point, and the Lagrange weights, shape (4, points)."""
    spacing = (grid[-1] - grid[0]) / (grid.size - 1)
    place = (points - grid[0]) / spacing
    first = np.clip(np.floor(place).astype(np.int64) - 1, 0, grid.size - 4)
    t = place - first
    weights = [
        -(t - 1) * (t - 2) * (t - 3) / 6,
        t * (t - 2) * (t - 3) / 2,
        -t * (t - 1) * (t - 3) / 2,
        t * (t - 1) * (t - 2) / 6,
    ]
    return first, np.stack(weights)
