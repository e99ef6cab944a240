"""Tie densities and boundary masses of curved interfaces: against their defining integrals and a count of samples."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.examples import examples


def relative(value, exact):
    return float(abs(mp.mpf(float(value)) / exact - 1))


class TestSphereTieDensity:
    @given(st.floats(-3, 0.8).map(lambda p: 10.0**p), st.integers(1, 200))
    def test_chi_squared(self, share, dimension):
        r = share * dimension**0.5
        with mp.workdps(60):
            q, half = mp.mpf(r) ** 2 / 2, mp.mpf(dimension) / 2
            exact = mp.exp((half - 1) * mp.log(q) - q - mp.loggamma(half)) / 2
        if exact > mp.mpf(10) ** -300:
            assert relative(mc.sphere_tie_density(r, dimension), exact) <= 3e-13

    @pytest.mark.parametrize("dimension", [10**4, 10**6])
    def test_many_dimensions(self, dimension):
        """Near the peak r^2 = d, where Gamma alone overflows."""
        r = dimension**0.5 * np.array([0.999, 1.0, 1.001])
        with mp.workdps(60):
            half = mp.mpf(dimension) / 2
            exact = [
                mp.exp((half - 1) * mp.log(mp.mpf(x) ** 2 / 2) - mp.mpf(x) ** 2 / 2 - mp.loggamma(half)) / 2 for x in r
            ]
        for found, wanted in zip(mc.sphere_tie_density(r, dimension), exact, strict=True):
            assert relative(found, wanted) <= 1e-12

    def test_no_gaussian_stage_is_left_out(self):
        """Both formulas meet between d = 17 and 18."""
        ratios = [mc.sphere_tie_density(3.0, d + 2) * d / mc.sphere_tie_density(3.0, d) for d in range(1, 30)]
        np.testing.assert_allclose(ratios, 9.0, rtol=1e-13)


class TestEllipseTieDensity:
    @examples(20)
    @given(st.floats(0.05, 6.0), st.floats(-3, 3).map(lambda p: 10.0**p))
    def test_integral_over_the_ellipse(self, r, b):
        with mp.workdps(30):
            radius, root = mp.mpf(r), mp.sqrt(mp.mpf(b))

            def over(t):
                return mp.npdf(radius * mp.cos(t)) * mp.npdf(radius * mp.sin(t) / root) / root

            exact = 2 * mp.quad(over, mp.linspace(0, mp.pi / 2, 9))
        assert relative(mc.ellipse_tie_density(r, b), exact) <= 1e-13

    def test_a_circle(self):
        np.testing.assert_allclose(
            mc.ellipse_tie_density([0.3, 2.0], 1.0), mc.sphere_tie_density([0.3, 2.0], 2), rtol=1e-15
        )


class TestParabolaTieDensity:
    @given(st.floats(-9, 9).map(lambda p: 10.0**p), st.sampled_from([-1.0, 1.0]))
    def test_closed_form(self, k, sign):
        with mp.workdps(40):
            q = 1 / (16 * mp.mpf(k) ** 2)
            exact = mp.exp(q) * mp.besselk(mp.mpf(1) / 4, q) / (4 * mp.pi * mp.mpf(k))
        assert relative(mc.parabola_tie_density(sign * k), exact) <= 1e-14

    def test_straight_and_sharp(self):
        flat = 1 / np.sqrt(2 * np.pi)
        assert mc.parabola_tie_density(0.0) == pytest.approx(flat, rel=1e-15)
        assert mc.parabola_tie_density(5e-324) == pytest.approx(flat, rel=1e-15)
        sharp = mc.parabola_tie_density([1e100, 1e300])
        assert sharp[1] / sharp[0] == pytest.approx(1e-100, rel=1e-13)


class TestBoundaryMasses:
    @examples(15)
    @given(st.floats(-8, 1.5).map(lambda p: 10.0**p))
    def test_saddle_against_its_margin(self, w):
        """Given the product's first factor p, |2 p q| <= w iff |q| <= w/(2 p)."""
        with mp.workdps(25):
            width = mp.mpf(w)

            def given_log(v):
                p = mp.exp(v)
                return 2 * mp.npdf(p) * p * mp.erf(width / (2 * p * mp.sqrt(2)))

            exact = mp.quad(given_log, mp.linspace(mp.log(width) - 60, 3, 80))
        assert relative(mc.saddle_boundary_mass(w), exact) <= 1e-12

    def test_saddle_is_not_linear(self):
        w = np.array([1e-6, 1e-3])
        log_law = w / np.pi * (np.log(4 / w) - np.euler_gamma + 1)
        np.testing.assert_allclose(mc.saddle_boundary_mass(w), log_law, rtol=1e-6)
        assert mc.saddle_boundary_mass([0.0, 1e308]).tolist() == [0.0, 1.0]

    def test_counted(self):
        """2e6 points; 5 standard errors, false alarms below 1e-5 in all."""
        x, y = np.random.default_rng(5).normal(size=(2, 2_000_000))
        for margin, mass in (
            (y * y - x * x, lambda w: mc.saddle_boundary_mass(w)),
            (x**3, lambda w: mc.power_boundary_mass(w, 3.0)),
        ):
            for w in (0.01, 0.3):
                share = float(mass(w))
                assert np.mean(np.abs(margin) <= w) == pytest.approx(share, abs=5 * (share / x.size) ** 0.5)

    def test_tie_densities_counted(self):
        """The slab of width w holds 2 c w + O(w^3); 2e6 points, 5 standard errors."""
        x, y = np.random.default_rng(6).normal(size=(2, 2_000_000))
        w = 0.02
        for margin, c in (
            (x * x + y * y - 1.0, mc.sphere_tie_density(1.0, 2)),
            (x * x + 2.5 * y * y - 1.69, mc.ellipse_tie_density(1.3, 2.5)),
            (y - x * x, mc.parabola_tie_density(1.0)),
        ):
            share = 2 * float(c) * w
            assert np.mean(np.abs(margin) <= w) == pytest.approx(share, abs=5 * (share / x.size) ** 0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0, 0.0])
def test_bad_input(bad):
    for name, call in (
        ("radius", lambda v: mc.sphere_tie_density(v, 2)),
        ("radius", lambda v: mc.ellipse_tie_density(v, 1.0)),
        ("ratio_of_weights", lambda v: mc.ellipse_tie_density(1.0, v)),
        ("power", lambda v: mc.power_boundary_mass(1.0, v)),
    ):
        with pytest.raises(mc.ParameterError, match=name):
            call(bad)


@pytest.mark.parametrize("bad", [0, 1.5, True, "2", None])
def test_bad_dimension(bad):
    with pytest.raises(mc.ParameterError, match="dimension"):
        mc.sphere_tie_density(1.0, bad)


def test_shapes():
    with pytest.raises(mc.ParameterError, match="broadcast"):
        mc.ellipse_tie_density([1.0, 2.0], [1.0, 2.0, 3.0])
    assert mc.power_boundary_mass([[0.1], [0.2]], [1.0, 2.0, 3.0]).shape == (2, 3)
