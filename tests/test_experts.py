"""K experts against their defining equations, solved with 50 digits; ceilings are measured worst errors in ulp."""

from __future__ import annotations

from math import comb, nextafter

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

import moecusp as mc
from moecusp import Stability
from moecusp._numerics import expert_kernels, expert_solver

CLOSED, CURVE, ROOTS = 2.0, 3.5, 6.0  # measured: 1.7, 3.2 and 4.2 ulp
GAINS = [0.3, 0.6, 0.91521, 0.91522, 0.95, 1 - 1e-9, nextafter(1, 0), nextafter(1, 2), 1.001, 1.5, 4.0, 900.0, 1e12]


@pytest.fixture(autouse=True)
def _digits():
    with mp.workdps(50):
        yield


def ulps(value: float, exact: mp.mpf) -> float:
    return float(abs(mp.mpf(float(value)) - exact) / mp.mpf(float(np.spacing(abs(float(value))))))


def load(x: mp.mpf, m: int, k: int) -> tuple[mp.mpf, mp.mpf]:
    """The softmax of m scores x and k - m scores 0."""
    total = m * mp.exp(x) + k - m
    return mp.exp(x) / total, 1 / total


def fault(x: mp.mpf, g: mp.mpf, m: int, k: int) -> mp.mpf:
    """d(v_high - v_low)/dtau, the defining equation."""
    high, low = load(x, m, k)
    return k * g * (high - low) - x


def root(x: float, g: float, m: int, k: int) -> mp.mpf:
    """The zero of the defining equation within 1e-9 of x, bracketed, so that it exists."""
    low, high = mp.mpf(x) * (1 - mp.mpf(10) ** -9), mp.mpf(x) * (1 + mp.mpf(10) ** -9)
    assert fault(low, mp.mpf(g), m, k) * fault(high, mp.mpf(g), m, k) < 0
    return mp.findroot(lambda y: fault(y, mp.mpf(g), m, k) / y, (low, high), solver="anderson", tol=1e-80)


def bisection(positive: mp.mpf, negative: mp.mpf, g: float, m: int, k: int) -> mp.mpf:
    """The zero of the defining equation between a point where it is positive and one where it is negative."""
    assert fault(positive, mp.mpf(g), m, k) > 0 > fault(negative, mp.mpf(g), m, k)
    for _ in range(150):
        middle = (positive + negative) / 2
        if fault(middle, mp.mpf(g), m, k) > 0:
            positive = middle
        else:
            negative = middle
    return middle


def fold(m: int, k: int) -> tuple[mp.mpf, mp.mpf]:
    """x and g at which the equation and its derivative in x vanish together, for 2 m < k."""

    def both(x: mp.mpf, g: mp.mpf) -> list[mp.mpf]:
        high, low = load(x, m, k)
        return [(k * g * (high - low) - x) / x, k * k * g * high * low - 1]

    least = minimize_scalar(lambda x: x * (1 / np.expm1(x) + m / k), bounds=(1e-9, 60.0), options={"xatol": 1e-9})
    start, gain = float(least.x), float(least.fun)
    x, g = mp.findroot(both, (mp.mpf(start), mp.mpf(gain)), tol=1e-60, maxsteps=100)
    return x, g


POINTS = [1e-9, 1e-3, 0.1, 0.5, 0.999, 1.0, 1.001, 1.5, 2.0, 3.0, 7.0, 19.0, 40.0, 300.0]


