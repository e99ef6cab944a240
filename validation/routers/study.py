"""The study `routers`, put together from its subjects.

A subject is a module of this folder that is a `Subject`: predictions, parts, findings, pictures and tables of its own,
and no knowledge of another's. To add one: write the module, with the names of its predictions and parts beginning with
its own; give it a dataclass of its fixed numbers and bands in profiles.py (on trained routers in control_profiles.py),
and a field in `Profile`; add it to `SUBJECTS` here; plant its truth in tests/validation/routers/ and list it in
tests/validation/routers/truth.py; name its findings in validation/claims.toml.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Finding, Table, Verdict
from validation import symbols
from validation.routers import balance_loss, cusp, experts, hard, joint, load, onset, prediction, sign_rule, update_rate
from validation.routers.profiles import PROFILES, Profile
from validation.studies import Arrays, Measured, Page, Part, Picture, Plan, Study


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


SUBJECTS: tuple[Subject, ...] = (
    onset,
    cusp,
    experts,
    hard,
    load,
    joint,
    prediction,
    update_rate,
    sign_rule,
    balance_loss,
)
SHOWN, DIGITS = 512, 8
"""Of an array with more numbers (weights, logits) report.json has a summary; of all numbers so many digits."""


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
        summary=f"Torch routers as they are used, predicted before they ran: {supported} of {len(claims)} findings "
        f"supported, {len(found) - len(claims)} planted controls beside them.",
        pictures=tuple(picture for each in SUBJECTS for picture in each.pictures(profile, plan, measured)),
        tables=(
            *(table for each in SUBJECTS for table in each.tables(profile, plan, measured)),
            symbols.table(*quantities),
        ),
        notes=tuple(note for each in SUBJECTS for note in each.NOTES),
        data={
            "predicted": {name: _listed(plan[name]) for name in plan.arrays},
            "measured": {
                name: {key: _listed(value) for key, value in part.items()} for name, part in sorted(measured.items())
            },
        },
    )


def _listed(values: NDArray[Any]) -> object:
    """Return an array as JSON has it, NaN as null; of a large one its shape, mean and ends."""
    if values.size > SHOWN:
        found = values[~np.isnan(values)]
        ends = {"mean": found.mean(), "least": found.min(), "most": found.max()} if found.size else {}
        return {"shape": list(values.shape), **{name: _short(value) for name, value in ends.items()}}
    table = values.astype(object)
    for place in np.ndindex(values.shape):
        table[place] = _short(values[place])
    return table.tolist()


def _short(value: Any) -> float | None:
    return None if np.isnan(value) else float(f"{value:.{DIGITS}g}")


STUDY = Study(
    name="routers",
    title="Torch routers as they are used: where they collapse, and what holds them balanced",
    profiles=PROFILES,
    predict=predict,
    parts=parts,
    judge=findings,
    present=present,
    devices=("cpu", "cuda"),
)
