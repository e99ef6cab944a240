"""Statistics gathered on the way, against the path itself and against theory."""

from __future__ import annotations

import numpy as np

from moecusp import RouterParameters, simulate
from moecusp._simulation.statistics import Sums
from moecusp.transfer import TransferOperator, stationary_moments
from tests.simulation.runs import DECAY, RELIABLE, run, units


class TestStatistics:
    def test_sums_are_those_of_the_trajectory(self) -> None:
        result = run(2, "numpy", every=1, first_passage=(-0.2, 1.0), histogram=np.linspace(-1, 1, 21))
        assert result.trajectory is not None
        assert result.first_passage is not None
        assert result.mean is not None
        assert result.variance is not None
        assert result.autocorrelation is not None
        path = result.trajectory[51:]
        np.testing.assert_allclose(result.mean, path.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(result.variance, path.var(axis=0), rtol=1e-10)
        d = path - path.mean(axis=0)
        np.testing.assert_allclose(
            result.autocorrelation, (d[1:] * d[:-1]).mean(axis=0) / path.var(axis=0), rtol=0, atol=1e-10
        )
        out = (result.trajectory[1:] <= -0.2) | (result.trajectory[1:] >= 1.0)
        np.testing.assert_array_equal(result.first_passage, np.where(out.any(axis=0), out.argmax(axis=0) + 1, -1))
        assert result.histogram is not None
        np.testing.assert_array_equal(result.histogram, np.histogram(path[1:], np.linspace(-1, 1, 21))[0])
        assert result.outside == path[1:].size - result.histogram.sum()

    def test_stationary_moments_are_those_of_the_transfer_operator(self) -> None:
        """Bounds from the standard errors between routers, which are asserted small.

        Moments are taken about the common mean 0, for the mean of one router wanders with its slow fluctuations.
        """
        step, gain = 0.05, 0.5
        result = simulate(
            units(gain), increment=step / DECAY, steps=20_000, routers=300, burn_in=400, moments=True, seed=11
        )
        assert result.mean is not None
        assert result.variance is not None
        assert result.autocorrelation is not None
        u, spread = 0.5 * 1.7 * result.mean, (0.5 * 1.7) ** 2 * result.variance
        second, neighbours = spread + u * u, spread * result.autocorrelation + u * u
        ratio = neighbours.mean() / second.mean()
        _, variance, correlation = stationary_moments(TransferOperator(gain, step)).value
        error = second.std() / 300**0.5
        assert abs(second.mean() - variance) < RELIABLE * error < 0.03 * variance
        error = (neighbours - ratio * second).std() / second.mean() / 300**0.5
        assert abs(ratio - correlation) < RELIABLE * error < 0.03 * (1.0 - correlation)

    def test_the_load_of_a_rare_expert_keeps_its_digits(self) -> None:
        """1 token of 10^6 is 1e-6, not what is left of 1 after the others."""
        sums = Sums(10**6, *(np.full((1, 1), 10.0**6 - 1.0) for _ in range(5)))
        assert sums.load(1, 2).tolist() == [[1.0 - 1e-6, 1e-6]]

    def test_observer_sees_every_observation(self) -> None:
        seen: list[int] = []
        simulate(
            RouterParameters(feedback=1.0), increment=0.1, steps=25, routers=2, every=10,
            observer=lambda done, scores: seen.append(done),
        )  # fmt: skip
        assert seen == [0, 10, 20]

    def test_progress_ends_at_the_last_step(self) -> None:
        seen: list[tuple[int, int]] = []
        simulate(
            RouterParameters(feedback=1.0), increment=0.1, steps=5000, routers=1,
            progress=lambda done, steps: seen.append((done, steps)),
        )  # fmt: skip
        assert seen == [(4096, 5000), (5000, 5000)]
