"""The studies of the discrete rule, put together: predict, run, judge."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from moecusp.report import Table
from validation.discrete_rule import expert_collapse, figures, mean_field, noise
from validation.outcome import Outcome, Progress

TITLE = "The discrete rule: its mean-field limit, its noise, and the collapse of many experts"


@dataclass(frozen=True)
class Profile:
    """Size of the three studies."""

    name: str
    mean_field: mean_field.Profile
    noise: noise.Profile
    collapse: expert_collapse.Profile


PROFILES = {
    "smoke": Profile("smoke", mean_field.SMOKE, noise.SMOKE, expert_collapse.SMOKE),
    "quick": Profile("quick", mean_field.QUICK, noise.QUICK, expert_collapse.QUICK),
    "full": Profile("full", mean_field.FULL, noise.FULL, expert_collapse.FULL),
}


def run(profile: Profile, seed: int, progress: Progress) -> Outcome:
    """Run the three studies, predictions first; see `validation.digits.study.run` for the arguments."""
    base = 10_000 * seed
    limit = mean_field.predict(profile.mean_field)
    barriers = noise.predict(profile.noise)
    folds = expert_collapse.predict(profile.collapse)
    with progress("mean-field limit", mean_field.parts(profile.mean_field)) as tick:
        paths = mean_field.measure(profile.mean_field, limit, base, tick)
    with progress("noise", noise.parts(profile.noise)) as tick:
        escapes = noise.measure(profile.noise, base + 1000, tick)
    with progress("many experts", expert_collapse.parts(profile.collapse)) as tick:
        sweeps = expert_collapse.measure(profile.collapse, base + 2000, tick)

    findings = (
        *mean_field.findings(profile.mean_field, limit, paths),
        *noise.findings(profile.noise, barriers, escapes),
        *expert_collapse.findings(profile.collapse, folds, sweeps),
    )
    slope, barrier = findings[0], next(f for f in findings if f.id == "noise.barrier")
    return Outcome(
        title=TITLE,
        summary=(
            f"Paths of the discrete rule approach the flow with an error that falls as the step to the power "
            f"{slope.estimate:.3f} (predicted 1/2); long-run loads are the flow's attractors; escape times grow with "
            f"{barrier.estimate:.3f} of the exact barrier."
        ),
        parameters={key: value for key, value in asdict(profile).items() if key != "name"},
        findings=findings,
        figures=(
            figures.paths(profile.mean_field, base + 3000),
            figures.errors(profile.mean_field, limit, paths),
            figures.attractors(profile.mean_field, limit, paths),
            figures.escapes(profile.noise, barriers, escapes),
            figures.delays(profile.noise, barriers, escapes),
            figures.collapse(profile.collapse, folds, sweeps),
        ),
        tables=(_attractors(limit, paths),),
        notes=(
            "All quantities are reduced: gain g, reduced asymmetry η, reduced score difference u, step δ = με, time in "
            "units of 1/μ.",
            "Bias and the slope of the exact escape times come from the transfer operator, without any chance.",
        ),
        data=_data(paths, escapes, sweeps),
    )


def _attractors(limit: mean_field.Predictions, seen: mean_field.Measurements) -> Table:
    far = mean_field.distances(limit, seen.loads).max(axis=1)
    rows = tuple(
        (f"{gain:g}", f"{eta:+.6f}", ", ".join(f"{load:.4f}" for load in loads), f"{distance:.4f}")
        for (gain, eta), loads, distance in zip(limit.points, limit.loads, far, strict=True)
    )
    columns = ("gain", "asymmetry", "predicted stable loads", "largest distance")
    return Table("attractors-table", "Attractors", columns, rows, "Largest over five starts and all seeds.")


def _data(
    paths: mean_field.Measurements, escapes: noise.Measurements, sweeps: tuple[expert_collapse.Sweep, ...]
) -> dict[str, Any]:
    return {
        "paths": {"steps": paths.steps.values.tolist(), "errors": paths.steps.errors.tolist()},
        "batches": {"sizes": paths.batches.values.tolist(), "errors": paths.batches.errors.tolist()},
        "bias": {"steps": paths.bias.values.tolist(), "errors": paths.bias.errors[:, 0].tolist()},
        "loads": paths.loads.tolist(),
        "escape_logs": escapes.escape_logs.tolist(),
        "delays": escapes.delays.tolist(),
        "collapse": [
            {
                "experts": each.experts,
                "gains": each.gains.tolist(),
                "largest_load": np.asarray(each.largest).tolist(),
            }
            for each in sweeps
        ],
    }
