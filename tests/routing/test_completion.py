"""Completion of the command in a shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_lines_of_each_shell(self, run, shell):
        status, out, err = run("completion", shell)
        assert (status, err) == (0, "")
        assert f"_MOECUSP_COMPLETE={shell}_complete" in out

    def test_what_they_call_completes(self):
        words = {"COMP_WORDS": "moecusp trace --to", "COMP_CWORD": "2", "_MOECUSP_COMPLETE": "bash_complete"}
        done = subprocess.run(
            [sys.executable, "-m", "moecusp"],
            cwd=ROOT,
            env={**os.environ, **words},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "plain,--tokens\n"

    def test_another_shell(self, run):
        status, _, err = run("completion", "tcsh")
        assert (status, "'tcsh'" in err) == (2, True)
