"""The grid of the transfer operator and what is computed on it, against the equations written out with dense arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from moecusp import ParameterError
from moecusp.transfer import TransferOperator, mean_passage_time, stationary_moments

OPERATOR = TransferOperator(1.3, 0.25, 0.2, batch_size=2, resolution=4.0)
DENSE = OPERATOR.matrix.toarray()
INSIDE = np.linspace(-1.0, 1.0, 23) * OPERATOR.grid[-1]


class TestGrid:
    @pytest.mark.parametrize(
        ("operator", "half", "spacing"),
        [
            (OPERATOR, 1.5, 0.25 * 1.3 / 2**0.5 / 4.0),
            (TransferOperator(1.3, 0.25, -0.2, batch_size=2, resolution=4.0), 1.5, 0.25 * 1.3 / 2**0.5 / 4.0),
            (TransferOperator(0.0, 0.5, reach=2.0), 2.0, 0.5 * 0.1 / 8.0),  # of a gain below 0.1 as of 0.1
            (TransferOperator(1.0, 1.5), 3.0, 1.5 / 8.0),  # |1 - step| = 1/2
            (TransferOperator(0.01, 0.5), 0.5, 0.5 * 0.1 / 8.0),  # a step at least
            (TransferOperator(1.0, 1.0, resolution=2.0), 1.0, 1.0 / 8.0),  # eight points a side at least
        ],
    )
    def test_its_points(self, operator: TransferOperator, half: float, spacing: float) -> None:
        grid = operator.grid
        count = int(np.ceil(half / spacing - 1e-9))
        assert grid.size == 2 * count + 1
        np.testing.assert_allclose(grid, half * np.arange(-count, count + 1) / count, rtol=1e-12, atol=1e-15)

    def test_defaults(self) -> None:
        plain = TransferOperator(1.0, 0.1)
        assert (plain.asymmetry, plain.batch_size, plain.reach, plain.resolution) == (0.0, 1, 0.0, 8.0)
        assert type(TransferOperator(1.0, 0.1, batch_size=np.int8(3)).batch_size) is int  # type: ignore[arg-type]
        assert type(TransferOperator(1, 0.1).gain) is float

    def test_its_limit(self) -> None:
        """Points times outcomes, below 2^24."""
        most = 2**23 * 0.1 / 8.0  # reach over spacing times two, times two outcomes
        assert TransferOperator(1.0, 0.1, reach=0.4999 * most / 1.0).reach > 0
        for wrong in ({"reach": 0.5001 * most}, {"batch_size": 2**24}, {"step": 5e-324}):
            with pytest.raises(ParameterError, match="grid points times batch_size"):
                TransferOperator(**({"gain": 1.0, "step": 0.1} | wrong))

    def test_twice_as_fine(self) -> None:
        assert OPERATOR.finer() == replace(OPERATOR, resolution=8.0)


class TestInterpolation:
    def test_is_exact_for_cubics_at_every_point(self) -> None:
        """Also in the first and the last cell, whose neighbours lie on one side."""
        for u in INSIDE:
            weights = OPERATOR.at(u)
            assert np.count_nonzero(weights) <= 4
            for power in range(4):
                assert weights @ OPERATOR.grid**power == pytest.approx(u**power, abs=1e-12)

    def test_at_a_point_of_the_grid_is_that_point(self) -> None:
        for i in (0, 1, 2, 7, OPERATOR.grid.size - 2, OPERATOR.grid.size - 1):
            wanted = np.zeros(OPERATOR.grid.size)
            wanted[i] = 1.0
            np.testing.assert_allclose(OPERATOR.at(OPERATOR.grid[i]), wanted, atol=1e-12)

    def test_takes_the_nearest_four(self) -> None:
        grid = OPERATOR.grid
        for i in (1, 5, grid.size - 3):
            used = np.flatnonzero(OPERATOR.at(0.6 * grid[i] + 0.4 * grid[i + 1]))
            assert used.tolist() == [i - 1, i, i + 1, i + 2]


class TestOneStep:
    def test_a_row_by_hand(self) -> None:
        """Both tokens on expert 1, one, or none: the state after each, with its probability."""
        for row in (3, OPERATOR.grid.size // 2, OPERATOR.grid.size - 4):
            u = OPERATOR.grid[row]
            p = 1.0 / (1.0 + np.exp(-2.0 * u))
            outcomes = [((1 - p) ** 2, -1.0), (2 * p * (1 - p), 0.0), (p * p, 1.0)]
            expected = sum(q * OPERATOR.at(0.75 * u + 0.25 * (0.2 + 1.3 * side)) for q, side in outcomes)
            np.testing.assert_allclose(DENSE[row], expected, atol=1e-12)

    def test_evolution(self) -> None:
        start = OPERATOR.at(0.3)
        np.testing.assert_array_equal(OPERATOR.evolve(start, 0), start)
        np.testing.assert_allclose(OPERATOR.evolve(start, 3), start @ DENSE @ DENSE @ DENSE, atol=1e-12)


class TestStationary:
    def test_is_left_as_it_is(self) -> None:
        density = OPERATOR.stationary()
        assert density.sum() == pytest.approx(1.0, rel=1e-12)
        np.testing.assert_allclose(density @ DENSE, density, atol=1e-12)

    def test_moments(self) -> None:
        found = []
        for each in (OPERATOR, OPERATOR.finer()):
            density, u, matrix = each.stationary(), each.grid, each.matrix.toarray()
            mean = density @ u
            variance = density @ u**2 - mean**2
            found.append([mean, variance, (density @ (u * (matrix @ u)) - mean * (density @ matrix @ u)) / variance])
        moments = stationary_moments(OPERATOR)
        np.testing.assert_allclose(moments.value, found[1], rtol=1e-9)
        assert moments.error == pytest.approx(np.max(np.abs(np.array(found[0]) - np.array(found[1]))), rel=1e-4)


class TestPassage:
    @pytest.mark.parametrize(("low", "high"), [(-np.inf, 0.5), (-0.5, np.inf), (-0.5, 0.7)])
    def test_times_solve_their_equation(self, low: float, high: float) -> None:
        """One step, and then the time from there; none where the boundary is passed."""
        times = OPERATOR.passage_times(low=low, high=high)
        out = (OPERATOR.grid <= low) | (OPERATOR.grid >= high)
        assert not times[out].any()
        np.testing.assert_allclose(times[~out], 1.0 + (DENSE @ times)[~out], rtol=1e-10)
        assert np.all(times[~out] > 0.9)

    def test_a_boundary_belongs_to_the_outside(self) -> None:
        low, high = OPERATOR.grid[[5, -6]]
        times = OPERATOR.passage_times(float(low), float(high))
        assert np.flatnonzero(times).tolist() == list(range(6, OPERATOR.grid.size - 6))

    @pytest.mark.parametrize(("low", "high"), [(-9.0, 9.0), (-np.inf, np.inf), (9.0, np.inf), (0.5, -0.5)])
    def test_a_boundary_divides_the_grid(self, low: float, high: float) -> None:
        with pytest.raises(ParameterError, match="low and high"):
            OPERATOR.passage_times(low, high)

    def test_the_mean_from_a_start(self) -> None:
        def times(each: TransferOperator, **bounds: float) -> float:
            return float(each.at(0.1) @ each.passage_times(**bounds))

        for bounds in ({"low": -0.5}, {"high": 0.7}, {"low": -0.5, "high": 0.7}):
            found: Any = mean_passage_time(OPERATOR, 0.1, **bounds)
            coarse, fine = times(OPERATOR, **bounds), times(OPERATOR.finer(), **bounds)
            assert type(found.value) is float
            assert found.value == pytest.approx(fine, rel=1e-12)
            assert found.error == pytest.approx(abs(fine - coarse), rel=1e-6)
