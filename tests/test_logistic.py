"""Means over Gaussian margins against a finer rule on graded panels of the definition, in mpmath at the hard points."""

from __future__ import annotations

from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest

from moecusp._numerics import gauss, logistic

WEIGHTS = sorted(logistic._WEIGHTS)


def one(x: float) -> np.ndarray:
    return np.array([float(x)])


def nodes(points: np.ndarray, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes and weights of a composite rule with panels between the points given."""
    x, w = np.polynomial.legendre.leggauss(count)
    points = np.unique(points)
    middle, half = 0.5 * (points[1:] + points[:-1]), 0.5 * np.diff(points)
    return (middle[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel()


def decay(shift: float, rate: float, power: int, weight: str, odd: bool) -> tuple[float, float]:
    """Return E q w/(1 + q)^power with q = exp(-|x|), x ~ N(shift, rate^2), and the largest exponent met."""
    drift = shift / rate
    peak = max(drift - rate, 0.0)
    ends = [0.0, *np.geomspace(1e-3 / (1.0 + rate + drift), 1.0, 30), *np.arange(max(peak - 12, 0), peak + 13, 0.5)]
    z, w = nodes(np.array(ends))
    near, far = -0.5 * (z - drift) ** 2, -2.0 * drift * z
    size = rate * z
    best = float(np.max(near - size))
    sides = -np.expm1(far) if odd else 1.0 + np.exp(far)
    factor = {"one": np.ones_like(z), "size": size, "bend": -np.expm1(-size)}[weight]
    values = np.exp(near - size - best) * sides * factor / (1.0 + np.exp(-size)) ** power
    return float(np.sum(values * w) / np.sqrt(2 * np.pi)), best


POINTS = [
    (0.0, 1e-3),
    (0.0, 0.3),
    (0.0, 2.0),
    (0.0, 30.0),
    (0.0, 1e6),
    (1e-7, 0.5),
    (0.2, 0.9),
    (1.0, 1.0),
    (1.1, 0.01),
    (3.0, 0.4),
    (3.0, 40.0),
    (4.0, 2.0),
    (9.1, 3.0),
    (12.0, 1.3),
    (30.0, 0.7),
    (30.0, 5.5),
    (55.0, 50.0),
    (60.0, 7.7),
    (300.0, 290.0),
]


class TestMeanDecay:
    @pytest.mark.parametrize(("weight", "power"), WEIGHTS)
    @pytest.mark.parametrize("odd", [False, True])
    def test_definition(self, weight: str, power: int, odd: bool) -> None:
        shift, rate = np.array(POINTS).T
        with np.errstate(all="ignore"):
            pairs = (gauss.ratio(shift, np.ones_like(shift)), gauss.ratio(rate, np.ones_like(rate)))
            mean, root = logistic.mean_decay(*pairs, gauss.ratio(shift, rate), power, weight, odd)
        for k, point in enumerate(POINTS):
            value, best = decay(*point, power, weight, odd)
            if value == 0.0:  # odd about 0
                assert mean[k] == 0.0
                continue
            logarithm = np.log(mean[k]) + 2.0 * np.log(root[k])
            assert logarithm == pytest.approx(np.log(value) + best, rel=0, abs=4e-15 * (1 + abs(best)))

    @pytest.mark.parametrize(("weight", "power"), WEIGHTS)
    @pytest.mark.parametrize("odd", [False, True])
    @pytest.mark.parametrize("rate", [1e-40, 1e-21, 1e-19, 1e-12, 1e12, 1e19, 1e21, 1e40])
    @pytest.mark.parametrize("drift", [0.01, 0.7, 6.0])
    def test_limits(self, weight: str, power: int, odd: bool, rate: float, drift: float) -> None:
        """A margin with no scatter beside the temperature, and one with nothing but scatter.

        The first is q w/(1 + q)^power at x = b, times erf for the sign (with "size", the mean of |x|), the second the
        density at 0 (with the sign, its slope) times the integral of q w/(1 + q)^power, found here by quadrature.
        """
        with np.errstate(all="ignore"):
            pairs = gauss.product(one(rate), one(drift)), gauss.ratio(one(rate), one(1.0))
            mean, root = logistic.mean_decay(*pairs, gauss.ratio(one(drift), one(1.0)), power, weight, odd)
        with mp.workdps(30):
            r, d = mp.mpf(rate), mp.mpf(drift)
            sign = mp.erf(d / mp.sqrt(2)) if odd else mp.mpf(1)
            if rate < 1:
                size = mp.sqrt(2 / mp.pi) * mp.exp(-d * d / 2) + d * mp.erf(d / mp.sqrt(2))
                factor = {"one": sign, "size": d if odd else size, "bend": d if odd else size}[weight]
                exact = factor * (1 if weight == "one" else r) / mp.mpf(2) ** power
            else:

                def kernel(a: mp.mpf) -> mp.mpf:
                    q = mp.exp(-a)
                    return (
                        q * {"one": mp.mpf(1), "size": a, "bend": 1 - q}[weight] / (1 + q) ** power * (a if odd else 1)
                    )

                area = mp.quad(kernel, [0, 4, 12, 40, 120])
                exact = mp.sqrt(2 / mp.pi) * mp.exp(-d * d / 2) * area / r * (d / r if odd else 1)
            found = mp.mpf(float(mean[0])) * mp.mpf(float(root[0])) ** 2
            assert abs(found / exact - 1) < 1e-14 + (2 * rate if rate < 1 else 2 / rate) * (1 + drift**2)

    @pytest.mark.parametrize(("weight", "power"), WEIGHTS)
    @pytest.mark.parametrize("odd", [False, True])
    @pytest.mark.parametrize("rate", [1e-300, 1e-40, 1e-25])
    @pytest.mark.parametrize("shift", [1e-3, 0.7, 30.0])
    def test_no_scatter(self, weight: str, power: int, odd: bool, rate: float, shift: float) -> None:
        """A margin far from 0 beside its scatter: the value at it."""
        pairs = gauss.ratio(one(shift), one(1.0)), gauss.ratio(one(rate), one(1.0)), gauss.ratio(one(shift), one(rate))
        with np.errstate(all="ignore"):
            mean, root = logistic.mean_decay(*pairs, power, weight, odd)
        q = np.exp(-shift)
        exact = q * {"one": 1.0, "size": shift, "bend": -np.expm1(-shift)}[weight] / (1.0 + q) ** power
        assert mean[0] * root[0] ** 2 == pytest.approx(exact, rel=1e-15)

    def test_far_below_the_smallest_float(self) -> None:
        """E q/(1 + q)^2 = exp(rate^2/2 - shift) to rounding where the margin stays far on one side."""
        for temperature, shift, rate in ((0.7, 900.0, 1.3), (0.9, 1300.0, 21.0), (1.1, 1400.0, 17.3)):
            t, b, s = one(temperature), one(shift), one(rate)
            mean, root = logistic.mean_decay(gauss.ratio(b, t), gauss.ratio(s, t), gauss.ratio(b, s), 2)
            with mp.workdps(40):
                above, below = mp.mpf(rate) / mp.mpf(temperature), mp.mpf(shift) / mp.mpf(temperature)
                exact = mp.exp(above**2 / 4 - below / 2)
                assert abs(mp.mpf(float(root[0])) / exact - 1) < 3e-16
            assert mean[0] == pytest.approx(1.0, abs=3e-15)


def definition(function, w: float, s: float) -> mp.mpf:
    """E f(w + s zeta) by a composite rule of 30 digits, in panels short beside both the scatter and the temperature."""
    reach = 14 * s
    step = min(2.0, 2.0 * s)
    ends = sorted({mp.mpf(w) + mp.mpf(s) * k for k in range(-14, 15)} | {step * k for k in range(-60, 61)})
    inside = [x for x in ends if abs(x - w) <= reach]
    return mp.fsum(
        mp.quad(lambda x: function(x) * mp.npdf(x, w, s), pair, method="gauss-legendre", maxdegree=3)
        for pair in pairwise(inside)
    )


CASES = [(0.05, 0.3), (0.3, 2.0), (0.49, 1e-3), (0.51, 1.9), (1.0, 4.0), (2.0, 0.1), (5.0, 18.0)]


@pytest.mark.parametrize(("s", "w"), CASES)
def test_mean_of_the_bend_and_of_the_deficit(s: float, w: float) -> None:
    """-G'' and G - w G' of G(w) = E tanh((w + s zeta)/2), each from the derivatives of tanh."""
    with mp.workdps(30):
        value = definition(lambda x: mp.tanh(x / 2), w, s)
        slope = definition(lambda x: mp.sech(x / 2) ** 2 / 2, w, s)
        bend = definition(lambda x: mp.tanh(x / 2) * mp.sech(x / 2) ** 2 / 2, w, s)
        assert abs(logistic.mean_tanh(one(w), s)[0] / value - 1) < 2e-15
        assert abs(logistic.mean_bend(one(w), s)[0] / bend - 1) < 3e-15
        assert abs(logistic.mean_deficit(one(w), s)[0] / (value - w * slope) - 1) < 1e-14


class TestFinerRule:
    """The same means by rules with panels and nodes of their own, over many widths at once."""

    @pytest.mark.parametrize("s", [1e-6, 0.03, 0.4, 1.0, 2.7, 4.4, 7.0, 20.0, 77.0, 1e3, 1e6])
    def test_mean_tanh(self, s: float) -> None:
        w = np.concatenate([[0.0], np.geomspace(1e-6, 60.0, 24) * (1 + s)])
        found = logistic.mean_tanh(w, s)
        for at, value in zip(w, found, strict=True):
            y, weights = nodes(
                np.unique(np.clip(np.concatenate([np.arange(26) * 0.5 * s, at + np.arange(-60, 61) * 1.0]), 0, 12 * s))
            )
            opened = (1 + np.exp(np.minimum(y - at, 700))) * (1 + np.exp(-at - y))
            pair = np.exp(-0.5 * (y / s) ** 2) / opened
            exact = -np.expm1(-2 * at) * np.sqrt(2 / np.pi) / s * np.sum(pair * weights)
            assert value == pytest.approx(exact, rel=4e-15)

    @pytest.mark.parametrize("s", [0.03, 0.5, 1.0, 2.7, 4.4, 7.0, 20.0, 77.0, 1e3, 1e5])
    def test_mean_bend(self, s: float) -> None:
        w = np.concatenate([[0.0], np.geomspace(1e-6, 4.0, 20) * (1 + s)])
        found = logistic.mean_bend(w, s)
        for at, value in zip(w, found, strict=True):
            around = np.concatenate([at + s * np.arange(-24, 25) * 0.5, np.arange(121) * 1.0])
            y, weights = nodes(np.clip(around, max(at - 12 * s, 0.0), min(at + 12 * s, 120.0 + at)))
            q = np.exp(-y)
            pair = np.exp(-0.5 * ((y - at) / s) ** 2) * -np.expm1(-2 * at * y / s**2)
            exact = np.sqrt(2 / np.pi) / s * np.sum(weights * q * -np.expm1(-y) / (1 + q) ** 3 * pair)
            assert value == pytest.approx(exact, rel=6e-15)
