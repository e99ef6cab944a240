"""Worst errors of closed forms and equilibria, region by region, against Arb: writes docs/accuracy.md and its table.

Command: ``python -m validation.accuracy`` (``--check`` fails if a region got worse than the stored table instead).
Beside each function stands the formula as one would write it down; beside the equilibria, scipy's brentq with the
brackets that the fold gives.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import moecusp as mc
from validation import reference
from validation.accuracy.members import members
from validation.accuracy.rules import rules

DOCS = Path(__file__).parent.parent.parent / "docs"
TABLE, PAGE = DOCS / "accuracy.json", DOCS / "accuracy.md"
COUNT = 200
SLACK = 0.5  # ulp by which another processor's elementary functions may differ from the stored table

Rows = dict[str, dict[str, dict[str, float]]]
Points = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Subject:
    """A function, the formula as written, its reference, and its points by region."""

    function: Callable[..., Any]
    naive: Callable[..., Any]
    exact: Callable[..., Any]
    points: Points


def powers(rng: np.random.Generator, low: float, high: float) -> Any:
    """Return 10^x, x uniform."""
    return 10 ** rng.uniform(low, high, COUNT)


def subjects() -> dict[str, Subject]:
    """Return the closed forms with their regions; the same points every time."""
    rng = np.random.default_rng(20240601)
    gains: Points = {
        "g - 1 from 2e-16 to 1e-3": (1 + powers(rng, -15.6, -3),),
        "g from 1.001 to 4": (rng.uniform(1.001, 4, COUNT),),
        "g from 4 to 1e307": (powers(rng, 0.61, 307),),
    }
    places: Points = {
        "u below 1e-3": (powers(rng, -320, -3),),
        "u from 1e-3 to 3": (-powers(rng, -3, 0.5),),
        "u from 3 to 355.5": (rng.uniform(3, 355.5, COUNT),),
    }
    asymmetries: Points = {
        "eta below 1e-3": (powers(rng, -320, -3),),
        "eta from 1e-3 to 10": (-powers(rng, -3, 1),),
        "eta from 10 to 1e308": (powers(rng, 1, 308),),
    }

    def fold(g: Any) -> Any:
        return np.sqrt(g * (g - 1)) - np.arccosh(np.sqrt(g))

    def doubled(g: float) -> Any:
        with reference.workprec(2000):
            return 2 * reference.fold_asymmetry(g)

    def inverse(eta: float) -> float:
        from scipy.optimize import brentq

        try:
            return float(brentq(lambda g: float(fold(np.float64(g))) - abs(eta), 1.0, abs(eta) * 2 + 10, rtol=1e-15))
        except (ValueError, RuntimeError):
            return math.nan

    return {
        "fold_asymmetry": Subject(mc.fold_asymmetry, fold, reference.fold_asymmetry, gains),
        "hysteresis_width": Subject(mc.hysteresis_width, lambda g: 2 * fold(g), doubled, gains),
        "fold_imbalance": Subject(mc.fold_imbalance, lambda g: np.sqrt(1 - 1 / g), reference.fold_imbalance, gains),
        "cusp_set": Subject(mc.cusp_set, lambda g: 2 / 3 * np.sqrt((g - 1) ** 3 / g), reference.cusp_set, gains),
        "fold_gain": Subject(mc.fold_gain, np.vectorize(inverse), reference.fold_gain, asymmetries),
        "fold_curve gain": Subject(
            lambda u: mc.fold_curve(u)[0], lambda u: np.cosh(u) ** 2, lambda u: reference.fold_curve(u)[0], places
        ),
        "fold_curve asymmetry": Subject(
            lambda u: mc.fold_curve(u)[1],
            lambda u: u - np.sinh(u) * np.cosh(u),
            lambda u: reference.fold_curve(u)[1],
            places,
        ),
    }


def routers() -> Points:
    """Return (gain, asymmetry) by region."""
    rng = np.random.default_rng(20240602)
    sign = rng.choice([-1.0, 1.0], COUNT)
    near, far = 1 + powers(rng, -15.6, 2), powers(rng, 0.5, 300)
    fold = mc.fold_asymmetry(near)
    tiny = rng.choice([5e-324, 0.5, 1.0, 1 + 2.0**-52, 3.0], COUNT)
    return {
        "plane, g to 3, eta to 1.5": (rng.uniform(0, 3, COUNT), sign * rng.uniform(0, 1.5, COUNT)),
        "pitchfork, eta = 0": (near, 0 * near),
        "1e-16 to 1e-2 from the cusp": (1 + sign * powers(rng, -16, -2), powers(rng, -24, -3)),
        "1e-16 to 0.3 from a fold": (near, fold * (1 + sign * powers(rng, -15.9, -0.5))),
        "next float to a fold": (near, np.nextafter(fold, np.where(sign > 0, np.inf, 0))),
        "between the folds": (far, mc.fold_asymmetry(far) * rng.uniform(0, 1, COUNT)),
        "g = 1": (np.ones(COUNT), sign * powers(rng, -320, 300)),
        "below the critical gain": (1 - powers(rng, -16, 0), sign * powers(rng, -20, 6)),
        "subnormal": (tiny, sign * powers(rng, -323, -308)),
        "huge": (powers(rng, -320, 307), sign * powers(rng, 290, 307)),
    }


def measure() -> Rows:
    """Return worst errors in ulp: rows[function][region] = {'moecusp': ..., 'naive': ...}."""
    every = subjects() | {name: Subject(*parts) for name, parts in (members() | rules()).items()}
    rows: Rows = {name: dict(closed_form(subject)) for name, subject in every.items()}
    rows["equilibria"] = {region: roots(*points) for region, points in routers().items()}
    return rows


def closed_form(subject: Subject) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the worst errors of one function by region."""
    for region, points in subject.points.items():
        exact = [subject.exact(*map(float, point)) for point in zip(*points, strict=True)]
        with np.errstate(all="ignore"):
            ours, naive = subject.function(*points), subject.naive(*points)
        yield region, {"moecusp": worst(ours, exact), "naive": worst(naive, exact)}


