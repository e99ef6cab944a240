"""The subject load: predictions and runs against formulas written out here; what its pictures show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.special import erf

from tests.validation.planted import line
from tests.validation.routers.load_truth import PROFILE as P
from tests.validation.routers.load_truth import planted
from tests.validation.routers.truth import PROFILE
from validation.routers import load
from validation.streams import stream


@pytest.fixture(scope="module", name="plan")
def _plan(plans):
    return plans("load")


def logits(plan, case, dtype=torch.float64):
    """Return the logits of the stored gates, (gates, tokens, 2), every step of them in a type."""
    found = load.tokens(P).to(dtype)
    for k in range(2):
        if f"load.{case}.{k}" in plan.arrays:
            found = (found.tanh() if k else found) @ torch.tensor(plan[f"load.{case}.{k}"]).to(dtype).mT
    return found.double().numpy()


def blurred(case, margin):
    """Return the response at differences (...,), by trapezoids over the noise of the margins."""
    beta, jitter = P.inverse_temperature, P.noise * 2**0.5
    x = np.linspace(-8, 8, 801)
    weight = np.exp(-0.5 * x**2)

    def value(z):
        if "top1" in case:
            return erf((z + margin) / (2**0.5 * jitter)).mean()
        if "soft" in case:
            return np.tanh(0.5 * beta * (z + margin)).mean()
        every = np.tanh(0.5 * beta * (z + margin[:, None] + jitter * x))
        return (every @ weight).mean() / weight.sum()

    return value


class TestPredictions:
    @pytest.mark.parametrize("case", P.cases)
    def test_are_those_of_the_blurred_margins(self, plan, case):
        every = logits(plan, case)
        for k in (0, P.gates - 1):
            value = blurred(case, every[k, :, 0] - every[k, :, 1])
            slope = (value(1e-4) - value(-1e-4)) / 2e-4
            assert plan[f"load.{case}.critical"][k] == pytest.approx(P.decay / slope, rel=1e-6)
            for d, m in zip(P.distances, plan[f"load.{case}.states"][k], strict=True):
                kappa = (1 + d) * P.decay / slope
                z = brentq(lambda z, kappa=kappa, value=value: kappa * value(z) - P.decay * z, 0.05, 9)
                assert m == pytest.approx(value(z), rel=1e-5)

    def test_noise_raises_the_critical_feedback(self, plan):
        """By some 20 %: a bandwidth of .95 at a spread of .7."""
        ratio = plan["load.mlp.noisy.critical"] / plan["load.mlp.noisy.quiet"]
        assert np.all((ratio > 1.15) & (ratio < 1.4))


class TestRuns:
    @pytest.mark.parametrize("case", ["mlp.top1", "mlp.top1.bfloat16"])
    def test_is_the_rule_written_out(self, plan, case):
        """Top-1 in NumPy, on the batches and the noise of the same stream."""
        p, dtype = replace(P, time=3.0), torch.bfloat16 if case.endswith("bfloat16") else torch.float32
        found = load.measure(p, plan, case, stream("t", "t", 0, 0), lambda _: None)
        source, every = stream("t", "t", 0, 0).torch(), logits(plan, case, dtype).astype(np.float32)
        kappa = plan[f"load.{case}.critical"][:, None] * [*P.below, *(1 + d for d in P.distances)]
        score = np.array([1.0, -1.0])[:, None, None] * kappa / P.decay  # of both: s and -s are z/2
        seen = []
        for _ in range(load.steps(p)):
            drawn = torch.randint(every.shape[1], (P.gates, P.batch_size), generator=source).numpy()
            noise = P.noise * torch.randn(P.gates, P.batch_size, 2, generator=source).numpy()
            batch = np.take_along_axis(every, drawn[..., None], axis=1) + noise
            first = batch[..., 0] - batch[..., 1] + score[..., None].transpose(0, 2, 1, 3) > 0
            m = 2 * first.mean(axis=-1).transpose(0, 2, 1) - 1
            score = score + P.increment * (kappa * m - P.decay * score)
            seen.append(m)
        m = np.stack(seen, axis=-1)
        assert_allclose(found["imbalance"], m[..., -P.window :].mean(axis=-1), atol=2e-6)
        moving = np.stack(
            [np.convolve(each, np.ones(P.window) / P.window, "valid") for each in m[:, 0].reshape(10, -1)]
        )
        assert_allclose(found["trace"], moving.reshape(2, 5, -1), atol=2e-6)

    @pytest.mark.parametrize("case", ["linear.soft", "mlp.noisy", "linear.soft.float64"])
    def test_sampled_loads_end_on_the_branch(self, plan, case):
        """Some 1e6 tokens a state: the mean over gates is .01 uncertain."""
        p = replace(P, batch_size=256, time=30.0, window=80)
        found: Any = {f"load/{case}": load.measure(p, plan, case, stream("t", "t", 1, 0), lambda _: None)}
        size = load.sizes(found, case).mean(axis=0)
        assert_allclose(size[2:], plan[f"load.{case}.states"].mean(axis=0), atol=0.04)
        assert_allclose(size[:1], 0.0, atol=0.04)


def test_onset_of_the_predicted_branch_is_one(plan):
    """The estimator on what is predicted: its own error, stated in the profile."""
    for case in P.cases:
        found = load.onsets(P, planted(plan, scatter=0.0), case)
        assert_allclose(found, 1.0, atol=0.01)


def test_pictures_show_the_measured_arrays(plan):
    measured = planted(plan)
    drawn = {each.id: each.figure for each in load.pictures(PROFILE, plan, measured)}
    for case in P.cases:
        _, y = line(drawn["load"], f"moving average, {case}")
        assert_array_equal(y, measured[f"load/{case}"]["imbalance"][0].ravel())
        _, y = line(drawn["load"], f"predicted, {case}")
        assert_allclose(y[2:], plan[f"load.{case}.states"].mean(axis=0))
    x, y = line(drawn["load_time"], "1.22 of the critical feedback")
    assert_array_equal(x, P.window + np.arange(13))
    assert_array_equal(y, measured["load/linear.soft"]["trace"][0, 3])