class TestKernels:
    """What Newton's method is fed with: a wrong slope would still arrive, late."""

    @pytest.mark.parametrize("w", POINTS)
    def test_coth_excess_and_its_slope(self, w):
        x = mp.mpf(w)
        with mp.workdps(100):
            value, slope = x * mp.coth(x) - 1, mp.coth(x) - x / mp.sinh(x) ** 2
        assert ulps(expert_kernels.coth_excess(np.array([w]))[0], value) < 6
        assert ulps(expert_kernels.coth_excess_slope(np.array([w]))[0], slope) < 12

    @pytest.mark.parametrize("x", POINTS)
    def test_bose_and_the_remainder_of_the_falling_exponential(self, x):
        with mp.workdps(100):
            bose, rest = mp.mpf(x) / mp.expm1(x), mp.mpf(x) - 1 + mp.exp(-mp.mpf(x))
        assert ulps(expert_kernels.bose(np.array([x]))[0], bose) < 3
        assert ulps(expert_kernels.falling_exponential_remainder(np.array([x]))[0], rest) < 4

    def test_at_zero(self):
        zero = np.zeros(1)
        assert expert_kernels.bose(zero) == 1.0
        assert expert_kernels.coth_excess(zero) == expert_kernels.coth_excess_slope(zero) == 0.0

    @pytest.mark.parametrize("a", [0.3, 1.0, 2.5, 9.0])
    @pytest.mark.parametrize("share", [1e-3, 0.1, 0.5])
    def test_distances_from_the_fold(self, a, share):
        """B(d) = L(a + d) - L(a) - L'(a) d, L(w) = w coth w, on both sides of a."""
        d = a * share

        def bregman(d):
            return (a + d) * mp.coth(a + d) - a * mp.coth(a) - (mp.coth(a) - a / mp.sinh(a) ** 2) * d

        with mp.workdps(60):
            above = bregman(mp.mpf(d)), mp.diff(bregman, mp.mpf(d))
            below = bregman(-mp.mpf(d)), -mp.diff(bregman, -mp.mpf(d))
        for got, exact in (
            (expert_kernels.beyond(np.array([d]), np.array([a])), above),
            (expert_kernels.before(np.array([d]), np.array([a])), below),
        ):
            assert float(got[0][0]) == pytest.approx(float(exact[0]), rel=3e-12)
            assert float(got[1][0]) == pytest.approx(float(exact[1]), rel=3e-12)

    def test_the_falling_branch_and_the_balanced_end(self):
        """The solver's two one-sided iterations, against their equations."""
        part = np.array([1e-3, 1e-6, 1e-12])
        high = expert_solver._descent(np.array([0.1, 0.01, 1e-5]), part)
        for x, g, share in zip(high, [0.1, 0.01, 1e-5], part, strict=True):
            exact = mp.findroot(lambda v, g=g, share=share: v / mp.expm1(v) + v * mp.mpf(float(share)) - g, float(x))
            assert abs(float(x / exact - 1)) < 4e-16
            assert x > 2.0
        level, t = np.array([1e-9, 0.01, 0.1]), np.array([0.5, 0.9, 0.999])
        for w, gap, slope in zip(expert_solver._ascent(level, t), level, t, strict=True):
            value = mp.mpf(float(slope)) * mp.mpf(float(w)) - (mp.mpf(float(w)) * mp.coth(float(w)) - 1)
            assert abs(float(value / mp.mpf(float(gap)) - 1)) < 3e-15


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


