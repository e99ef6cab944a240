"""Bias rules: against their equations in mpmath and linear algebra, and against simulated routers with fixed seeds."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.examples import examples
from tests.strategies import log_uniform
from validation.benchmarks.balance import Router, proportional, ratio, record, sign

wide = log_uniform(-100.0, 100.0)
TOP1, TOP2 = Router(8, 1, 512), Router(16, 2, 1024, 2.0**0.5)


def ulps(value: Any, exact: Any) -> float:
    return float(abs(mp.mpf(float(value)) - exact) / (abs(exact) * mp.mpf(2) ** -53))


def unlike(seed: int, experts: int = 5) -> tuple[Any, Any]:
    """A susceptibility and a covariance of slot shares that do not commute."""
    rng = np.random.default_rng(seed)
    chi, sigma = (mc.susceptibility(rng.normal(size=(40, experts)), 1.3) for _ in range(2))
    return chi, sigma


class TestProportional:
    @given(st.floats(-15.0, -0.01).map(lambda p: 10.0**p), wide, wide, st.floats(1.0, 1e9), st.booleans())
    def test_digits(self, x: float, lam: float, q: float, batch: float, near: bool) -> None:
        """From r lambda = 1e-15 up to 1e-15 below the threshold."""
        r = (2.0 - 2.0 * x if near else x) / lam
        found, alone = mc.proportional_variance(r, lam, q, batch), mc.proportional_autocorrelation(r, lam)
        with mp.workdps(60):
            r, lam, q, batch = map(mp.mpf, (r, lam, q, batch))
            gap = 2 - r * lam
            if gap > 0:
                assert ulps(found.bias, r * q / (batch * lam * gap)) <= 6
                assert ulps(found.load, r * lam * q / (batch * gap)) <= 6
                assert ulps(found.observed, 2 * q / (batch * gap)) <= 6
                assert ulps(alone.bias, 1 - r * lam) <= 2
                assert ulps(alone.observed, -r * lam / 2) <= 1

    def test_nothing_beyond_the_threshold(self) -> None:
        lam = 0.3
        edge = float(mc.largest_safe_update_rate(lam * np.array([[0.5, -0.5], [-0.5, 0.5]])))
        assert np.all(np.isfinite(mc.proportional_variance(edge * (1 - 1e-14), lam, 1.0)))
        for rate in (edge * (1 + 1e-14), 3 * edge):
            assert np.all(np.isnan(mc.proportional_variance(rate, lam, 1.0)))
            assert np.all(np.isnan(mc.proportional_autocorrelation(rate, lam)))

    @pytest.mark.parametrize("seed", range(4))
    def test_covariance_is_stationary(self, seed: int) -> None:
        chi, sigma = unlike(seed)
        rate = 0.7 * float(mc.largest_safe_update_rate(chi))
        found = mc.proportional_covariance(rate, chi, sigma, 64)
        step = np.eye(5) - rate * chi
        after = step @ found.bias @ step + rate**2 * sigma / 64
        np.testing.assert_allclose(found.bias, after, atol=1e-13 * np.abs(after).max())
        np.testing.assert_allclose(found.load, chi @ found.bias @ chi, rtol=1e-12)
        np.testing.assert_allclose(found.observed, found.load + sigma / 64, rtol=1e-12)
        _, vectors = np.linalg.eigh(chi)
        v = vectors[:, -1]
        mode = mc.proportional_variance(rate, v @ chi @ v, v @ sigma @ v, 64)
        np.testing.assert_allclose([v @ part @ v for part in found], mode, rtol=1e-11)

    def test_covariances_without_a_stationary_state(self) -> None:
        chi, sigma = unlike(0)
        edge = mc.largest_safe_update_rate(chi)
        assert np.all(np.isnan(mc.proportional_covariance(1.001 * edge, chi, sigma).bias))
        dead = np.zeros((3, 3))
        dead[:2, :2] = [[1.0, -1.0], [-1.0, 1.0]]
        for rule in (mc.proportional_covariance, mc.sign_covariance):
            assert np.all(np.isnan(rule(0.1, dead, np.eye(3) - 1 / 3).load))
        many = mc.proportional_covariance([0.1, 0.2, 9 * edge], chi, [[sigma], [2 * sigma]], 64)
        assert many.bias.shape == (2, 3, 5, 5)
        np.testing.assert_allclose(many.bias[1, 1], mc.proportional_covariance(0.2, chi, 2 * sigma, 64).bias)
        assert np.isnan(many.load[:, 2]).all()

    def test_simulated(self) -> None:
        """The anchor: r lambda = 0.4, within 4 %; standard error 1 %. The observed load runs against itself."""
        rate = 0.4 / TOP1.eigenvalue
        bias, load = proportional(TOP1, rate, 6000, seed=1)
        wanted = mc.proportional_variance(rate, TOP1.eigenvalue, TOP1.token_variance, TOP1.tokens)
        assert ratio(bias, 7 * wanted.bias)[0] == pytest.approx(1.0, abs=0.04)
        assert ratio(load - 0.125, 7 * wanted.observed)[0] == pytest.approx(1.0, abs=0.04)
        lagged = [np.sum(x[1:] * x[:-1]) / np.sum(x * x) for x in (bias, load - 0.125)]
        np.testing.assert_allclose(lagged, mc.proportional_autocorrelation(rate, TOP1.eigenvalue), atol=0.025)


class TestTracking:
    @given(wide, wide, wide, st.floats(1.0, 1e9))
    def test_best_rate_is_the_root(self, v: float, lam: float, q: float, batch: float) -> None:
        found = mc.best_update_rate(v, lam, q, batch)
        leading = mc.best_update_rate_leading(v, lam, q, batch)
        with mp.workdps(60):
            v, lam, q, batch = map(mp.mpf, (v, lam, q, batch))
            c = mp.cbrt(batch * (v * lam) ** 2 / q)
            if 1e-250 < c / lam < 1e250:
                start = min(mp.cbrt(2), mp.sqrt(2 / c))
                z = start
                for _ in range(60):
                    z -= (z**3 + c * z * z - 2) / (3 * z * z + 2 * c * z)
                assert ulps(found, c * z * z / lam) <= 8
                assert ulps(leading, mp.cbrt(4 * batch * v * v / (lam * q))) <= 4

    @examples(20)
    @given(log_uniform(-6.0, 2.0), log_uniform(-2.0, 1.0), log_uniform(-3.0, 0.0), st.floats(1.0, 1e4))
    def test_best_rate_is_best(self, v: float, lam: float, q: float, batch: float) -> None:
        best = float(mc.best_update_rate(v, lam, q, batch))

        def cost(rate: float) -> float:
            return float(mc.tracking_lag(v, rate) ** 2 + mc.proportional_variance(rate, lam, q, batch).load)

        assert best * lam < 2.0
        others = [best * 0.9, min(best * 1.1, best + 0.5 * (2.0 / lam - best))]
        assert all(cost(other) > cost(best) for other in others)

    def test_lags_simulated(self) -> None:
        """Two experts' logits drift apart; the lag of the proportional rule to 2 %, of the sign rule to 6 %."""
        drift = 0.002 * np.array([1.0, -1.0, 0, 0, 0, 0, 0, 0])
        rate = 0.4 / TOP1.eigenvalue
        _, load = record(TOP1, lambda missing: rate * missing, 2500, 40, 2, drift)
        wanted = mc.tracking_lag(0.002, rate) * np.array([1.0, -1.0])
        np.testing.assert_allclose(load.mean(0)[:2] - 0.125, wanted, rtol=0.02, atol=3e-5)
        _, load = record(TOP1, lambda missing: 0.004 * np.sign(missing), 6000, 300, 3, drift)
        lag = mc.sign_tracking_lag(0.002, 0.004, load.std(0)[:2])
        np.testing.assert_allclose(load.mean(0)[:2] - 0.125, lag * [1.0, -1.0], rtol=0.06)
        _, load = record(TOP1, lambda missing: 0.001 * np.sign(missing), 600, 0, 3, drift)
        assert load[-100:, 0].mean() > load[:100, 0].mean() + 0.05  # |v| > u: it does not follow

    @given(st.floats(-1.0, 1.0), wide, wide)
    def test_sign_lag_is_the_inverse(self, share: float, u: float, s: float) -> None:
        found = float(mc.sign_tracking_lag(share * u, u, s))
        with mp.workdps(40):
            v, m = mp.mpf(share * u) / mp.mpf(u), mp.mpf(found) / (mp.mpf(s) * mp.sqrt(2))
            if abs(v) >= 1:
                assert found == np.copysign(np.inf, share)
            elif abs(v) > 1e-200:  # relative error of the argument of erf
                slope = 2 / mp.sqrt(mp.pi) * mp.exp(-m * m)
                assert abs((mp.erf(m) - v) / slope) <= 1e-14 * abs(m)


