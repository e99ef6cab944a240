"""The study of trained transformers, put together from its subjects, each a module of this folder.

A subject offers what `Subject` says; its predictions are arrays, and its parts have names, that begin with its own
name. Add a module with these, add it to SUBJECTS, its numbers and bands to profiles.py, and its truth to
tests/validation/trained/truth.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Finding, Table, Verdict
from validation import symbols
from validation.studies import Arrays, Measured, Page, Part, Picture, Plan, Study
from validation.trained import collapse, coverage, flips, rules
from validation.trained.profiles import PROFILES, Profile


class Subject(Protocol):
    """What a subject's module offers."""

    @property
    def SYMBOLS(self) -> tuple[str, ...]:
        """Keys of the symbols that it uses, for the table of all."""

    @property
    def NOTES(self) -> tuple[str, ...]:
        """What a reader of the page has to know."""

    def predict(self, profile: Profile, seed: int) -> Arrays:
        """Return what is predicted, by names that begin with the subject's."""

    def parts(self, profile: Profile, plan: Plan) -> Sequence[Part]:
        """Return the parts of the run."""

    def findings(self, profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
        """Judge what was measured."""

    def pictures(self, profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
        """Draw what was measured."""

    def tables(self, profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
        """Tabulate it."""


SUBJECTS: tuple[Subject, ...] = (flips, rules, collapse, coverage)
SHOWN = 4096
"""Arrays with more numbers, weights above all, are left out of report.json."""


def predict(profile: Profile, seed: int) -> Arrays:
    """Return the predictions of all subjects."""
    found: dict[str, NDArray[Any]] = {}
    for each in SUBJECTS:
        more = each.predict(profile, seed)
        if twice := found.keys() & more.keys():
            raise ValueError(f"two subjects predict {sorted(twice)}")
        found |= more
    return found


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts of all subjects."""
    return [part for each in SUBJECTS for part in each.parts(profile, plan)]


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Return the findings of all subjects."""
    return tuple(finding for each in SUBJECTS for finding in each.findings(profile, plan, measured))


def present(profile: Profile, plan: Plan, measured: Measured, found: tuple[Finding, ...]) -> Page:
    """Return the page."""
    claims = [each for each in found if each.expected is None]
    supported = sum(each.verdict is Verdict.SUPPORTED for each in claims)
    quantities = dict.fromkeys(key for each in SUBJECTS for key in each.SYMBOLS)
    return Page(
        summary=f"Small transformers trained on text: flips, what bias rules hold, and collapses called before they "
        f"happen: {supported} of {len(claims)} findings supported, {len(found) - len(claims)} planted controls beside "
        "them.",
        pictures=tuple(picture for each in SUBJECTS for picture in each.pictures(profile, plan, measured)),
        tables=(
            *(table for each in SUBJECTS for table in each.tables(profile, plan, measured)),
            symbols.table(*quantities),
        ),
        notes=tuple(note for each in SUBJECTS for note in each.NOTES),
        data={
            "predicted": {name: _listed(plan[name]) for name in plan.arrays if plan[name].size <= SHOWN},
            "measured": {
                name: {key: _listed(value) for key, value in part.items() if value.size <= SHOWN}
                for name, part in sorted(measured.items())
            },
        },
    )


def _listed(values: NDArray[Any]) -> object:
    """Return an array as JSON has it: what is not finite is null."""
    table = values.astype(object)
    table[~np.isfinite(values.astype(float))] = None
    return table.tolist()


STUDY = Study(
    name="trained",
    title="Transformers trained on text: what bias rules hold, and collapses called before they happen",
    profiles=PROFILES,
    predict=predict,
    parts=parts,
    judge=findings,
    present=present,
)
