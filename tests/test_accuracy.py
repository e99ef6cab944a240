"""Every float64 result against Arb solutions of the defining equations F = 0 and F' = 0, over the whole domain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb
from hypothesis import example, given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import Regime, Stability
from tests.strategies import Point, above, log_uniform, routers
from tests.ulp import assert_ulps
from validation import reference

CLOSED_FORM = 2.5  # units in the last place; the fold itself is rounded to nearest
EQUILIBRIUM = 4.0  # the worst of five million random routers is 3.7, a middle root at 0.6 of its fold's place
coarse = st.integers(-(2**30), 2**30).map(lambda k: k * 2.0**-24)


class TestEquilibria:
    @given(routers())
    @example((1.0 + 2.0**-52, 0.0))
    @example((1.0, 5e-324))
    @example((2.0, 5e-324))
    @example((1e308, -1e-308))
    @example((0.4085927580015998, 1.8181298505465733))
    @example((3.902609901361816, 1.7648111717091204))  # a middle root where tanh begins to saturate
    def test_roots_are_those_of_the_drift(self, point: Point) -> None:
        found = mc.equilibria(*point)
        if mc.regime(*point) is Regime.FOLD:
            return  # see test_fold
        expected = reference.roots(*point)
        assert found.count == len(expected)
        for value, root in zip(found.u, expected, strict=False):
            assert_ulps(value, root, EQUILIBRIUM, point)
        if point[0] != 1.0:
            with reference.workprec(2000):
                rising = [abs(root) < 1000 and reference.slope(root, point[0]) > 0 for root in expected]
            wanted = [Stability.UNSTABLE if r else Stability.STABLE for r in rising]
            assert found.stability[: len(wanted)].tolist() == wanted

    @given(routers("on_fold"))
    def test_fold(self, point: Point) -> None:
        g, eta = point
        found = mc.equilibria(g, eta)
        double = found.u[found.stability == Stability.SEMISTABLE]
        assert found.count == 2
        assert_ulps(double[0], -math.copysign(1.0, eta) * reference.turning_point(g), 1.0, point)
        single = found.u[found.stability == Stability.STABLE][0]
        ends = reference.roots(g, eta)  # no float lies exactly on a fold: there are one or three
        assert_ulps(single, ends[-1] if eta > 0 else ends[0], EQUILIBRIUM, point)

    @given(routers("next_to_fold", "beside_fold"))
    def test_regime_is_the_sign_of_the_gap(self, point: Point) -> None:
        g, eta = point
        if abs(eta) == mc.fold_asymmetry(g):
            return
        inside = abs(arb(eta)) < reference.fold_asymmetry(g)
        assert mc.regime(g, eta) is (Regime.BISTABLE if inside else Regime.MONOSTABLE)

    def test_no_root_is_lost_where_it_exceeds_the_floats(self) -> None:
        assert mc.equilibria(1.5e308, 1.5e308).u[-2] == np.inf


class TestFolds:
    @given(above())
    @example(math.nextafter(1.0, 2.0))
    @example(1.7976931348623157e308)
    @example(1.0 + 2.0**-8)
    @example(2.0**53 + 2)
    def test_asymmetry_is_rounded_to_nearest(self, g: float) -> None:
        assert_ulps(mc.fold_asymmetry(g), reference.fold_asymmetry(g), 0.5 + 1e-9, g)

    @given(above().filter(lambda g: g < 8e307))
    def test_width_is_twice_that(self, g: float) -> None:
        assert_ulps(mc.hysteresis_width(g), 2 * reference.fold_asymmetry(g), 0.5 + 1e-9, g)

    @given(above())
    def test_imbalance(self, g: float) -> None:
        assert_ulps(mc.fold_imbalance(g), reference.fold_imbalance(g), CLOSED_FORM, g)

    @given(st.one_of(st.floats(-355.5, 355.5), log_uniform(-320.0, 2.5), log_uniform(-1.0, 1.0)))
    @example(1.25)
    @example(-350.0)
    @example(350.00000000000006)
    @example(355.57)
    @example(5e-324)
    def test_curve(self, u: float) -> None:
        for value, expected in zip(mc.fold_curve(u), reference.fold_curve(u), strict=True):
            assert_ulps(value, expected, CLOSED_FORM, u)

    @given(st.one_of(log_uniform(-320.0, 308.0), st.floats(-4.0, 4.0)))
    @example(1.0)
    @example(1.7976931348623157e308)
    def test_gain(self, eta: float) -> None:
        assert_ulps(mc.fold_gain(eta), reference.fold_gain(eta), CLOSED_FORM, eta)


class TestCusp:
    @given(above())
    def test_cusp_set(self, g: float) -> None:
        assert_ulps(mc.cusp_set(g), reference.cusp_set(g), 3.0, g)  # 2.56 in six million gains


class TestDynamics:
    @given(st.floats(-5, 5), routers("beside_cusp", "below", "inside"))
    @example(2.0332671236636415, (107.96105594821073, 52.214091999782816))
    def test_drift_and_slope_to_rounding_of_their_terms(self, u: float, point: Point) -> None:
        g, eta = point
        with reference.workprec(1500):
            x = arb(u)
            largest = max(abs(g * math.tanh(u)), abs(u), abs(eta))
            assert abs(arb(float(mc.drift(u, g, eta))) - reference.drift(x, g, eta)) <= 2**-51 * largest
            largest = max(1.0, g / math.cosh(u) ** 2)
            assert abs(arb(float(mc.slope(u, g))) - reference.slope(x, g)) <= 3e-16 * largest

    @given(coarse, st.floats(0, 100), coarse)
    def test_potential_is_minus_the_integral_of_the_drift(self, u: float, g: float, eta: float) -> None:
        largest = max(0.5 * u * u, g * min(0.5 * u * u, abs(u)), abs(eta * u))
        error = abs(arb(float(mc.potential(u, g, eta))) - reference.potential(u, g, eta))
        assert error <= 2**-50.5 * largest + 1e-323

    @given(st.floats(-3, 3).filter(lambda u: abs(u) > 1e-6))
    def test_potential_at_the_cusp_keeps_its_digits(self, u: float) -> None:
        assert_ulps(mc.potential(u, 1.0), reference.potential(u, 1.0, 0.0), 4.0, u)

    @given(st.floats(-800, 800))
    @example(-372.5)
    def test_load_is_the_softmax(self, u: float) -> None:
        load = mc.Equilibria(np.array([u, np.nan, np.nan]), np.array([1, 0, 0], dtype=np.int8)).load[0]
        if u > -372.0:
            assert_ulps(load, reference.load(u), CLOSED_FORM, u)
        else:
            assert load <= 1e-322

    @pytest.mark.parametrize("u", [1.5e308, -1.7e308])
    def test_nothing_overflows_before_the_result_does(self, u: float) -> None:
        assert mc.drift(u, 1e308, 0.0) == math.copysign(1e308, u) - u
        assert mc.slope(u, 1e308) == -1.0
        assert mc.potential(1.5, 1.7e308) == pytest.approx(-1.7e308 * math.log(math.cosh(1.5)), rel=1e-15)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no wider floats to compare with")
def test_many_random_routers() -> None:
    """Newton's method on the drift in wider floats, away from cusp and folds, where it keeps enough digits."""
    rng = np.random.default_rng(0)
    g = np.concatenate(
        [rng.uniform(0.0, 1.0, 50_000), rng.uniform(1.05, 8.0, 200_000), 10 ** rng.uniform(0, 3, 50_000)]
    )
    fold = np.nan_to_num(mc.fold_asymmetry(g), nan=1.0)
    eta = fold * np.where(rng.random(g.size) < 0.75, rng.random(g.size), 10 ** rng.uniform(-2, 2, g.size))
    clear = (abs(eta - fold) > 0.01 * fold) & ((g > 1.05) | (g < 0.95))
    g, eta = g[clear], eta[clear]
    u = mc.equilibria(g, eta).u
    gain, level, root = g.astype(np.longdouble)[:, None], eta.astype(np.longdouble)[:, None], u.astype(np.longdouble)
    for _ in range(2):
        tanh = np.tanh(root)
        root -= (gain * tanh - root + level) / (gain * (1 - tanh * tanh) - 1)
    assert np.nanmax(np.abs(u - root) / np.spacing(np.abs(u))) < EQUILIBRIUM


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no wider floats to compare with")
def test_many_slopes() -> None:
    """To rounding of the larger term, in wider floats; to 2.5 units where that term is three times the other."""
    rng = np.random.default_rng(1)
    u, g = rng.uniform(-5.0, 5.0, 400_000), 10 ** rng.uniform(-1, 3, 400_000)
    term = g.astype(np.longdouble) / np.cosh(u.astype(np.longdouble)) ** 2
    error = np.abs(mc.slope(u, g) - (term - 1))
    assert np.max(error / np.maximum(1.0, term)) < 3e-16
    assert np.max((error / np.spacing(np.abs(term - 1).astype(float)))[term > 3.0]) < 2.5