class TestSign:
    def test_rate(self) -> None:
        assert float(mc.effective_update_rate(0.003, TOP1.noise)) == pytest.approx(0.164, abs=5e-4)

    @given(log_uniform(-60, 60), log_uniform(-20, 20), log_uniform(-60, 20), st.integers(2, 300), st.floats(0.0, 1.2))
    def test_solves_its_equation(self, u: float, lam: float, s: float, experts: int, tie: float) -> None:
        d = tie * s
        found = mc.sign_variance(u, lam, s, experts, d)
        with mp.workdps(60):
            u, lam, s, d = map(mp.mpf, (u, lam, s, d))
            e = (2 if experts == 2 else 1) * d / mp.sqrt(2 * mp.pi)
            a = 2 / mp.pi * mp.asin(mp.mpf(1) / (experts - 1))
            load = (experts - 1) * lam**2 * mp.mpf(float(found.bias)) / experts
            root = mp.sqrt(mp.mpf(float(found.observed)))
            assert ulps(found.load, load) <= 8
            assert abs(root**2 - s**2 - load) <= 1e-14 * root**2
            # in a mode: 2 u lam V sqrt(2/pi)/S = u^2 (variance of a sign less the covariance of two)
            pull = 2 * lam * mp.mpf(float(found.bias)) * mp.sqrt(2 / mp.pi) / root
            assert abs(pull / (u * (1 + a - e / root)) - 1) <= 1e-13

    @pytest.mark.parametrize("experts", [2, 3, 8, 64])
    @pytest.mark.parametrize("step", [1e-6, 0.01, 3.0])
    def test_matrices_of_alike_experts(self, experts: int, step: float) -> None:
        alike = np.eye(experts) - 1.0 / experts
        wanted = mc.sign_variance(step, 0.3, (0.2 * (1 - 1 / experts) / 500) ** 0.5, experts, 1 / 500)
        found = mc.sign_covariance(step, 0.3 * alike, 0.2 * alike, 500, 1 / 500)
        assert np.trace(found.bias) / (experts - 1) == pytest.approx(wanted.bias, rel=1e-12)
        np.testing.assert_allclose(np.diagonal(found.load), wanted.load, rtol=1e-12)
        np.testing.assert_allclose(np.diagonal(found.observed), wanted.observed, rtol=1e-12)

    @pytest.mark.parametrize("seed", range(3))
    def test_matrices_solve_their_equation(self, seed: int) -> None:
        chi, sigma = unlike(seed)
        step, spacing = 0.2, 0.01
        found = mc.sign_covariance(step, chi, sigma, 300, spacing)
        s = np.sqrt(np.diag(found.observed))
        pull = np.sqrt(2 / np.pi) / s
        signs = 2 / np.pi * np.arcsin(np.clip(found.observed / np.outer(s, s), -1, 1))
        np.fill_diagonal(signs, 1 - spacing / (s * np.sqrt(2 * np.pi)))
        left = found.bias @ chi * pull
        centre = np.eye(5) - 0.2
        rest = centre @ (left + left.T - step * signs) @ centre
        np.testing.assert_allclose(rest, 0.0, atol=1e-13 * step)
        np.testing.assert_allclose(found.load, chi @ found.bias @ chi, atol=1e-13 * found.load.max())
        np.testing.assert_allclose(found.observed, found.load + sigma / 300, rtol=1e-14)
        np.testing.assert_allclose(found.bias.sum(0), 0.0, atol=1e-13 * found.bias.max())

    def test_simulated(self) -> None:
        """The anchor, r_eff lambda = 1.1: the closure is 2.8 % off (page), the proportional formula 31 %."""
        bias, load = sign(TOP2, 0.1, 3000, seed=4)
        found = mc.sign_variance(0.1, TOP2.eigenvalue, TOP2.noise, 16, TOP2.spacing)
        measured, error = ratio(bias, 15 * found.bias)
        assert error < 0.012
        assert measured == pytest.approx(0.972, abs=3 * error)
        assert ratio(load - 1 / 16, 16 * found.observed)[0] == pytest.approx(1.0, abs=0.04)
        x = float(mc.effective_update_rate(0.1, TOP2.noise)) * TOP2.eigenvalue
        assert x == pytest.approx(1.11, abs=0.01)
        linear = 0.1**2 / (1 - (1 - x) ** 2)
        assert measured * found.bias / linear == pytest.approx(0.69, abs=0.04)

    def test_two_experts_need_both_corrections(self) -> None:
        """Signs opposed: twice the variance of independent ones; ties: 5 % less. Standard error 1.5 %."""
        router = Router(2, 1, 256)
        step = 0.3 / (float(mc.effective_update_rate(1.0, router.noise)) * router.eigenvalue)
        bias, _ = sign(router, step, 30_000, seed=5)
        found = mc.sign_variance(step, router.eigenvalue, router.noise, 2, router.spacing)
        assert ratio(bias, found.bias)[0] == pytest.approx(1.0, abs=0.04)
        no_ties = mc.sign_variance(step, router.eigenvalue, router.noise, 2)
        assert no_ties.bias / found.bias > 1.04


