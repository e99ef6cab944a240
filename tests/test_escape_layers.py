"""Escape barriers of strong feedback, whose path has layers, against panels graded towards every one of them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.examples import examples

CEILING = 1e-14  # relative; measured 2.3e-15


@cache
def rule(count: int = 12) -> list[tuple[mp.mpf, mp.mpf]]:
    """The nodes and weights of the Gauss-Legendre rule on [-1, 1]."""
    with mp.workdps(50):
        nodes = [mp.mpf(float(x)) for x in np.polynomial.legendre.leggauss(count)[0]]
        for _ in range(3):
            nodes = [x - mp.legendre(count, x) / mp.diff(lambda t: mp.legendre(count, t), x) for x in nodes]
        slopes = [count * mp.legendre(count - 1, x) / (1 - x * x) for x in nodes]
        return [(x, 2 / ((1 - x * x) * s * s)) for x, s in zip(nodes, slopes, strict=True)]


def bisect(f, low: mp.mpf, high: mp.mpf) -> mp.mpf:
    rising = f(high) > 0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if (f(middle) > 0) == rising else (middle, high)
    return (low + high) / 2


def panels(middle: mp.mpf, top: mp.mpf) -> list[mp.mpf]:
    """Panels that double in length away from both states and from u = 0.

    At the stable state p has a logarithmic layer, exponentially thin: what is cut off there is 2^-70 of the path.
    """
    half = (top - middle) / 2
    points = {middle, middle + half, top} | {top - half * mp.mpf(2) ** -j for j in range(1, 70)}
    points |= {middle + half * mp.mpf(2) ** -j for j in range(1, max(3, int(mp.log(32 * half, 2)) + 1))}
    if middle < 0:
        sizes = [mp.mpf(2) ** j for j in range(-2, int(mp.log(half, 2)))]
        points |= {mp.mpf(0), *sizes, *(-size for size in sizes if -size > middle)}
    return sorted(points)


def momentum(force: mp.mpf, g: mp.mpf, eta: mp.mpf, u: mp.mpf) -> mp.mpf:
    """The non-zero root of p (u - eta) = log(cosh(p g + u)/cosh u)."""

    def excess(p: mp.mpf) -> mp.mpf:
        return mp.log(mp.cosh(p * g + u) / mp.cosh(u)) - p * (u - eta)

    p = max(-2 * force * mp.cosh(u) ** 2 / g**2, -mp.mpf(20))
    while excess(p) < 0:
        p *= 2
    for _ in range(60):  # convex and positive here: Newton's method descends to the root
        step = excess(p) / (g * mp.tanh(p * g + u) - (u - eta))
        p -= step
        if abs(step) < abs(p) * mp.mpf(10) ** -20:
            break  # next to a state it goes on for ever, in the last digits of a p that does not count
    return p


def diffusion(force: mp.mpf, g: mp.mpf, eta: mp.mpf, u: mp.mpf) -> mp.mpf:
    return -2 * force * mp.cosh(u) ** 2 / g**2


def path(gain: float, asymmetry: float, root) -> mp.mpf:
    """The integral of -p from the middle to the upper equilibrium."""
    with mp.workdps(36 + int(np.log10(gain))):
        g, eta = mp.mpf(gain), mp.mpf(asymmetry)

        def drift(u: mp.mpf) -> mp.mpf:
            return g * mp.tanh(u) - u + eta

        turn = mp.acosh(mp.sqrt(g))
        middle, top = bisect(drift, -turn, turn), bisect(drift, turn, g + abs(eta) + 1)
        total = mp.mpf(0)
        for low, high in pairwise(panels(middle, top)):
            for x, weight in rule():
                u = (low + high) / 2 + (high - low) / 2 * x
                total -= (high - low) / 2 * weight * root(drift(u), g, eta, u)
        return total


def fold(g: float, share: float) -> float:
    return float(mc.fold_asymmetry(g)) * share


CASES = [
    (7.0, 0.9),
    (20.0, 0.25),
    (20.0, -0.9),
    (77.35, -0.25),
    (77.35, 1 - 1e-8),
    (300.0, 0.0),
    (300.0, -0.1),
    (1e4, -0.9),
    (1e4, -(1 - 1e-8)),
    (1e6, 0.1),
    (1e6, -0.25),
    (1e6, -0.999),
    (1e12, -0.25),
    (1e12, 0.9),
    (1e12, -0.9),
]


@pytest.mark.parametrize(("g", "share"), CASES)
def test_large_deviation_action(g, share):
    eta = fold(g, share)
    assert abs(mp.mpf(float(mc.escape_barrier(g, eta)[1])) / path(g, eta, momentum) - 1) < CEILING
    assert mc.escape_barrier(g, -eta)[0] == mc.escape_barrier(g, eta)[1]


@pytest.mark.parametrize(
    ("g", "share"), [(11.3, 0.0), (20.0, -0.5), (77.35, 0.25), (300.0, 0.1), (345.0, -0.5), (1e4, -(1 - 1e-6))]
)
def test_integral_of_the_drift(g, share):
    eta = fold(g, share)
    assert abs(mp.mpf(float(mc.diffusion_barrier(g, eta)[1])) / path(g, eta, diffusion) - 1) < CEILING


def scatter(values) -> float:
    """The largest relative sixth difference of a sequence: what smoothness in the parameter does not explain."""
    return float(np.max(np.abs(np.diff(values, 6))) / np.min(np.abs(values)))


class TestSmoothness:
    """Panels that miss a layer show as scatter between neighbouring gains."""

    @examples(40)
    @given(st.floats(-2, 12), st.floats(-0.999, 0.999))
    def test_barriers(self, power, share):
        g = 1 + 10.0**power * (1 + 1e-9 * np.arange(12))
        values = mc.escape_barrier(g, share * mc.fold_asymmetry(g))[:, 0]
        slope = np.polynomial.Polynomial.fit(np.arange(12.0), values / values[0] - 1, 1)
        assert np.max(np.abs(values / values[0] - 1 - slope(np.arange(12.0)))) < 1e-11

    @pytest.mark.parametrize("share", [-0.9, -0.25, 0.0, 0.25, 0.9])
    def test_across_gains(self, share):
        """Steps of 0.2 % in g, one by one, so that the panels change on the way."""
        for g in (77.35, 1e3, 1e6):
            gains = g * np.exp(2e-3 * np.arange(14))
            eta = share * mc.fold_asymmetry(gains)
            barriers = [float(mc.escape_barrier(*pair)[0]) / pair[0] for pair in zip(gains, eta, strict=True)]
            times = [float(mc.log_escape_time(*pair, 1.0)[0]) / pair[0] for pair in zip(gains, eta, strict=True)]
            assert scatter(barriers) < 1e-12
            assert scatter(times) < 1e-11

    def test_asymmetry_through_zero(self):
        for g in (77.35, 1e4):
            barriers = mc.escape_barrier(g, g * np.linspace(-1e-3, 1e-3, 21))[:, 1]
            assert scatter(barriers) < 1e-12


@pytest.mark.parametrize("share", [-0.9, -0.5, -0.1, 0.0])
def test_limit_of_strong_feedback(share):
    """With sign for tanh u - w = 2 g u/(g + u - eta), and S is the integral of (u - w)/g over 0 < u < G = g + eta."""
    exact = 2 * ((1 + share) + (1 - share) * np.log((1 - share) / 2))
    for g in (1e15, 1e100, 1e149):
        assert mc.escape_barrier(g, share * g)[1] / g == pytest.approx(exact, rel=2e-13)
        assert np.isfinite(mc.log_escape_time(g, share * g, 1.0)).all()
    assert np.isnan(mc.escape_barrier(1e150, share * 1e150)).all()
