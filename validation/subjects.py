"""A study that is put together from subjects, each a module that knows of no other's.

To add one to such a study: write a module that is a `Subject`, the names of its predictions and parts beginning with
its own; give it a dataclass of its fixed numbers and bands among the study's profiles, and a field in its `Profile`;
add it to the study's SUBJECTS; plant its truth in the study's tests, and list it in their truth.py; name its findings
in validation/claims.toml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moecusp.report import Finding, Table, Verdict
from validation import symbols
from validation.predictions import joined
from validation.studies import Arrays, Measured, Page, Part, Picture, Plan, Study
from validation.studies import Profile as AnyProfile

__all__ = ["Subject", "together"]

P = TypeVar("P", bound=AnyProfile)
Q = TypeVar("Q", bound=AnyProfile, contravariant=True)

SHOWN, DIGITS = 512, 8
"""Of an array with more numbers (weights, logits) report.json has a summary; of all numbers so many digits."""


class Subject(Protocol[Q]):
    """What a subject's module offers."""

    @property
    def SYMBOLS(self) -> tuple[str, ...]:
        """Keys of the symbols that it uses, for the table of all."""

    @property
    def NOTES(self) -> tuple[str, ...]:
        """What a reader of the page has to know."""

    def predict(self, profile: Q, seed: int) -> Arrays:
        """Return what is predicted, by names that begin with the subject's."""

    def parts(self, profile: Q, plan: Plan) -> Sequence[Part]:
        """Return the parts of the run."""

    def findings(self, profile: Q, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
        """Judge what was measured."""

    def pictures(self, profile: Q, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
        """Draw what was measured."""

    def tables(self, profile: Q, plan: Plan, measured: Measured) -> tuple[Table, ...]:
        """Tabulate it."""


def together(
    subjects: Sequence[Subject[P]], *, name: str, title: str, profiles: Mapping[str, P], summary: str, **more: Any
) -> Study[P]:
    """Return the study of all the subjects.

    Parameters
    ----------
    subjects : sequence of Subject
        In the order of the page.
    name, title, profiles
        As of a `Study`.
    summary : str
        What the page's summary says before it counts the findings.
    **more
        Other fields of a `Study`.
    """

    def predict(profile: P, seed: int) -> Mapping[str, ArrayLike]:
        return joined(each.predict(profile, seed) for each in subjects)

    def parts(profile: P, plan: Plan) -> Sequence[Part]:
        return [part for each in subjects for part in each.parts(profile, plan)]

    def findings(profile: P, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
        return tuple(finding for each in subjects for finding in each.findings(profile, plan, measured))

    def present(profile: P, plan: Plan, measured: Measured, found: tuple[Finding, ...]) -> Page:
        claims = [each for each in found if each.expected is None]
        supported = sum(each.verdict is Verdict.SUPPORTED for each in claims)
        quantities = dict.fromkeys(key for each in subjects for key in each.SYMBOLS)
        return Page(
            summary=f"{summary}: {supported} of {len(claims)} findings supported, {len(found) - len(claims)} planted "
            "controls beside them.",
            pictures=tuple(picture for each in subjects for picture in each.pictures(profile, plan, measured)),
            tables=(
                *(table for each in subjects for table in each.tables(profile, plan, measured)),
                symbols.table(*quantities),
            ),
            notes=tuple(note for each in subjects for note in each.NOTES),
            data={
                "predicted": {name: _listed(plan[name]) for name in plan.arrays},
                "measured": {
                    name: {key: _listed(value) for key, value in part.items()}
                    for name, part in sorted(measured.items())
                },
            },
        )

    return Study(
        name=name,
        title=title,
        profiles=profiles,
        predict=predict,
        predictors=tuple(each.predict for each in subjects),
        parts=parts,
        judge=findings,
        present=present,
        **more,
    )


def _listed(values: NDArray[Any]) -> object:
    """Return an array as JSON has it, null for what is not finite; of a large one its shape, mean and ends."""
    if values.size > SHOWN:
        found = values[np.isfinite(values)]
        ends = {"mean": found.mean(), "least": found.min(), "most": found.max()} if found.size else {}
        return {"shape": list(values.shape), **{name: _short(value) for name, value in ends.items()}}
    table = values.astype(object)
    for place in np.ndindex(values.shape):
        table[place] = _short(values[place])
    return table.tolist()


def _short(value: Any) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
