"""The tables of the soft-hard study, and its numbers for report.json."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp.report import Table
from validation import symbols
from validation.soft_hard.profiles import Profile
from validation.studies import Measured, Plan


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return all tables."""
    return (
        _conditions(plan, measured),
        *_trained(profile, measured),
        symbols.table("width", "temperature", "margin", "threshold"),
    )


def _conditions(plan: Plan, measured: Measured) -> Table:
    """Say which condition of the landscape's transfer holds in which case, with the number that shows it."""
    seen = measured["quadrature/0"]
    rows = (
        ("threshold, teacher with a jump", "yes", "no", "yes: minimiser at distance " + f"{seen['shift'][0]:.2g}",
         f"no: curvature {seen['jump'][0]:.4g} and growing"),
        ("router at right angles to its teacher", "yes", "not needed: the loss is smooth in its angle there",
         "no minimum there", f"yes: descent rate {-seen['saddle.rates'][0, 0]:.4f}, hard "
         f"{plan.number('saddle.limit'):.4f}"),
        ("set of routers that holds 0", "no", "yes", f"no: least soft risk {max(seen['without'][0, 0], 0.0):.1g}, "
         f"hard {seen['without'][0, 1]:.4f}", "not asked"),
    )  # fmt: skip
    columns = ("case", "uniform margin", "smooth target", "minimisers transfer", "curvature transfers")
    return Table("conditions", "Which condition holds where", columns, rows, "At the coldest temperature.")


def _trained(profile: Profile, measured: Measured) -> tuple[Table, ...]:
    rows = []
    for name, part in sorted(measured.items()):
        if name.startswith("trained/"):
            for k, t in enumerate(profile.trained.temperatures):
                pairs = [(part[kind][:, k], part[f"{kind}_expected"][:, k]) for kind in ("soft", "risk")]
                shown = [f"{number.mean():.4f}" for pair in pairs for number in pair]
                rows.append((name.partition("/")[2], f"{t:g}", *shown, f"{part['excess'][:, k].mean():.2g}"))
    columns = ("set", "temperature", "share left", "predicted", "excess risk", "predicted",
               "excess hard risk at the best soft threshold")  # fmt: skip
    return (Table("trained", "Trained routers, means over networks", columns, tuple(rows)),) if rows else ()


def data(plan: Plan, measured: Measured) -> dict[str, Any]:
    """Return the numbers behind the page."""
    return {
        "predicted": {name: np.asarray(plan[name]).tolist() for name in plan.arrays},
        "measured": {
            name: {key: value.tolist() for key, value in part.items()} for name, part in sorted(measured.items())
        },
    }
