"""The mean-field study with stubs in place of its runs: right data supported, wrong data refuted, too little left open.

Data are planted with noise far below the bands; wrong data lie outside by many standard errors.
"""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.validation.mean_field_truth import PROFILE, planted
from tests.validation.planted import stored, stubs, verdicts, whole
from validation.mean_field import effects
from validation.mean_field.judge import findings
from validation.mean_field.predict import predict
from validation.mean_field.study import STUDY


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), predict(PROFILE, 0))


def judged(plan, profile=PROFILE, **more):
    return verdicts(findings(profile, plan, planted(plan, **more)))


class TestVerdicts:
    def test_right_data_are_supported(self, plan):
        found = findings(PROFILE, plan, planted(plan))
        assert all(each.sound for each in found)
        assert {each.verdict.value for each in found if not each.expected} == {"SUPPORTED"}
        controls = {each.id: each.verdict.value for each in found if each.expected}
        assert controls.pop("control.too_few") == "INCONCLUSIVE"
        assert set(controls.values()) == {"REFUTED"}
        assert len(controls) == 4

    @pytest.mark.parametrize(
        ("wrong", "claims"),
        [
            ({"slope": 0.25}, {"mean_field.noise"}),
            ({"batch_slope": -0.25}, {"mean_field.batch"}),
            ({"size": 100.0}, {"mean_field.bound"}),
            ({"far": 0.2}, {"mean_field.attractors"}),
            ({"variance": 1.2}, {"mean_field.variance", "noise.variance"}),
            ({"batch": 1}, {"noise.variance"}),
            ({"relaxation": 1.2}, {"noise.relaxation"}),
            ({"barrier": 0.85}, {"noise.barrier"}),
            ({"ramp": 1 / 3}, {"noise.ramp_exponent"}),
            ({"constant": 1.3}, {"noise.ramp_constant"}),
            ({"release": 1.08}, {"collapse.release.8"}),
            ({"onset": 0.75}, {"collapse.hysteresis.8"}),
            ({"one": 2}, {"collapse.one.8"}),
        ],
    )
    def test_wrong_data_are_refuted(self, plan, wrong, claims):
        right, seen = judged(plan), judged(plan, **wrong)
        assert {claim for claim in right if right[claim] == "SUPPORTED" and seen[claim] == "REFUTED"} == claims

    @pytest.mark.parametrize(
        ("wrong", "control"),
        [({"slope": 0.25}, "slope_quarter"), ({}, "diffusion_barrier"), ({"release": 2.0}, "release_at_one")],
    )
    def test_a_control_can_fail(self, plan, wrong, control):
        if control == "diffusion_barrier":
            wrong = {"barrier": float(plan["escapes.barrier"][1] / plan["escapes.barrier"][0])}
        found = {each.id: each for each in findings(PROFILE, plan, planted(plan, **wrong))}
        assert not found[f"control.{control}"].sound

    def test_two_seeds_are_too_few(self, plan):
        seen = judged(plan, seeds=2)
        for claim in ("noise", "batch", "bound", "variance"):
            assert seen[f"mean_field.{claim}"] == "INCONCLUSIVE"

    def test_one_load_far_from_every_attractor_is_enough(self, plan):
        """The largest distance over starts and points is judged, not the smallest."""
        loads = np.array([plan["attractors.loads"][k, 0] for k in range(3)])[:, None, None] + np.zeros((3, 5, 4))
        loads[1, 2, 3] += 0.07
        assert_allclose(effects.distances(plan, loads)[:, 3], [0, 0.07, 0], atol=1e-12)

    def test_one_favourite_is_a_share_of_routers_with_enough_of_them(self, plan):
        """Equal shares of a few repetitions have no width by Student's interval, and would support it."""
        found = {each.id: each for each in findings(PROFILE, plan, planted(plan))}["collapse.one.8"]
        assert (found.interval.method, found.interval.unit) == ("Clopper-Pearson", "collapsed routers")
        assert found.interval.n > 528
        assert found.interval.low == pytest.approx(0.005 ** (1 / found.interval.n))
        measured = planted(plan)
        part = measured["collapse/1"]
        few = {name: values[..., :15] for name, values in part.items()}
        found = {each.id: each for each in findings(PROFILE, plan, {**measured, "collapse/1": few})}["collapse.one.8"]
        assert found.interval.n < 528
        assert found.verdict.value == "INCONCLUSIVE"
        assert "At least 528 collapsed routers" in found.remedy

    def test_exceptions_count_one_by_one(self, plan):
        measured = planted(plan)
        part = measured["collapse/1"]
        first = tuple(np.argwhere(part["largest"] == 0.9)[0])
        part["favoured"][first] = 2
        assert effects.alone(PROFILE.collapse, measured, 1) == (
            (count := int((part["largest"] == 0.9).sum())) - 1,
            count,
        )

    def test_no_collapse_leaves_it_open(self, plan):
        measured = planted(plan)
        measured["collapse/1"]["largest"][:] = 1 / 8
        assert verdicts(findings(PROFILE, plan, measured))["collapse.one.8"] == "INCONCLUSIVE"

    def test_a_jump_that_never_came_leaves_the_ramp_open(self, plan):
        measured = planted(plan)
        measured["ramps/2"]["jumps"][3] = np.nan
        seen = verdicts(findings(PROFILE, plan, measured))
        assert seen["noise.ramp_exponent"] == seen["noise.ramp_constant"] == "INCONCLUSIVE"

    @pytest.mark.parametrize(
        ("section", "band", "claims"),
        [
            ("paths", "slope_band", {"mean_field.noise", "control.too_few"}),
            ("paths", "batch_band", {"mean_field.batch"}),
            ("paths", "bias_band", {"mean_field.bias"}),
            ("paths", "bound_band", {"mean_field.bound"}),
            ("paths", "variance_band", {"mean_field.variance"}),
            ("paths", "quarter_band", {"control.slope_quarter"}),
            ("attractors", "distance_band", {"mean_field.attractors"}),
            ("attractors", "critical_band", {"mean_field.critical_gain"}),
            ("attractors", "control_band", {"control.critical_gain"}),
            ("escapes", "barrier_band", {"noise.barrier", "control.diffusion_barrier"}),
            ("escapes", "exact_band", {"noise.barrier_exact"}),
            ("warnings", "variance_band", {"noise.variance"}),
            ("warnings", "relaxation_band", {"noise.relaxation"}),
            ("ramps", "exponent_band", {"noise.ramp_exponent"}),
            ("ramps", "constant_band", {"noise.ramp_constant"}),
            ("collapse", "release_band", {"collapse.release.8"}),
            ("collapse", "hysteresis_band", {"collapse.hysteresis.8"}),
            ("collapse", "one_band", {"collapse.one.8"}),
            ("collapse", "continuous_band", {"collapse.continuous.2"}),
            ("collapse", "control_band", {"control.release_at_one"}),
        ],
    )
    def test_every_band_is_that_of_the_profile(self, plan, section, band, claims):
        moved = replace(PROFILE, **{section: replace(getattr(PROFILE, section), **{band: (7.0, 8.0)})})
        found = findings(moved, plan, planted(plan))
        assert {each.id for each in found if each.accepted[0] == 7.0} == claims


def test_the_whole_study_with_stubs_is_sound(plan, tmp_path):
    study = replace(STUDY, predict=lambda *_: plan.arrays, parts=stubs(planted(plan)))
    report = whole(study, PROFILE, tmp_path / "report", seed=11)
    assert report.sound
    assert report.study == "mean-field"
    assert report.provenance.seed == 11
    assert len(report.figures) == 7


def test_parts_can_be_sent_to_other_processes(plan):
    for part in STUDY.parts(PROFILE, plan):
        again = pickle.loads(pickle.dumps(part))
        assert (again.name, again.size) == (part.name, part.size)
