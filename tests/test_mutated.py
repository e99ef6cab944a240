"""What mutation testing covers exists, and nothing of the evidence is left out unseen."""

from __future__ import annotations

import pytest

from tests import mutated
from tests.mutated import AREA_OF, AREAS, MODULES, ROOT


def test_every_module_exists() -> None:
    assert [path for path in MODULES.values() if not (ROOT / path).is_file()] == []
    assert len(set(MODULES.values())) == len(MODULES), "two names of one module"


@pytest.mark.parametrize("area", ["numeric", *AREAS])
def test_an_area_has_modules_and_tests(area: str) -> None:
    assert mutated.modules(area)
    assert mutated.tests(area)
    assert [path for path in mutated.tests(area) if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("area", AREAS)
def test_what_is_left_out_exists(area: str) -> None:
    """A pattern that names nothing would hide that a module was renamed into coverage, or out of it."""
    singles = [p for p in AREAS[area].left_out if "*" not in p]
    assert [p for p in singles if not (ROOT / p).is_file() and p != "validation/reference.py"] == []
    assert mutated.files(AREAS[area].left_out) or not AREAS[area].left_out


@pytest.mark.parametrize("folder", ["moecusp/_numerics", "moecusp"])
def test_every_numeric_module_is_covered_or_named_here(folder: str) -> None:
    other = {
        # generated, compiled, of tensors, or without numbers
        "moecusp/_numerics": "series constants fast gradients operations threads traced",
        "moecusp": "_arguments",
    }[folder].split()
    found = {p.stem for p in (ROOT / folder).glob("*.py")} - {"__init__", *other}
    covered = set(MODULES.values())
    assert {stem for stem in found if f"{folder}/{stem}.py" not in covered} == set()


@pytest.mark.parametrize(
    ("word", "some", "others"),
    [
        ("folds", {"folds"}, {"proofs.folds"}),
        ("report", {"report.verdict", "report.document"}, {"folds"}),
        ("validation.digits", {"validation.digits.study"}, {"validation.streams"}),
        ("simulate", {"simulate", "_simulation.plan", "transfer"}, {"_simulation.compiled"}),
        ("proofs", {"proofs.ledger", "proofs.coq.check"}, {"proofs.folds", "proofs.series"}),
    ],
)
def test_selection(word: str, some: set[str], others: set[str]) -> None:
    found = set(mutated.selected(word))
    assert some <= found
    assert not others & found


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(SystemExit, match="no module and no area"):
        mutated.selected("reprot")


def test_areas_are_apart() -> None:
    assert set(AREA_OF) == set(MODULES)
    assert sum(len(mutated.modules(area)) for area in ("numeric", *AREAS)) == len(MODULES)
