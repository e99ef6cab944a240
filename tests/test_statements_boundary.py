"""One test a statement: boundary mass and the expansions of soft around hard routing, against quadrature."""

from __future__ import annotations

from functools import partial
from typing import Any

import mpmath as mp
import pytest

from proofs.statements import value
from tests.definitions import near, numbers

pytestmark = pytest.mark.usefixtures("digits")


def mass(w: Any, b: Any, sigma: Any) -> Any:
    return mp.quad(lambda x: mp.npdf(x, b, sigma), [-w, 0, w])


@pytest.mark.statement("boundary.flips")
def test_flips() -> None:
    """2 C times the integral over m of P(|difference| > m)/2, the densities of the difference by their definitions."""
    for c, s, d in zip(numbers(0.1, 2), numbers(0.1, 2), numbers(0.1, 2), strict=True):
        given = {"C": c, "s": s, "d": d}
        for name, found in (
            ("gaussian", 2 * c * mean_excess(partial(mp.npdf, mu=0, sigma=mp.sqrt(2) * s), 40 * s)),
            ("independent", 2 * c * mean_excess(partial(triangle, d), d)),
            ("rounding", c * d * mp.quad(lambda x: 1 - x, [0, 1])),  # a tie at a share 1 - m/d of the places, halved
        ):
            assert near(found, value("boundary.flips", name, **given))


def mean_excess(density: Any, top: Any) -> Any:
    return mp.quad(lambda x: x * density(x), [0, top / 4, top])


def triangle(d: Any, x: Any) -> Any:
    return (d - x) / d**2


@pytest.mark.statement("boundary.mass")
def test_mass() -> None:
    for w, b, sigma in zip(numbers(0.1, 2), numbers(-2, 2), numbers(0.5, 2), strict=True):
        assert near(mass(w, b, sigma), value("boundary.mass", "M", w=w, b=b, sigma=sigma))


@pytest.mark.statement("boundary.slope")
@pytest.mark.statement("boundary.remainder")
def test_slope_and_remainder() -> None:
    for w in map(mp.mpf, ("0.001", "0.1", "1", "3")):
        for b, sigma in zip(numbers(-2, 2), numbers(0.5, 2), strict=True):
            rest = mass(w, b, sigma) - w * value("boundary.slope", "slope", b=b, sigma=sigma)
            assert abs(rest) <= value("boundary.remainder", "bound", w=w, sigma=sigma)
    rest = mass(mp.mpf("0.001"), 0, 1) - value("boundary.slope", "slope", b=0, sigma=1) / 1000
    assert near(-rest / value("boundary.remainder", "bound", w=mp.mpf("0.001"), sigma=1), 1, 1e-5)  # it is sharp


@pytest.mark.statement("boundary.critical")
def test_boundary_critical() -> None:
    """Load of hard routing with a Gaussian margin: its derivative by the score difference over 2 is c."""
    mu, sigma = mp.mpf("0.7"), mp.mpf("1.3")
    c = mp.diff(lambda s: mp.ncdf(s, 0, sigma), 0)  # d load 1/d s_1
    assert near(c, value("boundary.critical", "c", sigma=sigma), 1e-12)
    kappa = value("boundary.critical", "kappa", mu=mu, c=c)
    assert near(mp.diff(lambda z: kappa * (2 * mp.ncdf(z, 0, sigma) - 1) - mu * z, 0), 0, 1e-12)


@pytest.mark.statement("boundary.arcsine")
def test_arcsine() -> None:
    """E sign sign = 4 P(both positive) - 1, by quadrature of the conditional probability."""
    for rho in map(mp.mpf, ("-0.7", "0.2", "0.9")):
        both = mp.quad(lambda x, r=rho: mp.npdf(x) * mp.ncdf(r * x / mp.sqrt(1 - r**2)), [0, 1, 3, 12])
        assert near(4 * both - 1, value("boundary.arcsine", "E", rho=rho), 1e-12)


def soft(of: Any, temperature: Any) -> Any:
    return 2 * mp.quad(lambda x: mp.npdf(x) * of(x / temperature), mp.linspace(0, 60 * temperature, 20))


@pytest.mark.statement("softhard.expansion")
def test_gap() -> None:
    T = mp.mpf("0.01")
    exact = soft(lambda y: 1 / (mp.exp(y) + 1), T)
    density = [mp.npdf(0), -mp.npdf(0), 3 * mp.npdf(0)]
    partial = mp.mpf(0)
    for n, derivative in enumerate(density):
        partial += value("softhard.expansion", "coefficient", n=n) * derivative * T ** (2 * n + 1)
        assert abs(exact - partial) < 20 * T ** (2 * n + 3)
    assert near(value("softhard.expansion", "coefficient", n=0), value("softhard.expansion", "leading"))


@pytest.mark.statement("softhard.gap")
@pytest.mark.statement("softhard.remainder")
def test_gap_and_remainder() -> None:
    """Mean of the smaller load for a margin N(b, 1), against the partial sums with f's even derivatives at the tie."""
    T = mp.mpf("0.1")
    for b in (mp.mpf(0), mp.mpf("0.8")):
        smaller = [mp.exp(-abs(x) / T) / (1 + mp.exp(-abs(x) / T)) for x in (mp.mpf("0.3"), mp.mpf("-0.2"))]
        assert near(smaller[0], value("softhard.gap", "share", x=mp.mpf("0.3"), T=T))
        assert near(smaller[1], value("softhard.gap", "share", x=mp.mpf("0.2"), T=T))
        panels = mp.linspace(0, 5, 40)
        exact = mp.quad(
            lambda x, b=b: value("softhard.gap", "share", x=x, T=T) * (mp.npdf(x, b) + mp.npdf(-x, b)), panels
        )
        partial = mp.mpf(0)
        for terms in (1, 2, 3):
            n = terms - 1
            even = mp.diff(lambda x, b=b: mp.npdf(x, b), 0, 2 * n)
            partial += value("softhard.expansion", "coefficient", n=n) * even * T ** (2 * n + 1)
            assert abs(exact - partial) < value("softhard.remainder", "bound", T=T, sigma=1, N=terms)


@pytest.mark.statement("softhard.variance")
def test_soft_variance() -> None:
    T = mp.mpf("0.01")
    exact = soft(lambda y: 1 / (4 * mp.cosh(y / 2) ** 2), T)
    first = value("softhard.variance", "first") * mp.npdf(0) * T
    second = -value("softhard.variance", "second") * mp.npdf(0) * T**3
    assert abs(exact - first - second) < 20 * T**5
    assert abs(exact - first) > 0.5 * T**3
