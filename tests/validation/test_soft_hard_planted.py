"""The soft-hard study with stubs for its runs: right data supported, wrong data refuted, too little left open."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.validation.planted import line, stated, stored, stubs, verdicts, whole
from tests.validation.soft_hard_truth import PROFILE, planted
from tests.validation.words import stored_words, words
from validation.soft_hard.judge import findings
from validation.soft_hard.predict import predict
from validation.soft_hard.study import STUDY, present


@pytest.fixture(scope="module", name="plan")
def _plan(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("plan"), predict(PROFILE, 0))


def judged(plan, profile=PROFILE, **more):
    return verdicts(findings(profile, plan, planted(plan, **more)))


CURVED = {f"boundary.{name}" for name in ("sphere", "ellipse", "parabola", "quadric")}
SETS = ("digits", "fashion")


class TestVerdicts:
    def test_right_data_are_supported(self, plan):
        found = findings(PROFILE, plan, planted(plan))
        assert all(each.sound for each in found)
        assert {each.verdict.value for each in found if not each.expected} == {"SUPPORTED"}
        controls = [each for each in found if each.expected]
        assert {each.verdict.value for each in controls} == {"REFUTED"}
        assert len(controls) == 6

    @pytest.mark.parametrize(
        ("wrong", "claims"),
        [
            ({"mass": 1.05}, {"boundary.linear"}),
            ({"curved": 0.95}, CURVED),
            ({"bend": 1.3}, {"boundary.experts.3", "boundary.experts.5"}),
            ({"constant": 1.2}, {f"risk.constant.{alpha}" for alpha in (0.5, 1.2, 1.5)}),
            ({"power": 0.2}, {f"risk.exponent.{alpha}" for alpha in (0.5, 1.2, 1.5)}),
            ({"agreeing": 1.0}, {"risk.agreeing"}),
            ({"amplitude": 1.2}, {"limit.amplitude"}),
            ({"gradient": 0.01}, {"symmetry.soft", "symmetry.topk"}),
            ({"growth": 1.1}, {"symmetry.growth"}),
            ({"exponents": (1.0, 1.0, 1.0)}, {f"transversality.{name}" for name in ("cubic", "saddle", "flat")}),
            ({"alarms": 100}, {"transversality.false_alarms"}),
            ({"trained": 1.3}, {f"boundary.trained.{name}" for name in SETS}),
            ({"soft": 0.7}, {f"risk.trained_share.{name}" for name in SETS}),
            ({"risk": -1.0}, {f"risk.trained.{name}" for name in SETS}),
            ({"excess": 0.1}, {f"limit.trained.{name}" for name in SETS}),
            (
                {"closed": 1 + 1e-9},
                {"boundary.quadrature", "risk.quadrature", "limit.quadrature", "symmetry.coupling", "landscape.saddle"},
            ),
        ],
    )
    def test_wrong_data_are_refuted(self, plan, wrong, claims):
        right, seen = judged(plan), judged(plan, **wrong)
        assert {claim for claim in right if right[claim] == "SUPPORTED" and seen[claim] == "REFUTED"} == claims

    @pytest.mark.parametrize(
        ("wrong", "control"),
        [
            ({"cubic_remainder": True}, "binary_bound"),
            ({"saddle_linear": True}, "saddle_linear"),
            ({"agreeing": 1.0}, "sharp"),
            ({"raw": 0.0}, "switch"),
            ({"jump": 0.0}, "jump_transfers"),
        ],
    )
    def test_a_control_can_fail(self, plan, wrong, control):
        found = {each.id: each for each in findings(PROFILE, plan, planted(plan, **wrong))}
        assert not found[f"control.{control}"].sound

    @pytest.mark.parametrize(
        ("name", "claim"),
        [
            ("curved", "boundary.quadrature"),
            ("experts.curvature", "boundary.quadrature"),
            ("saddle.mass", "boundary.quadrature"),
            ("risk.constants", "risk.quadrature"),
            ("shift", "limit.quadrature"),
            ("saddle.coupling", "symmetry.coupling"),
            ("saddle.rates", "landscape.saddle"),
        ],
    )
    def test_one_integral_off_is_enough(self, plan, name, claim):
        measured = planted(plan)
        measured["quadrature/0"][name].flat[-1] *= 1 + 1e-9
        assert verdicts(findings(PROFILE, plan, measured))[claim] == "REFUTED"

    def test_a_network_of_little_predicted_risk_does_not_outweigh_the_others(self, plan):
        """Both sides are samples: the ratio of each network would be off to one side."""
        measured = planted(plan)
        part = measured["trained/digits"]
        part["risk_expected"][0] /= 100.0
        (found,) = [each for each in findings(PROFILE, plan, measured) if each.id == "risk.trained.digits"]
        assert_allclose(found.estimate, 8 / (7 + 1 / 100), rtol=0.005)

    def test_so_can_that_without_margin(self, plan):
        measured = planted(plan)
        measured["quadrature/0"]["without"][:, 0] = 0.085
        found = {each.id: each for each in findings(PROFILE, plan, measured)}
        assert not found["control.no_margin"].sound

    def test_two_repetitions_are_too_few(self, plan):
        seen = judged(plan, seeds=2)
        for claim in (*CURVED, "boundary.linear", "risk.exponent.0.5", "symmetry.growth", "boundary.trained.digits"):
            assert seen[claim] == "INCONCLUSIVE"

    def test_a_set_that_is_not_installed_is_not_spoken_of(self, plan):
        measured = planted(plan)
        del measured["trained/fashion"]
        found = findings(PROFILE, plan, measured)
        assert not [each for each in found if "fashion" in each.id]
        page = present(PROFILE, plan, measured, found)
        assert any("not installed" in note for note in page.notes)

    def test_every_band_is_that_of_the_profile(self, plan):
        sections = [each.name for each in fields(PROFILE) if is_dataclass(getattr(PROFILE, each.name))]
        bands = [(name, each.name) for name in sections for each in fields(getattr(PROFILE, name))
                 if each.name.endswith("band") or each.name == "below_one"]  # fmt: skip
        assert len(bands) == 21
        for section, band in bands:
            moved = replace(PROFILE, **{section: replace(getattr(PROFILE, section), **{band: (7.0, 8.0)})})
            assert [each for each in findings(moved, plan, planted(plan)) if each.accepted == (7.0, 8.0)], band


def test_the_whole_study_with_stubs_is_sound(plan, tmp_path):
    study = replace(STUDY, predict=lambda *_: plan.arrays, parts=stubs(planted(plan)))
    report = whole(study, PROFILE, tmp_path / "report", seed=11)
    assert report.sound
    assert report.study == "soft-hard"
    assert len(report.figures) == 7


@pytest.fixture(scope="module", name="shown")
def _shown(plan):
    measured = planted(plan)
    found = findings(PROFILE, plan, measured)
    return measured, found, present(PROFILE, plan, measured, found)


@pytest.fixture(scope="module", name="drawn")
def _drawn(shown):
    measured, _, page = shown
    return measured, {each.id: each for each in page.pictures}


def test_every_word_and_the_look_of_every_picture(shown):
    _, found, page = shown
    assert words(found, page) == stored_words("soft_hard")


class TestPictures:
    def test_show_what_was_measured(self, plan, drawn):
        measured, pictures = drawn
        for id, label, expected in (
            ("risks", "measured, α = 1.5", measured["risk/2"]["gap"].ravel()),
            ("spectra", "descent, sampled", -measured["growth/0"]["rates"].ravel()),
            ("shifts", "threshold, by quadrature", measured["quadrature/0"]["shift"]),
            ("jump", "by quadrature", measured["quadrature/0"]["jump"]),
            ("trained", "digits, one per network and temperature", -measured["trained/digits"]["risk"].ravel()),
            ("slopes", "crossing, counted", (measured["saddle/0"]["mass"] / [0.002, 0.02, 0.2]).ravel()),
        ):
            assert_allclose(line(pictures[id].figure, label)[1], expected, rtol=1e-12)
        assert_allclose(line(pictures["risks"].figure, "predicted, α = 0.5")[1],
                        plan["risk.constants"][0] * np.array([0.04, 0.09]) ** 0.5)  # fmt: skip

    @pytest.mark.parametrize(
        ("id", "expected"),
        [
            (
                "layer",
                {"width w": "0.04", "curvature of the interface k": "0.9", "tokens per seed": "999", "seeds": "5"},
            ),
            ("risks", {"temperatures T": "0.04 and 0.09", "tokens per seed": "777", "seeds": "6"}),
            ("shifts", {"temperatures T": "0.006, 0.012 and 0.03", "teacher's threshold b*": "0.6"}),
        ],
    )
    def test_captions_state_the_profile(self, drawn, id, expected):
        found = stated(drawn[1][id].caption)
        assert {key: found[key] for key in expected} == expected
