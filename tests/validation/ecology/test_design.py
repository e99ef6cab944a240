"""The design: every stratum is what it says, no seed serves twice, and groups are those of the formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq

from tests.validation.ecology.truth import PROFILE
from validation.ecology.design import STRATA, design, expected_alive, expected_dead, log_minimum
from validation.ecology.profiles import PROFILES
from validation.ecology.setup import KINDS, classes, experts, schedule, tiers

RANGES = np.array([[0.1, 5.0], [0.003, 3.0], [0.01, 3.0], [0.003, 3.0]])


def rows(plan, stratum, kind="digits"):
    return (plan["design.stratum"] == STRATA.index(stratum)) & (plan["design.kind"] == list(KINDS).index(kind))


def weights(plan, stratum, kind="digits"):
    return plan["design.weights"][rows(plan, stratum, kind)].T


class TestStrata:
    @pytest.mark.parametrize("kind", ["digits", "few", "text"])
    def test_where_E_and_the_rule_disagree(self, plan, kind):
        t, h, o, b = weights(plan, "expected_dead", kind)
        e, ratio = t * h / (o + b), (h + b) / o
        assert ((e >= 0.5) & (e <= 0.7) & (ratio < 0.2)).all()
        t, h, o, b = weights(plan, "expected_alive", kind)
        e, ratio = t * h / (o + b), (h + b) / o
        assert ((e < 0.4) & (ratio > 0.4)).all()

    def test_all_settings_where_they_disagree_are_taken_and_no_others(self):
        d, points = PROFILE.design, np.random.default_rng(3).random((4000, 4))
        settings = np.exp(np.log(RANGES[:, 0]) + points * np.diff(np.log(RANGES), axis=1)[:, 0])
        t, h, o, b = settings.T
        found = expected_alive(d, settings)
        wanted = (t * h / (o + b) < 0.4) & ((h + b) / o > 0.4)
        assert 0.1 < wanted.mean() < 0.9
        assert (~np.isnan(found).any(-1) == wanted).all()
        assert_allclose(found[wanted], settings[wanted])
        dead = expected_dead(d, settings, points)
        t, h, o, b = dead[~np.isnan(dead).any(-1)].T
        e, ratio = t * h / (o + b), (h + b) / o
        assert (e.min(), e.max()) == (pytest.approx(0.5, abs=0.01), pytest.approx(0.7, abs=0.01))
        assert ratio.max() == pytest.approx(0.2, abs=0.01)

    def test_all_lie_in_the_ranges(self, plan):
        for name in ("sobol", "held_out", "core", "expected_dead", "expected_alive", "line", "rule"):
            found = weights(plan, name).T
            assert len(found)
            assert (found >= RANGES[:, 0] * (1 - 1e-9)).all(), name
            assert (found <= RANGES[:, 1] * (1 + 1e-9)).all(), name

    def test_sobol_points_fill_every_half_evenly(self, plan):
        """A net in base 2: each half of each logarithmic range has half of the 128 points, each quarter of two 32."""
        logs = np.log(weights(plan, "sobol").T)
        place = (logs - np.log(RANGES[:, 0])) / np.diff(np.log(RANGES), axis=1)[:, 0]
        halves = (place * 2).astype(int)
        assert (halves.sum(0) == 64).all()
        for first in range(4):
            for second in range(first):
                _, counts = np.unique(halves[:, first] * 2 + halves[:, second], return_counts=True)
                assert abs(counts - 32).max() <= 4

    def test_lines_keep_E(self, plan):
        t, h, o, b = weights(plan, "line")
        e = t * h / (o + b)
        assert_allclose(np.unique(e.round(9)), [0.25, 0.5, 1.0, 2.0])

    def test_pairs_differ_in_temperature_alone(self, plan):
        at = rows(plan, "temperature")
        table = plan["design.weights"][at].reshape(-1, 3, 4)
        assert_allclose(table[:, :, 0], np.broadcast_to([0.1, 0.7, 5.0], table.shape[:2]))
        assert (table[:, :, 1:] == table[:, :1, 1:]).all()
        seeds = plan["design.seed"][at].reshape(-1, 3)
        assert (seeds == seeds[:, :1]).all()
        assert len(np.unique(seeds)) == len(seeds)

    def test_dead_starts_meet_every_combination_with_the_same_seeds(self, plan):
        for kind in ("dead-bias", "dead-weights"):
            at = rows(plan, "revival", kind)
            on = plan["design.weights"][at][:, 1:] > 0
            assert len(np.unique(on, axis=0)) == 8
            for number in range(8):
                each = plan["design.combination"][at] == number
                assert len(np.unique(on[each], axis=0)) == 1
                assert_allclose(plan["design.seed"][at][each], plan["design.seed"][at][:12])

    def test_without_oracle_and_balance_E_is_not_defined(self, plan):
        at = rows(plan, "undefined")
        assert (plan["design.weights"][at][:, 2:] == 0).all()
        assert np.isnan(plan["group.E"][at]).all()
        assert np.isnan(plan["group.E"]).sum() >= at.sum()


class TestSeeds:
    def test_none_serves_two_configurations(self, plan):
        config, seed = plan["design.config"], plan["design.seed"]
        paired = [
            STRATA.index(name) for name in ("temperature", "revival", "ortho", "complexity", "near")
        ]  # the same starts, to be compared
        shared = np.isin(plan["design.stratum"], paired)
        assert len(np.unique(seed[~shared])) == (~shared).sum()
        assert not set(seed[~shared]) & set(seed[shared])
        assert len(np.unique(np.stack([config, seed]), axis=1).T) >= (~shared).sum()

    def test_repetitions_of_the_core_are_of_its_configurations(self, plan):
        sobol, core = rows(plan, "sobol"), rows(plan, "core")
        config, weight = plan["design.config"], plan["design.weights"]
        for row in np.flatnonzero(core):
            (twin,) = np.flatnonzero(sobol & (config == config[row]))
            assert (weight[twin] == weight[row]).all()
        assert core.sum() == 5 * PROFILE.design.core

    def test_those_of_two_runs_differ(self):
        first, second = (design(PROFILE, seed) for seed in (0, 1))
        assert not set(first["design.seed"]) & set(second["design.seed"])
        assert not np.allclose(first["design.weights"][:50], second["design.weights"][:50])


class TestGroups:
    def test_are_those_of_the_formulas(self, plan):
        at = rows(plan, "sobol")
        t, h, o, b = plan["design.weights"][at].T
        assert_allclose(plan["group.E"][at], t * h / (o + b))
        assert_allclose(plan["group.competitor"][at], (h + b) / o)
        assert_allclose(plan["group.balance"][at], b / (o * t))
        assert_allclose(plan["group.rule"][at], -(o + b * (math.log(10) - (8 / 10 - 8 / 6))) / (h + b), rtol=1e-9)

    def test_the_rule_stratum_has_its_r_in_the_window(self, plan):
        low, high = np.log(PROFILE.rule.window)
        found = plan["group.rule"][rows(plan, "rule")]
        assert ((found >= low - 1e-9) & (found <= high + 1e-9)).all()
        assert np.ptp(found) > 0.5 * (high - low)

    @pytest.mark.parametrize(("choices", "gap"), [(1, 1.6), (2, 8 / 10 - 8 / 6)])
    @pytest.mark.parametrize(("h", "o", "b"), [(0.3, 1.5, 0.0), (0.1, 0.8, 0.05), (0.05, 2.0, 0.3)])
    def test_the_minimum_solves_its_two_conditions(self, h, o, b, choices, gap):
        """O/a = H log(a/r) + B G, H log(s/r) = -B G, G = log(P/r) + D: solved here for r, rows summing to 1.

        D is K times the share of the slots of a target, 1/(k C), less that of others, (k - 1)/(k (K - C)).
        """
        k, c = 16, 10

        def excess(log_r):
            r = math.exp(log_r)
            spread = math.log((1 - (k - c) * r) / (c * r)) + gap
            a = 1 - (k - c) * r - (c - 1) * r * math.exp(-b * spread / h)
            return o / a - h * math.log(a / r) - b * spread

        expected = brentq(excess, -30.0, -math.log(c * math.exp(max(-gap, 0.0)) + k - c) - 1e-9)
        found = log_minimum(np.array([h]), np.array([o]), np.array([b]), k, c, choices)
        assert_allclose(found, expected, atol=1e-9)
        assert found < -(o + b * (math.log(c) - gap)) / (h + b)

    def test_a_weak_oracle_lets_no_expert_fall_below_the_others(self):
        found = log_minimum(np.array([1.0]), np.array([0.001]), np.array([1.0]), 16, 10, 1)
        assert_allclose(found, -math.log(16), atol=1e-6)


class TestKinds:
    def test_profiles(self):
        """As many models as are asked for without Fashion-MNIST, and configurations enough to support the guarantee."""
        found = {name: design(profile, 0) for name, profile in PROFILES.items()}
        without = {
            name: int((each["design.kind"] != list(KINDS).index("fashion")).sum()) for name, each in found.items()
        }
        assert without["quick"] >= 1000
        assert without["full"] >= 5000
        assert without["smoke"] < 250
        full = found["full"]
        digits = full["design.kind"] == 0
        assert len(np.unique(full["design.config"][digits & (full["group.E"] >= 0.5)])) >= 299

    def test_sizes(self):
        assert [tiers(PROFILE, name).experts for name in ("digits", "few", "text", "tiers-1-equal")] == [16, 8, 8, 16]
        assert tiers(PROFILE, "tiers-0-unequal").widths == (8, 16, 32)
        assert [classes(name, experts(PROFILE, name)) for name in ("digits", "few", "text")] == [10, 7, 7]

    def test_schedules(self):
        full = PROFILES["full"]
        assert [schedule(full, name).steps for name in ("digits", "long", "text", "dead-bias")] == [300, 2000, 200, 300]
        assert schedule(full, "dead-bias").checkpoints == full.revival.checkpoints
