"""The tables of the mean-field study, and its numbers for report.json."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp.report import Table
from validation import symbols
from validation.mean_field.effects import distances
from validation.studies import Measured, Plan


def tables(plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return all tables."""
    quantities = (
        "gain", "reduced_asymmetry", "reduced_difference", "step", "batch_size", "experts", "feedback", "decay",
        "inverse_temperature", "asymmetry", "increment", "rate",
    )  # fmt: skip
    return (_attractors(plan, measured), symbols.table(*quantities))


def _attractors(plan: Plan, measured: Measured) -> Table:
    far = distances(plan, measured["attractors/0"]["loads"]).max(axis=1)
    rows = tuple(
        (f"{gain:g}", f"{eta:+.6f}", ", ".join(f"{load:.4f}" for load in loads[~np.isnan(loads)]), f"{distance:.4f}")
        for (gain, eta), loads, distance in zip(
            plan["attractors.points"], plan["attractors.loads"], far, strict=True
        )
    )  # fmt: skip
    columns = ("gain", "asymmetry", "predicted stable loads", "largest distance")
    return Table("attractors-table", "Attractors", columns, rows, "Largest over all starts and seeds.")


def data(plan: Plan, measured: Measured) -> dict[str, Any]:
    """Return the numbers behind the page: all that was predicted but the flow, all that was measured but the paths."""
    return {
        "predicted": {name: plan[name].tolist() for name in plan.arrays if name != "paths.flow"},
        "measured": {
            name: {key: value.tolist() for key, value in part.items()}
            for name, part in sorted(measured.items())
            if not name.startswith("samples/")
        },
    }
