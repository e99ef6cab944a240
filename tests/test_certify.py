"""Enclosures: right values inside; completeness on points and boxes, and none claimed where none can be had."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from flint import arb
from hypothesis import example, given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import ParameterError, Regime, Stability, certify
from moecusp.certify import Completeness
from tests.examples import examples
from tests.strategies import Point, above, routers
from validation import reference


class TestEquilibria:
    @given(routers("inside", "beyond", "pitchfork", "beside_cusp", "below", "critical", "saturated", "beside_fold"))
    @examples(40)
    def test_every_root_is_inside_its_ball(self, point: Point) -> None:
        if point[0] > 1e30 or 0 < abs(point[1]) < 1e-100:
            return  # right, but slow: thousands of bits
        found = certify.equilibria(*point)
        if mc.regime(*point) is Regime.FOLD:
            return
        assert found.completeness is Completeness.PROVED
        expected = reference.roots(*point)
        assert len(found.u) == len(expected)
        for ball, root in zip(found.u, expected, strict=True):
            assert ball.contains(root)
            assert ball.rad() <= abs(ball.mid()) * 1e-30
        counted = mc.equilibria(*point)
        assert [*found.stability] == counted.stability[: counted.count].tolist()

    @given(st.floats(0, 3), st.floats(-1.5, 1.5), st.floats(0, 0.05), st.floats(-1, 1), st.floats(-1, 1))
    @example(gain=0.0, asymmetry=0.0, radius=5e-324, right=0.0, up=0.0)
    @examples(40)
    def test_a_box_holds_for_each_of_its_points(
        self, gain: float, asymmetry: float, radius: float, right: float, up: float
    ) -> None:
        gain = max(gain, 1.01 * radius + 5e-324)  # not below 0, however small the box
        box = certify.equilibria(arb(gain, radius), arb(asymmetry, radius))
        if box.completeness is Completeness.UNDECIDED:
            return
        inside = gain + 0.999 * right * radius, asymmetry + 0.999 * up * radius
        roots = reference.roots(*inside)
        assert len(roots) == len(box.u)
        assert all(ball.contains(root) for ball, root in zip(box.u, roots, strict=True))

    def test_most_small_boxes_are_decided(self) -> None:
        found = [certify.equilibria(arb(0.5 + 0.1 * i, 0.01), arb(0.3, 0.01)).completeness for i in range(25)]
        assert found.count(Completeness.PROVED) >= 23

    @pytest.mark.parametrize("radius", [0.001, 0.1, 0.2])
    def test_a_box_of_gains_without_asymmetry_has_its_middle_root_at_zero(self, radius: float) -> None:
        found = certify.equilibria(arb(1.5, radius), 0)
        assert found.completeness is Completeness.PROVED
        assert found.u[1] == 0
        for gain in (1.5 - 0.999 * radius, 1.5 + 0.999 * radius):
            assert all(ball.contains(root) for ball, root in zip(found.u, reference.roots(gain, 0.0), strict=True))

    @pytest.mark.parametrize("gain", [1.5, 2.0, 7.0])
    def test_a_box_across_a_fold_is_undecided(self, gain: float) -> None:
        fold = float(mc.fold_asymmetry(gain))
        assert certify.equilibria(gain, arb(fold, 1e-13)).completeness is Completeness.UNDECIDED
        assert certify.equilibria(gain, certify.fold_asymmetry(gain)) == certify.Enclosures(Completeness.UNDECIDED)

    @pytest.mark.parametrize("step", [-1e-15, 1e-15])
    def test_beside_a_fold_it_is_decided(self, step: float) -> None:
        found = certify.equilibria(2.0, float(mc.fold_asymmetry(2.0)) * (1 + step))
        assert len(found.u) == (3 if step < 0 else 1)

    def test_a_box_around_the_cusp_is_undecided_and_the_cusp_is_not(self) -> None:
        assert certify.equilibria(arb(1, 0.01), arb(0, 0.01)).completeness is Completeness.UNDECIDED
        assert certify.equilibria(1, 0).stability == (Stability.STABLE,)


class TestFolds:
    @given(above())
    def test_asymmetry(self, g: float) -> None:
        assert certify.fold_asymmetry(g).overlaps(reference.fold_asymmetry(g))

    def test_known_value(self) -> None:
        assert certify.fold_asymmetry(1.0000000001).overlaps(reference.fold_asymmetry(1.0000000001))

    def test_a_box_of_gains(self) -> None:
        band = certify.fold_asymmetry(arb(2, 0.25))
        assert all(band.contains(reference.fold_asymmetry(g)) for g in (1.75, 1.9, 2.25))

    @given(st.floats(-300, 300).filter(lambda e: abs(e) > 1e-20))
    @examples(20)
    def test_gain(self, eta: float) -> None:
        ball = certify.fold_gain(eta)
        assert ball.overlaps(reference.fold_gain(eta))
        assert ball.rad() < 1e-15 * ball

    @given(st.floats(-300, 300))
    def test_curve(self, u: float) -> None:
        assert all(a.overlaps(b) for a, b in zip(certify.fold_curve(u), reference.fold_curve(u), strict=True))

    @given(above())
    def test_imbalance_and_cusp_set(self, g: float) -> None:
        assert certify.fold_imbalance(g).overlaps(reference.fold_imbalance(g))
        assert certify.cusp_set(g).overlaps(reference.cusp_set(g))
        assert certify.hysteresis_width(g).overlaps(2 * reference.fold_asymmetry(g))


class TestRegime:
    @given(routers("inside", "beyond", "below", "beside_fold", "next_to_fold"))
    def test_agrees_wherever_it_decides(self, point: Point) -> None:
        if mc.regime(*point) is Regime.FOLD:
            return
        assert certify.regime(*point) is mc.regime(*point)

    def test_boxes(self) -> None:
        assert certify.regime(arb(1.5, 0.1), arb(0, 0.01)) is Regime.BISTABLE
        assert certify.regime(arb(1.5, 0.1), arb(0.2, 0.1)) is None
        assert certify.regime(arb(1, 0.1), 0) is None
        assert certify.regime(1, 0) is Regime.CUSP


@given(st.floats(-20, 20), st.floats(0, 5), st.floats(-2, 2))
def test_dynamics(u: float, g: float, eta: float) -> None:
    for name, arguments in (("drift", (u, g, eta)), ("slope", (u, g)), ("potential", (u, g, eta))):
        ball, value = getattr(certify, name)(*arguments), float(getattr(mc, name)(*arguments))
        assert abs(ball - value) <= 1e-13 * (1 + abs(value) + u * u + g)


@pytest.mark.parametrize("value", [math.nan, math.inf, "x", None, -1, 1j, Fraction(-1, 2), True])
def test_wrong_gain(value: Any) -> None:
    with pytest.raises(ParameterError, match="gain"):
        certify.equilibria(value)
