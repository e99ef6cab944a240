"""Planted shares of intervals that hold the truth."""

from __future__ import annotations

import numpy as np

from validation.trained import coverage
from validation.trained.profiles import Coverage

SUBJECT = coverage
PROFILE = Coverage(
    cases=("soft.2.other.none", "hard.3.averaged.feedback", "soft.4.averaged.drive"), traces=4000, steps=60, every=2,
    gain=0.55, risen=0.75, sigma=1.2, fewest=3000, increment=0.04, batch_size=48, tokens=5,
)  # fmt: skip
WRONG = [({"held": 0.9}, {"coverage.*"}), ({"held": 0.99}, {"coverage.*"})]
CONTROLS = [({"half": 0.95}, "control.coverage_half")]
BANDS = {"coverage_band": {"coverage.*", "control.coverage_half"}}
STATED = {"coverage": {"increment ε": "0.04", "batch size B": "48", "gain g": "0.55"}}


def planted(plan, *, held=0.95, half=0.67):
    """Return what the runs would measure."""
    rng, found = np.random.default_rng(7), {}
    for name in PROFILE.cases:
        quantities = len(coverage.Case(name).truth(PROFILE))
        shape = (quantities, PROFILE.traces)
        found[f"coverage/{name}"] = {
            "held": (rng.random(shape) < held).astype(float), "half": (rng.random(shape) < half).astype(float),
        }  # fmt: skip
    return found
