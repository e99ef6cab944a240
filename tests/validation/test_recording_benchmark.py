"""What the benchmark of recording makes of its times: planted overheads, seen through drift and noise."""

import numpy as np
import pytest

from validation.benchmarks.recording import Overhead, overhead


def steps(added, rounds, noise, seed=0):
    """Times of a machine that slows down twofold, and of steps that take so much longer with a recorder."""
    random = np.random.default_rng(seed)
    speed = np.linspace(1.0, 2.0, 3 * rounds).reshape(rounds, 3)
    times = speed * (1.0 + noise * random.standard_normal((rounds, 3)))
    times[:, 1] += added * np.median(speed)
    return times[:, ::2], times[:, 1]


def test_a_steady_drift_takes_nothing_from_a_planted_overhead():
    found = overhead(*steps(0.03, 11, noise=0.0))
    assert found == pytest.approx((0.03,) * 3, rel=1e-12)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Order statistics 3 and 10 of 12, each beyond with chance 79/4096: 1000 times, 5 standard errors."""
    held = [low <= 0.03 <= high for low, _, high in (overhead(*steps(0.03, 12, 0.05, seed)) for seed in range(1000))]
    miss = 2 * 79 / 4096
    assert abs(np.mean(held) - (1 - miss)) < 5 * (miss * (1 - miss) / 1000) ** 0.5


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.001, 0.019), "yes"), ((0.001, 0.021), "cannot tell"), ((0.021, 0.03), "no"), ((-0.03, -0.01), "yes")],
)
def test_verdicts(ends, verdict):
    low, high = ends
    assert Overhead(low, (low + high) / 2, high).within(2.0) == verdict
