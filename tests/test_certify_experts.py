"""K experts in balls: fold gains against their minimum, states against Newton's method, folds undecided."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import ParameterError, Stability, certify
from moecusp.certify import Completeness
from tests.examples import examples


def least_gain(k: int, favoured: int = 1) -> Any:
    """Minimum over x of the gain of a state of m favoured experts, x (m Y + K - m)/(K (Y - 1)), where it is flat."""

    def gain(x: Any) -> Any:
        return x * (favoured * mp.exp(x) + k - favoured) / (k * mp.expm1(x))

    grid = [mp.mpf(j) / 20 for j in range(1, 1200)]
    start = min(grid, key=gain)
    return gain(mp.findroot(lambda x: mp.diff(gain, x), start))


def contains(ball: arb, value: Any, digits: int = 25) -> bool:
    return bool(abs(ball - arb(mp.nstr(value, 40))) <= abs(arb(mp.nstr(value, 40))) * arb(10) ** -digits)


def holds(box: arb, point: arb) -> bool:
    """Tell whether a box's ball holds a point's, but for the rounding of the latter (both may be a number, rounded)."""
    return bool((box + arb(0, 2 * point.rad())).contains(point))


class TestGains:
    @pytest.mark.parametrize("k", [3, 4, 8, 64, 1000])
    def test_fold_gain(self, k: int, digits: None) -> None:
        ball = certify.expert_fold_gain(k)
        assert contains(ball, least_gain(k), 18)
        assert ball.rad() < ball * arb(2) ** -100
        assert abs(ball - float(mc.expert_fold_gain(k))) <= 1.2e-16 * ball

    @pytest.mark.parametrize(
        ("k", "start"), [(3, "0.91521452557757"), (8, "0.531224876080986839"), (64, "0.1081966350437468")]
    )
    def test_anchors(self, k: int, start: str) -> None:
        assert certify.expert_fold_gain(k).str(30, radius=False).startswith(start)

    def test_two_experts(self) -> None:
        assert certify.expert_fold_gain(2) == 1
        assert certify.equal_depth_gain(2) == 1
        assert certify.balanced_critical_gain(2) == 1

    @pytest.mark.parametrize("k", [3, 7, 500, 2**63 - 1])
    def test_equal_depth(self, k: int) -> None:
        with mp.workdps(60):
            expected = 2 * (mp.mpf(k) - 1) * mp.log(mp.mpf(k) - 1) / (mp.mpf(k) * (mp.mpf(k) - 2))
        assert contains(certify.equal_depth_gain(k), expected, 30)

    @pytest.mark.parametrize("name", ["expert_fold_gain", "equal_depth_gain"])
    def test_balls_of_experts(self, name: str) -> None:
        box = getattr(certify, name)(arb(7, 2))
        assert all(box.contains(getattr(certify, name)(k)) for k in range(5, 10))
        low, high = getattr(certify, name)(9), getattr(certify, name)(5)
        assert box.rad() < 0.501 * (high - low)
        near_two = getattr(certify, name)(arb(2.5, 0.49))
        assert all(near_two.contains(getattr(certify, name)(arb(k))) for k in (2.02, 2.5, 2.98))

    @pytest.mark.parametrize("wrong", [1, 2.0, "3", True, arb(2, 0.5), None])
    def test_wrong_experts(self, wrong: Any) -> None:
        for name in ("expert_fold_gain", "equal_depth_gain", "balanced_critical_gain"):
            with pytest.raises(ParameterError, match="experts"):
                getattr(certify, name)(wrong)
        with pytest.raises(ParameterError, match="experts"):
            certify.expert_fold_curve(1, wrong)

    def test_fold_curve_solves_its_equations(self, digits: None) -> None:
        """K g (Y - 1)/(Y + K - 1) - x + eta = 0, and so does the derivative in x."""
        for k in (2, 5, 40):
            for x in (-2.5, 0.25, 3.0, 9.0):
                gain, drive = (mp.mpf(b.str(40, radius=False)) for b in certify.expert_fold_curve(x, k))

                def field(y: Any, k: int = k, gain: Any = gain, drive: Any = drive) -> Any:
                    return k * gain * mp.expm1(y) / (mp.exp(y) + k - 1) - y + drive

                assert abs(field(mp.mpf(x))) < mp.mpf(10) ** -34 * (1 + abs(drive))
                assert abs(mp.diff(field, mp.mpf(x))) < mp.mpf(10) ** -15


class TestStates:
    @given(st.integers(2, 12), st.floats(-1.0, 1.0))
    @examples(40)
    def test_agrees_with_the_float_function(self, k: int, power: float) -> None:
        gain = 10.0**power
        found, floats = certify.expert_equilibria(gain, k), mc.expert_equilibria(gain, k)
        assert found.completeness is Completeness.PROVED
        rows = [(m, j) for m in range(k) for j in range(2) if not np.isnan(floats.difference[m, j])]
        assert [s.favoured for s in found.states] == [m for m, _ in rows]
        for state, row in zip(found.states, rows, strict=True):
            assert abs(state.difference - float(floats.difference[row])) <= 2e-15 * abs(state.difference)
            assert abs(state.load_high - float(floats.load_high[row])) <= 2e-15
            assert abs(state.load_low - float(floats.load_low[row])) <= 2e-15
            assert state.stability == floats.stability[row]
            assert state.unstable_directions == floats.unstable_directions[row]
            assert state.difference.rad() <= state.difference * arb(2) ** -150

    @pytest.mark.parametrize(("gain", "k"), [(0.95, 3), (0.7, 8), (1.5, 5), (40.0, 6)])
    def test_the_states_are_equilibria(self, gain: float, k: int, digits: None) -> None:
        """v_i = K g p_i for the two scores, with the loads' sum 1 and ratio exp x."""
        for s in certify.expert_equilibria(gain, k).states:
            x, high, low = (mp.mpf(b.str(40, radius=False)) for b in (s.difference, s.load_high, s.load_low))
            assert abs(x - k * mp.mpf(gain) * (high - low)) < mp.mpf(10) ** -34 * (1 + x)
            assert abs(s.favoured * high + (k - s.favoured) * low - 1) < mp.mpf(10) ** -35
            assert abs(low * mp.exp(x) - high) < mp.mpf(10) ** -35

    def test_unstable_directions_are_those_of_the_jacobian(self) -> None:
        for gain, k in ((0.7, 8), (1.5, 5)):
            for s in certify.expert_equilibria(gain, k).states:
                p = np.array([float(s.load_high)] * s.favoured + [float(s.load_low)] * (k - s.favoured))
                jacobian = k * gain * (np.diag(p) - np.outer(p, p)) - np.eye(k)
                assert np.sum(np.linalg.eigvalsh(jacobian) > 0) == s.unstable_directions

    @given(st.integers(3, 6), st.floats(0.4, 2.5), st.floats(1e-12, 0.02), st.floats(-1, 1))
    @examples(40)
    def test_a_box_holds_for_its_points(self, k: int, gain: float, radius: float, place: float) -> None:
        box = certify.expert_equilibria(arb(gain, radius), k)
        if box.completeness is Completeness.UNDECIDED:
            folds = [float(least_gain(k, m)) for m in range(1, (k + 1) // 2)]
            assert any(abs(gain - edge) <= 1.001 * radius for edge in (1.0, *folds))
            return
        point = certify.expert_equilibria(gain + 0.999 * place * radius, k)
        assert len(point.states) == len(box.states)
        for a, b in zip(box.states, point.states, strict=True):
            assert holds(a.difference, b.difference)
            assert holds(a.load_high, b.load_high)
            assert holds(a.load_low, b.load_low)
            assert (a.favoured, a.stability) == (b.favoured, b.stability)

    @pytest.mark.parametrize("k", [3, 8, 64])
    def test_folds_are_undecided_and_their_neighbours_are_not(self, k: int) -> None:
        fold = certify.expert_fold_gain(k)
        assert certify.expert_equilibria(fold, k) == certify.ExpertEnclosures(Completeness.UNDECIDED, k)
        beside = arb(2) ** -180
        assert len(certify.expert_equilibria((fold - beside).mid(), k).states) == 1
        assert len(certify.expert_equilibria((fold + beside).mid(), k).states) == 3

    def test_critical_gain(self) -> None:
        assert certify.expert_equilibria(arb(1, 1e-9), 5).completeness is Completeness.UNDECIDED
        assert certify.expert_equilibria(1, 5).states[0].stability is Stability.SEMISTABLE
        assert certify.expert_equilibria(1, 2).states[0].stability is Stability.STABLE
        assert len(certify.expert_equilibria(1, 5).states) == 3  # balanced; one and two favoured, outer

    @pytest.mark.parametrize("wrong", [1, 2.0, "3", True])
    def test_wrong_arguments(self, wrong: Any) -> None:
        with pytest.raises(ParameterError, match="experts"):
            certify.expert_equilibria(1.5, wrong)
        with pytest.raises(ParameterError, match="gain"):
            certify.expert_equilibria(-1, 3)
