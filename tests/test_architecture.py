"""The house rules: who imports whom, what `import moecusp` loads, the public names, generated files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import moecusp

ROOT = Path(__file__).parent.parent


def python(code, *options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def test_import_rules():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_module_has_a_place_in_the_house():
    """A module that the layers do not name would escape the rule."""
    layers = (ROOT / "pyproject.toml").read_text().split("layers = [")[1].split("]")[0]
    named = set(re.findall(r"\w+", layers))
    modules = {p.stem for p in (ROOT / "moecusp").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert modules - {"__init__"} == named


def test_import_loads_numpy_and_nothing_heavier():
    loaded = python("import sys; import moecusp; print(*{m.split('.')[0] for m in sys.modules})").split()
    allowed = {"moecusp", "numpy", *python("import numpy, sys; print(*{m.split('.')[0] for m in sys.modules})").split()}
    extra = set(loaded) - allowed - set(sys.stdlib_module_names)
    assert extra == set()


def test_public_names_are_all_there_and_documented():
    assert moecusp.__all__ == sorted(moecusp.__all__)
    for name in moecusp.__all__:
        doc = getattr(moecusp, name).__doc__
        assert doc
        assert len(doc.splitlines()[0]) < 120
    public = {n for n in vars(moecusp) if not n.startswith("_")} - set(moecusp.__all__)
    modules = {p.stem for p in (ROOT / "moecusp").iterdir()}
    assert public <= modules


FUNCTIONS = [n for n in moecusp.__all__ if n[0].islower()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_have_their_sections(name):
    doc = getattr(moecusp, name).__doc__
    for section in ("Parameters\n", "Returns\n", "Raises\n", "References\n", "Examples\n", "Statement"):
        assert section in doc, section


def test_generated_coefficients_are_current():
    done = subprocess.run(
        [sys.executable, "-m", "proofs.series", "--check"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_constraints_pin_torch_exactly():
    """An open range would pull gigabytes of GPU packages."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert "torch==2.13.0" in lines
    assert all("==" in line for line in lines if line and not line.startswith("#"))
