"""The transfer operator: against the definition, against itself on finer grids, and against simulation.

Statistical comparisons use fixed seeds and reject at |z| > 5.5: two-sided false-alarm rate 4e-8 each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moecusp import ParameterError, RouterParameters, simulate
from moecusp.master import TransferOperator, mean_passage_time, stationary_moments

RELIABLE = 5.5


def parameters(gain: float, asymmetry: float = 0.0) -> RouterParameters:
    return RouterParameters(feedback=2.0 * gain, asymmetry=2.0 * asymmetry)


class TestTransferOperator:
    @pytest.mark.parametrize("batch", [1, 3])
    def test_a_row_is_one_step_of_the_rule(self, batch: int) -> None:
        """For a cubic the interpolation is exact, so the expectation can be written down."""
        g, eta, delta = 1.3, 0.1, 0.04
        operator = TransferOperator(g, delta, eta, batch)
        u = operator.grid
        m = np.tanh(u)
        mean = (1 - delta) * u + delta * (eta + g * m)
        variance = (delta * g) ** 2 * (1 - m * m) / batch
        third = -2 * m * (1 - m * m) * (delta * g) ** 3 / batch**2
        matrix = operator.matrix
        np.testing.assert_allclose(matrix @ np.ones_like(u), 1.0, rtol=1e-12)
        np.testing.assert_allclose(matrix @ u, mean, atol=1e-12)
        np.testing.assert_allclose(matrix @ u**2, mean**2 + variance, atol=1e-11)
        np.testing.assert_allclose(matrix @ u**3, mean**3 + 3 * mean * variance + third, atol=1e-10)

    def test_mean_path_matches_simulation(self) -> None:
        g, eta, delta, steps, routers = 1.4, 0.05, 0.1, 60, 100_000
        operator = TransferOperator(g, delta, eta, reach=1.5)
        exact = operator.evolve(operator.at(-0.3), steps)
        run = simulate(parameters(g, eta), increment=delta, steps=steps, routers=routers, initial=[-0.3, 0.3], seed=3)
        u = 0.5 * (run.scores[:, 0] - run.scores[:, 1])
        for power in (1, 2, 3):
            error = np.std(u**power) / routers**0.5
            assert abs(np.mean(u**power) - exact @ operator.grid**power) < RELIABLE * error

    def test_small_noise_has_the_linear_formulas(self) -> None:
        g, delta = 0.5, 1e-3
        found = stationary_moments(TransferOperator(g, delta))
        ratio = 1 - delta * (1 - g)
        assert abs(found.value[0]) < 1e-9
        assert abs(found.value[1] / ((delta * g) ** 2 / (1 - ratio**2)) - 1) < 2 * delta
        assert abs(found.value[2] - ratio) < delta**2
        assert found.error < 1e-9

    def test_moments_match_simulation(self) -> None:
        g, eta, delta = 0.8, 0.1, 0.1
        exact = stationary_moments(TransferOperator(g, delta, eta, batch_size=3))
        run = simulate(
            parameters(g, eta), increment=delta, steps=4000, burn_in=400, routers=2000, batch_size=3, moments=True
        )
        assert run.mean is not None
        assert run.variance is not None
        assert run.autocorrelation is not None
        spread = run.variance + (run.mean - run.mean.mean()) ** 2
        for seen, value, scale in ((run.mean, exact.value[0], 0.5), (spread, exact.value[1], 0.25)):
            error = scale * seen.std() / len(seen) ** 0.5
            assert abs(scale * seen.mean() - value) < RELIABLE * error
        assert abs(run.autocorrelation.mean() - exact.value[2]) < 2e-3

    def test_error_shrinks_as_the_fourth_power(self) -> None:
        errors = [stationary_moments(TransferOperator(1.2, 0.05, resolution=r)).error for r in (4.0, 8.0)]
        assert errors[1] < errors[0] / 8


class TestPassage:
    def test_matches_simulation(self) -> None:
        g, delta, start, high = 1.5, 0.1, -1.288, 1.0
        exact = mean_passage_time(TransferOperator(g, delta, resolution=16), start, high=high)
        run = simulate(
            parameters(g), increment=delta, steps=45_000, routers=4000, initial=[start, -start],
            first_passage=(None, 2 * high),
        )  # fmt: skip
        times = run.first_passage
        assert times is not None
        assert times.min() > 0  # the chance that one of them needs longer is 4000 exp(-24)
        assert abs(times.mean() - exact.value) < RELIABLE * times.std() / len(times) ** 0.5 + exact.error

    def test_slope_is_the_exact_barrier_and_not_the_diffusion_one(self) -> None:
        """Anchors of docs/theory.md, section 7 at g = 1.5: 0.22432 exact, 0.25457 in the diffusion limit."""
        deltas = np.array([0.01, 0.0125])
        times = [mean_passage_time(TransferOperator(1.5, d, resolution=4), -1.288, high=1.0).value for d in deltas]
        slope = np.log(times[0] * deltas[0] / (times[1] * deltas[1])) / (1 / deltas[0] - 1 / deltas[1])
        assert abs(slope - 0.22432) < 5e-4
        assert abs(slope - 0.25457) > 0.02


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"gain": -1.0}, "gain"),
        ({"increment": 2.0}, "increment"),
        ({"increment": 0.0}, "increment"),
        ({"asymmetry": np.nan}, "asymmetry"),
        ({"batch_size": 0}, "batch_size"),
        ({"reach": -1.0}, "reach"),
        ({"resolution": 1.0}, "resolution"),
        ({"gain": [1.0, 2.0]}, "gain"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, Any], name: str) -> None:
    good: dict[str, Any] = {"gain": 1.0, "increment": 0.1}
    with pytest.raises(ParameterError) as error:
        TransferOperator(**(good | options))
    assert error.value.name == name


def test_a_passage_needs_a_boundary_on_the_grid() -> None:
    with pytest.raises(ParameterError, match="low and high"):
        TransferOperator(1.0, 0.1).passage_times()
