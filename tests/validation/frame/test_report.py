"""What a report says and where it lies, never half-written; parts by name, each with its stream."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from moecusp import ParameterError
from tests.validation import stub
from tests.validation.frame.runs import interrupted, stated
from tests.validation.stub import STUDY, Profile, run
from validation.storage import load
from validation.studies import Part, cases, execute, parts_of
from validation.work import part_path, work_folder


def quiet(*_):
    """Show no progress."""
    return nullcontext(lambda _: None)


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

    def test_is_of_the_commit_it_began_at(self, output, monkeypatch):
        """Also where another is checked out meanwhile, whose sources are not the same: "+" says so."""
        at, digest = ["first"], ["same"]
        monkeypatch.setattr("moecusp.report.provenance._commit", lambda folder: at[0])
        monkeypatch.setattr("validation.studies.sources", lambda packages: digest[0])

        def moved(source):
            def judge(*given):
                at[0], digest[0] = "second", source
                return STUDY.judge(*given)

            at[0], digest[0] = "first", "same"
            return run(output, study=replace(STUDY, judge=judge)).provenance

        assert moved("same").commit == "first"
        assert moved("other").commit == "first+"
        assert 0.0 <= moved("same").seconds < 600.0

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
