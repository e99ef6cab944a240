"""Properties that hold whatever the numbers: symmetry, monotonicity, scaling and limits of the two-expert theory."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.strategies import Point, above, log_uniform, routers


@given(routers())
def test_equilibria_mirror_with_the_asymmetry(point: Point) -> None:
    g, eta = point
    here, there = mc.equilibria(g, eta), mc.equilibria(g, -eta)
    count = here.count
    assert there.count == count
    assert here.u[:count].tolist() == [-u for u in there.u[:count][::-1]]
    assert here.stability[:count].tolist() == there.stability[:count][::-1].tolist()


@given(routers())
def test_equilibria_are_ascending_and_padded(point: Point) -> None:
    found = mc.equilibria(*point)
    assert np.all(np.diff(found.u[: found.count]) > 0)
    assert np.all(np.isnan(found.u[found.count :]))
    assert np.array_equal(found.stability == mc.Stability.ABSENT, np.isnan(found.u))


@given(st.lists(routers(), min_size=2, max_size=40))
def test_an_array_is_its_points(points: list[Point]) -> None:
    g, eta = np.array(points).T
    together = mc.equilibria(g, eta)
    for k, point in enumerate(points):
        alone = mc.equilibria(*point)
        assert np.array_equal(together.u[k], alone.u, equal_nan=True)
        assert np.array_equal(together.stability[k], alone.stability)


@given(routers("below", "beyond", "critical"), log_uniform(-12, 0))
def test_a_single_equilibrium_rises_with_the_asymmetry(point: Point, step: float) -> None:
    g, eta = point[0], abs(point[1])
    assert mc.equilibria(g, eta * (1 + step)).u[0] >= mc.equilibria(g, eta).u[0]


@given(above())
def test_the_fold_rises_with_the_gain(g: float) -> None:
    beyond = math.nextafter(g, math.inf)
    assert mc.fold_asymmetry(beyond) >= mc.fold_asymmetry(g)
    assert mc.fold_gain(mc.fold_asymmetry(beyond)) >= mc.fold_gain(mc.fold_asymmetry(g))


@given(above())
def test_the_cubic_set_lies_inside_the_fold_and_the_parabola_outside(g: float) -> None:
    d = g - 1
    fold = mc.fold_asymmetry(g)
    assert mc.cusp_set(g) <= fold * (1 + 1e-15)
    assert fold <= (2 / 3) * d * math.sqrt(d) * (1 + 1e-15)


@given(log_uniform(-15, -7))
def test_near_the_cusp_the_pitchfork_is_its_square_root(d: float) -> None:
    g = 1 + d
    assert np.isclose(mc.equilibria(g).u[2], math.sqrt(3 * (g - 1)), rtol=1e-6)


@given(log_uniform(2, 300))
def test_far_from_the_cusp_experts_are_switched(g: float) -> None:
    outer = mc.equilibria(g).u[2]
    assert np.isclose(outer, g, rtol=1e-15)
    assert np.isclose(mc.fold_asymmetry(g), g - 0.5 - 0.5 * math.log(4 * g), rtol=1 / g)


@given(st.floats(-300, 300))
def test_the_curve_and_the_fold_agree(u: float) -> None:
    g, eta = mc.fold_curve(u)
    assert np.isclose(mc.fold_gain(eta), g, rtol=1e-14)
    if abs(u) > 1e-3:
        assert np.isclose(mc.fold_asymmetry(g), abs(eta), rtol=1e-8)


@given(st.floats(-20, 20), routers("inside", "below"))
def test_drift_is_odd_and_potential_even(u: float, point: Point) -> None:
    g, eta = point
    assert mc.drift(-u, g, -eta) == -mc.drift(u, g, eta)
    assert mc.potential(-u, g, -eta) == mc.potential(u, g, eta)
    assert mc.slope(-u, g) == mc.slope(u, g)
