"""Wells, means of tanh and half-lengths of the optimal path against their equations in mpmath."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest

import moecusp as mc
from moecusp._numerics import action, escape_slope
from moecusp._numerics.escape_slope import Well

pytestmark = pytest.mark.usefixtures("digits")

GAINS = [1 + 1e-9, 1.01, 1.5, 4.0, 60.0, 1e4]
SHARES = [-(1 - 1e-9), -0.9, -0.3, -1e-7, 0.0]


def one(x: float) -> np.ndarray:
    return np.array([float(x)])


def close(value: np.ndarray, exact: mp.mpf, tolerance: float) -> None:
    assert abs(mp.mpf(float(value[0])) - exact) <= tolerance * abs(exact), (float(value[0]), mp.nstr(exact, 20))


def bisect(f: Callable[[mp.mpf], mp.mpf], low: mp.mpf, high: mp.mpf) -> mp.mpf:
    """Return where an increasing function changes sign."""
    assert f(low) < 0 < f(high)
    for _ in range(110):
        middle = (low + high) / 2
        low, high = (low, middle) if f(middle) > 0 else (middle, high)
    return low


@pytest.mark.parametrize("g", GAINS)
@pytest.mark.parametrize("share", SHARES)
def test_states_of_a_well(g: float, share: float) -> None:
    """In the distance from the fold, where the drift is a gap less phi: 3e-15, or what rounding eta leaves."""
    eta = share * float(mc.fold_asymmetry(g))
    well, deep = Well.of(one(g), one(eta)), Well.of(one(g), one(-eta))
    with mp.workdps(60):
        gain, tilt = mp.mpf(g), mp.mpf(eta)
        turn = mp.acosh(mp.sqrt(gain))

        def force(y: mp.mpf) -> mp.mpf:
            return gain * mp.tanh(turn + y) - (turn + y) + tilt

        top = bisect(lambda y: -force(y), mp.mpf(0), gain + 1)
        low = bisect(force, -turn, mp.mpf(0)) if share < 0 else -turn
        rise = bisect(lambda y: -force(y) + 2 * tilt, mp.mpf(0), gain + 2 * abs(tilt) + 1)  # of the mirror image
        close(well.gap, force(mp.mpf(0)), 2e-16)
        close(well.fold, turn, 2e-15 if g > 1.001 else 2e-14)
        close(well.state(), top, 3e-15)
        close(deep.state(), rise, 3e-15)
        close(well.barrier(), low, 3e-15)
        for y in (top, low, rise):
            close(well.rate(one(y)), 1 - gain * mp.sech(turn + mp.mpf(float(y))) ** 2, 1e-13 if g < 1e3 else 1e-11)
            close(well.phi(one(y)), force(mp.mpf(0)) - force(mp.mpf(float(y))), 1e-14 if g < 1e3 else 1e-12)
        if share < 0:
            v, away = action._unstable(well)
            close(v, -(turn + low) * -1, 3e-15 if g > 1.001 else 3e-14)
            close(away, low, 3e-15)


@pytest.mark.parametrize("x", [0.0, 1e-200, 1e-9, 0.01, 0.3, 0.4999, 0.5, 0.5001, 0.8, 0.999999, 1 - 2.0**-53])
def test_artanh_remainder(x: float) -> None:
    close(escape_slope.artanh_remainder(one(x)), mp.atanh(mp.mpf(x)) - mp.mpf(x), 1e-15)


def average(low: mp.mpf, high: mp.mpf) -> mp.mpf:
    return (mp.log(mp.cosh(high)) - mp.log(mp.cosh(low))) / (high - low)


CENTRES = [0.0, 1e-9, 0.02, 0.4, 0.7499, 0.75, 0.9, 2.0, 7.0, 30.0]
LENGTHS = [1e-10, 1e-3, 0.2, 0.4999, 0.5, 0.5001, 0.9, 1.0, 1.0001, 1.7, 6.0, 40.0, 300.0]


@pytest.mark.parametrize("m", CENTRES)
def test_deficit_of_the_mean(m: float) -> None:
    centre = mp.mpf(m)
    for k in LENGTHS:
        found = escape_slope.mean_tanh_deficit(one(m), one(k))
        with mp.workdps(400):
            length = mp.mpf(k)
            exact = mp.tanh(centre) - average(centre - length, centre + length)
            ends = (mp.tanh(centre + length) + mp.tanh(centre - length)) / 2
            slope = (average(centre - length, centre + length) - ends) / length
        rounding = 2e-16 if k > 1.0 else 0.0  # there it is a difference of two means
        assert abs(mp.mpf(float(found[0])) - exact) <= 5e-15 * exact + rounding
        found = escape_slope.mean_tanh_deficit_slope(one(m), one(k), one(float(exact)))
        assert abs(mp.mpf(float(found[0])) - slope) <= 2e-15 * (abs(slope) + abs(exact) / length) + 2 * rounding
    assert escape_slope.mean_tanh_deficit(one(m), one(0.0))[0] == 0.0
    assert escape_slope.mean_tanh_deficit_slope(one(m), one(0.0), one(0.0))[0] == 0.0


@pytest.mark.parametrize("u", sorted({s * m for m in CENTRES for s in (-1, 1)}))
def test_deficit_of_the_mean_on_one_side(u: float) -> None:
    end = mp.mpf(u)
    for k in LENGTHS:
        with mp.workdps(400):
            length = mp.mpf(k)
            exact = mp.tanh(end) - average(end - 2 * length, end)
            drop = mp.tanh(end) - mp.tanh(end - 2 * length)
        close(escape_slope.one_sided_deficit(one(u), one(k)), exact, 4e-15)
        close(escape_slope.tanh_drop(one(u), one(2 * k)), drop, 1e-15 * (1 + abs(u) + k))
    assert escape_slope.one_sided_deficit(one(u), one(0.0))[0] == 0.0
    assert escape_slope.tanh_drop(one(u), one(0.0))[0] == 0.0


@pytest.mark.parametrize("x", [-800.0, -3.0, -1e-9, 0.0, 0.2, 5.0, 40.0, 299.0])
def test_complements(x: float) -> None:
    with mp.workdps(720):
        exact = mp.mpf(x)
        close(escape_slope.tanh_slope(one(x)), mp.sech(max(exact, -300)) ** 2, 2e-15)
        close(escape_slope.missing(one(x)), 2 / (1 + mp.exp(2 * exact)), 1e-15)
        close(escape_slope.softplus(one(x)), mp.log(1 + mp.exp(-2 * exact)), 1e-15)
        close(escape_slope.mean_missing(one(x), one(x + 3.0)), 1 - average(exact, exact + 3), 2e-15)


class TestHalfLengths:
    """The roots, by bisection on their equations."""

    @pytest.mark.parametrize("g", [1.01, 1.5, 6.0, 80.0, 3e3])
    @pytest.mark.parametrize("m", [1e-3, 0.3, 1.5, 5.0])
    @pytest.mark.parametrize("share", [-0.9, 0.5])
    def test_about_the_centre(self, g: float, m: float, share: float) -> None:
        eta = share * float(mc.fold_asymmetry(g))
        force = max(g * np.tanh(m) - m + eta, 1e-3)
        found = escape_slope.half_length(one(m), one(force), one(g), one(eta))
        with mp.workdps(60):

            def excess(k: mp.mpf) -> mp.mpf:
                return k + g * (mp.tanh(m) - average(m - k, m + k)) - mp.mpf(force)

            close(found, bisect(excess, mp.mpf(10) ** -20, mp.mpf(force)), 4e-15)
        assert escape_slope.half_length(one(m), one(0.0), one(g), one(eta))[0] == 0.0

    @pytest.mark.parametrize("g", [1.01, 1.5, 6.0, 80.0])
    @pytest.mark.parametrize("u", [-4.0, -0.4, 0.0, 0.3, 1.5, 5.0])
    @pytest.mark.parametrize("share", [-0.9, 0.5])
    def test_on_one_side(self, g: float, u: float, share: float) -> None:
        eta = share * float(mc.fold_asymmetry(g))
        fold = np.arccosh(np.sqrt(g))
        force = g * np.tanh(u) - u + eta if u > -fold else 0.0  # there is no path farther out
        found = escape_slope.one_sided_half_length(one(u), one(max(force, 0.0)), one(g), one(eta))
        if force <= 0.0:
            assert found[0] == 0.0
            return
        with mp.workdps(60):

            def excess(k: mp.mpf) -> mp.mpf:
                return g * (mp.tanh(u) - average(u - 2 * k, mp.mpf(u))) - mp.mpf(force)

            high = mp.mpf(2 * g + 2 * fold + 4)
            root = bisect(excess, mp.mpf(10) ** -20, high)
            tight = 1 / max(mp.diff(excess, root) * root / force, mp.mpf(1e-3))
            close(found, root, 4e-15 * float(1 + tight))
