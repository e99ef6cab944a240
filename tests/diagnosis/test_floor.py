"""The sampling floor against simulated batches and against the Gaussian formula."""

import numpy as np
import pytest

from moecusp import ParameterError, expected_max_violation
from moecusp.diagnosis import sampling_floor


def simulated(tokens, experts, k, batches, seed=0):
    """Largest load over the fair share minus 1, of batches whose tokens each take k experts at random."""
    rng = np.random.default_rng(seed)
    if k == 1:
        counts = rng.multinomial(tokens, np.full(experts, 1 / experts), size=batches).astype(float)
    else:
        counts = np.empty((batches, experts))
        for row in counts:
            chosen = rng.random((tokens, experts)).argpartition(k, axis=1)[:, :k]
            row[:] = np.bincount(chosen.ravel(), minlength=experts)
    return counts.max(axis=1) * experts / (tokens * k) - 1


class TestFloor:
    @pytest.mark.parametrize(
        ("tokens", "experts", "k", "batches"),
        [
            (512, 8, 1, 20_000),
            (640, 64, 1, 4000),
            (20, 2, 1, 20_000),
            (4096, 128, 1, 4000),
            (1024, 16, 2, 300),
            (80, 64, 8, 1000),
            (40, 8, 6, 2000),
        ],
    )
    def test_against_simulation(self, tokens, experts, k, batches):
        """Within the documented 3 %, and 4 standard errors: a false alarm in 16,000."""
        seen = simulated(tokens, experts, k, batches)
        error = seen.std() / batches**0.5
        assert sampling_floor(tokens, experts, k) == pytest.approx(seen.mean(), rel=0.03, abs=4 * error)

    @pytest.mark.parametrize(("experts", "k"), [(2, 1), (8, 1), (8, 5), (64, 1), (64, 2)])
    def test_of_large_batches_it_is_the_gaussian_formula(self, experts, k):
        tokens = 1e7
        deviation = ((1 - k / experts) / (experts * k) / tokens) ** 0.5  # of a slot share, one token's variance over B
        gaussian = expected_max_violation(deviation, experts)
        assert sampling_floor(tokens, experts, k) == pytest.approx(gaussian, rel=1e-3)

    def test_skewness_raises_it_where_counts_are_small(self):
        deviation = (63 / 64**2 / 640) ** 0.5
        assert sampling_floor(640, 64) > 1.08 * expected_max_violation(deviation, 64)

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [((79, 8), "tokens"), ((100, 1), "experts"), ((100, 8, 8), "k"), ((100, 8, 0), "k"), ((np.nan, 8), "tokens")],
    )
    def test_refusals(self, arguments, name):
        with pytest.raises(ParameterError) as caught:
            sampling_floor(*arguments)
        assert caught.value.name == name
