"""The tables of the digits study, and its numbers for report.json."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Table
from validation import symbols
from validation.digits.effects import gathered, onsets, standard_error
from validation.digits.measure import STARTS
from validation.studies import Measured, Plan, cases

Array = NDArray[np.float64]


def tables(plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return all tables."""
    quantities = (
        "feedback", "decay", "inverse_temperature", "asymmetry", "experts", "increment", "batch_size", "difference",
        "imbalance", "response", "critical_feedback", "fold", "rate",
    )  # fmt: skip
    return (_routers(plan, measured), _branches(plan, measured), _sweeps(plan, measured), symbols.table(*quantities))


def _routers(plan: Plan, measured: Measured) -> Table:
    every = zip(
        plan["critical_feedback"], onsets(plan, measured), plan["gaussian_feedback"], plan["folds"], strict=True
    )
    rows = tuple(
        (
            str(k),
            f"{critical:.4f}",
            f"{onset.mean():.4f} ± {standard_error(onset):.4f}",
            f"{onset.mean() / critical:.4f}",
            f"{gaussian:.4f}",
            ", ".join(f"{f:.4f}" for f in folds[~np.isnan(folds)] if abs(f / critical - 1) > 1e-6) or "–",
        )
        for k, (critical, onset, gaussian, folds) in enumerate(every)
    )
    columns = ("router", "predicted κ_c", "measured ± s.e.", "ratio", "Gaussian form", "predicted folds at h = 0")
    caption = (
        "A fold below κ_c means that a collapsed load is stable before the balanced one loses stability (the density "
        "of margins dips at the tie); one above it, a further pair of states."
    )
    return Table("routers", "Routers", columns, rows, caption)


def _branches(plan: Plan, measured: Measured) -> Table:
    seen = gathered(measured, "branches", "imbalance")
    rows = []
    for k, kappa in enumerate(plan["branch.feedbacks"]):
        stable = ", ".join(f"{m:+.3f}" for m in plan["branch.imbalance"][k][plan["branch.stable"][k]] + 0.0)
        ends = [f"{seen[:, start, k].mean():+.3f}" if start else _sides(seen[:, 0, k]) for start in range(len(STARTS))]
        rows.append((f"{kappa:.4f}", f"{kappa / plan['critical_feedback'][0]:.2f}", stable, *ends))
    columns = ("κ", "κ/κ_c", "predicted stable m", "from balance", "from expert 1", "from expert 2")
    caption = "Means over the seeds; from balance, those of the seeds that ended on either side, with their number."
    return Table("branches", "Long-run imbalance", columns, tuple(rows), caption)


def _sides(imbalance: Array) -> str:
    sides = [imbalance[imbalance < 0], imbalance[imbalance >= 0]]
    return ", ".join(f"{side.mean():+.3f} ({side.size})" for side in sides if side.size)


def _sweeps(plan: Plan, measured: Measured) -> Table:
    seen = gathered(measured, "sweeps", "jumps")
    mean, error = seen.mean(axis=0), standard_error(seen)
    rows = tuple(
        (
            f"{kappa:.4f}",
            name,
            f"{plan['sweep.folds'][side, k]:+.4f}",
            f"{plan['sweep.jumps'][side, k]:+.4f}",
            f"{mean[side, k]:+.4f} ± {error[side, k]:.4f}",
        )
        for k, kappa in enumerate(plan["sweep.feedbacks"])
        for side, name in enumerate(("up", "down"))
    )
    columns = ("κ", "sweep", "predicted fold h_f", "with the delay", "measured jump ± s.e.")
    return Table("jumps", "Jumps of the load", columns, rows)


def data(plan: Plan, measured: Measured) -> dict[str, Any]:
    """Return the numbers behind the page."""
    left_out = ("weight", "bias", "margins", "curve.")
    listed = {name: plan[name].tolist() for name in plan.arrays if not name.startswith(left_out)}
    return {
        "predicted": listed,
        "growth_rates": [part["rates"].tolist() for part in cases(measured, "onset")],
        "measured_critical_feedback": onsets(plan, measured).tolist(),
        "branches": {
            name: gathered(measured, "branches", name).tolist() for name in ("imbalance", "accuracy", "alone")
        },
        "sweeps": {
            "jumps": gathered(measured, "sweeps", "jumps").tolist(),
            "asymmetry": cases(measured, "sweeps")[0]["asymmetry"].tolist(),
            "imbalance": gathered(measured, "sweeps", "imbalance").mean(axis=0).tolist(),
        },
    }
