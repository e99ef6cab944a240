"""Quotients over the whole range of exponents, against exact fractions: nothing overflows or underflows on the way."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import precise

LARGEST = Fraction(np.finfo(np.float64).max)
positive = st.builds(math.ldexp, st.floats(0.5, 1.0, exclude_max=True), st.integers(-1073, 1024))
counts = st.sampled_from([2, 3, 1000, 2**53])


def ulps(value: Any, exact: Fraction) -> float:
    """Return the distance in units of the last place, of the smallest float where the result is subnormal."""
    if abs(exact) > LARGEST:
        return 0.0 if math.isinf(value) or abs(value) == LARGEST else math.inf
    if not math.isfinite(value):
        return 0.0 if abs(exact) > LARGEST * Fraction(1 - 2**-50) else math.inf
    return float(abs(Fraction(float(value)) - exact) / Fraction(math.ulp(float(exact))))


@given(positive, positive, positive, counts)
@example(1e200, 1e300, 1e200, 2)
@example(1e308, 1.5e308, 1.0, 2)
@example(5e-324, 5e-324, 5e-324, 3)
def test_reduced_parameters(x: float, y: float, z: float, k: int) -> None:
    a, b, c = map(Fraction, (x, y, z))
    assert ulps(mc.gain(x, y, z, k), a * c / (k * b)) <= 2.0
    assert ulps(mc.critical_feedback(x, y, k), k * a / b) <= 2.0
    assert ulps(mc.reduced_asymmetry(-x, y, z), -a * c / (2 * b)) <= 2.0


@given(st.lists(st.tuples(positive, positive, positive), min_size=2, max_size=4))
@example([(1.0, 1.0, 1.0), (1e200, 1e300, 1e200)])
@example([(1.0, 1.0, 1.0), (1e-200, 1e-300, 1e-200)])
def test_an_array_is_its_elements(rows: list[tuple[float, float, float]]) -> None:
    """Bit by bit: one element far out changes how the others are computed, and nothing else."""
    columns = np.array(rows).T
    assert mc.gain(*columns).tolist() == [mc.gain(*row) for row in rows]
    assert mc.reduced_asymmetry(*columns).tolist() == [mc.reduced_asymmetry(*row) for row in rows]


def test_the_two_that_were_wrong() -> None:
    assert mc.gain(1e200, 1e300, 1e200) == pytest.approx(5e99, rel=4e-16)
    assert mc.gain(1e308, 1.5e308) == pytest.approx(1 / 3, rel=4e-16)


@given(positive, positive, positive, positive)
@example(1.0, 5e-324, 5e-324, 5e-324)
@example(1e-10, 1e308, 1.7e308, 1.7e308)
def test_ecology(t: float, h: float, o: float, b: float) -> None:
    exact = Fraction(t) * Fraction(h) / (Fraction(o) + Fraction(b))
    assert ulps(mc.ecology_parameter(t, h, o, b), exact) <= 2.5
    assert ulps(mc.mean_field_competitor(h, o, b), (Fraction(h) + Fraction(b)) / Fraction(o)) <= 2.0


@given(positive, st.floats(-5.0, 4.0))
@example(1.3e108, 2.36)
def test_remainder_of_the_boundary(sigma: float, power: float) -> None:
    """Ratios up to 10^103: their cube overflows before the bound does."""
    width = sigma * 10.0 ** (power * 25.7)
    if not 0.0 < width < math.inf:
        return
    exact = (Fraction(width) / Fraction(sigma)) ** 3 * Fraction(math.sqrt(2 / math.pi)) / 6
    assert ulps(mc.boundary_remainder(width, sigma), exact) <= 5.0


@given(positive, st.floats(-45.0, 45.0))
@example(3.456278191601541e-216, 49.0)
@example(5e-324, 38.0)
def test_slope_of_the_boundary_where_the_gaussian_alone_is_no_float(sigma: float, z: float) -> None:
    mean = z * sigma
    if not abs(mean) < 1e308:
        return
    with mp.workdps(40):
        s = mp.mpf(sigma)
        value = mp.sqrt(2 / mp.pi) * mp.exp(-((mp.mpf(mean) / s) ** 2) / 2) / s
        man, exp = mp.frexp(value)
        exact = Fraction(int(man * 2**120)) * (Fraction(2) ** (int(exp) - 120) if exp > -2000 else 0)
    assert ulps(mc.boundary_slope(mean, sigma), exact) <= 4.0


@pytest.mark.parametrize(("u", "g"), [(360.0, 1.79e308), (-372.5, 1.7e308), (354.8, 1e308), (500.0, 1.0)])
def test_slope_of_the_drift_where_the_square_of_sech_is_subnormal(u: float, g: float) -> None:
    with mp.workdps(400):
        term = g * mp.sech(u) ** 2
        assert abs(mp.mpf(float(mc.slope(u, g))) - (term - 1)) <= 3e-16 * max(1, term)


def test_variances() -> None:
    """B r (2 - delta r) beyond the range of a float, and gains there."""
    for g, eta, step, batch in [(0.5, 0.1, 0.5, 1.7e308), (0.999, 0.0, 1.0, 1e308), (1e-160, 0.0, 1.0, 1.0)]:
        exact = precise.stationary_variance(g, eta, step, batch, digits=40)
        exact = mp.mpf(str(next(iter(exact)) if isinstance(exact, (tuple, list)) else exact))
        value = float(mc.stationary_variance(g, eta, step, batch)[0])
        assert abs(mp.mpf(value) - exact) <= 4 * math.ulp(float(exact))
    assert mc.stationary_variance(1.7e308, 1e307, 1.0)[[0, 2]].tolist() == [0.0, 0.0]


@given(positive, positive, positive)
@example(1e308, 1e-300, 1.0)
@example(1e-300, 1e-305, 1.0)
def test_folds_in_units(kappa: float, mu: float, beta: float) -> None:
    """2 mu/beta eta_f(g): the feedback itself where g exceeds the range of a float."""
    h = mc.RouterParameters(kappa, mu, beta).folds()
    g = Fraction(kappa) * Fraction(beta) / (2 * Fraction(mu))
    if g > 2**60:
        assert h == kappa
    elif g > 1 + Fraction(1, 2**20):
        fold = Fraction(float(mc.fold_asymmetry(float(g)))) * 2 * Fraction(mu) / Fraction(beta)
        assert ulps(h, fold) <= 2.5 + 8.0 * 2**21 / (1 if g < 2 else 2**20)  # what the rounding of g leaves
    elif g < 1 - Fraction(1, 2**20):
        assert math.isnan(h)
