"""The closed forms of K experts against their defining equations, solved with 50 digits; ceilings in ulp."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.expert_equations import fold, load, ulps

pytestmark = pytest.mark.usefixtures("fifty_digits")

CLOSED, CURVE = 2.0, 3.5  # measured: 1.7 and 3.2 ulp


class TestBalancedCriticalGain:
    @pytest.mark.parametrize("k", [2, 3, 17])
    def test_jacobian_is_singular(self, k):
        g = mc.balanced_critical_gain(k)
        jacobian = k * g * (np.eye(k) / k - np.ones((k, k)) / k**2) - np.eye(k)
        assert np.linalg.eigvalsh(jacobian)[-1] == pytest.approx(0.0, abs=1e-14)

    def test_shape(self):
        assert mc.balanced_critical_gain([[2, 3]]).tolist() == [[1.0, 1.0]]


class TestExpertFoldGain:
    @pytest.mark.parametrize("k", [3, 4, 5, 8, 16, 64, 1000, 10**6, 10**9])
    def test_defining_equations(self, k):
        assert ulps(mc.expert_fold_gain(k), fold(1, k)[1]) <= 0.51

    def test_anchors(self):
        values = mc.expert_fold_gain(np.array([3, 8, 64]))
        np.testing.assert_allclose(values, [0.91521452557757, 0.53122487608098684, 0.1081966350437468], rtol=6e-15)

    def test_two_experts_collapse_continuously(self):
        assert mc.expert_fold_gain(2) == 1.0

    def test_many_experts(self):
        k = 10 ** np.arange(3, 16)
        ratio = k * mc.expert_fold_gain(k) / np.log(k)
        assert np.all(np.diff(ratio) < 0)
        assert 1.0 < ratio[-1] < 1.2

    @given(st.integers(3, 10**15))
    def test_is_below_equal_depth_below_one(self, k):
        assert mc.expert_fold_gain(k) < mc.equal_depth_gain(k) < 1.0


class TestEqualDepthGain:
    @pytest.mark.parametrize("k", [3, 4, 5, 8, 64, 1000, 10**6, 10**15])
    def test_wells_are_equally_deep(self, k):
        """Phi(v) = |v|^2/2 - K g log sum exp v takes one value at two equilibria."""

        def conditions(x: mp.mpf, g: mp.mpf) -> list[mp.mpf]:
            high, low = load(x, 1, k)
            favoured, other = k * g * high, k * g * low  # v = K g p at an equilibrium
            depth = (favoured**2 + (k - 1) * other**2) / 2 - k * g * (other + mp.log(mp.exp(x) + k - 1))
            flat = k * g**2 / 2 - k * g * (g + mp.log(k))
            return [k * g * (high - low) - x, depth - flat]

        g = mc.equal_depth_gain(k)
        start = 2 * mp.log(k - 1) * (1 + mp.mpf(10) ** -6), mp.mpf(float(g)) * (1 + mp.mpf(10) ** -6)
        x, exact = mp.findroot(conditions, start, tol=1e-50, maxsteps=100)
        assert ulps(g, exact) <= CLOSED
        assert load(x, 1, k)[0] == pytest.approx((k - 1) / k)

    def test_potts_literature(self):
        """Wu (1982), eq. 1.39; Ellis and Wang (1990): q g = 2 (q-1) log(q-1)/(q-2); q = 3 gives 4 log 2."""
        assert 3 * mc.equal_depth_gain(3) == pytest.approx(4 * np.log(2), rel=1e-15)
        assert 4 * mc.equal_depth_gain(4) == pytest.approx(3 * np.log(3), rel=1e-15)
        assert mc.equal_depth_gain(2) == 1.0


class TestExpertFoldCurve:
    @pytest.mark.parametrize("k", [2, 3, 4, 5, 8, 9, 64, 1000, 10**6])
    def test_defining_equations(self, k):
        close = (
            [float(fold(1, k)[0]) * (1 + sign * 10.0**-n) for n in range(1, 12) for sign in (-1, 1)] if k > 2 else []
        )
        for x in [-700, -300, -20, -2, -0.5, -1e-3, -1e-9, 1e-9, 1e-3, 0.3, 1, 2, 5, 14, 20, 300, 690, *close]:
            gain, asymmetry = mc.expert_fold_curve(x, k)
            high, low = load(mp.mpf(x), 1, k)
            exact = 1 / (k * k * high * low)  # the derivative in x vanishes
            assert ulps(gain, exact) <= 0.6
            assert ulps(asymmetry, mp.mpf(x) - k * exact * (high - low)) <= CURVE

    @pytest.mark.parametrize("k", [3, 4, 8, 27, 119, 1000, 10**6])
    def test_next_to_the_zero_of_the_asymmetry(self, k):
        """No float is the zero: a few to either side of it the asymmetry has no digit that was not computed for it."""
        zero = float(fold(1, k)[0])
        x = [*np.nextafter(zero, [0.0, np.inf]).tolist(), zero]
        for value, asymmetry in zip(x, mc.expert_fold_curve(np.array(x), k)[1], strict=True):
            grown = mp.exp(mp.mpf(value))
            assert ulps(asymmetry, mp.mpf(value) - (grown - 1) * (grown + k - 1) / (k * grown)) <= 0.51

    def test_overflows_to_infinity(self):
        gain, asymmetry = mc.expert_fold_curve(np.array([-1e300, 1e300]), 3)
        assert gain.tolist() == [np.inf, np.inf]
        assert asymmetry.tolist() == [np.inf, -np.inf]

    @given(st.floats(-340, 340))
    def test_two_experts(self, u):
        gain, asymmetry = mc.expert_fold_curve(2 * u, 2)
        ours, half = mc.fold_curve(u)
        assert gain == pytest.approx(ours, rel=1e-14)
        assert asymmetry == pytest.approx(2 * half, rel=1e-14, abs=1e-300)

    @given(st.integers(3, 10**9))
    def test_cusp(self, k):
        """Gain and asymmetry are both stationary at x = log(K - 1)."""
        x = np.log(k - 1) + np.array([-1e-3, 0.0, 1e-3])
        gain, asymmetry = mc.expert_fold_curve(x, k)
        assert abs(gain[2] - gain[0]) < 1e-6 * gain[1]
        assert abs(asymmetry[2] - asymmetry[0]) < 1e-7

    def test_float32(self):
        gain, _ = mc.expert_fold_curve(np.float32(1.0), 3)
        assert gain.dtype == np.float32


@pytest.mark.parametrize("bad", [1, 0, -3, 2.0, "3", None, True, [], [3, 1], [[3], [3, 4]], np.nan, 3j])
def test_bad_experts(bad):
    for call in (mc.balanced_critical_gain, mc.expert_fold_gain, mc.equal_depth_gain):
        with pytest.raises(mc.ParameterError, match="experts"):
            call(bad)
    with pytest.raises(mc.ParameterError, match="experts"):
        mc.expert_fold_curve(1.0, bad)
    with pytest.raises(mc.ParameterError, match="experts"):
        mc.expert_equilibria(1.0, bad)


def test_bad_difference():
    with pytest.raises(mc.ParameterError, match="x ="):
        mc.expert_fold_curve(np.inf, 3)
    with pytest.raises(mc.ParameterError, match="broadcast"):
        mc.expert_fold_curve([1.0, 2.0], [3, 4, 5])


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_the_curve_where_its_forms_meet(k):
    """At 1e-3, at 6 + 4 log K and at -300, and beyond the range of sinh."""
    high = 6 + 4 * np.log(k)
    for x in (9.99e-4, 1e-3, 1.01e-3, high * (1 - 1e-9), high * (1 + 1e-9), 400.0, -299.0, -301.0, -709.0):
        value = mc.expert_fold_curve(x, k)[1]
        grown = mp.exp(mp.mpf(x))
        assert ulps(value, mp.mpf(x) - (grown - 1) * (grown + k - 1) / (k * grown)) <= CURVE


def test_tensors_that_do_not_broadcast():
    torch = pytest.importorskip("torch")
    with pytest.raises(mc.ParameterError, match="broadcast"):
        mc.expert_fold_curve(torch.zeros(2), torch.tensor([3, 4, 5]))
