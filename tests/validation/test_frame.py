"""The frame of a study: plan first, parts kept as they end, resumed after any kill, never a half-written report."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moecusp import ParameterError
from tests.validation import stub
from tests.validation.stub import STUDY, Profile, run
from validation import studies
from validation.storage import load
from validation.studies import Part, cases, execute, parts_of
from validation.work import PARTS, PLAN, part_path, work_folder

ROOT = Path(__file__).parent.parent.parent


def quiet(*_):
    """Show no progress."""
    return nullcontext(lambda _: None)


def content(output):
    """Return report.json without what may differ between two runs of one command."""
    found = json.loads((output / "report.json").read_text())
    del found["files"]  # the pages show the times
    for stamp in ("started", "seconds"):
        del found["provenance"][stamp]
    found["notes"] = [note for note in found["notes"] if "stored at" not in note]
    if "plan" in found:
        found["plan"] = found["plan"]["sha256"]
    return found


@pytest.fixture(name="output")
def _output(tmp_path):
    return tmp_path / "report"


@pytest.fixture(name="whole")
def _whole(tmp_path):
    """The report of a run that nothing interrupts."""
    run(tmp_path / "whole" / "report")
    return content(tmp_path / "whole" / "report")


def interrupted(output, after=2, **more):
    """Run until `after` parts are kept."""
    done: list[str] = []

    def cut(profile, plan):
        def wrapped(part):
            def inner(source, tick):
                if len(done) == after:
                    raise KeyboardInterrupt
                done.append(part.name)
                return part.run(source, tick)

            return replace(part, run=inner)

        return [wrapped(part) for part in STUDY.parts(profile, plan)]

    with pytest.raises(KeyboardInterrupt):
        run(output, study=replace(STUDY, parts=cut), **more)
    return done


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


def stated(report):
    """Return hash and times that the report states: of the plan, and of the first run."""
    (note,) = [note for note in report.notes if note.startswith("Plan ")]
    words = note.rstrip(".").split()
    return words[1], words[4].rstrip(";"), words[-1]


def test_the_report_states_plan_and_times(output):
    sha, written, first = stated(run(output))
    assert len(sha) == 64
    assert written <= first


class TestResume:
    def test_only_what_is_missing_is_measured(self, output, whole):
        assert interrupted(output) == ["values/0", "values/1"]
        assert sorted(os.listdir(output.parent)) == ["report.work", "whole"]
        said: list[str] = []
        rest: list[str] = []

        def watched(profile, plan):
            def noted(part):
                def inner(source, tick):
                    rest.append(part.name)
                    return part.run(source, tick)

                return replace(part, run=inner)

            return [noted(part) for part in STUDY.parts(profile, plan)]

        run(output, study=replace(STUDY, parts=watched), say=said.append)
        assert rest == ["values/2"]
        assert said == ["2 of 3 parts are kept from an interrupted run"]
        assert content(output) == whole
        assert not work_folder(output).exists()

    @pytest.mark.parametrize("moment", ["part", "rename", "kept", "judge"])
    def test_after_kill_9(self, output, whole, moment):
        command = [sys.executable, "-m", "tests.validation.stub", str(output)]
        assert subprocess.run([*command, moment], cwd=ROOT, check=False).returncode == -signal.SIGKILL
        assert not output.exists()
        run(output)
        assert content(output) == whole
        assert not work_folder(output).exists()

    @pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign", "renamed"])
    def test_a_damaged_or_foreign_part_is_measured_again_and_said(self, output, tmp_path, whole, damage):
        interrupted(output)
        path = part_path(work_folder(output), "values/1")
        raw = bytearray(path.read_bytes())
        if damage == "cut":
            path.write_bytes(raw[:-40])
        elif damage == "flipped":
            raw[raw.index(b"NUMPY") + 130] ^= 1
            path.write_bytes(raw)
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "foreign":
            interrupted(tmp_path / "other", seed=1)
            path.write_bytes(part_path(work_folder(tmp_path / "other"), "values/1").read_bytes())
        else:
            path.write_bytes(part_path(work_folder(output), "values/0").read_bytes())
        said: list[str] = []
        run(output, say=said.append)
        kind = "damaged" if damage in ("cut", "flipped", "empty") else "of another plan"
        assert said[0] == f"part values/1 is {kind}: it is measured again"
        assert content(output) == whole

    def test_parts_may_run_in_any_order(self, output, whole):
        run(output, study=replace(STUDY, parts=lambda *given: list(reversed(STUDY.parts(*given)))))
        assert content(output) == whole


class TestFolder:
    @pytest.mark.parametrize("foreign", ["thesis.tex", "parts/thesis.tex"])
    def test_holding_anything_else_is_left_alone(self, output, foreign):
        path = work_folder(output) / foreign
        path.parent.mkdir(parents=True)
        path.write_text("mine")
        for fresh in (False, True):
            with pytest.raises(ParameterError, match=r"report\.work"):
                run(output, fresh=fresh)
        assert path.read_text() == "mine"

    def test_a_link_is_refused(self, output, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        work_folder(output).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ParameterError, match=r"report\.work"):
            run(output)
        assert os.listdir(tmp_path / "elsewhere") == []

    def test_two_runs_at_once_are_refused(self, output):
        def second(profile, plan):
            def inner(source, tick):
                with pytest.raises(ParameterError, match=r"no other run"):
                    run(output)
                return {"value": plan["value"] + np.zeros(6)}

            return [Part("values/0", 1, inner)]

        run(output, study=replace(STUDY, parts=second))


class TestReport:
    def test_says_what_ran(self, output):
        report = execute(STUDY, Profile(), 5, output, command="the command", progress=quiet, say=lambda _: None)[0]
        assert (report.title, report.summary, report.study, report.profile) == ("A stub", "A stub.", "stub", "smoke")
        assert report.parameters == {
            "name": "smoke", "cases": 3, "offset": 0.0, "band": [0.9, 1.1], "control_band": [1.9, 2.1], "moment": "",
        }  # fmt: skip
        assert (report.provenance.command, report.provenance.seed) == ("the command", 5)
        (figure,) = report.figures
        assert (figure.id, figure.title, figure.caption) == ("grid", "Grid", "Fixed: nothing.")
        assert 'aria-label="Grid"' in figure.svg
        assert [table.id for table in report.tables] == ["t"]
        assert sorted(report.data) == ["values/0", "values/1", "values/2"]
        sha, written, first = stated(report)
        assert report.plan is not None
        assert report.notes == (f"Plan {sha} stored at {written}; the first run began at {first}.",)
        assert (report.plan.sha256, report.plan.stored) == (sha, written)

    def test_the_first_run_is_the_first_of_all_however_they_are_listed(self, output):
        interrupted(output, after=1)
        began = load(part_path(work_folder(output), "values/0")).header["started"]
        backwards = replace(STUDY, parts=lambda *given: list(reversed(STUDY.parts(*given))))
        assert stated(run(output, study=backwards))[2] == began

    def test_lies_where_it_was_asked_for(self, output):
        report, page = execute(STUDY, Profile(), 0, output, command="c", progress=quiet, say=lambda _: None)
        assert page == output / "index.html"
        assert report.summary in page.read_text()
        assert json.loads((output / "report.json").read_text())["title"] == report.title

    def test_an_output_that_cannot_be_written_is_refused_before_any_work(self, output):
        output.write_text("mine")
        early = replace(STUDY, predict=lambda *_: pytest.fail("predicted"))
        with pytest.raises(ParameterError, match=r"^output = "):
            run(output, study=early)
        assert not work_folder(output).exists()

    def test_progress_counts_what_is_kept_as_done(self, output):
        shown: list[tuple[object, ...]] = []
        ticks: list[int] = []

        def progress(*given):
            shown.append(given)
            return nullcontext(ticks.append)

        interrupted(output)
        execute(STUDY, Profile(), 0, output, command="c", progress=progress, say=lambda _: None)
        assert shown == [("A stub", 30, 20)]
        assert ticks == [10]


def test_cases_are_in_order_of_their_numbers():
    measured = {f"a/{k}": {"x": np.array(k)} for k in (10, 2, 1, 0)} | {"ab/0": {"x": np.array(-1)}, "a": {}}
    assert [part["x"].item() if part else None for part in cases(measured, "a")] == [None, 0, 1, 2, 10]
    assert cases(measured, "b") == []


class TestParts:
    def test_two_of_one_name_are_refused(self, output):
        twice = replace(STUDY, parts=lambda *given: [*STUDY.parts(*given), *STUDY.parts(*given)])
        names = ["values/0", "values/0", "values/1", "values/1", "values/2", "values/2"]
        with pytest.raises(ValueError, match=rf"^two parts of stub share a name: {re.escape(str(names))}$"):
            run(output, study=twice)

    @pytest.mark.parametrize("name", ["", "A", "a/b/c", "../up", "a@b", "a b"])
    def test_bad_names_are_refused(self, output, name):
        bad = replace(STUDY, parts=lambda *_: [Part(name, 1, lambda *_: {})])
        with pytest.raises(ValueError, match="claim/case"):
            run(output, study=bad)

    def test_each_has_the_stream_of_its_name(self):
        profile = Profile()
        plan = stub.predict(profile, 0)
        found = parts_of(STUDY, profile, plan, 7)
        assert [(s.study, s.claim, s.case, s.seed) for _, s in found] == [
            ("stub", "values", str(case), 7) for case in range(3)
        ]

    def test_another_seed_measures_something_else(self, output):
        first, second = (run(output, seed=seed).data for seed in (0, 1))
        for name in first:
            assert first[name]["integer"] != second[name]["integer"]
            assert first[name]["value"] != second[name]["value"]
