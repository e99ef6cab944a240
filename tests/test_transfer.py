"""The transfer operator: against the definition, against itself on finer grids, and against simulation.

Statistical comparisons use fixed seeds and reject at |z| > 5.5: two-sided false-alarm rate 4e-8 each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moecusp import ParameterError, RouterParameters, simulate
from moecusp._arguments import Array
from moecusp.transfer import TransferOperator, mean_passage_time, stationary_moments

RELIABLE = 5.5
DECAY, INVERSE_TEMPERATURE = 0.6, 1.7
SCORE = 2.0 / INVERSE_TEMPERATURE
"""s1 - s2 in units of u."""


def run(gain: float, step: float, asymmetry: float = 0.0, *, start: float = 0.0, **options: Any) -> Any:
    """Simulate with units that are not 1: decay 0.6, inverse temperature 1.7."""
    parameters = RouterParameters(
        feedback=DECAY * SCORE * gain,
        asymmetry=DECAY * SCORE * asymmetry,
        decay=DECAY,
        inverse_temperature=INVERSE_TEMPERATURE,
    )
    initial = [0.5 * SCORE * start, -0.5 * SCORE * start]
    return simulate(parameters, increment=step / DECAY, initial=initial, **options)


def pooled(seen: Any) -> tuple[Array, Array]:
    """Return mean, variance and autocorrelation of u over all routers, with their standard errors between routers."""
    u, spread, score = seen.mean / SCORE, seen.variance / SCORE**2, len(seen.mean) ** 0.5
    mean = u.mean()
    total = spread + (u - mean) ** 2
    neighbours = spread * seen.autocorrelation + (u - mean) ** 2
    ratio = neighbours.mean() / total.mean()
    errors = [u.std(), total.std(), (neighbours - ratio * total).std() / total.mean()]
    return np.array([mean, total.mean(), ratio]), np.array(errors) / score


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
        seen = run(g, delta, eta, steps=steps, routers=routers, start=-0.3, seed=3)
        u = (seen.scores[:, 0] - seen.scores[:, 1]) / SCORE
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
        """The standard error of the autocorrelation is asserted small: 2 percent of its distance from 1."""
        g, eta, delta = 0.8, 0.1, 0.1
        exact = stationary_moments(TransferOperator(g, delta, eta, batch_size=3))
        seen, errors = pooled(run(g, delta, eta, steps=4000, burn_in=400, routers=2000, batch_size=3, moments=True))
        assert np.all(np.abs(seen - exact.value) < RELIABLE * errors + exact.error)
        assert errors[1] < 0.01 * exact.value[1]
        assert errors[2] < 0.004 * (1.0 - exact.value[2])

    def test_error_shrinks_as_the_fourth_power(self) -> None:
        errors = [stationary_moments(TransferOperator(1.2, 0.05, resolution=r)).error for r in (4.0, 8.0)]
        assert errors[1] < errors[0] / 8


class TestPassage:
    def test_matches_simulation(self) -> None:
        g, delta, start, high = 1.5, 0.1, -1.288, 1.0
        exact = mean_passage_time(TransferOperator(g, delta, resolution=16), start, high=high)
        bounds = (None, SCORE * high)
        times = run(g, delta, steps=45_000, routers=4000, start=start, first_passage=bounds).first_passage
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
        ({"step": 2.0}, "step"),
        ({"step": 0.0}, "step"),
        ({"asymmetry": np.nan}, "asymmetry"),
        ({"batch_size": 0}, "batch_size"),
        ({"reach": -1.0}, "reach"),
        ({"resolution": 1.0}, "resolution"),
        ({"gain": [1.0, 2.0]}, "gain"),
        ({"gain": "1"}, "gain"),
        ({"batch_size": 10**30}, "step, batch_size, reach and resolution"),
        ({"step": 5e-324}, "step, batch_size, reach and resolution"),
        ({"step": 1e-300}, "step, batch_size, reach and resolution"),
        ({"asymmetry": 1e308}, "step, batch_size, reach and resolution"),
        ({"resolution": 1e300}, "step, batch_size, reach and resolution"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, Any], name: str) -> None:
    good: dict[str, Any] = {"gain": 1.0, "step": 0.1}
    with pytest.raises(ParameterError) as error:
        TransferOperator(**(good | options))
    assert error.value.name == name


def test_a_passage_needs_a_boundary_on_the_grid() -> None:
    with pytest.raises(ParameterError, match="low and high"):
        TransferOperator(1.0, 0.1).passage_times()


def test_a_small_step_reaches_as_far_as_a_larger_one() -> None:
    """|u| <= g + |eta| for any step up to 1; 1 - |1 - step| would be 0 at the smallest of these."""
    for step in (1.0, 0.1, 1e-3):
        assert TransferOperator(1.5, step, 0.2, resolution=2.0).grid[-1] == pytest.approx(1.7, rel=1e-15)
    wide = TransferOperator(1.5, 1.99, 0.2)
    assert wide.grid[-1] == pytest.approx(1.99 / 0.01 * 1.7, rel=1e-13)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda o: o.at(100.0), "u"),
        (lambda o: o.at([0.1, 0.2]), "u"),
        (lambda o: o.evolve([1.0], 3), "weights"),
        (lambda o: o.evolve(o.grid, -1), "steps"),
        (lambda o: o.passage_times(low="a"), "low"),
        (lambda o: o.passage_times(high=np.nan), "high"),
    ],
)
def test_bad_arguments_of_methods_are_named(call: Any, name: str) -> None:
    with pytest.raises(ParameterError) as error:
        call(TransferOperator(1.0, 0.1))
    assert error.value.name == name
