"""What a run accumulates on the fly, and the estimates made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import Array, ParameterError, constant


@dataclass
class Sums:
    """Running sums over the states after each step since burn-in, taken relative to the state at burn-in.

    Attributes
    ----------
    steps : int
        Steps accumulated.
    hits : ndarray, shape (rows, routers)
        Tokens that chose each expert; for two experts, expert 1.
    first, second, cross, last : ndarray, shape (rows, routers)
        Sum of d, of d^2, of products of neighbours, and the latest d, where d = state - state at burn-in.
    """

    steps: int
    hits: Array
    first: Array
    second: Array
    cross: Array
    last: Array

    def load(self, tokens: int, experts: int) -> Array:
        """Return the share of tokens of each expert, shape (routers, experts)."""
        drawn = float(self.steps * tokens)
        hits = np.stack([self.hits[0], drawn - self.hits[0]]) if experts == 2 else self.hits
        return np.array(hits.T / drawn)

    def estimates(self, reference: Array) -> tuple[Array, Array, Array]:
        """Return mean, variance and lag-1 autocorrelation of the n + 1 states from burn-in on, reference included."""
        n = self.steps
        mean = self.first / (n + 1)
        variance = np.maximum(self.second / (n + 1) - mean * mean, 0.0)
        covariance = (self.cross - mean * (2.0 * self.first - self.last) + n * mean * mean) / n
        correlation = np.divide(covariance, variance, out=np.full_like(mean, np.nan), where=variance > 0)
        return reference + mean, variance, correlation


def bin_edges(value: Any) -> Array:
    """Return the edges of histogram bins, or raise ParameterError."""
    edges = constant("histogram", value)
    if edges.ndim != 1 or len(edges) < 2 or np.any(edges[1:] <= edges[:-1]):
        raise ParameterError("histogram", value, "two or more ascending edges")
    return edges


class Histogram:
    """Counts of observed scores in given bins; what falls outside is counted too."""

    def __init__(self, edges: Array) -> None:
        self.edges = edges
        self.counts: NDArray[np.int64] = np.zeros(len(edges) - 1, dtype=np.int64)
        self.outside = 0

    def __call__(self, scores: Array) -> None:
        """Add one observation of every router."""
        counts, _ = np.histogram(scores, self.edges)
        self.counts += counts
        self.outside += scores.size - int(counts.sum())