def worst(values: Any, exact: list[Any]) -> float:
    """Return the largest distance in ulp."""
    return max(reference.ulps(float(v), e) for v, e in zip(values, exact, strict=True))


def roots(gains: Any, asymmetries: Any) -> dict[str, float]:
    """Return the worst errors of the roots of some routers, and brentq's; a wrong count is an infinite error."""
    ours = theirs = 0.0
    for g, eta in zip(gains.tolist(), asymmetries.tolist(), strict=True):
        if mc.regime(g, eta) is mc.Regime.FOLD:
            continue
        exact = reference.roots(g, eta)
        found = mc.equilibria(g, eta)
        ours = max(ours, worst(found.u[: len(exact)], exact) if found.count == len(exact) else math.inf)
        theirs = max(theirs, worst(bracketed(g, eta, len(exact)), exact))
    return {"moecusp": ours, "naive": theirs}


def bracketed(g: float, eta: float, count: int) -> list[float]:
    """Return the roots by brentq between the closed-form turning points; NaN where it finds no sign change."""
    from scipy.optimize import brentq

    turn = math.acosh(math.sqrt(g)) if g > 1 else 0.0
    ends = [-g - abs(eta) - 1e-300, -turn, turn, g + abs(eta) + 1e-300]
    if count == 1:
        brackets = [(ends[0], ends[3])] if g <= 1 else [(ends[2], ends[3]) if eta > 0 else (ends[0], ends[1])]
    else:
        brackets = list(itertools.pairwise(ends))
    found = []
    for low, high in brackets:
        try:
            found.append(brentq(lambda u: g * math.tanh(u) - u + eta, low, high, xtol=1e-300, rtol=1e-15))
        except (ValueError, RuntimeError):
            found.append(math.nan)
    return found


def page(rows: Rows) -> str:
    """Return the text of docs/accuracy.md."""
    lines = [
        "# Accuracy",
        "",
        "Worst error in units in the last place (ulp) over seeded points of each region, against Arb solutions of the",
        "defining equations (F = 0 and F' = 0 for two experts). Beside it: the formula as written, and for the",
        "equilibria scipy's brentq at its tightest tolerance with closed-form brackets; `inf` where it overflows, or",
        "finds no sign change. NumPy's own functions differ between processors in the last digit: a figure is the",
        "worst of those that it was measured on.",
        "",
        "Generated by `python -m validation.accuracy`; do not edit.",
    ]
    for name, regions in rows.items():
        other = "brentq" if name == "equilibria" else "as written"
        lines += ["", f"## {name}", "", f"| region | moecusp | {other} |", "|---|---|---|"]
        lines += [f"| {region} | {row['moecusp']:.2f} | {row['naive']:.2g} |" for region, row in regions.items()]
    return "\n".join(lines) + "\n"


def worse(rows: Rows, stored: Rows) -> list[str]:
    """Return what got worse than the stored table says."""
    return [
        f"{name}, {region}: {row['moecusp']:.2f} ulp, stored {stored[name][region]['moecusp']:.2f}"
        for name, regions in rows.items()
        for region, row in regions.items()
        if not row["moecusp"] <= stored[name][region]["moecusp"] + SLACK
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and the table, or with --check compare."""
    parser = argparse.ArgumentParser(
        prog="python -m validation.accuracy",
        description="Measure the worst error of every function by region, against Arb: writes docs/accuracy.md and "
        "docs/accuracy.json (some minutes).",
    )
    parser.add_argument(
        "--check", action="store_true", help="compare with docs/accuracy.json instead; status 1 if a region got worse"
    )
    check = parser.parse_args(arguments).check
    rows = measure()
    if check:
        complaints = worse(rows, json.loads(TABLE.read_text()))
        print("\n".join(complaints) or "no region got worse")
        return 1 if complaints else 0
    rounded = {
        name: {region: {k: float(f"{v:.3g}") for k, v in row.items()} for region, row in regions.items()}
        for name, regions in rows.items()
    }
    TABLE.write_text(json.dumps(rounded, indent=1) + "\n")
    PAGE.write_text(page(rounded))
    print(f"wrote {PAGE.name} and {TABLE.name}")
    return 0