class TestMaxViolation:
    def test_known_maxima(self) -> None:
        """E max of 2, 3 and 4 standard normals in closed form."""
        root = np.pi**-0.5
        for k, m in ((2, root), (3, 1.5 * root), (4, root * (1.5 + 3 / np.pi * np.arcsin(1 / 3)))):
            found = mc.expected_max_violation(0.7, k)
            assert found == pytest.approx(k * 0.7 * (k / (k - 1)) ** 0.5 * m, rel=1e-13)

    def test_counted(self) -> None:
        """Batches of a balanced router: within the share sqrt(K/B) that skewness adds, and above."""
        rng = np.random.default_rng(6)
        for k, tokens in ((8, 512), (64, 4096)):
            loads = rng.multinomial(tokens, np.full(k, 1 / k), 20_000) / tokens
            floor = float(mc.expected_max_violation(((1 - 1 / k) / k / tokens) ** 0.5, k))
            excess = np.mean(loads.max(1) * k - 1) / floor - 1
            assert 0.0 < excess < (k / tokens) ** 0.5


BAD = [np.nan, np.inf, -1.0, "1", [], 1j]
CHI = np.eye(3) - 1.0 / 3.0


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_numbers_are_named(bad: Any) -> None:
    for name, call in (
        ("update_rate", lambda v: mc.proportional_variance(v, 1.0, 1.0)),
        ("eigenvalue", lambda v: mc.proportional_variance(1.0, v, 1.0)),
        ("token_variance", lambda v: mc.proportional_variance(1.0, 1.0, v)),
        ("batch_size", lambda v: mc.proportional_variance(1.0, 1.0, 1.0, v)),
        ("update_rate", lambda v: mc.proportional_autocorrelation(v, 1.0)),
        ("update_rate", lambda v: mc.tracking_lag(1.0, v)),
        ("drift", lambda v: mc.best_update_rate(v, 1.0, 1.0)),
        ("drift", lambda v: mc.best_update_rate_leading(v, 1.0, 1.0)),
        ("bias_step", lambda v: mc.effective_update_rate(v, 1.0)),
        ("deviation", lambda v: mc.effective_update_rate(1.0, v)),
        ("noise", lambda v: mc.sign_variance(1.0, 1.0, v, 8)),
        ("lattice_spacing", lambda v: mc.sign_variance(1.0, 1.0, 1.0, 8, v)),
        ("bias_step", lambda v: mc.sign_tracking_lag(1.0, v, 1.0)),
        ("deviation", lambda v: mc.expected_max_violation(v, 8)),
        ("update_rate", lambda v: mc.proportional_covariance(v, CHI, CHI)),
        ("bias_step", lambda v: mc.sign_covariance(v, CHI, CHI)),
        ("lattice_spacing", lambda v: mc.sign_covariance(1.0, CHI, CHI, 1, v)),
    ):
        with pytest.raises(mc.ParameterError, match=rf"^{name}\b"):
            call(bad)


