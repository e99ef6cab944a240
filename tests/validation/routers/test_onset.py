"""The subject onset: predictions and a run against formulas written out here; what its picture shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq

from tests.validation.planted import line
from tests.validation.routers.onset_truth import PROFILE as P
from tests.validation.routers.onset_truth import planted
from tests.validation.routers.truth import PROFILE
from validation.routers import onset
from validation.streams import stream


@pytest.fixture(scope="module", name="plan")
def _plan(plans):
    return plans("onset")


def margins(plan, kind):
    """Return the margins of the stored gates, (gates, tokens)."""
    logits = onset.tokens(P).numpy()
    for k in range(2):
        if f"onset.{kind}.{k}" in plan.arrays:
            logits = (np.tanh(logits) if k else logits) @ plan[f"onset.{kind}.{k}"].swapaxes(1, 2)
    return logits[..., 0] - logits[..., 1]


class TestPredictions:
    @pytest.mark.parametrize("kind", P.kinds)
    def test_are_those_of_the_margins(self, plan, kind):
        beta = P.inverse_temperature
        for margin, critical, states in zip(
            margins(plan, kind), plan[f"onset.{kind}.critical"], plan[f"onset.{kind}.states"], strict=True
        ):
            assert margin.std() == pytest.approx(P.spread, rel=1e-9)
            slope = np.mean(0.5 * beta / np.cosh(0.5 * beta * margin) ** 2)
            assert critical == pytest.approx(P.decay / slope, rel=1e-9)
            for d, m in zip(P.distances, states, strict=True):
                kappa = critical * (1 + d)

                def field(z, kappa=kappa, margin=margin):
                    return kappa * np.tanh(0.5 * beta * (z + margin)).mean() - P.decay * z

                z = brentq(field, 0.01, 5)
                assert m == pytest.approx(P.decay * z / kappa, rel=1e-6)

    def test_tokens_come_with_their_negatives(self):
        seen = onset.tokens(P).numpy()
        assert seen.shape == (120, 64)
        assert_array_equal(seen.sum(axis=0), 0)

    def test_gates_follow_from_the_seed(self, plan):
        other = onset.predict(PROFILE, 4)
        assert np.all(other["onset.mlp.0"] != plan["onset.mlp.0"])


@pytest.mark.parametrize("kind", P.kinds)
def test_the_run_is_the_rule_of_the_stored_gates(plan, kind):
    """Against the rule written out in NumPy."""
    found = onset.measure(replace(P, time=6.0), plan, kind, "float64", stream("t", "t", 0, 0), lambda _: None)
    margin, critical = margins(plan, kind)[:, None], plan[f"onset.{kind}.critical"][:, None]
    beta = P.inverse_temperature

    def load(z):
        return np.tanh(0.5 * beta * (z[..., None] + margin)).mean(axis=-1)

    def run(factors, z, steps):
        kappa = critical * np.array(factors)
        z = np.full_like(kappa, z)
        for _ in range(steps):
            z = z + P.increment * (kappa * load(z) - P.decay * z)
        return z

    z = run(P.growth_feedbacks, P.kick, P.growth_steps)
    assert_allclose(found["rates"], ((z / P.kick) ** (1 / P.growth_steps) - 1) / P.increment, atol=1e-9)
    m = load(run([P.below, *(1 + d for d in P.distances)], 1 / beta, round(6.0 / P.decay / P.increment)))
    assert_allclose(found["below"], m[:, 0], rtol=1e-9)
    assert_allclose(found["imbalance"], m[:, 1:], rtol=1e-9)


def test_the_picture_shows_the_measured_arrays(plan):
    measured = planted(plan)
    (drawn,) = onset.pictures(PROFILE, plan, measured)
    for kind in P.kinds:
        for name in P.types:
            x, y = line(drawn.figure, f"{kind}, {name}")
            assert_array_equal(y, measured[f"onset/{kind}-{name}"]["imbalance"].ravel())
            assert_allclose(x, np.tile(1 + np.array(P.distances), P.routers))
