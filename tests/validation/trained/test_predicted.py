"""What the rules subject predicts: covariances about straight lines, lags of the sign rule, by other means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

from moecusp import proportional_covariance, sign_covariance
from validation.trained.detrended import detrended, traces
from validation.trained.rules import _sign_lag, closure, fluctuation


def laplacian(weights):
    return np.diag(weights.sum(axis=1)) - weights


class TestDetrended:
    def test_of_a_chain_is_what_its_covariances_say(self):
        """The whole covariance matrix of a path, projected on what a line leaves."""
        length, phi = 12, 0.7
        gamma = np.array([phi**lag for lag in range(length)], dtype=np.float64)
        whole = phi ** np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
        line = np.stack([np.ones(length), np.arange(length)], axis=1)
        kept = np.eye(length) - line @ np.linalg.pinv(line)
        assert detrended(gamma, length) == pytest.approx(np.trace(kept @ whole @ kept) / length)

    def test_of_a_path_is_about_the_line_that_fits(self):
        path = np.random.default_rng(1).normal(size=(47, 3)).cumsum(axis=0)
        by_hand = []
        for piece in (path[:15], path[15:30], path[30:45]):
            for column in piece.T:
                time = np.arange(15)
                by_hand.append(((column - np.polyval(np.polyfit(time, column, 1), time)) ** 2).mean())
        assert fluctuation(path, 3) == pytest.approx(np.sum(by_hand) / 3)


class TestTraces:
    def test_are_those_of_the_chain(self):
        """b' = b - r (chi b + xi) run for long: autocovariances of biases and of observed loads."""
        rng = np.random.default_rng(2)
        weights = rng.random((3, 3))
        chi = laplacian(0.3 * (weights + weights.T) * (1 - np.eye(3)))
        root = rng.normal(size=(3, 3))
        root -= root.mean(axis=0)
        noise = 0.01 * root @ root.T
        rate = 0.8 / np.linalg.eigvalsh(chi)[-1]
        bias = proportional_covariance(rate, chi, noise).bias
        of_bias, of_load = traces(chi, bias, noise, rate * np.eye(3), 4)
        chains, b = 20_000, np.zeros((20_000, 3))
        path: list[np.ndarray] = []
        loads: list[np.ndarray] = []
        for step in range(120):
            load = b @ chi + rng.normal(size=(chains, 3)) @ (0.1 * root.T)
            if step >= 110:
                path.append(b)
                loads.append(load)
            b = b - rate * load
            b -= b.mean(axis=1, keepdims=True)
        for lag in range(4):
            for seen, expected in ((path, of_bias), (loads, of_load)):
                found = np.mean([(seen[n + lag] * seen[n]).sum(axis=1).mean() for n in range(6)])
                assert found == pytest.approx(expected[lag], abs=0.02 * expected[0])


def test_a_model_with_a_dead_expert_has_no_prediction_and_the_others_have():
    chi = np.stack([laplacian(np.full((4, 4), 0.1) * (1 - np.eye(4)))] * 2)
    noise = np.stack([0.01 * (np.eye(4) - 0.25)] * 2)
    noise[1, 3] = noise[1, :, 3] = 0.0
    found = closure(np.full(2, 0.01), chi, noise, 0.01)
    alone = sign_covariance(0.01, chi[0], noise[0], 1, 0.01)
    assert np.isnan(found.bias[1]).all()
    assert found.bias[0] == pytest.approx(alone.bias)
    assert found.observed[0] == pytest.approx(alone.observed)


def test_the_lag_of_the_sign_rule_keeps_every_bias_in_step():
    """v_i - u E sign(excess_i) is the same for all experts, and the excesses add up to 0."""
    step, drift, deviation = 0.02, 0.009, np.array([0.03, 0.02, 0.025, 0.03])
    first = _sign_lag(drift, step, deviation)

    def mean_sign(excess, s):
        return erf(excess / s / 2**0.5)

    common = drift - step * mean_sign(first, deviation[0])
    others = [-(2**0.5) * s * _inverse(common / step) for s in deviation[1:]]
    assert first > 0.0
    assert first + sum(others) == pytest.approx(0.0, abs=1e-9)


def _inverse(y):
    from scipy.optimize import brentq

    return brentq(lambda x: erf(x) - y, -5.0, 5.0, xtol=1e-14)
