"""The derived rule for experts without a class, against the loss's own minimum and against exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.free_probabilities import Loss, minimum

WEIGHTS = st.floats(1e-6, 1e6)
CROWDS = st.sampled_from([(2, 1, 1), (2, 1, 2), (8, 2, 1), (16, 10, 1), (16, 10, 2), (64, 2, 3), (2**53, 5, 2)])
SETTINGS = [
    # H, O, B, K, C, k: deep and shallow, with and without balance, one choice and more
    (0.3, 1.7, 0.1, 4, 2, 1), (0.5, 4.0, 0.0, 5, 3, 1), (0.2, 1.5, 0.4, 8, 3, 1), (0.1, 1.0, 0.3, 8, 5, 2),
    (0.4, 3.0, 0.2, 6, 2, 3), (1.0, 2.0, 0.5, 4, 1, 1), (0.3, 0.9, 0.3, 16, 10, 1), (0.3, 0.9, 0.3, 16, 10, 2),
]  # fmt: skip


def lever(experts: int, classes: int, choices: int) -> mp.mpf:
    """Return log C - D with the counts written out."""
    target = mp.mpf(1) / (choices * classes)
    other = (1 - classes * target) / (experts - classes)
    return mp.log(classes) - experts * (target - other)


class TestAgainstTheMinimum:
    @pytest.mark.parametrize("setting", SETTINGS)
    def test_never_below_and_leading(self, setting):
        """The error is the excess of the statement, which the leak 1 - a bounds: here from 1 % to 60 % of it."""
        h, o, b, k, c, _ = setting
        p = minimum(Loss(*setting))
        r, a = float(p[0, -1]), float(p[0, 0])
        rule = float(mc.log_dead_expert_probability(*setting))
        excess = o * (1 / a - 1) - h * math.log(a) - b * math.log(1 - (k - c) * r)
        assert (h + b) * (rule - math.log(r)) == pytest.approx(excess, rel=1e-6, abs=1e-9)
        assert rule >= math.log(r)
        assert mc.dead_expert_probability(*setting) >= r

    def test_converges_as_less_leaks(self):
        """Halving the weights that keep the others alive leaves a tenth of the error, and the rule stands."""
        errors = []
        for scale in (1.0, 0.5, 0.25):
            setting = (0.4 * scale, 2.0, 0.1 * scale, 4, 2, 1)
            r = float(minimum(Loss(*setting))[0, -1])
            errors.append(float(mc.log_dead_expert_probability(*setting)) - math.log(r))
        assert errors[0] > 10 * errors[1] > 100 * errors[2] > 0
        assert errors[2] < 1e-3

    @pytest.mark.parametrize("wrong", ["sign of B", "T", "K/C left out"])
    def test_wrong_rules_do_not_hold(self, wrong):
        """Where the rule is right to 0.05, its neighbours are off by ten times as much."""
        h, o, b, k, c, _ = setting = (0.08, 1.2, 0.05, 8, 3, 1)
        measured = math.log(float(minimum(Loss(*setting))[0, -1]))
        assert float(mc.log_dead_expert_probability(*setting)) == pytest.approx(measured, abs=0.05)
        other = {
            "sign of B": -(o - b * (math.log(c) - k / c)) / (h - b + 2 * b),
            "T": -(o + b * (math.log(c) - k / c)) / (0.5 * h + b),
            "K/C left out": -(o + b * math.log(c)) / (h + b),
        }[wrong]
        assert abs(other - measured) > 0.5


class TestLogarithm:
    @given(WEIGHTS, WEIGHTS, WEIGHTS, CROWDS)
    def test_against_the_counts_written_out(self, h, o, b, crowd):
        with mp.workdps(50):
            turn = lever(*crowd)
            exact = -(mp.mpf(o) + mp.mpf(b) * turn) / (mp.mpf(h) + mp.mpf(b))
            scale = (mp.mpf(o) + mp.mpf(b) * abs(turn)) / (mp.mpf(h) + mp.mpf(b))
            assert abs(mp.mpf(float(mc.log_dead_expert_probability(h, o, b, *crowd))) - exact) <= 1e-15 * scale

    def test_no_overflow_before_its_own(self):
        assert mc.log_dead_expert_probability(1e308, 1e308, 1e308, 2, 1) == pytest.approx(0.5)
        assert mc.log_dead_expert_probability(0.0, 5e-324, 5e-324, 2, 1) == 1.0
        assert mc.log_dead_expert_probability(1e-300, 1e308, 0.0, 2, 1) == -np.inf

    def test_broadcasts_and_keeps_float32(self):
        one = np.float32(1.0)
        assert mc.log_dead_expert_probability([[1.0], [2.0]], [2.0, 4.0], 0.0, 4, 2).tolist() == [[-2, -4], [-1, -2]]
        assert mc.log_dead_expert_probability(one, one, one, 4, 2).dtype == np.float32


class TestProbability:
    @given(st.floats(0.1, 10), st.floats(0, 300), st.floats(0, 10), CROWDS)
    def test_exponential(self, h, o, b, crowd):
        if abs(lever(*crowd)) < 1e3:
            found, log = (f(h, o, b, *crowd) for f in (mc.dead_expert_probability, mc.log_dead_expert_probability))
            with mp.workdps(40):
                assert abs(mp.mpf(float(found)) / mp.exp(mp.mpf(float(log))) - 1) < 3e-16 or found < 1e-300

    def test_the_logarithm_goes_on_where_it_underflows(self):
        assert mc.dead_expert_probability(0.003, 3.0, 0.0, 16, 10) == 0.0
        assert mc.log_dead_expert_probability(0.003, 3.0, 0.0, 16, 10) == -1000.0


class TestCriticalRatio:
    @given(st.floats(1e-300, 0.999), st.floats(0, 1e3), CROWDS)
    def test_the_rule_gives_the_threshold(self, q, x, crowd):
        """H = (ratio - x) O: solved in exact arithmetic, in which H may come out negative."""
        found = float(mc.critical_ratio(q, x, *crowd))
        with mp.workdps(50):
            scale = (1 + mp.mpf(x) * abs(lever(*crowd))) / -mp.log(mp.mpf(q))
            assert abs(found - (1 + mp.mpf(x) * lever(*crowd)) / -mp.log(mp.mpf(q))) <= 1e-15 * scale
        h = found - x
        if 1e-3 < h < 1e3 and x < 1e3 and scale < 1e3:
            again = mc.log_dead_expert_probability(h, 1.0, x, *crowd)
            assert again == pytest.approx(math.log(q), rel=1e-9 * (1 + float(scale) / found))

    def test_without_balance(self):
        """At one in a hundred 0.217, whatever the experts and classes."""
        for crowd in ((2, 1, 1), (16, 10, 2), (64, 3, 1)):
            assert mc.critical_ratio(0.01, 0.0, *crowd) == pytest.approx(1 / math.log(100), rel=1e-15)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0])
@pytest.mark.parametrize("name", ["entropy_weight", "oracle_weight", "balance_weight"])
def test_bad_weights(name, bad):
    arguments = {"entropy_weight": 1.0, "oracle_weight": 1.0, "balance_weight": 1.0, name: bad}
    for function in (mc.log_dead_expert_probability, mc.dead_expert_probability):
        with pytest.raises(mc.ParameterError, match=name):
            function(**arguments, experts=4, classes=2)


@pytest.mark.parametrize(
    ("experts", "classes", "choices", "said"),
    [
        (1, 1, 1, r"^experts = 1: experts must be an integer >= 2"),
        (4.0, 2, 1, r"^experts = 4\.0: "),
        (2**53 + 1, 2, 1, r"^experts = "),
        (4, 4, 1, r"^classes = 4: classes must be an integer >= 1 and <= 3$"),
        (4, 0, 1, r"^classes = 0: "),
        (4, True, 1, r"^classes = True: "),
        (4, 2, 0, r"^choices = 0: choices must be an integer >= 1 and <= 3$"),
        (4, 2, 4, r"^choices = 4: "),
    ],
)
def test_bad_counts(experts, classes, choices, said):
    for call in (
        lambda *n: mc.log_dead_expert_probability(1.0, 1.0, 1.0, *n),
        lambda *n: mc.dead_expert_probability(1.0, 1.0, 1.0, *n),
        lambda *n: mc.critical_ratio(0.01, 0.0, *n),
        lambda *n: mc.critical_oracle_weight(0.01, 1.0, 1.0, *n),
    ):
        with pytest.raises(mc.ParameterError, match=said):
            call(experts, classes, choices)


def test_nothing_keeps_it_alive():
    for h, b in ((0.0, 0.0), ([1.0, 0.0], [0.0, 0.0])):
        with pytest.raises(mc.ParameterError, match="nothing keeps an expert alive"):
            mc.log_dead_expert_probability(h, 1.0, b, 4, 2)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, np.nan, "x"])
def test_bad_thresholds(bad):
    with pytest.raises(mc.ParameterError, match=r"^threshold = .*> 0 and < 1$"):
        mc.critical_ratio(bad, 0.0, 4, 2)
    with pytest.raises(mc.ParameterError, match=r"^balance_over_oracle = -1"):
        mc.critical_ratio(0.1, -1.0, 4, 2)


@given(st.integers(2, 2**53), st.data())
def test_the_gap_between_the_counts(experts, data):
    """The shares of a target and of another add up to all slots; K times their difference is the gap."""
    from moecusp.dead_experts import counted

    classes = data.draw(st.integers(1, experts - 1))
    choices = data.draw(st.integers(1, experts - classes + 1))
    target = Fraction(1, choices * classes)
    other = (1 - classes * target) / (experts - classes)
    assert counted(experts, classes, choices) == (experts, classes, experts * (target - other))
