"""One test a statement: folds and cusp, against points with F = F' = 0 found without any closed form."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import pytest

from proofs.statements import value
from tests.definitions import drift, fold, near, numbers

pytestmark = pytest.mark.usefixtures("digits")
GAINS = (1.001, 1.3, 2.0, 7.5)


def cubic(u: Any, g: Any, eta: Any) -> Any:
    return eta + (g - 1) * u - g / 3 * u**3


@pytest.mark.statement("fold.curve")
def test_curve() -> None:
    for u in numbers(-3, 3):
        g, eta = (value("fold.curve", name, u=u) for name in ("g", "eta"))
        assert near(drift(u, g, eta), 0)
        assert near(mp.diff(lambda x, g=g: drift(x, g, 0), u), 0)
        assert near(value("fold.curve", "double", u=u), eta)


@pytest.mark.statement("fold.dimensional")
def test_dimensional() -> None:
    """Scores at rest with a double root, in units with mu = 0.7, beta = 1.3."""
    mu, beta, u = mp.mpf("0.7"), mp.mpf("1.3"), mp.mpf("0.8")
    kappa, h = (value("fold.dimensional", name, u=u, mu=mu, beta=beta) for name in ("kappa", "h"))

    def rate(difference: Any) -> Any:
        return kappa * mp.tanh(beta * difference / 2) - mu * difference + h

    assert near(rate(2 * u / beta), 0)
    assert near(mp.diff(rate, 2 * u / beta), 0)


@pytest.mark.statement("fold.asymmetry")
def test_asymmetry() -> None:
    for g in map(mp.mpf, GAINS):
        eta_f = value("fold.asymmetry", "eta_f", g=g)
        assert near(eta_f, fold(g)[1])
        assert near(eta_f, value("fold.asymmetry", "double", v=value("fold.asymmetry", "v", g=g)))


@pytest.mark.statement("fold.slope")
def test_slope() -> None:
    for g in map(mp.mpf, GAINS[1:]):
        assert near(mp.diff(lambda x: fold(x)[1], g), value("fold.slope", "slope", g=g), 1e-9)
        curvature = value("fold.slope", "curvature", g=g)
        assert near(mp.diff(lambda x: value("fold.slope", "slope", g=x), g), curvature, 1e-9)


@pytest.mark.statement("fold.expansion")
def test_expansion() -> None:
    d = mp.mpf("0.001")
    rest = fold(1 + d)[1] - value("fold.expansion", "eta_f", d=d)
    assert abs(rest) < d ** mp.mpf("4.5")
    assert abs(rest) > 0.05 * d ** mp.mpf("4.5")  # the next coefficient is -5/72


@pytest.mark.statement("fold.outer")
def test_outer_bound() -> None:
    for g in map(mp.mpf, GAINS):
        height, upper = fold(g)[1], value("fold.outer", "upper", d=g - 1)
        assert height < upper
        assert upper < 1.07 * height or g > 8


@pytest.mark.statement("fold.bounds")
def test_bounds() -> None:
    for g in map(mp.mpf, GAINS):
        lower, upper = (value("fold.bounds", name, d=g - 1) for name in ("lower", "upper"))
        assert lower < fold(g)[1] < upper


@pytest.mark.statement("fold.gain")
def test_gain() -> None:
    for v in numbers(0.1, 3):
        g = value("fold.gain", "g", v=v)
        assert near(fold(g)[1], value("fold.asymmetry", "double", v=v))
        assert near(mp.diff(lambda x: fold(x)[1], g), value("fold.gain", "rate", v=v), 1e-9)


@pytest.mark.statement("fold.imbalance")
def test_imbalance() -> None:
    for g in map(mp.mpf, GAINS):
        assert near(-mp.tanh(fold(g)[0]), value("fold.imbalance", "m", g=g))


@pytest.mark.statement("fold.nondegenerate")
def test_nondegenerate() -> None:
    for g in map(mp.mpf, GAINS):
        u, eta = fold(g)
        assert near(mp.diff(lambda x, g=g: drift(x, g, 0), -u, 2), value("fold.nondegenerate", "F_uu", g=g), 1e-9)
        assert near(mp.diff(lambda e, u=u, g=g: drift(u, g, e), eta), value("fold.nondegenerate", "F_eta"), 1e-9)


@pytest.mark.statement("fold.hysteresis")
def test_hysteresis() -> None:
    """A slow sweep of eta up and down with small steps jumps where it should, to the step's size."""
    g, step = 2.0, 0.002
    width = float(value("fold.hysteresis", "width", g=mp.mpf(g)))
    jumps = []
    for way in (1, -1):
        u, eta = -2.0 * way, -1.0 * way
        while u * way < 0:
            eta += way * step
            for _ in range(200):
                u += 0.2 * float(drift(mp.mpf(u), g, eta)) if abs(u) > 3 else 0.2 * _fast(u, g, eta)
        jumps.append(eta)
    assert width <= jumps[0] - jumps[1] < width + 10 * step


