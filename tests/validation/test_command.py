"""The command `python -m validation run`: what reaches the study and the report, and the exit status."""

from __future__ import annotations

import json
import signal
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import pytest
from click.testing import CliRunner

import validation.__main__ as command
from moecusp.cli import execute
from tests.validation import stub
from validation.pool import running


@pytest.fixture(name="run")
def _run(monkeypatch, tmp_path):
    """Run a study through the command line, in this process; return its status, its output folder and what was seen."""
    before = signal.getsignal(signal.SIGTERM)

    def run(study, *arguments):
        monkeypatch.setitem(command.STUDIES, "stub", "tests.validation.stub")
        monkeypatch.setattr(stub, "STUDY", study)
        output = tmp_path / "report"
        monkeypatch.setattr("sys.argv", ["validation", "run", "stub", "--output", str(output), *arguments])
        status = execute(command.app, "validation")
        return status, output

    yield run
    signal.signal(signal.SIGTERM, before)


def planted(offset):
    """Return the study with what it measures moved by an offset."""
    moved = {name: replace(profile, offset=offset) for name, profile in stub.STUDY.profiles.items()}
    return replace(stub.STUDY, profiles=moved)


def interrupting(after):
    """Return parts of the stub, of which all but the first few raise."""

    def cut(profile, plan):
        def stopped(source, tick):
            raise KeyboardInterrupt

        parts = stub.parts(profile, plan)
        return [*parts[:after], *(replace(part, run=stopped) for part in parts[after:])]

    return cut


class TestStatus:
    def test_is_0_where_the_control_came_out_as_planted_whatever_the_verdicts(self, run):
        status, output = run(planted(0.0), "--profile", "smoke")
        assert status == 0
        found = json.loads((output / "report.json").read_text())
        assert found["sound"]
        assert [each["verdict"] for each in found["findings"]] == ["SUPPORTED", "REFUTED"]
        refuted, _ = run(planted(1.0), "--profile", "smoke")
        assert refuted == 0

    def test_is_1_where_a_control_failed_and_the_report_stands(self, run, capsys):
        status, output = run(planted(2.0), "--profile", "smoke")
        assert status == 1
        found = json.loads((output / "report.json").read_text())
        assert not found["sound"]
        assert [each["verdict"] for each in found["findings"]] == ["REFUTED", "SUPPORTED"]
        assert "do not trust this run" in capsys.readouterr().err

    def test_is_130_after_an_interruption_and_the_same_command_goes_on(self, run, capsys):
        calls = []

        def cut(profile, plan):
            def interrupted(source, tick):
                raise KeyboardInterrupt

            first, second, *rest = stub.parts(profile, plan)
            calls.append(1)
            return [first, replace(second, run=interrupted) if len(calls) == 1 else second, *rest]

        study = replace(stub.STUDY, parts=cut)
        status, output = run(study, "--profile", "smoke")
        assert status == 130
        assert not output.exists()
        assert "the same command goes on from there" in capsys.readouterr().err
        status, output = run(study, "--profile", "smoke")
        assert status == 0
        assert "1 of 3 parts are kept" in capsys.readouterr().err


class TestWords:
    """Everything that is printed, word for word."""

    def test_of_a_run(self, run, capsys):
        _, output = run(planted(0.0), "--profile", "smoke")
        shown = capsys.readouterr()
        found = json.loads((output / "report.json").read_text())["findings"]
        ratio = found[0]["interval"]["estimate"]
        assert shown.out == (
            f"SUPPORTED     stub.value: ratio {ratio:.4g}\n"
            f"REFUTED       stub.control (control): ratio {ratio:.4g}\n"
            f"report: {output / 'index.html'}\n"
        )
        assert "error" not in shown.err

    def test_of_a_control_that_failed(self, run, capsys):
        run(planted(2.0), "--profile", "smoke")
        assert capsys.readouterr().err.splitlines()[-1] == (
            "error: a planted control did not come out as planted; do not trust this run"
        )

    def test_of_an_interruption(self, run, capsys):
        def cut(profile, plan):
            raise KeyboardInterrupt

        _, output = run(replace(stub.STUDY, parts=cut), "--profile", "smoke")
        assert capsys.readouterr().err == (
            f"error: interrupted; what was done is kept in {output}.work: the same command goes on from there\n"
        )

    def test_of_an_interruption_before_any_work(self, run, capsys):
        class Late(dict):
            def __getitem__(self, name):
                raise KeyboardInterrupt

        status, output = run(replace(stub.STUDY, profiles=Late()))
        assert status == 130
        assert "kept in" not in capsys.readouterr().err
        assert not output.with_name("report.work").exists()

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--profile", "huge"], "profile = 'huge': profile must be one of: smoke, quick, full"),
            (["--seed", "-1"], "seed = -1: seed must be >= 0 and < 2^31"),
            (["--seed", str(2**31)], f"seed = {2**31}: seed must be >= 0 and < 2^31"),
        ],
    )
    def test_of_a_bad_argument(self, run, capsys, arguments, said):
        status, output = run(stub.STUDY, *arguments)
        assert status == 2
        assert capsys.readouterr().err == f"error: {said}\n"
        assert not output.exists()

    def test_of_an_unknown_study(self, monkeypatch, capsys):
        monkeypatch.setattr("sys.argv", ["validation", "run", "fewer"])
        assert execute(command.app, "validation") == 2
        assert capsys.readouterr().err == (
            f"error: study = 'fewer': study must be one of: {', '.join(command.STUDIES)}\n"
        )

    def test_seeds_up_to_the_limit_run(self, run):
        _, output = run(stub.STUDY, "--profile", "smoke", "--seed", str(2**31 - 1))
        assert json.loads((output / "report.json").read_text())["provenance"]["seed"] == 2**31 - 1

    def test_of_the_help(self):
        found = CliRunner().invoke(command.app, ["run", "--help"], prog_name="validation", terminal_width=100)
        for said in (
            "Usage: validation run [OPTIONS] [STUDY]",
            "Run a study and write its report: index.html, report.md, report.json.",
            f"Studies: {', '.join(name for name in command.STUDIES if name != 'stub')}.",
            "--profile TEXT Size of the run: smoke, quick or full. [default: quick]",
            "--output PATH Folder for the report; an earlier report there is replaced. [default: report]",
            "--seed INTEGER Every random number follows from it. [default: 0]",
            "--device TEXT Where torch computes: cpu or cuda. [default: cpu]",
            "--fresh Discard an interrupted run instead of going on with it.",
            "--processes INTEGER Parts at a time; by default one, or one a core (routers, ecology, trained).",
            "--backend TEXT What runs the parts: a backend of joblib, or dask. [default: loky]",
            "--scheduler TEXT Address of dask's scheduler, such as tcp://host:8786.",
        ):
            assert said in " ".join(found.output.split())

    def test_defaults(self):
        context = command.app.commands["run"].make_context("run", [])
        expected = {"study": "digits", "profile": "quick", "output": Path("report"), "seed": 0, "device": "cpu",
                    "fresh": False, "processes": None, "backend": "loky", "scheduler": None}  # fmt: skip
        assert context.params == expected


