"""Parts are kept as they end: resumed after any kill, whatever happened to the files; foreign files are left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moecusp import ParameterError
from tests.validation.frame.runs import content, interrupted
from tests.validation.stub import STUDY, run
from validation.studies import Part
from validation.work import part_path, work_folder

ROOT = Path(__file__).parent.parent.parent.parent


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
