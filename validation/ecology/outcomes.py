"""What became of the models of a kind: one row a model, in the order of the design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validation.ecology.design import GROUPS, STRATA
from validation.ecology.profiles import Profile
from validation.ecology.setup import KINDS, schedule
from validation.studies import Measured, Plan, cases
from validation.training.deadness import Definition, dead

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Counts = NDArray[np.int64]

HEADLINE = {
    "first": (Definition.FIRST, 0.01),
    "slots": (Definition.SLOTS, 0.01),
    "probability": (Definition.PROBABILITY, 0.01),
    "streak": (Definition.STREAK, 100.0),
}
"""The four definitions of death at their usual thresholds."""
OF_FAIR = {"first": 0.16, "slots": 0.16, "probability": 0.16, "streak": 1000.0}
"""The same relative to a fair expert's."""


@dataclass(frozen=True)
class Runs:
    """Models of a kind.

    Attributes
    ----------
    kind : str
    columns : mapping
        Of the design and its groups, without their prefixes: stratum, config, seed, combination, ortho (models,),
        weights (models, 4), E, competitor, balance, rule, minimum (models,).
    found : mapping
        What training returned: (models, checkpoints, ...).
    fair_slots : float
        Slots that a fair expert has in a batch.
    """

    kind: str
    columns: Mapping[str, NDArray[Any]]
    found: Mapping[str, NDArray[Any]]
    fair_slots: float

    def __len__(self) -> int:
        return len(self.columns["config"])

    @property
    def counted(self) -> Bools:
        """Which beat their baseline: no others count."""
        return np.asarray(self.found["beats"], dtype=bool)

    def within(self, *strata: str) -> Bools:
        """Which count and are of these strata."""
        return self.counted & np.isin(self.columns["stratum"], [STRATA.index(name) for name in strata])

    def where(self, rows: Bools) -> Runs:
        """Return some of them."""
        return Runs(
            self.kind,
            {name: values[rows] for name, values in self.columns.items()},
            {name: values[rows] for name, values in self.found.items()},
            self.fair_slots,
        )

    @property
    def experts(self) -> int:
        """How many experts a layer has."""
        return int(self.found["first"].shape[-1])

    def dead(self, definition: str, checkpoint: int = -1, *, fair: bool = False) -> Counts:
        """Return the dead experts of every model, (models,), at a checkpoint."""
        which, threshold = HEADLINE[definition]
        unit = None
        if fair:
            threshold, unit = OF_FAIR[definition], self.fair_slots if which is Definition.STREAK else 1.0
        return self.below(which, threshold, checkpoint, unit)

    def below(self, which: Definition, threshold: float, checkpoint: int = -1, unit: float | None = None) -> Counts:
        """Return the same at any threshold."""
        values = self.found[which][:, checkpoint].astype(np.float64)
        return np.asarray(dead(values, which, threshold, unit).sum((-2, -1)), dtype=np.int64)


def runs(profile: Profile, plan: Plan, measured: Measured, kind: str) -> Runs | None:
    """Return the models of a kind; None where it was not run."""
    found = cases(measured, kind)
    if not found:
        return None
    rows = plan["design.kind"] == tuple(KINDS).index(kind)
    names = ("stratum", "config", "seed", "combination", "weights", "ortho")
    columns = {name: plan[f"design.{name}"][rows] for name in names}
    columns |= {name: plan[f"group.{name}"][rows] for name in (*GROUPS, "minimum")}
    whole = {name: np.concatenate([each[name] for each in found]) for name in found[0]}
    t = profile.training
    tokens = schedule(profile, kind).batch * (t.context if KINDS[kind].set == "text" else 1)
    return Runs(kind, columns, whole, t.k * tokens / whole["first"].shape[-1])
