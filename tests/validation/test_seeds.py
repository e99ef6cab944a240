"""The table of verdicts by seed: a seed that differs shows, one that is ignored is an error, a kill costs one part."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import validation.__main__ as command
from moecusp.cli import execute
from moecusp.report import Provenance
from tests.validation import stub
from validation.claims import Claim
from validation.claims import read as read_claims
from validation.seeds import runs
from validation.seeds.runs import Result
from validation.seeds.table import Row, Table, page
from validation.streams import stream

ROOT = Path(__file__).parent.parent.parent
CLAIM = Claim("X1", "The value is 2.", "ours", {"stub": ("stub.value",)})


def moved(*seeds, by=1.0):
    """Return the stub with what it measures at some seeds moved, so that its claim is refuted there."""

    def parts(profile, plan):
        def run(part, source, tick):
            found = dict(part.run(source, tick))
            return {**found, "value": found["value"] + (by if source.seed in seeds else 0.0)}

        return [
            replace(part, run=lambda source, tick, part=part: run(part, source, tick))
            for part in stub.parts(profile, plan)
        ]

    return replace(stub.STUDY, parts=parts)


@pytest.fixture(name="run")
def _run(monkeypatch, tmp_path):
    """Run a study through the command line, in this process; return its status and the folder of its tables."""
    before = signal.getsignal(signal.SIGTERM)
    claims = replace(read_claims(), claims=(CLAIM,))

    def run(study, *arguments):
        monkeypatch.setitem(command.STUDIES, "stub", "tests.validation.stub")
        monkeypatch.setattr(stub, "STUDY", study)
        monkeypatch.setattr("validation.claims.read", lambda: claims)
        line = ["validation", "seeds", "stub", "--profile", "smoke", "--output", str(tmp_path), *arguments]
        monkeypatch.setattr("sys.argv", line)
        return execute(command.app, "validation"), tmp_path / "stub"

    yield run
    signal.signal(signal.SIGTERM, before)


def cells(text, name):
    """Return the cells of the row of that name."""
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {name} ")]
    return [cell.strip() for cell in row.strip("|").split("|")]


class TestTable:
    def test_has_a_column_a_seed_and_a_row_a_claim_and_finding(self, run):
        status, folder = run(stub.STUDY, "--seeds", "4")
        assert status == 0
        assert sorted(path.name for path in folder.iterdir()) == ["seeds-smoke.json", "seeds-smoke.md"]
        text = (folder / "seeds-smoke.md").read_text()
        assert cells(text, "claim") == ["claim", "0", "1", "2", "3", "agree"]
        assert cells(text, "X1") == ["X1", "S", "S", "S", "S", "4/4"]
        assert cells(text, "stub.value")[:6] == ["stub.value", "S", "S", "S", "S", "4/4"]
        assert cells(text, "stub.control")[:6] == ["stub.control (control: R)", "R", "R", "R", "R", "4/4"]
        assert "All stand." in text
        found = json.loads((folder / "seeds-smoke.json").read_text())
        assert found["seeds"] == [0, 1, 2, 3]
        assert found["claims"] == {"X1": ["SUPPORTED"] * 4}
        assert found["findings"]["stub.control"]["verdict"] == ["REFUTED"] * 4
        assert len(set(found["measured"]["values/0"])) == 4
        estimates = found["findings"]["stub.value"]["estimate"]
        assert all(0.98 < each < 1.02 for each in estimates)
        assert cells(text, "stub.value")[6] == ", ".join(f"{np.sort(estimates)[k]:.4g}" for k in (0, 2, 3))
        assert cells(text, "stub.value")[7] == "[0.9, 1.1]"

    def test_a_seed_that_differs_shows_and_is_no_success(self, run, capsys):
        status, folder = run(moved(2), "--seeds", "4")
        assert status == 1
        text = (folder / "seeds-smoke.md").read_text()
        assert cells(text, "X1") == ["X1", "S", "S", "R", "S", "**3/4**"]
        assert cells(text, "stub.value")[1:6] == ["S", "S", "R", "S", "**3/4**"]
        assert "**Do not stand:** X1, stub.value." in text
        assert "stub.value: 3 of 4 seeds SUPPORTED" in capsys.readouterr().out

    def test_a_control_that_fails_at_every_seed_does_not_stand(self, run):
        status, folder = run(moved(0, 1, 2, by=2.0), "--seeds", "3")
        assert status == 1
        assert json.loads((folder / "seeds-smoke.json").read_text())["wavering"] == ["stub.control"]

    @pytest.mark.parametrize(("refuted", "stands"), [(0, True), (1, True), (2, False)])
    def test_19_of_20_are_enough(self, refuted, stands):
        verdicts = ("REFUTED",) * refuted + ("SUPPORTED",) * (20 - refuted)
        assert Row("a", verdicts).stands is stands

    def test_says_where_it_is_from(self):
        source = Provenance("the command", 0, "abc+", {"numpy": "9"}, "a processor", "then", 1.0)
        first = Result(0, 30.0, {"a": "1", "b": "2"}, {}, {})
        text = page(Table("T", "stub", "smoke", source, (first, replace(first, seed=1, measured={"a": "1", "b": "3"}))))
        for said in ("`the command`", "`abc`, with uncommitted changes", "a processor", "started then", "1 min"):
            assert said in text
        assert "the same at every seed: a\n" in text


class TestIgnoredSeed:
    def test_is_an_error_and_leaves_no_table(self, run, capsys):
        def parts(profile, plan):
            same = stream("stub", "values", 0, 0).numpy
            fixed = lambda source, tick: {"value": 2 + 0.01 * same().normal(size=6)}  # noqa: E731
            return [replace(part, run=fixed) for part in stub.parts(profile, plan)]

        status, folder = run(replace(stub.STUDY, parts=parts), "--seeds", "3")
        assert status == 1
        assert "seeds 0 and 1 measured the same numbers" in capsys.readouterr().err
        assert not (folder / "seeds-smoke.md").exists()

    def test_parts_without_chance_are_none_so_long_as_another_differs(self, run):
        def parts(profile, plan):
            first, *others = stub.parts(profile, plan)
            return [replace(first, run=lambda source, tick: {"value": np.full(6, 2.0)}), *others]

        status, folder = run(replace(stub.STUDY, parts=parts), "--seeds", "3")
        assert status == 0
        assert json.loads((folder / "seeds-smoke.json").read_text())["same"] == ["values/0"]


class TestInterruption:
    def test_a_kill_costs_one_part(self, run, tmp_path):
        """Seed 1 is killed in its second part: what ended before is not measured again, and the table is the same."""
        _, folder = run(stub.STUDY, "--seeds", "3")
        whole = json.loads((folder / "seeds-smoke.json").read_text())
        code = (
            "import sys; from pathlib import Path; from tests.validation import stub, test_seeds\n"
            "from validation.seeds.runs import run\n"
            "def parts(profile, plan):\n"
            "    first, second, *rest = stub.parts(profile, plan)\n"
            "    die = lambda source, tick: stub.die() if source.seed == 1 else second.run(source, tick)\n"
            "    return [first, test_seeds.replace(second, run=die), *rest]\n"
            "study = test_seeds.replace(stub.STUDY, parts=parts)\n"
            "run(study, stub.Profile(), range(3), Path(sys.argv[1]), (test_seeds.CLAIM,), print, print)\n"
        )
        work = folder / "seeds-smoke.work"
        done = subprocess.run(
            [sys.executable, "-c", code, str(work)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
        measured = []

        def parts(profile, plan):
            def counted(part):
                def inner(source, tick):
                    measured.append((source.seed, part.name))
                    return part.run(source, tick)

                return replace(part, run=inner)

            return [counted(part) for part in stub.parts(profile, plan)]

        status, _ = run(replace(stub.STUDY, parts=parts), "--seeds", "3")
        assert status == 0
        expected = [(1, "values/1"), (1, "values/2"), *((2, f"values/{case}") for case in range(3))]
        assert measured == expected
        assert not work.exists()
        again = json.loads((folder / "seeds-smoke.json").read_text())
        for each in (whole, again):
            del each["seconds"], each["provenance"]
        assert again == whole

    def test_is_said_with_status_130(self, run, capsys):
        def parts(profile, plan):
            def interrupted(source, tick):
                raise KeyboardInterrupt

            return [replace(part, run=interrupted) for part in stub.parts(profile, plan)]

        status, folder = run(replace(stub.STUDY, parts=parts))
        assert status == 130
        assert "the same command goes on from there" in capsys.readouterr().err
        assert (folder / "seeds-smoke.work").exists()

    @pytest.mark.parametrize("damage", ["{", "[]", '{"request": 3}', "other"])
    def test_results_that_are_not_of_this_run_are_refused(self, run, tmp_path, capsys, monkeypatch, damage):
        work = tmp_path / "stub" / "seeds-smoke.work"
        runs.run(stub.STUDY, stub.Profile(), range(2), work, (), lambda _: None, print)
        if damage == "other":
            monkeypatch.setattr("validation.studies.sources", lambda _: "changed")
        else:
            (work / "seed-1.json").write_text(damage)
        status, folder = run(stub.STUDY, "--seeds", "2")
        assert status == 2
        said = capsys.readouterr().err
        assert "--fresh discards it" in said
        assert ("of the same sources" in said) is (damage == "other")
        status, folder = run(stub.STUDY, "--seeds", "2", "--fresh")
        assert status == 0
        assert not (folder / "seeds-smoke.work").exists()


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--seeds", "1"], "seeds must be >= 2"),
            (["--seeds", "1001"], "<= 1000"),
            (["--profile", "tiny"], "profile must be one of: smoke, quick, full"),
        ],
    )
    def test_bad_ones_are_said_with_status_2(self, run, capsys, arguments, said):
        status, folder = run(stub.STUDY, *arguments)
        assert status == 2
        assert said in capsys.readouterr().err
        assert not folder.exists()
