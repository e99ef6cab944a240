"""The minimums that are declared are those that `make lowest` runs; no Python that is not there is called passed."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
JUDGES = {"import-linter", "mypy", "ruff"}  # of the text; they run nothing of the library


def pinned(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))


def key(version):
    return [int(part) for part in version.split("+")[0].split(".")]


def make(*arguments, **more):
    """Return what make says, as if no other make had called it."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")} | more
    return subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


def test_constraints_are_the_declared_minimums():
    """Every dependency, of every extra and of the tests, has a lower bound, and it is the version pinned."""
    project, groups = TABLE["project"], TABLE["dependency-groups"]
    declared = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    declared += [d for group in ("proofs", "test") for d in groups[group] if isinstance(d, str)]
    bounds = dict(d.split(">=") for d in declared)
    assert len(bounds) == len(set(declared))
    assert pinned("constraints-lowest.txt") == {name: low for name, low in bounds.items() if name not in JUDGES}


def test_the_newest_known_are_no_lower():
    newest = pinned("constraints.txt")
    for name, low in pinned("constraints-lowest.txt").items():
        assert key(newest[name]) >= key(low)


def test_every_extra_is_installed_at_its_minimum():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (usual,) = re.findall(r"^EXTRAS := (\S+)$", makefile, re.M)
    (lowest,) = re.findall(r"-r constraints-lowest.txt -e '.\[\$\(EXTRAS\),(\S+)\]'", makefile)
    assert {*usual.split(","), *lowest.split(",")} == TABLE["project"]["optional-dependencies"].keys()


@pytest.mark.skipif(Path(sys.prefix).name != ".venv-lowest", reason="for the environment of `make lowest`")
def test_these_are_the_minimums():
    for name, low in pinned("constraints-lowest.txt").items():
        version, bound = key(metadata.version(name)), key(low)
        assert version[: len(bound)] == bound
        assert not any(version[len(bound) :]), f"{name} {version}"


def test_every_python_that_is_declared_is_run():
    names = [c.split("Python :: 3.")[1] for c in TABLE["project"]["classifiers"] if "Python :: 3." in c]
    oldest, *others = sorted(map(int, names))
    assert TABLE["project"]["requires-python"] == f">=3.{oldest}"
    (line,) = re.findall(r"^pythons: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert line.split() == [f"python-3.{other}" for other in others]
    said = make("-n", "pythons")
    for other in others:
        assert f"-3.{other}/bin/python -m pytest" in said or f"Python 3.{other}: not found" in said


class TestPythonsNotThere:
    """Python 3.99, as nothing, as a name that runs nothing, and as another Python of that name."""

    @pytest.mark.parametrize("content", [None, "exit 127", f'exec "{sys.executable}" "$@"'])
    @pytest.mark.parametrize("place", ["bin/python3.99", "versions/3.99.1/bin/python"])
    def test_is_said_and_not_called_passed(self, tmp_path, content, place):
        path = tmp_path / place
        path.parent.mkdir(parents=True)
        if content:
            path.write_text(f"#!/bin/sh\n{content}\n")
            path.chmod(0o755)
        said = make("python-3.99", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", PYENV_ROOT=str(tmp_path))
        assert said == "Python 3.99: not found on PATH nor among pyenv's; NOT RUN\n"
