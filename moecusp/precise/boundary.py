"""Boundary mass of a hard router with Gaussian margins, to any number of digits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from moecusp.precise.certainty import certain, evaluate, rational
from moecusp.precise.multiprecision import exact, positive


def boundary_mass(width: Any, mean: Any = 0, sigma: Any = 1, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return Phi((w - b)/sigma) - Phi((-w - b)/sigma); see `moecusp.boundary_mass`.

    >>> from moecusp import precise
    >>> print(precise.boundary_mass(1, digits=15))
    0.682689492137086
    """
    w, b, s = exact("width", width, 0), abs(exact("mean", mean)), positive("sigma", sigma)
    if w == 0:
        return rational(digits, backend, Fraction(0))[0]

    def mass(n: Any, near: Any, far: Any, half: Any) -> tuple[Any]:
        root = n.sqrt(half)
        if w < b:
            return ((n.erfc(near * root) - n.erfc(far * root)) / 2,)
        return ((n.erf(far * root) - n.erf(near * root)) / 2,)

    return certain(mass, digits, backend, (b - w) / s, (b + w) / s, Fraction(1, 2))[0]


def boundary_slope(mean: Any = 0, sigma: Any = 1, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 2 phi(b/sigma)/sigma; see `moecusp.boundary_slope`."""
    b, s = exact("mean", mean), positive("sigma", sigma)
    return certain(
        lambda n, square, s: (n.sqrt(2 / n.pi()) * n.exp(-square) / s,), digits, backend, (b / s) ** 2 / 2, s
    )[0]


def flip_rate(tie_density: Any, noise: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 2 C s/sqrt(pi); see `moecusp.flip_rate`."""
    twice = 2 * exact("tie_density", tie_density, 0) * exact("noise", noise, 0)
    return evaluate(lambda n, twice: (twice / n.sqrt(n.pi()),), digits, backend, twice)


def rounding_flip_rate(tie_density: Any, spacing: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return C d/2; see `moecusp.rounding_flip_rate`."""
    half = exact("tie_density", tie_density, 0) * exact("spacing", spacing, 0) / 2
    return rational(digits, backend, half)[0]


def boundary_remainder(width: Any, sigma: Any = 1, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return w^3/(3 sigma^3 sqrt(2 pi)); see `moecusp.boundary_remainder`."""
    cube = (exact("width", width, 0) / positive("sigma", sigma)) ** 3 / 3
    return evaluate(lambda n, cube: (cube / n.sqrt(2 * n.pi()),), digits, backend, cube)
