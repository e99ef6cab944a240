"""Intervals of metrics over batches: coverage, dependence of neighbours, bounds."""

import math

import numpy as np
import pytest

import moecusp as mc
from moecusp.metrics import BatchInterval, interval, intervals, layer_metrics, load_intervals
from tests.routed import counted, routed


def waves(random, batches, persistence):
    """Counts whose shares wander about a mean with this autocorrelation."""
    state, counts = 0.0, []
    for shock in random.normal(size=batches):
        state = persistence * state + math.sqrt(1 - persistence**2) * shock
        p = np.array([0.3 + 0.06 * math.tanh(state), 0.3 - 0.06 * math.tanh(state), 0.4])
        counts.append(random.multinomial(2000, p))
    return counted(counts)


class TestIntervals:
    def covered(self, name, truth, persistence, **options):
        random = np.random.default_rng(7)
        runs = [interval(waves(random, 60, persistence), name, resamples=300, **options) for _ in range(200)]
        return sum(run.low <= truth <= run.high for run in runs) / 200

    def test_coverage(self):
        """200 traces of 60 batches at 95 %, a few per cent lost to blocks: below 0.90 with chance 10^-3 of 0.95."""
        assert self.covered("max_vio", 0.2, 0.0) >= 0.90
        assert self.covered("cv_squared", 3 * (2 * 0.3**2 + 0.4**2) - 1, 0.0) >= 0.90

    def test_blocks_keep_the_dependence_of_neighbours(self):
        """Expert 0's share wanders slowly, and so the mean of min_vio's batches: blocks of 1 are too sure of it."""
        options = {"batchwise": True}
        random = np.random.default_rng(0)
        long = counted(np.concatenate([waves(random, 500, 0.8).counts for _ in range(20)]))
        truth = layer_metrics(long).batchwise["min_vio"]
        alone = self.covered("min_vio", truth, 0.8, block=1, **options)
        blocks = self.covered("min_vio", truth, 0.8, block=10, **options)
        assert alone < 0.8
        assert blocks > 0.87

    def test_is_about_the_estimate_and_repeats(self):
        record = waves(np.random.default_rng(1), 40, 0.5)
        found = interval(record, "load_entropy")
        assert found.estimate == layer_metrics(record).values["load_entropy"]
        assert found.low < found.estimate < found.high
        assert found == interval(record, "load_entropy") == BatchInterval(**vars(found))
        assert (found.block, found.batches) == (4, 40)
        wider = interval(record, "load_entropy", 0.99)
        assert wider.low < found.low < found.high < wider.high
        of_batches = interval(record, "max_vio", batchwise=True).estimate
        assert of_batches == pytest.approx(layer_metrics(record).batchwise["max_vio"], rel=1e-14)

    def test_noise_alone_is_no_imbalance(self):
        """A balanced router: resampling raises max_vio again, and the interval goes down by as much."""
        random = np.random.default_rng(5)
        runs = [
            interval(counted(random.multinomial(100, [0.125] * 8, size=30)), "max_vio", resamples=200)
            for _ in range(40)
        ]
        assert all(run.estimate > 0.02 for run in runs)
        assert sum(run.low == 0.0 for run in runs) >= 34

    def test_blocks_are_neighbours(self):
        weights = intervals._weights(np.random.default_rng(0), 200, 6, 3)
        assert weights.sum(axis=1).tolist() == [6.0] * 200
        assert weights.max() == 2.0  # two blocks of three
        assert (weights.mean(axis=0) > 0.8).all()  # none is left out at the ends

    def test_bounds_keep_to_what_a_metric_can_be(self):
        counts = [[9, 10, 11], [11, 10, 9]] * 10
        assert interval(counted(counts), "max_vio", block=1).low == 0.0
        assert interval(counted([[9, 10, 0], [9, 10, 1]] * 10), "min_vio", block=1).low >= -1.0

    def test_scores_have_intervals_too(self):
        random = np.random.default_rng(2)
        record = routed(random.normal(size=(600, 4)), 2, batch=np.arange(600) // 30)
        for name in ("router_entropy", "z_loss", "balance_loss", "dead_probability"):
            found = interval(record, name)
            assert found.estimate == pytest.approx(layer_metrics(record).values[name], rel=1e-14)
            assert found.low <= found.estimate <= found.high

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            ({"name": "gini"}, "name"),
            ({"name": "z_loss"}, "record"),
            ({"confidence": 1.0}, "confidence"),
            ({"confidence": 0.0}, "confidence"),
            ({"block": 0}, "block"),
            ({"block": 6}, "block"),
            ({"resamples": 99}, "resamples"),
            ({"seed": -1}, "seed"),
            ({"record": counted([[1, 2]] * 9)}, "batches"),
            ({"record": counted([[0, 0]] * 20)}, "record"),
        ],
    )
    def test_refuses(self, arguments, named):
        with pytest.raises(mc.ParameterError) as caught:
            interval(**{"record": counted([[1, 2]] * 11), "name": "max_vio", **arguments})
        assert caught.value.name == named


def test_an_interval_reaches_to_its_estimate():
    """Loads that alternate: resamples are far more uneven than all batches together, so 2 m - q lies below 0."""
    swing = np.where(np.arange(60) % 2, 180, -180)
    counts = np.stack([500 + swing, 500 - swing, np.full(60, 510)], axis=1)
    found = interval(counted(counts), "max_vio")
    assert found.low <= found.estimate <= found.high
    assert found.estimate > 0


class TestLoads:
    def test_are_the_relative_loads(self):
        record = waves(np.random.default_rng(0), 60, 0.0)
        estimate, low, high = load_intervals(record)
        np.testing.assert_allclose(estimate, layer_metrics(record).relative_load)
        assert np.all((low <= estimate) & (estimate <= high))

    def test_an_unused_expert_has_an_interval_without_width(self):
        counts = np.random.default_rng(0).multinomial(100, [0.5, 0.5, 0.0], size=20)
        estimate, low, high = load_intervals(counted(counts))
        assert (estimate[2], low[2], high[2]) == (0.0, 0.0, 0.0)

    @pytest.mark.parametrize(
        ("options", "name"),
        [
            ({"confidence": 1.0}, "confidence"),
            ({"block": 40}, "block"),
            ({"resamples": 9}, "resamples"),
            ({"seed": -1}, "seed"),
        ],
    )
    def test_refusals(self, options, name):
        record = waves(np.random.default_rng(0), 60, 0.0)
        with pytest.raises(mc.ParameterError) as caught:
            load_intervals(record, **options)
        assert caught.value.name == name

    def test_too_few_batches(self):
        with pytest.raises(mc.ParameterError, match=">= 10 for an interval"):
            load_intervals(waves(np.random.default_rng(0), 9, 0.0))
