"""The plan comes first: stored before any part, never made again, refused to another request."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from moecusp import ParameterError
from tests.validation.frame.runs import content, interrupted, stated
from tests.validation.stub import STUDY, Profile, run
from validation import studies
from validation.storage import load
from validation.studies import Part
from validation.work import PARTS, PLAN, work_folder


class TestPlan:
    def test_is_stored_before_any_part_and_handed_on_as_stored(self, output):
        seen = []

        def watched(profile, plan):
            def first(source, tick):
                stored = load(work_folder(output) / PLAN)
                assert stored.arrays["value"] == 2.0
                seen.append(plan)
                return {"value": plan["value"] + np.zeros(6)}

            return [Part("values/0", 1, first)]

        def judge(profile, plan, measured):
            seen.append(plan)
            return STUDY.judge(profile, plan, measured)

        def present(profile, plan, measured, findings):
            seen.append(plan)
            return STUDY.present(profile, plan, measured, findings)

        report = run(output, study=replace(STUDY, parts=watched, judge=judge, present=present))
        assert len(seen) == 3
        assert all(plan is seen[0] for plan in seen)
        for array in seen[0].arrays.values():
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 1.0
        with pytest.raises(TypeError):
            seen[0].arrays["value"] = np.array(1.0)
        written, first = str(seen[0].written), str(report.provenance.started)
        assert written[:19] >= first[:19]

    def test_what_is_measured_is_read_only_too(self, output):
        def judge(profile, plan, measured):
            for part in measured.values():
                for array in part.values():
                    assert not array.flags.writeable
            return STUDY.judge(profile, plan, measured)

        run(output, study=replace(STUDY, judge=judge))

    def test_is_predicted_once_even_where_the_prediction_would_change(self, output, whole):
        """A prediction made again after the first measurement must not count."""
        interrupted(output)
        later = replace(STUDY, predict=lambda profile, seed: {"value": 5.0, "grid": np.zeros(3)})
        run(output, study=later)
        assert content(output) == whole

    @pytest.mark.parametrize(
        ("more", "name"),
        [
            ({"seed": 1}, "seed"),
            ({"profile": Profile(offset=1.0)}, "profile"),
            ({"profile": Profile(band=(0, 1))}, "profile"),
        ],
    )
    def test_of_another_request_is_refused(self, output, more, name):
        interrupted(output)
        before = sorted(os.listdir(work_folder(output) / PARTS))
        with pytest.raises(ParameterError, match=rf"^{name} = .*unfinished run of .*--fresh"):
            run(output, **more)
        assert not output.exists()
        assert sorted(os.listdir(work_folder(output) / PARTS)) == before

    def test_of_other_sources_is_refused(self, output, tmp_path, monkeypatch):
        interrupted(output)
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "a.py").write_text("changed = True")
        monkeypatch.setattr(studies, "PACKAGES", (tmp_path / "package",))
        with pytest.raises(ParameterError, match=r"^sources = "):
            run(output)

    def test_fresh_discards_the_interrupted_run(self, output):
        interrupted(output)
        report = run(output, seed=1, fresh=True)
        assert report.provenance.seed == 1
        assert not work_folder(output).exists()

    def test_damaged_is_refused(self, output):
        interrupted(output)
        path = work_folder(output) / PLAN
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(ParameterError, match=r"damaged plan\.npz.*--fresh"):
            run(output)

    def test_hash_depends_on_every_prediction_and_not_on_the_time(self, output, whole):
        again = run(output)
        assert content(output) == whole
        other = run(output, study=replace(STUDY, predict=lambda *_: {"value": 2.0, "grid": np.arange(4.0)}))
        assert stated(again)[0] != stated(other)[0]
        assert stated(again)[0] == stated(run(output))[0]


def test_the_report_states_plan_and_times(output):
    sha, written, first = stated(run(output))
    assert len(sha) == 64
    assert written <= first
