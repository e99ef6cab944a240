"""The digits study with stubs in place of its runs: right data supported, wrong data refuted, too little inconclusive.

Data are planted with noise of known size, far below the bands; wrong data lie outside by many standard errors.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ai_zeros

from tests.validation.digits_truth import FEEDBACK, MU, PROFILE, fold, planned, planted, stable
from tests.validation.planted import stored, stubs, verdicts, whole
from validation.digits.effects import distances, onsets
from validation.digits.judge import findings
from validation.digits.predict import theory
from validation.digits.study import STUDY


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return planned(tmp_path_factory.mktemp("plan"))


def judged(plan, profile=PROFILE, **more):
    return verdicts(findings(profile, plan, planted(**more)))


class TestPredictions:
    """Against the closed forms of a Gaussian router with decay 2.5."""

    def test_critical_feedback(self, plan):
        assert_allclose(plan["critical_feedback"], FEEDBACK, rtol=2e-3)
        assert_allclose(plan["gaussian_feedback"], FEEDBACK, rtol=2e-3)

    def test_states(self, plan):
        for row, flags, factor in zip(
            plan["branch.imbalance"], plan["branch.stable"], PROFILE.branch_feedbacks, strict=True
        ):
            m = stable(factor * FEEDBACK)
            assert_allclose(row[flags], [0.0] if factor < 1 else [-m, m], atol=2e-3)
            assert np.sum(~np.isnan(row)) == (1 if factor < 1 else 3)

    def test_the_sweep_covers_twice_its_reach_in_its_time(self, plan):
        duration = PROFILE.sweep_steps() * PROFILE.sweep_increment
        assert plan["sweep.rate"] * duration == pytest.approx(2 * plan["sweep.reach"], rel=1e-3)

    def test_folds_and_delays(self, plan):
        for k, factor in enumerate(PROFILE.sweep_feedbacks):
            h, b = fold(factor * FEEDBACK)
            delay = -ai_zeros(1)[0][0] * plan["sweep.rate"] ** (2 / 3) * b ** (-1 / 3)
            assert_allclose(plan["sweep.folds"][:, k], [h, -h], rtol=5e-3)
            assert_allclose(plan["sweep.jumps"][:, k] - plan["sweep.folds"][:, k], [delay, -delay], rtol=5e-3)


class TestVerdicts:
    def test_right_data_are_supported(self, plan):
        seen = judged(plan)
        assert seen.pop("digits.control_doubled") == "REFUTED"
        assert set(seen.values()) == {"SUPPORTED"}
        assert len(seen) == 6

    @pytest.mark.parametrize("factor", [0.9, 1.1])
    def test_another_onset_is_refuted(self, plan, factor):
        """Were predictions made again from the measured onset, or onsets divided by their mean, it would pass."""
        seen = judged(plan, feedback=factor * FEEDBACK)
        for claim in ("critical_feedback", "other_routers", "gaussian_margins"):
            assert seen[f"digits.{claim}"] == "REFUTED"

    def test_the_control_can_fail(self, plan):
        found = findings(PROFILE, plan, planted(feedback=2 * FEEDBACK))
        (control,) = [each for each in found if each.expected]
        assert control.verdict.value == "SUPPORTED"
        assert not control.sound

    def test_unstable_states_are_no_attractors(self, plan):
        assert judged(plan, states=lambda _: 0.0)["digits.branches"] == "REFUTED"

    def test_a_wrong_width_is_refuted(self, plan):
        seen = judged(plan, width=1.15)
        assert seen["digits.folds"] == seen["digits.ramp_delay"] == "REFUTED"

    def test_jumps_without_delay_refute_the_delay_only(self, plan):
        seen = judged(plan, delayed=0.0)
        assert seen["digits.folds"] == "SUPPORTED"
        assert seen["digits.ramp_delay"] == "REFUTED"

    def test_a_sweep_too_fast_cannot_tell_the_folds(self, plan, tmp_path):
        fast = replace(PROFILE, sweep_time=90.0)
        predicted = {**plan.arrays, **theory(fast, plan["margins"], plan["jitter"])}
        assert verdicts(findings(fast, stored(tmp_path, predicted), planted()))["digits.folds"] == "INCONCLUSIVE"

    def test_two_seeds_are_too_few(self, plan):
        seen = judged(plan, seeds=2)
        for claim in ("critical_feedback", "branches", "folds", "ramp_delay"):
            assert seen[f"digits.{claim}"] == "INCONCLUSIVE"

    def test_noise_leaves_it_open(self, plan):
        assert judged(plan, scatter=0.05)["digits.critical_feedback"] == "INCONCLUSIVE"

    @pytest.mark.parametrize(
        ("band", "claims"),
        [
            ("onset_band", {"critical_feedback", "control_doubled"}),
            ("router_band", {"other_routers", "gaussian_margins"}),
            ("branch_band", {"branches"}),
            ("fold_band", {"folds"}),
            ("jump_band", {"ramp_delay"}),
        ],
    )
    def test_every_band_is_that_of_the_profile(self, plan, band, claims):
        changes: Any = {band: (7.0, 8.0)}
        elsewhere = findings(replace(PROFILE, **changes), plan, planted())
        moved = {each.id for each in elsewhere if each.accepted == (7.0, 8.0)}
        assert moved == {f"digits.{claim}" for claim in claims}


class TestEffects:
    def test_distance_is_to_the_nearest_stable_state(self, plan):
        m = stable(1.6 * FEEDBACK)
        seen = np.array([[0.01, 0.0, m + 0.02]])
        assert_allclose(distances(plan, seen), [[0.01, stable(1.3 * FEEDBACK), 0.02]], atol=2e-3)

    def test_onsets_are_in_order_of_the_routers_however_the_parts_are_listed(self, plan):
        measured = planted()
        shuffled = dict(sorted(measured.items(), reverse=True))
        assert_array_equal(onsets(plan, measured), onsets(plan, shuffled))


def test_the_whole_study_with_stubs_is_sound(plan, tmp_path):
    study = replace(STUDY, predict=lambda *_: plan.arrays, parts=stubs(planted()))
    report = whole(study, PROFILE, tmp_path / "report", seed=11)
    assert report.sound
    assert report.provenance.seed == 11
    assert report.parameters["decay"] == MU
    assert [figure.id for figure in report.figures] == [
        "bifurcation", "growth", "panel", "hysteresis", "cusp", "history", "cost",
    ]  # fmt: skip
    assert f"measured: {onsets(plan, planted())[0].mean():.4g}" in report.summary


def test_parts_can_be_sent_to_other_processes(plan):
    for part in STUDY.parts(PROFILE, plan):
        again = pickle.loads(pickle.dumps(part))
        assert (again.name, again.size) == (part.name, part.size)
