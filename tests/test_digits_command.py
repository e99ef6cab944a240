"""The digits study from the command line: a run killed and resumed, interrupted, and bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from validation.storage import load
from validation.work import PARTS, PLAN

ROOT = Path(__file__).parent.parent


def command(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "validation", "run", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
        **more,
    )  # fmt: skip


def until(process, condition, seconds=240):
    """Wait for a condition while the process runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module", name="reports")
def _reports(tmp_path_factory):
    """Two runs with one seed; the second is killed when its third part is there, and resumed."""
    folders = [tmp_path_factory.mktemp("run") / "report" for _ in range(2)]
    work = folders[1].with_name("report.work")
    for folder in folders:
        arguments = ("--profile", "smoke", "--seed", "3", "--output", str(folder))
        if folder is folders[1]:
            process = command(*arguments)
            until(process, lambda: (work / PARTS).exists() and len(list((work / PARTS).glob("*.npz"))) >= 3)
            process.kill()
            process.communicate()
            assert os.listdir(folder.parent) == ["report.work"]
        process = command(*arguments)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert os.listdir(folder.parent) == ["report"]
        assert ("parts are kept from an interrupted run" in errors) == (folder is folders[1])
    return folders


class TestCommandLine:
    def test_one_seed_gives_one_report_but_for_time_stamps_and_kills(self, reports):
        contents = [json.loads((folder / "report.json").read_text()) for folder in reports]
        for content in contents:
            assert content["provenance"]["seed"] == 3
            del content["files"]  # the pages show the times
            (ledger,) = (section["tables"][0]["rows"] for section in content["sections"])
            stored = content["plan"].pop("stored")
            for row in ledger:
                row.remove(stored)
            for stamp in ("started", "seconds", "command"):
                del content["provenance"][stamp]
            content["notes"] = [note for note in content["notes"] if "stored at" not in note]
        assert contents[0] == contents[1]

    def test_the_control_is_refuted(self, reports):
        content = json.loads((reports[0] / "report.json").read_text())
        controls = [f for f in content["findings"] if f["expected"]]
        assert [f["verdict"] for f in controls] == ["REFUTED"]
        assert content["sound"]

    def test_every_caption_states_the_fixed_parameters(self, reports):
        content = json.loads((reports[0] / "report.json").read_text())
        assert {f["id"] for f in content["figures"]} >= {"bifurcation", "hysteresis", "cusp"}
        for figure in content["figures"]:
            for word in ("Fixed:", "decay μ", "increment", "batch size", "seeds"):
                assert word in figure["caption"], (figure["id"], word)

    @pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupt_keeps_what_was_done_and_no_half_written_report(self, tmp_path, sign):
        process = command("--profile", "smoke", "--output", str(tmp_path / "report"))
        parts = tmp_path / "report.work" / PARTS
        until(process, lambda: parts.exists() and any(parts.glob("*.npz")))
        process.send_signal(sign)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert f"interrupted; what was done is kept in {tmp_path / 'report.work'}: the same command goes on" in errors
        assert "Traceback" not in errors
        assert os.listdir(tmp_path) == ["report.work"]
        for path in (parts.parent / PLAN, *parts.glob("*.npz")):
            load(path)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--profile", "huge"], "profile = 'huge': profile must be one of: smoke, quick, full"),
            (["nonsense"], "study = 'nonsense': study must be one of: digits, mean-field"),
            (["--seed", "-1"], "seed = -1"),
            (["--seed", "abc"], "--seed"),
            (["--output", "/proc/nowhere/report"], "output = '/proc/nowhere/report'"),
            (["--output", "/dev/null"], "output = '/dev/null'"),
        ],
    )
    def test_bad_input_is_one_line_without_a_traceback(self, arguments, words):
        process = command(*arguments)
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 2
        assert out == ""
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1
        assert words in errors
