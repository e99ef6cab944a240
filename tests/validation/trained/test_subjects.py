"""Every subject of the study with planted data in place of its runs: right, wrong, too few; its parts; its page."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache

import numpy as np
import pytest

from tests.validation.planted import stated, stored, verdicts
from tests.validation.trained.truth import PROFILE, TRUTHS, changed, name_of, planted
from validation.streams import stream
from validation.trained.study import STUDY, SUBJECTS

CASES = [(truth, *each) for truth in TRUTHS for each in truth.WRONG]
CONTROLS = [(truth, *each) for truth in TRUTHS for each in truth.CONTROLS]
BANDS = [(truth, band, findings) for truth in TRUTHS for band, findings in truth.BANDS.items()]


@pytest.fixture(scope="module", name="plans")
def _plans(tmp_path_factory):
    @cache
    def plan(name):
        (truth,) = [each for each in TRUTHS if name_of(each) == name]
        return stored(tmp_path_factory.mktemp("plan"), truth.SUBJECT.predict(PROFILE, 3))

    return plan


def judged(plans, truth, profile=PROFILE, **wrong):
    plan = plans(name_of(truth))
    return truth.SUBJECT.findings(profile, plan, truth.planted(plan, **wrong))


def label(each):
    return name_of(each) if hasattr(each, "SUBJECT") else " ".join(sorted(map(str, each))) if each else ""


def matching(found, patterns):
    return {id for id in found if any(fnmatchcase(id, pattern) for pattern in patterns)}


def test_every_subject_has_its_truth():
    """That of the flips is in test_flips.py."""
    known = {str(vars(each)["__name__"]).rpartition(".")[2] for each in SUBJECTS}
    assert {name_of(truth) for truth in TRUTHS} | {"flips"} == known


class TestVerdicts:
    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_right_data_are_supported_and_controls_refuted(self, plans, truth):
        found = judged(plans, truth)
        assert {each.verdict.value for each in found if not each.expected} == {"SUPPORTED"}
        assert all(each.sound for each in found)
        assert {each.id for each in found if each.expected} == {id for _, id in truth.CONTROLS}

    @pytest.mark.parametrize(("truth", "wrong", "patterns"), CASES, ids=label)
    def test_wrong_data_are_refuted(self, plans, truth, wrong, patterns):
        right, seen = verdicts(judged(plans, truth)), verdicts(judged(plans, truth, **wrong))
        turned = {id for id in right if right[id] == "SUPPORTED" and seen[id] == "REFUTED"}
        assert turned == matching([id for id in right if not id.startswith("control")], patterns)
        assert turned

    @pytest.mark.parametrize(("truth", "right", "control"), CONTROLS, ids=label)
    def test_a_control_can_fail(self, plans, truth, right, control):
        (found,) = [each for each in judged(plans, truth, **right) if each.id == control]
        assert not found.sound

    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_too_few_leave_everything_open(self, plans, truth):
        """The first two repetitions alone, on the last axis."""
        plan = plans(name_of(truth))
        parts = truth.planted(plan)
        short = {name: {key: value[..., :2] for key, value in part.items()} for name, part in parts.items()}
        cut = stored_cut(plan)
        found = truth.SUBJECT.findings(PROFILE, cut, short)
        left = [each for each in found if not each.expected]
        assert {each.verdict.value for each in left} == {"INCONCLUSIVE"}
        assert all(each.remedy for each in left)

    @pytest.mark.parametrize(("truth", "band", "patterns"), BANDS, ids=label)
    def test_every_band_is_that_of_the_profile(self, plans, truth, band, patterns):
        found = judged(plans, truth, changed(truth, **{band: (7.0, 8.0)}))
        moved = {each.id for each in found if each.accepted == (7.0, 8.0)}
        assert moved == matching([each.id for each in found], patterns)

    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_no_band_is_elsewhere(self, truth):
        assert {name for name in vars(truth.PROFILE) if name.endswith("_band")} == set(truth.BANDS)

    def test_a_coverage_of_few_traces_is_left_open(self, plans):
        """Also where all of them hold, so that their interval has no width."""
        (truth,) = [each for each in TRUTHS if name_of(each) == "coverage"]
        found = judged(plans, truth, changed(truth, fewest=20_000), held=1.0)
        assert {each.verdict.value for each in found if not each.expected} == {"INCONCLUSIVE"}
        assert {each.remedy for each in found if not each.expected} == {"20000 traces."}

    def test_the_floor_of_the_rules_is_that_of_the_profile(self, plans):
        (truth,) = [each for each in TRUTHS if name_of(each) == "rules"]
        found = judged(plans, truth, changed(truth, floor=3.0, errors=0.0))
        assert {each.accepted for each in found if ".lag." not in each.id} == {(-3.0, 3.0)}


class Cut(dict):
    """A plan of the first two models."""

    @property
    def arrays(self):
        return self


def stored_cut(plan):
    return Cut({name: value[..., :2] if value.ndim == 2 else value for name, value in plan.arrays.items()})


class TestParts:
    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_size_is_the_work_done(self, truth, tmp_path):
        short = {
            "coverage": {"traces": 2, "steps": 70},
            "collapse": {"driven": 9, "healthy": 1, "steps": 60},
            "rules": {},
            "best_rate": {},
        }[name_of(truth)]
        profile = changed(truth, **short)
        plan = stored(tmp_path, truth.SUBJECT.predict(profile, 3))
        shapes = truth.planted(plan)
        for part in truth.SUBJECT.parts(profile, plan):
            done: list[int] = []
            found = part.run(stream("trained", part.name, 0, 3), done.append)
            assert sum(done) == part.size, part.name
            assert set(found) == set(shapes[part.name]), part.name
            assert {np.ndim(value) for value in found.values()} == {
                value.ndim for value in shapes[part.name].values()
            }, part.name

    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_names_begin_with_the_subjects(self, plans, truth):
        name, plan = name_of(truth), plans(name_of(truth))
        assert {each.split(".")[0] for each in plan.arrays} == {name}
        assert {part.name.split("/")[0] for part in truth.SUBJECT.parts(PROFILE, plan)} == {name}


class TestPage:
    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_captions_state_the_profile(self, plans, truth):
        plan = plans(name_of(truth))
        drawn = truth.SUBJECT.pictures(PROFILE, plan, truth.planted(plan))
        assert {each.id: stated(each.caption) for each in drawn} == truth.STATED

    def test_the_whole_page(self, tmp_path):
        plan = stored(tmp_path, STUDY.predict(PROFILE, 3))
        measured = planted(plan)
        found = STUDY.judge(PROFILE, plan, measured)
        page = STUDY.present(PROFILE, plan, measured, found)
        claims = sum(each.expected is None for each in found)
        assert f"{claims} of {claims} findings supported" in page.summary
        for kind in ("pictures", "tables"):
            ids = [each.id for each in getattr(page, kind)]
            assert len(set(ids)) == len(ids)