def _fast(u: float, g: float, eta: float) -> float:
    return g * math.tanh(u) - u + eta


@pytest.mark.statement("cusp.normal_form")
def test_normal_form() -> None:
    for g in numbers(0.2, 3):
        names = {0: "eta", 1: "mu", 3: "cubic"}
        taylor = mp.taylor(lambda x, g=g: drift(x, g, mp.mpf("0.3")), 0, 4)
        for order, coefficient in enumerate(taylor):
            claimed = value("cusp.normal_form", names[order], g=g, eta=mp.mpf("0.3")) if order in names else 0
            assert near(coefficient, claimed, 1e-9)


@pytest.mark.statement("cusp.remainder")
def test_remainder() -> None:
    for u, g in zip(numbers(0.01, 5, 20), numbers(0.1, 3, 20), strict=True):
        rest = drift(u, g, 0) - cubic(u, g, 0)
        assert 0 < rest < value("cusp.remainder", "bound", u=u, g=g)


@pytest.mark.statement("cusp.conditions")
def test_conditions() -> None:
    assert near(mp.diff(lambda x: drift(x, 1, 0), 0, 3), value("cusp.conditions", "F_uuu"), 1e-9)

    def at(*orders: int) -> Any:
        return mp.diff(drift, (0, 1, 0), orders)  # orders in u, g, eta

    determinant = at(0, 0, 1) * at(1, 1, 0) - at(0, 1, 0) * at(1, 0, 1)
    assert near(determinant, value("cusp.conditions", "determinant"), 1e-9)


@pytest.mark.statement("cusp.coordinates")
def test_coordinates() -> None:
    """The mismatch falls like the seventh power of the scale."""

    def mismatch(e: Any) -> Any:
        d, eta, w = 0.7 * e**2, 0.4 * e**3, 0.9 * e
        u = value("cusp.coordinates", "u", w=w, d=d, eta=eta)
        rate = mp.diff(lambda x: value("cusp.coordinates", "u", w=x, d=d, eta=eta), w)
        beta1, beta2 = value("cusp.coordinates", "beta1", eta=eta, d=d), value("cusp.coordinates", "beta2", d=d)
        return abs(drift(u, 1 + d, eta) * rate - (beta1 + beta2 * w - w**3 / 3))

    small = mp.mpf("0.01")
    assert near(mp.log(mismatch(2 * small) / mismatch(small), 2), 7, 0.01)


@pytest.mark.statement("cubic.count")
def test_cubic_count() -> None:
    for g, mu, eta in ((2.0, 1.0, 0.1), (2.0, 1.0, 0.9), (0.5, -1.0, 0.2), (3.0, 2.0, -0.3)):
        roots = mp.polyroots([-mp.mpf(g) / 3, 0, mu, eta], maxsteps=200, extraprec=200)
        real = sum(abs(mp.im(r)) < 1e-20 for r in roots)
        assert (real == 3) == bool(value("cubic.count", "three", g=g, mu=mu, eta=eta))
        assert not value("cubic.count", "two", g=g, mu=mu, eta=eta)
    # -(x - 1)^2 (x + 2) = -x^3 + 3 x - 2
    assert value("cubic.count", "two", g=3, mu=3, eta=-2)
    assert not value("cubic.count", "two", g=3, mu=0, eta=0)


@pytest.mark.statement("cusp.set")
def test_cusp_set() -> None:
    for g in map(mp.mpf, GAINS):
        u, eta = value("cusp.set", "u", g=g), value("cusp.set", "eta", g=g)
        assert near(cubic(u, g, -eta), 0)
        assert near(mp.diff(lambda x, g=g: cubic(x, g, 0), u), 0, 1e-9)