def test_bad_shapes_and_counts() -> None:
    for experts in (1, 2.5, True, "3", None):
        for call in (lambda k: mc.sign_variance(1.0, 1.0, 1.0, k), lambda k: mc.expected_max_violation(1.0, k)):
            with pytest.raises(mc.ParameterError, match="experts"):
                call(experts)
    skew = np.array([[1.0, -1.0], [-0.5, 0.5]])
    for rule in (mc.proportional_covariance, mc.sign_covariance):
        for bad in (np.eye(3), skew, np.zeros((2, 3)), np.zeros(3), [[0.0]], "x"):
            with pytest.raises(mc.ParameterError, match="susceptibility"):
                rule(0.1, bad, CHI)
            with pytest.raises(mc.ParameterError, match="covariance"):
                rule(0.1, CHI, bad)
        with pytest.raises(mc.ParameterError, match="covariance"):
            rule(0.1, CHI, np.eye(4) - 0.25)
        with pytest.raises(mc.ParameterError, match="broadcast"):
            rule([0.1, 0.2], CHI, CHI, [1.0, 2.0, 3.0])
    with pytest.raises(mc.ParameterError, match="lattice_spacing"):
        mc.sign_variance(1.0, 1.0, 1.0, 8, 2.6)
    with pytest.raises(mc.ParameterError, match="lattice_spacing"):
        mc.sign_covariance(1.0, CHI, CHI, 1.0, 2.2)
    with pytest.raises(mc.ParameterError, match="covariance"):
        mc.sign_covariance(1.0, CHI, 0.0 * CHI)
