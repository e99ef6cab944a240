"""Concordance by pairs, the area under the ROC curve, and the regression against its likelihood and simulation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from validation.ecology.concordance import Exponents, Order, exponents, interval, unknown


def by_pairs(score, dead):
    """Return the share of pairs in order, written out."""
    won = pairs = 0.0
    for i, j in combinations(range(len(score)), 2):
        if dead[i] != dead[j]:
            better, worse = (i, j) if dead[i] < dead[j] else (j, i)
            pairs += 1
            won += 1.0 if score[better] > score[worse] else 0.5 if score[better] == score[worse] else 0.0
    return won / pairs


class TestOrder:
    def test_is_the_share_of_pairs(self):
        rng = np.random.default_rng(1)
        score, dead = rng.integers(0, 6, 40).astype(float), rng.integers(0, 4, 40)
        assert Order.of(score, dead).concordance(np.arange(40.0)) == pytest.approx(by_pairs(score, dead))

    def test_drawn_again_it_is_that_of_the_drawn(self):
        rng = np.random.default_rng(2)
        score, dead = rng.normal(size=30), rng.integers(0, 3, 30)
        drawn = rng.integers(0, 30, 30)
        found = Order.of(score, dead).concordance(drawn.astype(float))
        assert found == pytest.approx(by_pairs(score[drawn], dead[drawn]))

    def test_of_two_outcomes_it_is_the_area_under_the_curve(self):
        rng = np.random.default_rng(3)
        score, dead = rng.normal(size=50), rng.integers(0, 2, 50)
        assert Order.of(score, dead).concordance(np.arange(50.0)) == pytest.approx(roc_auc_score(dead == 0, score))

    def test_of_models_all_alike_there_is_none(self):
        assert np.isnan(Order.of(np.arange(3.0), np.ones(3, dtype=int)).concordance(np.arange(3.0)))


class TestInterval:
    def made(self, score, dead, configs):
        return interval(score, dead, configs, confidence=0.9, resamples=200, source=np.random.default_rng(0))

    def test_leaves_out_what_is_not_defined(self):
        rng = np.random.default_rng(4)
        score, dead = rng.normal(size=40), rng.integers(0, 3, 40)
        more = self.made(np.append(score, np.nan), np.append(dead, 9), np.arange(41))
        assert (more.estimate, more.n) == (pytest.approx(by_pairs(score, dead)), 40)

    def test_is_wider_where_models_come_in_clusters(self):
        rng = np.random.default_rng(5)
        score = np.repeat(rng.normal(size=20), 8)
        dead = np.repeat(rng.integers(0, 5, 20), 8)
        single, clustered = self.made(score, dead, np.arange(160)), self.made(score, dead, np.repeat(np.arange(20), 8))
        assert clustered.n == 20
        assert clustered.high - clustered.low > 1.8 * (single.high - single.low)

    @pytest.mark.parametrize(
        ("score", "dead"), [(np.arange(9.0), np.ones(9, dtype=int)), (np.full(9, np.nan), np.arange(9))]
    )
    def test_unknown(self, score, dead):
        found = self.made(score, dead, np.arange(9))
        assert np.isnan(found.estimate)
        assert (found.low, found.high) == (-np.inf, np.inf)


def fitted(weights, dead, configs):
    """Return what is fitted to experts of 16."""
    found = exponents(weights, dead, 16, configs, 5)
    assert found is not None
    return found


def simulated(slopes, n, rng, spread=0.0):
    """Return settings, dead experts of 16 by a logistic law, and their configurations, four models each."""
    weights = np.exp(rng.normal(size=(n, 4)))
    chance = np.log(weights) @ slopes + spread * rng.normal(size=n)
    alive = 1.0 / (1.0 + np.exp(-np.repeat(chance, 4)))
    return np.repeat(weights, 4, 0), 16 - rng.binomial(16, alive), np.repeat(np.arange(n), 4)


class TestExponents:
    def test_are_at_the_largest_likelihood(self):
        weights, dead, configs = simulated(np.array([0.5, -0.2, 0.8, 0.1]), 40, np.random.default_rng(6))
        found = fitted(weights, dead, configs)
        design = np.column_stack([np.ones(len(dead)), np.log(weights)])

        def loss(beta):
            line = design @ beta
            return np.sum(16 * np.logaddexp(0.0, line) - (16 - dead) * line)

        best = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-8}).x
        assert_allclose(found.slopes, best[1:], atol=1e-5)

    def test_covariance_is_the_sandwich_over_clusters(self):
        weights, dead, configs = simulated(np.array([0.5, -0.2, 0.8, 0.1]), 40, np.random.default_rng(7), spread=0.5)
        found = fitted(weights, dead, configs)
        logs = np.log(weights)
        design = np.column_stack([np.ones(len(dead)), logs - logs.mean(0)])
        line = design[:, 1:] @ found.slopes
        intercept = minimize(
            lambda b: np.sum(16 * np.logaddexp(0.0, line + b) - (16 - dead) * (line + b)), 0.0, method="BFGS"
        ).x
        mean = 1.0 / (1.0 + np.exp(-(line + intercept)))
        bread = np.linalg.inv(design.T @ (design * (16 * mean * (1 - mean))[:, None]))
        score = design * (16 - dead - 16 * mean)[:, None]
        meat = sum(np.outer(s, s) for s in (score[configs == each].sum(0) for each in range(40)))
        expected = (bread @ meat @ bread)[1:, 1:] * 40 / 39 * 159 / 155
        assert_allclose(found.covariance, expected, rtol=1e-3)
        assert found.clusters == 40

    def test_directions_cover_the_truth(self):
        """Of 60 simulated sets of clustered data at 90 % at least 46 hold each: false alarm 1e-3 if exact."""
        rng, slopes = np.random.default_rng(8), np.array([1.0, 1.0, -1.0, 0.0])
        held = np.zeros(4)
        for _ in range(60):
            found = fitted(*simulated(slopes, 60, rng, spread=0.7))
            for which, true in enumerate(slopes / 3**0.5):
                seen = found.direction(which, 0.9)
                held[which] += seen.low <= true <= seen.high
        assert held.min() >= 46

    def test_direction_has_length_one(self):
        found = Exponents(np.array([3.0, 0.0, -4.0, 0.0]), 0.01 * np.eye(4), 50)
        seen = [found.direction(which, 0.9) for which in range(4)]
        assert [each.estimate for each in seen] == [0.6, 0.0, -0.8, 0.0]
        ratio = (seen[1].high - seen[1].low) / (seen[0].high - seen[0].low)
        assert ratio == pytest.approx(1.0 / 0.8)  # the direction of a slope moves by what is across it

    @pytest.mark.parametrize("dead", [np.zeros(160, dtype=int), np.full(160, 16)])
    def test_none_where_nothing_differs(self, dead):
        weights, _, configs = simulated(np.zeros(4), 40, np.random.default_rng(9))
        assert exponents(weights, dead, 16, configs, 5) is None


def test_unknown_is_unbounded():
    assert (unknown(0.9, 0).n, unknown(0.9, 4, "seeds").unit) == (1, "seeds")
