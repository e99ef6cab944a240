"""One step of the rule, and the distributions that it draws from."""

from __future__ import annotations

import numpy as np
import pytest

from moecusp import RouterParameters, simulate
from tests.simulation.runs import RELIABLE


class TestRule:
    def test_one_step_by_hand(self) -> None:
        parameters = RouterParameters(feedback=3.0, decay=0.5, inverse_temperature=2.0, asymmetry=0.4, experts=3)
        start = np.array([0.1, -0.2, 0.3])
        result = simulate(parameters, increment=0.1, steps=1, routers=50, initial=start, batch_size=4)
        expected = start + 0.1 * (3.0 * result.load - 0.5 * start + 0.4 * np.array([1, 0, 0]))
        np.testing.assert_allclose(result.scores, expected, rtol=1e-14)

    def test_the_sum_of_two_scores_follows_the_rule(self) -> None:
        parameters = RouterParameters(feedback=[1.0, 3.0], decay=[0.5, 2.0], asymmetry=0.4)
        ramp, start = [(0, 0.0), (300, 1.0)], [0.3, 0.5]
        result = simulate(
            parameters, increment=0.1, steps=300, routers=2, initial=start, feedback_schedule=ramp, backend="numpy"
        )
        total = np.full(2, 0.8)
        for n in range(300):
            total += 0.1 * (np.array([1.0, 3.0]) + n / 300 + 0.4 - np.array([0.5, 2.0]) * total)
        np.testing.assert_allclose(result.scores.sum(axis=1), total, rtol=1e-12)

    def test_routers_may_differ(self) -> None:
        parameters = RouterParameters(feedback=[1.0, 4.0], decay=[1.0, 0.8])
        both = simulate(parameters, increment=[0.1, 0.2], steps=50, routers=2, backend="numpy")
        first = simulate(RouterParameters(feedback=1.0), increment=0.1, steps=50, routers=1, backend="numpy")
        np.testing.assert_array_equal(both.scores[0], first.scores[0])

    def test_a_selection_has_the_softmax_probability(self) -> None:
        start = np.array([0.3, -0.5, 0.9, 0.0])
        n = 200_000
        load = simulate(
            RouterParameters(feedback=1.0, inverse_temperature=1.5, experts=4), increment=0.1, steps=1, routers=n,
            initial=start,
        ).load.mean(axis=0)  # fmt: skip
        p = np.exp(1.5 * start) / np.exp(1.5 * start).sum()
        assert np.all(np.abs(load - p) < RELIABLE * np.sqrt(p * (1 - p) / n))

    @pytest.mark.parametrize("experts", [2, 3])
    def test_margin_noise_gives_the_error_function(self, experts: int) -> None:
        from scipy.special import ndtr

        start = np.array([0.4, 0.0, -50.0])[:experts]
        n = 200_000
        load = simulate(
            RouterParameters(feedback=1.0, experts=experts), increment=0.1, steps=1, routers=n, initial=start,
            selection="hard", margin_noise=0.8,
        ).load[:, 0].mean()  # fmt: skip
        p = float(ndtr(0.5))
        assert abs(load - p) < RELIABLE * np.sqrt(p * (1 - p) / n)

    @pytest.mark.parametrize("batch", [4, 200])
    def test_counts_have_the_binomial_variance(self, batch: int) -> None:
        n = 50_000
        load = simulate(
            RouterParameters(feedback=1.0, experts=3), increment=0.1, steps=1, routers=n, initial=[1.0, 0.0, 0.5],
            batch_size=batch,
        ).load  # fmt: skip
        w = np.exp([1.0, 0.0, 0.5])
        p = w / w.sum()
        covariance = (np.diag(p) - np.outer(p, p)) / batch
        seen = np.cov(load.T)
        assert np.all(np.abs(seen - covariance) < RELIABLE * np.sqrt(3.0 / n) * covariance.max())
