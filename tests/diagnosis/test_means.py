"""Means with errors from batches: coverage where tokens of a batch are alike."""

import numpy as np
import pytest
from scipy import stats

from moecusp.diagnosis.means import mean, student


class TestMean:
    def test_written_out(self):
        rng = np.random.default_rng(0)
        batch, values = rng.integers(0, 12, 500), rng.normal(size=500)
        found = mean(values, batch)
        groups = [values[batch == b] - values.mean() for b in range(12)]
        error = (12 / 11 * sum(g.sum() ** 2 for g in groups)) ** 0.5 / 500
        assert found.value == pytest.approx(values.mean(), rel=1e-12)
        assert found.error == pytest.approx(error, rel=1e-12)
        assert found.reach == pytest.approx(stats.t.ppf(0.975, 11), rel=1e-9)
        assert found.note == "error from 12 batches"

    def test_few_batches_take_tokens_as_independent_and_say_so(self):
        values = np.random.default_rng(0).normal(size=500)
        found = mean(values, np.arange(500) % 9)
        assert found.error == pytest.approx(stats.sem(values), rel=1e-9)
        assert found.note == "tokens taken as independent (9 batches; 10 would tell)"

    def test_coverage_where_tokens_of_a_batch_are_alike(self):
        """95 % intervals, 400 samples: between 92 and 98 % but for one sample of 400 in 200. Independence has 60 %."""
        rng = np.random.default_rng(1)
        batch = np.repeat(np.arange(30), 20)
        hits = 0
        for _ in range(400):
            low, high = mean(rng.normal(size=30)[batch] + rng.normal(size=600), batch).interval()
            hits += low <= 0 <= high
        assert 0.92 <= hits / 400 <= 0.98

    def test_wider(self):
        found = mean(np.arange(100.0), np.arange(100))
        low, high = found.interval(2.0)
        assert high - low == pytest.approx(4 * student(99) * found.error)
