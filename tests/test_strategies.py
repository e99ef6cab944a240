"""The strategies draw from every region they are named after."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from moecusp import Regime, fold_asymmetry, regime
from tests.strategies import KINDS, Point, routers


def sample(kind: str, count: int = 200) -> list[Point]:
    points: list[Point] = []

    @settings(max_examples=count, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(KINDS[kind])
    def draw(point: Point) -> None:
        points.append(point)

    draw()
    return points


def distance(point: Point) -> float:
    """Relative distance from the fold."""
    g, eta = point
    fold = float(fold_asymmetry(g))
    return abs(abs(eta) - fold) / fold


class TestKinds:
    def test_on_fold_is_exactly_there(self) -> None:
        assert all(regime(*point) is Regime.FOLD for point in sample("on_fold"))

    def test_next_to_fold_lies_on_both_sides(self) -> None:
        found = Counter(regime(*point) for point in sample("next_to_fold"))
        assert set(found) == {Regime.BISTABLE, Regime.MONOSTABLE}

    def test_beside_fold_reaches_far_and_near_on_both_sides(self) -> None:
        points = sample("beside_fold")
        for side in (Regime.BISTABLE, Regime.MONOSTABLE):
            there = [distance(p) for p in points if regime(*p) is side]
            assert min(there) < 1e-13
            assert max(there) > 1e-2

    def test_inside_is_bistable(self) -> None:
        assert all(regime(*point) is Regime.BISTABLE for point in sample("inside"))

    def test_beyond_is_monostable_above_the_critical_gain(self) -> None:
        assert all(g > 1 and regime(g, eta) is Regime.MONOSTABLE for g, eta in sample("beyond"))

    def test_pitchfork_has_no_asymmetry(self) -> None:
        points = sample("pitchfork")
        assert all(g > 1 and eta == 0 for g, eta in points)
        assert min(g for g, _ in points) < 1 + 1e-9

    def test_beside_cusp_approaches_it_from_both_sides(self) -> None:
        gains = np.array([g for g, _ in sample("beside_cusp")])
        assert np.any((gains > 1) & (gains < 1 + 1e-10))
        assert np.any((gains < 1) & (gains > 1 - 1e-10))

    def test_critical_includes_the_cusp_itself(self) -> None:
        points = sample("critical")
        assert any(regime(*point) is Regime.CUSP for point in points)
        assert any(0 < abs(eta) < 1e-100 for _, eta in points)

    def test_below_has_gains_up_to_one(self) -> None:
        gains = [g for g, _ in sample("below")]
        assert max(gains) > 1 - 1e-6
        assert min(gains) == 0.0

    def test_saturated_has_a_middle_root_beyond_a_half(self) -> None:
        points = sample("saturated")
        assert all(regime(*point) is Regime.BISTABLE for point in points)
        assert all(abs(eta) > g * np.tanh(0.5) for g, eta in points)

    def test_subnormal_and_huge_reach_the_ends_of_the_floats(self) -> None:
        assert any(0 < abs(eta) <= 5e-324 for _, eta in sample("subnormal"))
        assert any(0 < g < 1e-307 for g, _ in sample("subnormal"))
        assert any(abs(eta) > 1e306 for _, eta in sample("huge"))


@pytest.mark.parametrize("wanted", list(Regime))
def test_every_regime_is_reached(wanted: Regime) -> None:
    assert any(regime(*point) is wanted for kind in KINDS for point in sample(kind, 60))


@given(routers())
def test_every_point_is_in_the_domain(point: Point) -> None:
    assert point[0] >= 0
    assert np.all(np.isfinite(point))
