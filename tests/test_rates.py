"""Ramps and update rates against the flows and maps they speak of."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import moecusp as mc
from moecusp.rates import AIRY_ZERO


class TestRampDelay:
    def test_airy_zero(self):
        with mp.workdps(40):
            assert abs(mp.mpf(AIRY_ZERO) + mp.airyaizero(1)) < 3e-16

    @given(st.floats(-12, 2), st.floats(-12, 3))
    def test_solution_of_the_local_flow(self, power, excess):
        """dx/dtau = rho tau + b x^2 with b = |F''|/2 is solved by x = -psi'/(b psi), psi = Ai(-c tau)."""
        rho, g = 10.0**power, 1.0 + 10.0**excess
        with mp.workdps(40):
            u = mp.acosh(mp.sqrt(mp.mpf(g)))
            b = mp.mpf(g) * mp.sech(u) ** 2 * mp.tanh(u)
            delay = mp.mpf(rho) * -mp.airyaizero(1) / (b * mp.mpf(rho)) ** (mp.mpf(1) / 3)
        assert abs(mp.mpf(float(mc.ramp_delay(rho, g))) / delay - 1) < 1e-15

    def test_full_flow(self):
        """The whole flow jumps past its fold by the predicted amount, up to higher orders in rho^(1/3)."""
        g, fold, errors = 2.0, mc.fold_asymmetry(2.0), []
        u_f = np.arccosh(np.sqrt(g))
        for rho in (1e-4, 1e-6):
            start = -0.1 / rho

            def flow(tau, u, rho=rho):
                return mc.drift(u, g, fold + rho * tau)

            def jump(tau, u, rho=rho):
                return u[0]

            jump.terminal = True  # type: ignore[attr-defined]
            first = mc.equilibria(g, fold - 0.1).u[0]
            found = solve_ivp(flow, (start, 0.1 / rho), [first], "LSODA", events=jump, rtol=1e-9, atol=1e-10)
            assert first < -u_f
            errors.append(rho * found.t_events[0][0] / mc.ramp_delay(rho, g) - 1)
        assert abs(errors[1]) < 0.02
        assert abs(errors[1]) < 0.3 * abs(errors[0])  # 10^(-2/3) = 0.215 from the next order

    def test_no_fold(self):
        assert np.isnan(mc.ramp_delay(1e-3, [0.0, 1.0])).all()
        assert mc.ramp_delay(np.float32(1e-3), np.float32(2)).dtype == np.float32


class TestFlipStep:
    @given(st.floats(-1e6, 0.99))
    def test_multiplier_is_minus_one(self, g):
        """The mean map u -> u + delta F(u) has the multiplier 1 + delta (g - 1) at balance."""
        assert 1 + mc.flip_step(g) * (g - 1) == pytest.approx(-1, rel=1e-12)

    def test_map_flips_just_beyond(self):
        ends = []
        for delta in (0.99 * mc.flip_step(-3.0), 1.01 * mc.flip_step(-3.0)):
            u = 0.01
            for _ in range(3000):
                u += delta * (-3.0 * np.tanh(u) - u)
            ends.append(abs(u))
        assert ends[0] < 1e-9 < 0.05 < ends[1]

    def test_unstable_anyway(self):
        assert np.isnan(mc.flip_step([1.0, 2.0])).all()


class TestLargestSafeUpdateRate:
    def test_bias_rule_is_stable_below_and_oscillates_above(self):
        """The mean-field bias rule on recorded logits, with its own loads recomputed at every step."""
        logits = np.random.default_rng(7).normal(size=(400, 4))
        bias = np.zeros(4)

        def loads(b):
            p = np.exp(logits + b)
            return (p / p.sum(axis=1, keepdims=True)).mean(axis=0)

        for _ in range(400):
            bias += 5.0 * (0.25 - loads(bias))
        rate = mc.largest_safe_update_rate(mc.susceptibility(logits + bias))
        ends = []
        for factor in (0.98, 1.02):
            b = bias + 1e-3 * np.array([1.0, -1.0, 0.5, -0.5])
            for _ in range(2000):
                b += factor * rate * (0.25 - loads(b))
            ends.append(np.max(np.abs(loads(b) - 0.25)))
        assert ends[0] < 1e-12
        assert ends[1] > 1e-3

    @pytest.mark.parametrize("k", [2, 8])
    def test_uniform(self, k):
        assert mc.largest_safe_update_rate(mc.susceptibility(np.zeros((2, k)), 3.0)) == pytest.approx(2 * k / 3.0)

    def test_limits(self):
        assert mc.largest_safe_update_rate(np.zeros((3, 3))) == np.inf
        assert mc.largest_safe_update_rate(np.stack([np.eye(2), 4 * np.eye(2)])).tolist() == [2.0, 0.5]

    @pytest.mark.parametrize(
        "bad", [1.0, [1.0, 2.0], [[1.0]], [[1.0, 2.0]], [[0.0, 1.0], [2.0, 0.0]], [[np.nan, 0], [0, 1]]]
    )
    def test_bad_input(self, bad):
        with pytest.raises(mc.ParameterError, match="susceptibility"):
            mc.largest_safe_update_rate(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, []])
def test_bad_input(bad):
    for name, call in (
        ("rate", lambda v: mc.ramp_delay(v, 2.0)),
        ("gain", lambda v: mc.ramp_delay(1.0, v)),
        ("gain", mc.flip_step),
    ):
        with pytest.raises(mc.ParameterError, match=name):
            call(bad)
    with pytest.raises(mc.ParameterError, match="rate"):
        mc.ramp_delay(0.0, 2.0)
    with pytest.raises(mc.ParameterError, match="gain"):
        mc.ramp_delay(1.0, -1.0)


def test_the_mean_of_both_triangles_counts():
    """Rounding may leave a matrix a little asymmetric; its symmetric part then has the eigenvalues."""
    assert mc.largest_safe_update_rate([[1.0, -1.0], [-1.0 + 4e-7, 1.0]]) == pytest.approx(2 / (2 - 2e-7), rel=1e-14)


def test_matrices_of_a_batch_that_is_a_little_skew():
    """Each is symmetrised by itself: the rates of a batch are those of its parts."""
    draws = np.random.default_rng(5).normal(size=(2, 3, 4, 4))
    chi = draws @ draws.swapaxes(-1, -2) + 1e-8 * draws
    found = mc.largest_safe_update_rate(chi)
    for place in np.ndindex(2, 3):
        assert found[place] == mc.largest_safe_update_rate(chi[place])
        top = np.linalg.eigvalsh(0.5 * (chi[place] + chi[place].T))[-1]
        assert found[place] == pytest.approx(2 / top, rel=1e-13)