class TestWaiting:
    """What the one who waits sees."""

    @pytest.mark.parametrize(("terminal", "pause"), [(True, 0.5), (False, 15.0)])
    def test_the_bar(self, monkeypatch, terminal, pause):
        asked: list[dict[str, Any]] = []
        counted: list[int] = []

        def bar(**given):
            asked.append(given)
            return nullcontext(SimpleNamespace(update=counted.append))

        monkeypatch.setattr("tqdm.tqdm", bar)
        monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: terminal))
        with command._bar("Two experts: a study", 30, 20) as tick:
            tick(7)
        assert counted == [7]
        assert asked == [
            {"total": 30, "initial": 20, "desc": "Two experts", "mininterval": pause, "unit": "", "unit_scale": True,
             "smoothing": 0.1, "bar_format": None},
        ]  # fmt: skip

    def test_a_signal_to_end_interrupts(self, run):
        run(planted(0.0), "--profile", "smoke")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--processes", "0"], "processes = 0: processes must be >= 1"),
            (["--backend", "ray"], "backend = 'ray': backend must be one of: loky, threading, dask"),
            (["--backend", "dask"], "scheduler = None: scheduler must be given with --backend dask, and only with it"),
            (["--scheduler", "tcp://a:1"], "scheduler = 'tcp://a:1': scheduler must be given with --backend dask, and "
             "only with it"),
            (["--device", "cuda", "--processes", "2"], "device = 'cuda': device must be cpu where parts run elsewhere: "
             "other processes do not compute on it"),
        ],
    )  # fmt: skip
    def test_of_where_parts_run(self, run, capsys, options, said):
        status, output = run(stub.STUDY, *options)
        assert status == 2
        assert capsys.readouterr().err == f"error: {said}\n"
        assert not output.exists()

    def test_parts_run_side_by_side_on_the_backend_asked_for(self, run, monkeypatch):
        seen = []

        def noted(parts, tick, processes):
            seen.append((processes, joblib.parallel.get_active_backend()[0].__class__.__name__))
            return running(parts, tick, 1)

        monkeypatch.setattr("validation.studies.running", noted)
        for options in ([], ["--processes", "3"], ["--backend", "threading"]):
            run(stub.STUDY, "--profile", "smoke", *options)
        run(replace(stub.STUDY, side_by_side=("smoke",)), "--profile", "smoke")
        monkeypatch.setattr("validation.studies.computing", lambda study, device: nullcontext("a GPU"))
        run(replace(stub.STUDY, side_by_side=("smoke",)), "--profile", "smoke", "--device", "cuda")
        assert [processes for processes, _ in seen] == [1, 3, -1, -1, 1]
        assert [name for _, name in seen] == [*["LokyBackend"] * 2, "ThreadingBackend", *["LokyBackend"] * 2]

    def test_fresh_reaches_the_work_folder(self, run, capsys):
        study = stub.STUDY
        _, output = run(replace(study, parts=interrupting(2)), "--profile", "smoke")
        capsys.readouterr()
        run(study, "--profile", "smoke", "--fresh")
        assert "kept" not in capsys.readouterr().err
        assert not output.with_name("report.work").exists()

    def test_the_seed_reaches_prediction_parts_and_report(self, run):
        seen = []

        def predict(profile, seed):
            seen.append(seed)
            return stub.predict(profile, seed)

        study, drawn = replace(stub.STUDY, predict=predict), []
        for seed in ("5", "6"):
            _, output = run(study, "--profile", "smoke", "--seed", seed)
            found = json.loads((output / "report.json").read_text())
            assert found["provenance"]["seed"] == int(seed)
            drawn.append(found["data"]["values/0"]["integer"])
        assert seen == [5, 6]
        assert drawn[0] != drawn[1]

    def test_the_profile_is_the_one_asked_for(self, run):
        _, output = run(stub.STUDY, "--profile", "quick")
        found = json.loads((output / "report.json").read_text())
        assert found["profile"] == "quick"
        assert found["parameters"]["cases"] == 4
        assert len(found["data"]) == 4

    def test_the_command_is_recorded(self, run):
        _, output = run(stub.STUDY, "--profile", "smoke", "--seed", "5")
        found = json.loads((output / "report.json").read_text())
        assert found["provenance"]["command"].startswith("python -m validation run stub --output ")
        assert found["provenance"]["command"].endswith(" --profile smoke --seed 5")
