"""Every subject of the routers study with planted data in place of its runs: right, wrong, too few; and its page."""

from __future__ import annotations

from fnmatch import fnmatchcase
from types import ModuleType

import pytest

from tests.validation.planted import stated, stored, verdicts
from tests.validation.routers.truth import PROFILE, TRUTHS, changed, name_of
from validation.routers.study import STUDY, SUBJECTS
from validation.streams import stream

CASES = [(truth, *each) for truth in TRUTHS for each in truth.WRONG]
CONTROLS = [(truth, *each) for truth in TRUTHS for each in truth.CONTROLS]
BANDS = [(truth, band, findings) for truth in TRUTHS for band, findings in truth.BANDS.items()]


@pytest.fixture(name="judged")
def _judged(plans):
    def judged(truth, profile=PROFILE, **wrong):
        plan = plans(name_of(truth))
        return truth.SUBJECT.findings(profile, plan, truth.planted(plan, **wrong))

    return judged


def matching(found, patterns):
    """Return the ids that match any of the patterns, each of which has to match one."""
    for pattern in patterns:
        assert any(fnmatchcase(id, pattern) for id in found), pattern
    return {id for id in found if any(fnmatchcase(id, pattern) for pattern in patterns)}


def test_every_subject_has_its_truth():
    assert [truth.SUBJECT for truth in TRUTHS] == list(SUBJECTS)


def label(each):
    """Name a case alike in every process: a set has no order of its own."""
    if isinstance(each, ModuleType):
        return name_of(each)
    return " ".join(sorted(each)) if isinstance(each, set) else str(each)


class TestVerdicts:
    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_right_data_are_supported_and_controls_refuted(self, judged, truth):
        found = judged(truth)
        assert {each.id: each.verdict.value for each in found if not each.expected} == {
            each.id: "SUPPORTED" for each in found if not each.expected
        }
        assert all(each.sound for each in found)
        assert {each.id for each in found if each.expected} == {id for _, id in truth.CONTROLS}

    @pytest.mark.parametrize(("truth", "wrong", "patterns"), CASES, ids=label)
    def test_wrong_data_are_refuted(self, judged, truth, wrong, patterns):
        right, seen = verdicts(judged(truth)), verdicts(judged(truth, **wrong))
        turned = {id for id in right if right[id] == "SUPPORTED" and seen[id] == "REFUTED"}
        assert turned == matching(right, patterns)

    @pytest.mark.parametrize(("truth", "right", "control"), CONTROLS, ids=label)
    def test_a_control_can_fail(self, judged, truth, right, control):
        (found,) = [each for each in judged(truth, **right) if each.id == control]
        assert not found.sound

    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_too_few_leave_everything_open(self, truth, tmp_path):
        profile = changed(truth, **truth.FEW)
        plan = stored(tmp_path, truth.SUBJECT.predict(profile, 3))
        found = truth.SUBJECT.findings(profile, plan, truth.planted(plan))
        assert {each.verdict.value for each in found} == {"INCONCLUSIVE"}
        assert all(each.remedy for each in found)

    @pytest.mark.parametrize(("truth", "band", "patterns"), BANDS, ids=label)
    def test_every_band_is_that_of_the_profile(self, plans, truth, band, patterns):
        plan = plans(name_of(truth))
        found = truth.SUBJECT.findings(changed(truth, **{band: (7.0, 8.0)}), plan, truth.planted(plan))
        moved = {each.id for each in found if each.accepted == (7.0, 8.0)}
        assert moved == matching({each.id for each in found}, patterns)

    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_no_band_is_elsewhere(self, truth):
        assert {name for name in vars(truth.PROFILE) if name.endswith("_band")} == set(truth.BANDS)


class TestParts:
    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_size_is_the_work_done(self, truth, tmp_path):
        profile = changed(truth, **truth.SHORT)
        plan = stored(tmp_path, truth.SUBJECT.predict(profile, 3))
        measured = truth.planted(plan)
        for part in truth.SUBJECT.parts(profile, plan):
            done: list[int] = []
            found = part.run(stream("routers", part.name, 0, 3), done.append)
            assert sum(done) == part.size, part.name
            assert {name: found[name].shape for name in found} == {
                name: value.shape for name, value in measured[part.name].items()
            }, part.name

    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_names_begin_with_the_subjects(self, plans, truth):
        name, plan = name_of(truth), plans(name_of(truth))
        assert {each.split(".")[0] for each in plan.arrays} == {name}
        assert {part.name.split("/")[0].split(".")[0] for part in truth.SUBJECT.parts(PROFILE, plan)} == {name}


class TestPage:
    @pytest.mark.parametrize("truth", TRUTHS, ids=name_of)
    def test_captions_state_the_profile(self, plans, truth):
        plan = plans(name_of(truth))
        drawn = truth.SUBJECT.pictures(PROFILE, plan, truth.planted(plan))
        found = {each.id: stated(each.caption) for each in drawn}
        assert set(found) == set(truth.STATED)
        for id, expected in truth.STATED.items():
            assert set(found[id]) == set(expected), id
            assert {name: found[id][name] for name, value in expected.items() if value} == {
                name: value for name, value in expected.items() if value
            }, id

    def test_the_whole_page(self, plans, tmp_path):
        every = [plans(name_of(truth)).arrays for truth in TRUTHS]
        plan = stored(tmp_path, {name: values for arrays in every for name, values in arrays.items()})
        measured = {name: part for truth in TRUTHS for name, part in truth.planted(plan).items()}
        found = STUDY.judge(PROFILE, plan, measured)
        page = STUDY.present(PROFILE, plan, measured, found)
        claims = sum(each.expected is None for each in found)
        assert f"{claims} of {claims} findings supported" in page.summary
        for kind in ("pictures", "tables"):
            ids = [each.id for each in getattr(page, kind)]
            assert len(set(ids)) == len(ids)
        assert set(page.data["measured"]) == set(measured)
