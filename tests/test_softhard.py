"""The soft-hard gap against its integral over the Gaussian density; the ceiling is near the measured worst error."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import precise

GAP = 1e-14  # relative; measured: 2.1e-15


def density(x: mp.mpf, b: float, s: float) -> mp.mpf:
    z = (x - mp.mpf(b)) / mp.mpf(s)
    return mp.exp(-z * z / 2) / (mp.mpf(s) * mp.sqrt(2 * mp.pi))


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


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0, 0.0])
def test_bad_input(bad):
    for name, call in (
        ("sigma", lambda v: mc.soft_hard_gap(1.0, 0.0, v)),
        ("sigma", lambda v: mc.soft_hard_expansion(1.0, 0.0, v)),
        ("sigma", lambda v: mc.soft_hard_remainder(1.0, v)),
        ("temperature", mc.soft_hard_gap),
        ("temperature", mc.soft_hard_expansion),
        ("temperature", mc.soft_hard_remainder),
    ):
        with pytest.raises(mc.ParameterError, match=name):
            call(bad)


def test_bad_means_and_terms():
    for call in (lambda v: mc.soft_hard_gap(1.0, v), lambda v: mc.soft_hard_expansion(1.0, v)):
        with pytest.raises(mc.ParameterError, match="mean"):
            call(np.inf)
    for call in (mc.soft_hard_expansion, mc.soft_hard_remainder):
        for terms in (0, 1.0, True):
            with pytest.raises(mc.ParameterError, match="terms"):
                call(1.0, terms=terms)  # type: ignore[arg-type]


def test_many_terms_are_summed_without_overflow():
    """He_340 alone is beyond the range of a float."""
    assert mc.soft_hard_expansion(0.05, 0.3, 1.0, terms=170) == pytest.approx(0.0263581313561201469, rel=1e-14)
    for t, b, s, terms in [(1e-200, 1e-199, 1e-200, 4), (1e306, 3e305, 1e307, 30), (0.07, 20.0, 1.0, 9)]:
        exact = float(precise.soft_hard_expansion(t, b, s, terms, digits=40))
        assert mc.soft_hard_expansion(t, b, s, terms) == pytest.approx(exact, rel=1e-12)
    assert mc.soft_hard_expansion(1e200, 0.3, 1.0, terms=3) == np.inf
    assert mc.soft_hard_expansion(1e200, 0.3, 1.0, terms=4) == -np.inf


@pytest.mark.parametrize("terms", [1, 2, 7, 50, 136, 200])
@pytest.mark.parametrize(("t", "s"), [(0.0220831621, 0.0206138034), (0.1, 1.0), (3e300, 7.1e300), (1e-5, 0.03)])
def test_remainder_to_four_units_in_the_last_place(t, s, terms):
    with mp.workdps(50):
        exact = 2 * mp.altzeta(2 * terms + 1) * mp.fac2(2 * terms - 1) / mp.sqrt(2 * mp.pi)
        exact *= (mp.mpf(t) / mp.mpf(s)) ** (2 * terms + 1)
        found = float(mc.soft_hard_remainder(t, s, terms))
        assert found == float(exact) == np.inf or abs(found - exact) <= 4 * np.spacing(float(exact))


@pytest.mark.parametrize("b", [38.0, 38.5, 39.5, 45.0, 59.0])
def test_expansion_where_the_density_at_zero_is_no_normal_float(b):
    for t, terms in [(1e5, 3), (1e100, 1), (1e100, 3)]:
        exact = float(precise.soft_hard_expansion(t, b, 1.0, terms, digits=40))
        assert mc.soft_hard_expansion(t, b, 1.0, terms) == pytest.approx(exact, rel=1e-14, abs=1e-322)


def test_the_number_of_terms_has_an_upper_bound():
    for call in (mc.soft_hard_expansion, mc.soft_hard_remainder):
        assert np.isfinite(call(0.05, terms=200))
        with pytest.raises(mc.ParameterError, match=r"^terms = 201: terms must be an integer >= 1 and <= 200$"):
            call(0.05, terms=201)
