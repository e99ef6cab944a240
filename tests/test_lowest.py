"""The lowest versions that are declared are those that `make lowest` runs."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
RUNNERS = {"pytest", "hypothesis"}  # of the group test, the two that `make lowest` needs


def pinned(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))


def test_constraints_are_the_declared_minimums():
    """Every dependency, and every one of every extra, has a lower bound, and it is the version pinned."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = table["project"]
    declared = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    declared += [d for d in table["dependency-groups"]["test"] if re.split(">=", str(d))[0] in RUNNERS]
    bounds = dict(d.split(">=") for d in declared)
    assert len(bounds) == len(set(declared))
    assert pinned("constraints-lowest.txt") == bounds


def test_the_newest_known_are_no_lower():
    def key(version):
        return [int(part) for part in version.split(".")]

    newest = pinned("constraints.txt")
    for name, low in pinned("constraints-lowest.txt").items():
        assert key(newest[name]) >= key(low)
