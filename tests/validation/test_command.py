"""The command `python -m validation run`: what reaches the study and the report, and the exit status."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import pytest

import validation.__main__ as command
from moecusp.cli import execute
from tests.validation import stub


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


class TestArguments:
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
