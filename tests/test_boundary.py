"""Boundary mass and soft-hard gap against integrals of the Gaussian density; ceilings are measured worst errors."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc

MASS, SLOPE, GAP = 2e-15, 1e-15, 1e-14  # relative; measured: 8.1e-16, 2.8e-16 and 2.1e-15
SCALES = st.floats(-6, 2).map(lambda p: 10.0**p)
SPREADS = st.sampled_from([1.0, 0.3, 17.0, 1e-200, 1e200])


def density(x: mp.mpf, b: float, s: float) -> mp.mpf:
    z = (x - mp.mpf(b)) / mp.mpf(s)
    return mp.exp(-z * z / 2) / (mp.mpf(s) * mp.sqrt(2 * mp.pi))


def mass(w: float, b: float, s: float) -> mp.mpf:
    """P(|xi| <= w), with digits enough for any cancellation met here."""
    with mp.workdps(600):
        r = mp.mpf(s) * mp.sqrt(2)
        return (mp.erf((mp.mpf(w) - mp.mpf(b)) / r) + mp.erf((mp.mpf(w) + mp.mpf(b)) / r)) / 2


def gap(t: float, b: float, s: float) -> mp.mpf:
    """E 1/(1 + exp(|xi|/T)), by panels no longer than s, finer near 0 and the peak."""
    with mp.workdps(30):
        peak = max(mp.mpf(0), mp.mpf(b) - mp.mpf(s) ** 2 / mp.mpf(t))
        small = min(mp.mpf(t), mp.mpf(s)) / 2
        graded = [small * mp.mpf(2) ** j for j in range(-1, 14)]
        around = [max(peak + i * mp.mpf(s), 0) for i in range(-14, 15)]
        points = sorted({p for p in [mp.mpf(0), *graded, *around] if p <= peak + 14 * s})

        def integrand(y: mp.mpf) -> mp.mpf:
            return (density(y, b, s) + density(-y, b, s)) / (1 + mp.exp(y / mp.mpf(t)))

        scale = integrand(peak)  # for quad's tolerance is absolute
        return scale * small * mp.quad(lambda y: integrand(y) / scale / small, points)


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


class TestSoftHardGap:
    @pytest.mark.parametrize("b", [0.0, 1e-3, 0.5, 3.0, 12.0, 33.0, 200.0])
    @pytest.mark.parametrize("t", [1e-9, 1e-3, 0.08, 0.333, 1.0, 7.0, 300.0])
    def test_definition(self, t, b):
        for s in (1.0, 0.6):
            exact = gap(t, b, s)
            assert exact < mp.mpf(10) ** -290 or relative(mc.soft_hard_gap(t, b, s), exact) <= GAP

    @pytest.mark.parametrize("b", [2.0, 9.0, 11.0, 30.0])
    def test_where_the_peak_leaves_zero(self, b):
        for shift in [0.0, 1e-9, 0.5, -0.5, min(8.9999, b - 0.01), min(9.0001, b - 0.01)]:
            t = 1 / (b - shift)
            assert relative(mc.soft_hard_gap(t, b, 1.0), gap(t, b, 1.0)) <= GAP

    @given(st.floats(-3, 3), st.floats(-20, 20), st.floats(0.1, 10))
    def test_bounded_and_rising_with_temperature(self, power, b, s):
        t = 10.0**power
        value = mc.soft_hard_gap(t, b, s)
        assert 0 <= value <= mc.soft_hard_gap(1.1 * t, b, s) <= 0.5
        assert value == mc.soft_hard_gap(t, -b, s)

    def test_extremes(self):
        flat = 2 * np.log(2) / np.sqrt(2 * np.pi)
        assert mc.soft_hard_gap(1e308, 0.0, 1e-308) == 0.5
        assert mc.soft_hard_gap(1e-308, 1e308, 1.0) == 0.0
        assert mc.soft_hard_gap(1e-300, 0.0, 1e300) == 0.0
        assert mc.soft_hard_gap(1e-300, 0.0, 1.0) == pytest.approx(flat * 1e-300, rel=1e-14)
        assert mc.soft_hard_gap(2.0, 3.0, 1e-300) == pytest.approx(1 / (1 + np.exp(1.5)), rel=1e-14)
        assert mc.soft_hard_gap(1.0, 1.0, 1e200) == pytest.approx(flat * 1e-200, rel=1e-14)


class TestSoftHardExpansion:
    @given(st.floats(-3, -0.5), st.floats(-4, 4), st.floats(0.3, 3), st.integers(1, 8))
    def test_within_the_remainder(self, power, b, s, terms):
        t = 10.0**power * s
        error = abs(mc.soft_hard_expansion(t, b, s, terms) - mc.soft_hard_gap(t, b, s))
        assert error <= mc.soft_hard_remainder(t, s, terms) + 1e-14 * t / s

    @pytest.mark.parametrize("terms", [1, 2, 3])
    def test_coefficients(self, terms):
        """The term left out is the derivative of the Gaussian density, differentiated with 50 digits."""
        with mp.workdps(50):
            n = terms
            bend = mp.diff(lambda x: density(x, 0.7, 1.0), 0, 2 * n)
            exact = 2 * mp.altzeta(2 * n + 1) * bend * mp.mpf("0.1") ** (2 * n + 1)
        term = mc.soft_hard_expansion(0.1, 0.7, 1.0, terms + 1) - mc.soft_hard_expansion(0.1, 0.7, 1.0, terms)
        assert term == pytest.approx(float(exact), rel=1e-9)

    def test_leading_term(self):
        assert mc.soft_hard_expansion(0.2, 0.0, 2.0) == pytest.approx(np.log(2) * 0.2 * mc.boundary_slope(0.0, 2.0))

    def test_remainder_is_sharp_at_zero_mean(self):
        error = abs(mc.soft_hard_expansion(0.01, terms=2) - mc.soft_hard_gap(0.01))
        assert error == pytest.approx(mc.soft_hard_remainder(0.01, terms=2), rel=2e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0])
def test_bad_input(bad):
    calls = {
        "width": [lambda v: mc.boundary_mass(v), lambda v: mc.boundary_remainder(v)],
        "sigma": [
            lambda v: mc.boundary_mass(1.0, 0.0, v),
            lambda v: mc.boundary_slope(0.0, v),
            lambda v: mc.boundary_remainder(1.0, v),
            lambda v: mc.soft_hard_gap(1.0, 0.0, v),
            lambda v: mc.soft_hard_expansion(1.0, 0.0, v),
            lambda v: mc.soft_hard_remainder(1.0, v),
        ],
        "temperature": [mc.soft_hard_gap, mc.soft_hard_expansion, mc.soft_hard_remainder],
    }
    for name, functions in calls.items():
        for call in functions:
            with pytest.raises(mc.ParameterError, match=name):
                call(bad)


def test_bad_means_terms_and_shapes():
    with pytest.raises(mc.ParameterError, match="mean"):
        mc.boundary_mass(1.0, np.nan)
    with pytest.raises(mc.ParameterError, match="mean"):
        mc.soft_hard_gap(1.0, np.inf)
    for call in (mc.soft_hard_expansion, mc.soft_hard_remainder):
        with pytest.raises(mc.ParameterError, match="terms"):
            call(1.0, terms=0)
    with pytest.raises(mc.ParameterError, match="broadcast"):
        mc.boundary_mass([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(mc.ParameterError, match="sigma"):
        mc.boundary_mass(1.0, 0.0, 0.0)
