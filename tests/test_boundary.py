"""Boundary mass against integrals of the Gaussian density; ceilings are near the measured worst errors."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc

MASS, SLOPE = 2e-15, 1e-15  # relative; measured: 8.1e-16 and 2.8e-16
SCALES = st.floats(-6, 2).map(lambda p: 10.0**p)
SPREADS = st.sampled_from([1.0, 0.3, 17.0, 1e-200, 1e200])


def density(x: mp.mpf, b: float, s: float) -> mp.mpf:
    z = (x - mp.mpf(b)) / mp.mpf(s)
    return mp.exp(-z * z / 2) / (mp.mpf(s) * mp.sqrt(2 * mp.pi))


def mass(w: float, b: float, s: float) -> mp.mpf:
    """P(|xi| <= w), with digits enough for any cancellation met here."""
    with mp.workdps(420):
        r = mp.mpf(s) * mp.sqrt(2)
        return (mp.erf((mp.mpf(w) - mp.mpf(b)) / r) + mp.erf((mp.mpf(w) + mp.mpf(b)) / r)) / 2


def relative(value: float, exact: mp.mpf) -> float:
    return float(abs(mp.mpf(float(value)) / exact - 1))


class TestBoundaryMass:
    @given(SCALES, st.floats(-37, 37), SPREADS)
    def test_definition(self, width, mean, sigma):
        w, b = width * sigma, mean * sigma
        assert relative(mc.boundary_mass(w, b, sigma), mass(w, b, sigma)) <= MASS

    @given(SCALES, st.floats(-16, 0).map(lambda p: 10.0**p), st.sampled_from([-1.0, 1.0]))
    def test_slab_that_ends_at_the_mean(self, mean, distance, side):
        w = mean * (1.0 + side * distance)
        if 0 < w and abs(w - mean) < 37:
            assert relative(mc.boundary_mass(w, mean, 1.0), mass(w, mean, 1.0)) <= MASS

    def test_definition_as_an_integral(self):
        with mp.workdps(40):
            exact = mp.quad(lambda x: density(x, 2.0, 0.7), [-0.3, 0.3])
        assert relative(mc.boundary_mass(0.3, 2.0, 0.7), exact) <= MASS

    @given(SCALES, st.floats(-30, 30), SCALES)
    def test_even_in_the_mean_and_scale_free(self, w, b, s):
        assert mc.boundary_mass(w, b, s) == mc.boundary_mass(w, -b, s)
        assert mc.boundary_mass(4 * w, 4 * b, 4 * s) == mc.boundary_mass(w, b, s)

    def test_limits(self):
        assert mc.boundary_mass(0.0, 3.0, 1.0) == 0.0
        assert mc.boundary_mass(1e308, 1e308, 1e-308) == 0.5
        assert mc.boundary_mass(1.0, 1e308, 1e-308) == 0.0
        assert mc.boundary_mass(1e308, 0.0, 1e-308) == 1.0
        assert mc.boundary_mass(1e308, -1e308, 1e308) == pytest.approx(0.4772498680518208)
        assert mc.boundary_mass(np.float32(1.0)).dtype == np.float32


class TestBoundarySlope:
    @given(st.floats(-37, 37), SPREADS)
    def test_twice_the_density(self, mean, sigma):
        with mp.workdps(50):
            exact = 2 * density(mp.mpf(0), mean * sigma, sigma)
        if mp.mpf(10) ** -300 < exact < mp.mpf(10) ** 300:
            assert relative(mc.boundary_slope(mean * sigma, sigma), exact) <= SLOPE

    @given(st.floats(-5, 5), st.floats(-3, 0.5), st.floats(0.1, 10))
    def test_remainder(self, mean, power, sigma):
        w = 10.0**power * sigma
        error = abs(mass(w, mean, sigma) - mp.mpf(w) * mp.mpf(float(mc.boundary_slope(mean, sigma))))
        assert error <= mc.boundary_remainder(w, sigma) * (1 + 1e-9) + 1e-15 * w / sigma

    def test_remainder_is_sharp(self):
        error = 0.01 * mc.boundary_slope() - mc.boundary_mass(0.01)
        assert error == pytest.approx(mc.boundary_remainder(0.01), rel=1e-4)

    def test_sets_the_critical_feedback_of_hard_routing(self):
        """kappa_c = mu sigma sqrt(pi/2) (section 4), and the tie graph of two experts gives mu/(2 c)."""
        assert 1 / mc.boundary_slope(0.0, 1.3) == pytest.approx(1.3 * np.sqrt(np.pi / 2), rel=1e-15)

    def test_overflow(self):
        assert mc.boundary_slope(0.0, 1e-320) == np.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0])
def test_bad_input(bad):
    for name, call in (
        ("width", mc.boundary_mass),
        ("width", mc.boundary_remainder),
        ("sigma", lambda v: mc.boundary_mass(1.0, 0.0, v)),
        ("sigma", lambda v: mc.boundary_slope(0.0, v)),
        ("sigma", lambda v: mc.boundary_remainder(1.0, v)),
    ):
        with pytest.raises(mc.ParameterError, match=name):
            call(bad)


def test_bad_means_and_shapes():
    for call in (lambda v: mc.boundary_mass(1.0, v), mc.boundary_slope):
        with pytest.raises(mc.ParameterError, match="mean"):
            call(np.nan)
    with pytest.raises(mc.ParameterError, match="broadcast"):
        mc.boundary_mass([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(mc.ParameterError, match="sigma"):
        mc.boundary_mass(1.0, 0.0, 0.0)
