"""The float functions against moecusp.precise, over the regimes that both have."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import precise
from moecusp.equilibria import Regime
from tests.examples import examples
from tests.strategies import Point, log_uniform, routers


@given(routers(), st.floats(0.001, 1.0))
@examples(40)
def test_early_warnings_are_those_in_floats(point: Point, delta: float) -> None:
    g, eta = point
    if mc.regime(*point) in (Regime.FOLD, Regime.CUSP) or not abs(g) + abs(eta) < 300:
        return
    for name in ("stationary_variance", "lag1_autocorrelation"):
        found = getattr(mc, name)(g, eta, delta)
        expected = np.array([float(v) for v in getattr(precise, name)(g, eta, delta, digits=20)])
        found, most = found[: len(expected)], 3e-14 * abs(expected) + 1e-300
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        assert np.all((abs(found - expected) <= most) | np.isnan(expected)), (name, found, expected)


@given(log_uniform(-10, 1), st.floats(-0.999, 0.999))
@examples(5)
def test_barriers_are_those_in_floats(excess: float, share: float) -> None:
    g = 1.0 + excess
    eta = share * float(mc.fold_asymmetry(g))
    if mc.regime(g, eta) is not Regime.BISTABLE:
        return
    np.testing.assert_allclose(
        mc.escape_barrier(g, eta), list(map(float, precise.escape_barrier(g, eta, digits=18))), 2e-14
    )
    if g < 30:
        diffusion = list(map(float, precise.diffusion_barrier(g, eta, digits=18)))
        np.testing.assert_allclose(mc.diffusion_barrier(g, eta), diffusion, rtol=2e-14)
    times = list(map(float, precise.log_escape_time(g, eta, 0.1, digits=15)))
    np.testing.assert_allclose(mc.log_escape_time(g, eta, 0.1), times, rtol=1e-10, atol=1e-10)


@given(log_uniform(-300, 2), log_uniform(-12, 1.4), log_uniform(-3, 3))
@examples(40)
def test_masses_are_those_in_floats(w: float, b: float, s: float) -> None:
    mass = float(precise.boundary_mass(w * s, b * s, s, digits=20))
    np.testing.assert_allclose(mc.boundary_mass(w * s, b * s, s), mass, rtol=2e-14, atol=1e-300)
    np.testing.assert_allclose(
        mc.boundary_slope(b * s, s), float(precise.boundary_slope(b * s, s)), rtol=2e-14, atol=1e-300
    )


@given(log_uniform(-3, 3), st.floats(0.0, 9.0))
@examples(12)
def test_gaps_are_those_in_floats(t: float, b: float) -> None:
    np.testing.assert_allclose(
        mc.soft_hard_gap(t, b), float(precise.soft_hard_gap(t, b, digits=18)), rtol=2e-13, atol=1e-300
    )
    ours, floats = precise.LogisticNormalResponse(1, 1 / t), mc.LogisticNormalResponse(1.0, 1 / t)
    np.testing.assert_allclose(floats.value(b), float(ours.value(b, digits=18)), rtol=2e-13, atol=1e-300)
    np.testing.assert_allclose(floats.slope(b), float(ours.slope(b, digits=18)), rtol=2e-13, atol=1e-300)


@given(st.integers(2, 10**6), st.floats(-20, 40))
@examples(60)
def test_experts_are_those_in_floats(k: int, x: float) -> None:
    assert abs(mc.expert_fold_gain(k) - float(precise.expert_fold_gain(k, digits=20))) <= 2 * math.ulp(
        mc.expert_fold_gain(k)
    )
    for found, exact in zip(mc.expert_fold_curve(x, k), precise.expert_fold_curve(x, k, digits=20), strict=True):
        assert abs(float(found) - float(exact)) <= 8 * math.ulp(float(exact))
