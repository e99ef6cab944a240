"""The exponent of the stationary density against its integral, and the panels against the trapezoidal rule."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from numpy.typing import NDArray

import moecusp as mc
from moecusp._numerics import density

Array = NDArray[np.float64]

ROUTERS = [
    (0.3, 0.0, 0.7),
    (0.5, -0.2, 1e-4),
    (0.9, 0.05, 1.0),
    (1.0, 0.0, 1e-2),
    (1.0, 0.0, 1e-6),
    (1.0 + 1e-9, 1e-13, 1e-8),
    (0.9999, -1e-5, 3.2e-4),
    (1.2, 0.0, 1.0),
    (1.2, 0.01, 1e-3),
    (1.5, 0.3, 0.1),
    (2.0, 0.5, 2e-2),
    (2.0, -0.53, 1e-3),  # next to the fold
    (3.0, 0.0, 1.0),
    (3.0, 6.0, 0.5),
    (4.0, -1.0, 0.05),
    (6.0, 0.0, 1.0),
    (0.01, 0.02, 1.0),
    (0.05, -3.0, 0.1),
]


def exponent(u: float, g: float, eta: float, delta: float) -> mp.mpf:
    """2 log cosh u + (2/(delta g^2)) int_0^u F cosh^2, by quadrature of its definition."""
    g, eta, delta, u = (mp.mpf(float(v)) for v in (g, eta, delta, u))

    def flow(x: mp.mpf) -> mp.mpf:
        return (g * mp.tanh(x) - x + eta) * mp.cosh(x) ** 2

    panels = mp.linspace(0, u, 2 + int(abs(u)))
    return 2 * mp.log(mp.cosh(u)) + 2 / (delta * g**2) * mp.quad(flow, panels, method="gauss-legendre")


def refined(g: float, eta: float, delta: float) -> tuple[float, list[tuple[float, float]], float]:
    """Return log of the integral, the means of the slopes and of their sizes, and the size of what the exponent sums.

    Its error falls faster than any power of the step, for the integrand is entire and 0 at both ends.
    """
    states = mc.equilibria(g, eta).u
    states = states[~np.isnan(states)]
    narrow = np.min(delta**0.5 * g / np.cosh(states)) * 0.1
    reach = 0.5 + np.max(np.abs(states)) + min(3.0, 14.0 * delta**0.25)
    u = np.arange(-reach, reach, min(narrow, 0.01))
    every = density._exponent(u, *(np.full_like(u, v) for v in (g, eta, delta)))
    best = every.max()
    weights = np.exp(every - best)
    total = weights.sum()
    slopes = density._slopes(u, *(np.full_like(u, v) for v in (g, eta, delta)))
    terms = 2.0 / delta / g / g * np.max((g + abs(eta) + np.abs(u)) * np.cosh(u) ** 2 * (weights > 1e-9))
    step = u[1] - u[0]
    means = [(float((s * weights).sum() / total), float((abs(s) * weights).sum() / total)) for s in slopes]
    return best + np.log(total * step), means, float(terms)


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize(("g", "eta", "delta"), [(0.3, 0.0, 1.0), (1.0, 1e-9, 0.1), (1.5, -0.4, 0.01), (4.0, 2.0, 0.3)])
def test_the_exponent_is_its_integral(g: float, eta: float, delta: float) -> None:
    for u in (-9.0, -1.0, -0.4, 1e-5, 0.3, 0.999, 1.0, 1.001, 2.5, 30.0):
        value = density._exponent(*(np.array([v]) for v in (u, g, eta, delta)))[0]
        exact = exponent(u, g, eta, delta)
        terms = mp.cosh(u) ** 2 * min(u * u, 1) * (g + abs(u)) / (delta * g * g) + abs(eta * mp.sinh(2 * u)) / delta / g
        assert abs(mp.mpf(float(value)) - exact) < 1e-15 * (abs(exact) + 4 * terms)


@pytest.mark.usefixtures("digits")
def test_next_to_the_cusp_the_exponent_keeps_its_quartic() -> None:
    for g in (1.0, 1.0 + 1e-10, 1.0 - 1e-6):
        for u in (1e-3, -0.05, 0.2, 0.7, 1.0):
            value = density._exponent(*(np.array([v]) for v in (u, g, 0.0, 1e-3)))[0]
            assert abs(mp.mpf(float(value)) / exponent(u, g, 0.0, 1e-3) - 1) < 1e-14


def closed(u: float, g: mp.mpf, eta: mp.mpf, delta: mp.mpf) -> mp.mpf:
    """The exponent but for 2 log cosh u, with its integral in closed form."""
    x = mp.mpf(u)
    force = g * mp.sinh(x) ** 2 / 2 - x * (x + mp.sinh(2 * x)) / 4 + mp.sinh(x) ** 2 / 4
    return 2 / (delta * g**2) * (force + eta * (x / 2 + mp.sinh(2 * x) / 4))


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize(("g", "eta", "delta"), [(0.3, 0.1, 1.0), (1.5, -0.4, 0.01), (4.0, 2.0, 0.3)])
@pytest.mark.parametrize("u", [-2.0, 0.8, 3.0])
def test_slopes_of_the_exponent(g: float, eta: float, delta: float, u: float) -> None:
    found = density._slopes(*(np.array([v]) for v in (u, g, eta, delta)))
    router = (mp.mpf(g), mp.mpf(eta), mp.mpf(delta))
    for k, value in enumerate(found):
        order = [int(j == k) for j in range(3)]
        exact = mp.diff(lambda *moved: closed(u, *moved), router, tuple(order))
        assert float(value[0]) == pytest.approx(float(exact), rel=1e-13)


def test_far_out() -> None:
    """Beyond every float the density is 0, and its slopes are those of the last state that is told apart."""
    u, g, eta, delta = np.array([-1e300, -301.0, 301.0, 1e300]), *(np.full(4, v) for v in (1.5, 0.2, 0.1))
    with np.errstate(all="raise", under="ignore"):
        assert density.log_density(u, g, eta, delta).tolist() == [-np.inf] * 4
        by_gain, by_asymmetry, by_delta = density.log_density_slopes(u, g, eta, delta)
        mirrored = density.log_density_slopes(-u, g, -eta, delta)
    for part, other, sign in zip((by_gain, by_asymmetry, by_delta), mirrored, (1, -1, 1), strict=True):
        assert np.isfinite(part).all()
        assert part[0] == part[1]
        assert part[2] == part[3]
        np.testing.assert_allclose(part, sign * other, rtol=1e-12)


@pytest.mark.parametrize(("g", "eta"), [(3.0, 0.0), (0.5, 0.9), (1.0, -4.0)])
def test_where_it_is_resolved(g: float, eta: float) -> None:
    """As long as 2/(delta g^2) (g + |eta| + 1) exp(2 |u|) at the outermost state is below 1e9."""
    outermost = np.nanmax(np.abs(mc.equilibria(g, eta).u))
    least = 2 / g**2 * (g + abs(eta) + 1) * np.exp(2 * outermost) / 1e9
    found = density._every(np.array([[g, g], [eta, eta], [least * 1.001, least * 0.999]]), slopes=True)
    assert np.isnan(found).tolist() == [[False, True]] * 4


class TestPanels:
    @pytest.mark.parametrize("router", ROUTERS)
    def test_logarithm_of_the_integral(self, router: tuple[float, float, float]) -> None:
        exact, means, terms = refined(*router)
        for slopes in (False, True):
            found = density._every(np.array(router)[:, None], slopes=slopes)[:, 0]
            assert abs(found[0] - exact) < 4e-15 + 1e-15 * (terms + abs(exact))
        for value, (mean, size) in zip(found[1:], means, strict=True):
            assert abs(value - mean) < size * (1e-14 + 1e-15 * terms)

    def test_together(self) -> None:
        """Every router of a chunk has as many panels as the one that needs most."""
        found = density._every(np.array(ROUTERS).T)[0]
        for router, value in zip(ROUTERS, found, strict=True):
            exact, _, terms = refined(*router)
            assert abs(value - exact) < 4e-15 + 1e-15 * (terms + abs(exact))
