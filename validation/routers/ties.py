"""Hard selection of independent Gaussian logits: tie densities of the best k, and where one favoured expert folds."""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import ndtr


def density(experts: int, chosen: int, sigma: float) -> float:
    """Return the density at 0 of the difference of two logits on the event that they are the k-th and the next.

    The integral of C(K-2, k-1) phi(y)^2 Phi(y)^(K-1-k) (1 - Phi(y))^(k-1) over y, over sigma: one more pair than k - 1
    of the others lie above the two.
    """

    def integrand(y: float) -> float:
        others = float(ndtr(y)) ** (experts - 1 - chosen) * float(ndtr(-y)) ** (chosen - 1)
        return math.exp(-y * y) / (2.0 * math.pi) * others

    return math.comb(experts - 2, chosen - 1) * float(quad(integrand, -9.0, 9.0, epsabs=1e-14)[0]) / sigma


def critical(experts: int, chosen: int, sigma: float, decay: float) -> float:
    """Return mu/lambda_max(chi) of a balanced router: in shares of slots chi = (K c/k)(1 - 1 1^T/K)."""
    return decay * chosen / (experts * density(experts, chosen, sigma))


def favoured(x: float, experts: int, sigma: float) -> float:
    """Return the load of an expert whose score leads the others' by x, under top-1 selection."""

    def integrand(y: float) -> float:
        return math.exp(-0.5 * y * y) / math.sqrt(2.0 * math.pi) * float(ndtr(y + x / sigma)) ** (experts - 1)

    return float(quad(integrand, -9.0, 9.0, epsabs=1e-12)[0])


def feedback(x: float, experts: int, sigma: float, decay: float) -> float:
    """Return the feedback at which a lead x keeps itself: mu x over the load less that of each other."""
    load = favoured(x, experts, sigma)
    return decay * x / (load - (1.0 - load) / (experts - 1))


def fold(experts: int, sigma: float, decay: float) -> tuple[float, float]:
    """Return the least such feedback, and its lead."""
    found = minimize_scalar(lambda x: feedback(x, experts, sigma, decay), method="bounded",
                            bounds=(0.2 * sigma, 6.0 * sigma), options={"xatol": 1e-8})  # fmt: skip
    return float(found.fun), float(found.x)


def held(kappa: float, experts: int, sigma: float, decay: float) -> float:
    """Return the load of the favoured expert in the stable collapsed state at a feedback above the fold."""
    x = float(np.nan)
    low, high = fold(experts, sigma, decay)[1], kappa / decay
    for _ in range(200):
        x = 0.5 * (low + high)
        low, high = (x, high) if feedback(x, experts, sigma, decay) < kappa else (low, x)
        if high - low < 1e-10 * high:
            break
    return favoured(x, experts, sigma)