class TestExpertEquilibria:
    @pytest.mark.parametrize("k", [2, 3, 4, 5, 8, 65])
    def test_roots_and_loads(self, k):
        found = mc.expert_equilibria(np.array(GAINS), k)
        for i, m, side in np.argwhere(~np.isnan(found.difference)):
            if m:
                x = root(found.difference[i, m, side], GAINS[i], int(m), k)
                high, low = load(x, int(m), k)
                assert ulps(found.difference[i, m, side], x) <= ROOTS
                assert ulps(found.load_high[i, m, side], high) <= ROOTS
                assert low < mp.mpf(2) ** -1022 or ulps(found.load_low[i, m, side], low) <= ROOTS

    @pytest.mark.parametrize("k", [3, 4, 7, 8, 33, 1000, 10**4])
    def test_next_to_the_folds(self, k):
        for m in {1, (k - 1) // 2, max(1, k // 5)}:
            if 2 * m >= k:
                continue
            x, g = fold(m, k)
            gain = float(g)
            for near in [gain, nextafter(gain, 2), nextafter(gain, 0), gain * (1 + 1e-13), gain + (1 - gain) * 1e-4]:
                row = mc.expert_equilibria(near, k).difference[m]
                assert np.sum(~np.isnan(row)) == (2 if mp.mpf(near) > g else 0)
                if mp.mpf(near) > g:
                    assert row[0] < x < row[1]
                    assert ulps(row[0], bisection(x, mp.mpf(row[0]) * 0.9, near, m, k)) <= ROOTS
                    assert ulps(row[1], bisection(x, mp.mpf(row[1]) * 1.1, near, m, k)) <= ROOTS

    @pytest.mark.parametrize("k", [2, 3, 4, 5, 6, 7])
    @pytest.mark.parametrize("g", [0.8, 0.93, 0.99, 1.2, 3.0])
    def test_stability_is_the_jacobian_s(self, g, k):
        found = mc.expert_equilibria(g, k)
        for m, side in np.argwhere(~np.isnan(found.difference)):
            p = np.array([found.load_high[m, side]] * m + [found.load_low[m, side]] * (k - m))
            assert p.sum() == pytest.approx(1.0)
            eigenvalues = np.linalg.eigvalsh(k * g * (np.diag(p) - np.outer(p, p)) - np.eye(k))
            assert np.all(np.abs(eigenvalues) > 1e-6)
            positive = np.sum(eigenvalues > 0)
            assert found.unstable_directions[m, side] == positive
            assert found.stability[m, side] == (Stability.UNSTABLE if positive else Stability.STABLE)

    @pytest.mark.parametrize("k", [2, 3, 4, 5])
    @pytest.mark.parametrize("g", [0.7, 0.97, 1.3, 2.2])
    def test_list_is_complete(self, g, k):
        """Morse: the potential is a well at infinity, so the signed number of its critical points is 1."""
        found = mc.expert_equilibria(g, k)
        there = ~np.isnan(found.difference)
        copies = np.array([comb(k, m) for m in range(k)])[:, None]
        signs = np.where(there, (-1.0) ** np.abs(found.unstable_directions), 0.0)
        assert np.sum(copies * signs) == 1.0

    @given(st.integers(2, 40), st.floats(0, 20))
    def test_exactly_one_favoured(self, k, g):
        found = mc.expert_equilibria(g, k)
        stable = np.argwhere(found.stability == Stability.STABLE)
        assert set(stable[:, 0].tolist()) <= {0, 1}
        assert (found.stability[1] == Stability.STABLE).sum() == (g > (1.0 if k == 2 else mc.expert_fold_gain(k)))

    @given(st.floats(0.01, 0.999) | st.floats(1, 50, exclude_min=True))
    def test_two_experts(self, g):
        one, two = mc.expert_equilibria(g, 2), mc.equilibria(g)
        assert one.count == 1 + (two.count == 3)
        if two.count == 3:
            assert one.difference[1, 0] == pytest.approx(2 * two.u[2], rel=1e-14)

    def test_at_the_balanced_critical_gain(self):
        three, two = mc.expert_equilibria(1.0, 3), mc.expert_equilibria(1.0, 2)
        assert three.stability[0, 0] == Stability.SEMISTABLE
        assert two.stability[0, 0] == Stability.STABLE
        assert three.count == 2
        assert two.count == 1
        assert three.favoured.tolist() == [0, 1, 2]

    def test_extremes(self):
        found = mc.expert_equilibria(np.array([0.0, 5e-324, 1e300, 1.7e308]), 3)
        assert found.count.tolist() == [1, 1, 3, 3]
        assert found.load_low[2, 1, 0] == 0.0
        assert found.difference[2, 1, 0] == 3e300

    def test_float32(self):
        found = mc.expert_equilibria(np.float32(1.5), 3)
        assert found.difference.dtype == np.float32
        assert found.load_high.dtype == np.float32


def test_padding_has_no_unstable_directions():
    found = mc.expert_equilibria([0.5, 0.95, 1.5], 5)
    absent = np.isnan(found.difference)
    assert np.all((found.stability == Stability.ABSENT) == absent)
    assert np.any(absent)
    assert np.all(found.unstable_directions[absent] == -1)
    assert np.all(found.unstable_directions[~absent] >= 0)
    assert found.stability.dtype == np.int8


@pytest.mark.parametrize("bad", [1, 0, -3, 2.0, "3", None, True, [], [3, 1], [[3], [3, 4]], np.nan, 3j])
def test_bad_experts(bad):
    for call in (mc.balanced_critical_gain, mc.expert_fold_gain, mc.equal_depth_gain):
        with pytest.raises(mc.ParameterError, match="experts"):
            call(bad)
    with pytest.raises(mc.ParameterError, match="experts"):
        mc.expert_fold_curve(1.0, bad)
    with pytest.raises(mc.ParameterError, match="experts"):
        mc.expert_equilibria(1.0, bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -0.1])
def test_bad_gain(bad):
    with pytest.raises(mc.ParameterError, match="gain"):
        mc.expert_equilibria(bad, 3)


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
