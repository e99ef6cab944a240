import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.reference import drift as exact_drift
from tests.reference import real, ulps

reduced = st.floats(-20.0, 20.0)
gains = st.floats(0.0, 10.0)


@given(reduced, gains, reduced)
def test_drift_by_its_definition(u, gain, asymmetry):
    with mp.workdps(60):
        exact = exact_drift(real(u), real(gain), real(asymmetry))
        scale = abs(gain * np.tanh(u)) + abs(u) + abs(asymmetry)
        assert abs(mp.mpf(float(mc.drift(u, gain, asymmetry))) - exact) <= 1e-15 * scale + 1e-320


def test_drift_near_the_cusp_keeps_its_digits():
    """At g = 1 the drift is -u^3/3 + ...: the naive tanh u - u keeps no digit at u = 1e-6."""
    with mp.workdps(60):
        exact = exact_drift(real(1e-6), real(1.0), real(0.0))
        assert ulps(mc.drift(1e-6, 1.0), exact) <= 4
        assert ulps(np.tanh(1e-6) - 1e-6, exact) > 1e3


@given(st.floats(-350.0, 350.0), gains)
def test_slope_is_the_derivative_of_the_drift(u, gain):
    with mp.workdps(60 + 2 * int(abs(u))):
        exact = mp.diff(lambda x: exact_drift(x, real(gain), mp.mpf(0)), real(u))
        assert mc.slope(u, gain) == pytest.approx(float(exact), rel=1e-14, abs=1e-15 * (1 + gain))


@given(reduced, gains, reduced)
def test_potential_falls_with_the_drift(u, gain, asymmetry):
    """V = -integral of F from 0, by quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    x = 0.5 * u * (nodes + 1.0)
    integral = -0.5 * u * np.sum(weights * mc.drift(x, gain, asymmetry))
    assert mc.potential(u, gain, asymmetry) == pytest.approx(integral, rel=1e-9, abs=1e-9)


def test_potential_of_many_points_is_that_of_each():
    """Points of both forms, in blocks and in any layout, have the bits that they have alone."""
    rng = np.random.default_rng(3)
    u, g, eta = rng.normal(0, 2, 40_000), rng.uniform(0, 3, 40_000), rng.normal(size=40_000)
    u[:4], eta[:4] = [2.0, -2.0, np.nextafter(2.0, 3), 0.0], 0.0
    together = mc.potential(u, g, eta)
    for k in [0, 1, 2, 3, *rng.integers(0, 40_000, 200), 16383, 16384, 39_999]:
        assert together[k] == mc.potential(u[k], g[k], eta[k])
    columns = [x.reshape(400, 100).T for x in (u, g, eta)]
    np.testing.assert_array_equal(mc.potential(*columns), together.reshape(400, 100).T)


def test_potential_far_out_and_close_in():
    assert mc.potential(1e200, 2.0) == np.inf
    assert mc.potential(1000.0, 2.0) == pytest.approx(1000.0**2 / 2 - 2 * (1000 - np.log(2)), rel=1e-15)
    assert mc.potential(1e-9, 3.0) == pytest.approx(-(1e-18), rel=1e-12)


@given(reduced, gains, reduced)
def test_odd_symmetry(u, gain, asymmetry):
    assert mc.drift(-u, gain, -asymmetry) == -mc.drift(u, gain, asymmetry)
    assert mc.potential(-u, gain, -asymmetry) == mc.potential(u, gain, asymmetry)
