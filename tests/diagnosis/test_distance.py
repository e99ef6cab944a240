"""Distances to folds and the steps until they are reached, against equilibria counted and runs that go on."""

import numpy as np
import pytest

from moecusp.diagnosis import estimate_trajectory
from tests.diagnosis.chains import Rule, run


def equilibria(gain, asymmetry):
    """Count the sign changes of g tanh u - u + eta."""
    u = np.linspace(-12.0, 12.0, 400_001)
    return int(np.count_nonzero(np.diff(np.sign(gain * np.tanh(u) - u + asymmetry))))


def told(rule, steps, start=None, **options):
    scores, loads = run(rule, steps, batch=64, start=start)
    return estimate_trajectory(
        scores[:, 0], loads[:, 0], increment=rule.increment, inverse_temperature=rule.inverse_temperature, **options
    ).distance


class TestPlane:
    """Two experts in the plane of gain and asymmetry."""

    @pytest.mark.parametrize("side", [1.0, -1.0])
    def test_beyond_the_distance_the_present_state_is_gone(self, side):
        rule = Rule(2, 3.4, 0.9, 1.1, 0.04, (0.12,))
        found = told(rule, 300, start=side * np.array([1.5, -1.5]))
        g, eta = found.gain.value, found.asymmetry.value
        assert g == pytest.approx(3.4 * 1.1 / 1.8, rel=1e-8)
        assert eta == pytest.approx(1.1 * 0.12 / 1.8, rel=1e-8)
        assert equilibria(g, eta - side * (found.fold.value - 1e-3)) == 3
        assert equilibria(g, eta - side * (found.fold.value + 1e-3)) == 1

    def test_below_the_critical_gain_nothing_jumps(self):
        found = told(Rule(2, 1.2, drive=(0.1,)), 200)
        assert found.margin.value == pytest.approx(0.4, rel=1e-8)
        assert "below 1" in found.fold.reason


class TestLadder:
    """More experts: a first-order collapse, possible from the fold gain on."""

    def test_the_fold_gain_is_where_an_expert_can_stay_favoured(self):
        """x = K g (Y - 1)/(Y + K - 1), Y = e^x, has a solution x > 0 from there on."""
        found = told(Rule(8, 2.0, 1.1, 0.9), 200)
        level = found.gain.value + found.fold_margin.value
        x = np.linspace(0.05, 12.0, 100_000)
        needed = x * (np.exp(x) + 7.0) / (8.0 * np.expm1(x))
        assert level == pytest.approx(needed.min(), rel=1e-7)

    def test_steps_to_both_ends_of_the_window(self):
        found = told(Rule(8, 1.0, feedback_slope=0.004), 300, varying="feedback")
        for left, g in (
            (found.steps_to_critical, 1.0),
            (found.steps_to_fold, found.gain.value + found.fold_margin.value),
        ):
            assert (2.2 + 0.004 * left.value) / 8.0 == pytest.approx(g, rel=1e-7)

    def test_without_the_model_only_the_critical_gain_is_known(self):
        scores, loads = run(Rule(4, 1.0, feedback_slope=0.002), 200, batch=64)
        found = estimate_trajectory(
            scores[:, 0], loads[:, 0], increment=0.05, varying="feedback", susceptibility=0.2
        ).distance
        assert (1.4 + 0.002 * found.steps_to_critical.value) * 0.2 == pytest.approx(1.0, rel=1e-7)
        assert "inverse_temperature" in found.fold_margin.reason
        assert "inverse_temperature" in found.steps_to_fold.reason

    def test_a_matrix_gives_its_largest_eigenvalue(self):
        scores, loads = run(Rule(3, 1.2), 200, batch=64)
        chi = 0.3 * np.eye(3) - 0.1
        chi[0, 1] = chi[1, 0] = -0.2
        found = estimate_trajectory(scores[:, 0], loads[:, 0], increment=0.05, susceptibility=chi)
        assert found.gain.value == pytest.approx(1.2 * max(np.roots(np.poly(chi))), rel=1e-8)


class TestRamp:
    """A ramped drive: the run is continued, in expectation, until it has jumped."""

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_the_jump_comes_when_said(self, sign):
        """The delay of the ramp is in it: most of the time between the fold and the jump is foreseen."""
        speed = 2e-5
        rule = Rule(2, 3.0, increment=0.05, drive=(-0.2 * sign,), drive_slope=speed * sign)
        scores, loads = run(rule, 4000, batch=4096, start=-sign * np.array([0.9, -0.9]))
        found = estimate_trajectory(scores[:, 0], loads[:, 0], increment=0.05, varying="drive", inverse_temperature=1.0)
        path, _ = run(rule, 40_000, start=scores[0, 0])
        jump = int(np.argmax(sign * (path[:, 0, 0] - path[:, 0, 1]) > 0.0))
        u = np.arccosh(1.5**0.5)  # where F = F' = 0 at g = 1.5
        fold = (0.2 + 2.0 * (1.5 * np.tanh(u) - u)) / speed
        assert jump > fold + 500
        assert abs(4000 + found.distance.steps_to_fold.value - jump) < 0.25 * (jump - fold)

    def test_a_drive_that_leads_away(self):
        rule = Rule(2, 3.0, drive=(0.2,), drive_slope=1e-4)
        found = told(rule, 300, start=np.array([1.5, -1.5]), varying="drive")
        assert "away" in found.steps_to_fold.reason
