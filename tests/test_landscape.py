"""The landscape near the hard limit: Gaussian means and stationary points against their definitions by mpmath."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.examples import examples


def relative(value, exact):
    return float(abs(mp.mpf(float(value)) / exact - 1))


class TestRoutingSaddle:
    @examples(12)
    @given(st.floats(-4, 3).map(lambda p: 10.0**p))
    def test_moments(self, temperature):
        with mp.workdps(25):
            t = mp.mpf(temperature)
            ends = [0, t, 4 * t, 16 * t, 60 * t] if t < 0.15 else mp.linspace(0, 14, 15)
            rest = [60 * t, 1 + 60 * t, 14] if t < 0.15 else [14, 15]
            power = mp.quad(lambda x: 2 * mp.npdf(x) * mp.tanh(x / (2 * t)) ** 2, ends) + mp.quad(
                lambda x: 2 * mp.npdf(x) * mp.tanh(x / (2 * t)) ** 2, rest
            )
            coupling = mp.sqrt(2 / mp.pi) * mp.quad(lambda x: mp.npdf(x) / t / mp.cosh(x / (2 * t)) ** 2, ends)
            found = mc.routing_saddle(temperature)
            assert relative(found.power, power) <= 1e-14
            assert relative(found.coupling, coupling) <= 1e-14
            low, high = mp.eigsy(mp.matrix([[2 * power, -2 * coupling], [-2 * coupling, 0]]), eigvals_only=True)
            assert relative(found.growth_rate, -low) <= 1e-14
            assert relative(found.decay_rate, high) <= 1e-14

    def test_hard_limit(self):
        hard = mc.routing_saddle(0.0)
        assert hard.growth_rate == pytest.approx(0.618993186606233, rel=1e-14)
        np.testing.assert_allclose(mc.routing_saddle([1e-9, 1e-8]).growth_rate, hard.growth_rate, rtol=1e-7)

    def test_cooling_couples_but_the_growth_has_a_peak(self):
        t = np.linspace(0.0, 1.0, 2001)
        found = mc.routing_saddle(t)
        assert np.all(np.diff(found.coupling) < 0)
        assert t[np.argmax(found.growth_rate)] == pytest.approx(0.246, abs=1e-3)
        assert found.growth_rate.max() > 1.1 * found.growth_rate[0]


class TestSoftRiskConstant:
    @given(st.floats(-4, 2).map(lambda p: 10.0**p))
    def test_closed_form(self, alpha):
        with mp.workdps(70):
            a = mp.mpf(alpha)
            exact = 4 * mp.gamma(a + 1) * (mp.altzeta(a) - mp.altzeta(a - 1))
        assert relative(mc.soft_risk_constant(alpha), exact) <= 1e-13

    def test_is_the_limit_of_the_risk(self):
        """P(|margin| <= w) = w^alpha on [0, 1]: the excess risk at T = 0.02, up to exp(-50)."""
        for alpha in (0.5, 1.0, 2.0):
            t = mp.mpf("0.02")
            excess = mp.quad(
                lambda w, a=alpha, t=t: a * w ** (a - 1) * (1 - mp.tanh(w / (2 * t))) ** 2,
                [0, 1e-8, 1e-5, 1e-3, 0.02, 0.1, 0.5, 1],
            )
            assert float(excess / t**alpha) == pytest.approx(float(mc.soft_risk_constant(alpha)), rel=1e-6)


class TestThresholdShift:
    @staticmethod
    def slope(d, t, b):
        """Minus T times the derivative of the loss by the threshold, at b + d."""

        def over(x):
            y = (x - b - d) / (2 * t)
            return mp.npdf(x) * (mp.tanh(y) - mp.sign(x - b)) / mp.cosh(y) ** 2

        return mp.quad(over, sorted([b + s * t for s in (-80, -20, -6, -2, 2, 6, 20, 80)] + [b, b + d]))

    @pytest.mark.parametrize("temperature", [1e-3, 0.03, 0.1, 0.3])
    @pytest.mark.parametrize("threshold", [1e-3, 0.7, -2.0])
    def test_is_stationary(self, temperature, threshold):
        """The derivative changes sign within 1e-12 of the shift."""
        found = float(mc.threshold_shift(temperature, threshold))
        assert found * threshold > 0
        with mp.workdps(40):
            t, b = mp.mpf(temperature), mp.mpf(threshold)
            ends = [self.slope(mp.mpf(found) * (1 + side * mp.mpf("1e-12")), t, b) for side in (-1, 1)]
        assert ends[0] * ends[1] < 0

    def test_is_the_best_threshold(self):
        """Of the loss itself, on a grid around it."""
        t, b = 0.3, 2.0
        x = np.linspace(-9, 9, 2_000_001)
        weight = np.exp(-0.5 * x * x)
        best = b + float(mc.threshold_shift(t, b))

        def loss(c):
            return np.sum(weight * (np.tanh((x - c) / (2 * t)) - np.sign(x - b)) ** 2)

        others = best + np.array([-1.0, -0.3, -0.1, -0.02, 0.02, 0.1, 0.3, 1.0, 4.0])
        assert all(loss(best) < loss(c) for c in others)

    def test_leading_order(self):
        t = np.array([1e-4, 1e-3])
        np.testing.assert_allclose(mc.threshold_shift(t, 0.7), (4 * np.log(2) - 2) * 0.7 * t**2, rtol=1e-5)
        assert mc.threshold_shift(0.1, 0.0) == 0.0


class TestJumpCurvature:
    @pytest.mark.parametrize(("mean", "sigma"), [(0.0, 1.0), (0.4, 0.7)])
    def test_is_that_of_the_risk(self, mean, sigma):
        """Second difference of the risk at the jump, x ~ N(mean, sigma^2), for which f'(0) need not be 0."""
        with mp.workdps(40):
            t = mp.mpf("2e-4")

            def risk(b):
                points = sorted([b, *(s * k * t for s in (-1, 1) for k in (0, 1, 4, 16, 60, 240))])
                return mp.quad(
                    lambda x: mp.npdf(x, mean, sigma) * (mp.tanh((x - b) / (2 * t)) - mp.sign(x)) ** 2, points
                )

            h = t / 1000
            curvature = (risk(h) - 2 * risk(mp.mpf(0)) + risk(-h)) / h**2
            found = mc.jump_curvature(float(t), float(mp.npdf(0, mean, sigma)))
            assert relative(found, curvature) < 1e-3

    def test_broadcasts_and_has_no_end(self):
        found = mc.jump_curvature(np.array([[0.5], [5e-324]]), [1.0, 4.0, 5e-324])
        np.testing.assert_array_equal(found, [[4.0, 16.0, 2e-323], [np.inf, np.inf, 2.0]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0])
def test_bad_input(bad):
    for name, call in (
        ("temperature", mc.routing_saddle),
        ("exponent", mc.soft_risk_constant),
        ("temperature", lambda v: mc.threshold_shift(v, 0.5)),
        ("temperature", lambda v: mc.jump_curvature(v, 0.5)),
        ("density", lambda v: mc.jump_curvature(0.5, v)),
    ):
        with pytest.raises(mc.ParameterError, match=name):
            call(bad)
    for temperature, threshold in ((0.5, 0.1), (0.1, 3.0), ([0.1, 0.2], [0.1, 0.2, 0.3])):
        with pytest.raises(mc.ParameterError):
            mc.threshold_shift(temperature, threshold)
