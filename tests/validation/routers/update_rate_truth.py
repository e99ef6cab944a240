"""Planted thresholds of the proportional bias rule: multipliers 1 − 2 r/r_max."""

from __future__ import annotations

import numpy as np

from tests.validation.routers.trained_truth import near
from validation.routers import update_rate
from validation.routers.profiles import UpdateRate

SUBJECT = update_rate
PROFILE = UpdateRate(
    cases=("text-mlp-4-soft", "text-mlp-4-top2"), rates=(0.85, 1.05, 1.25), steps=7, batch_size=500,
    routers=5,
    bisected=(0.6, 1.7), bisections=5, turns=16, tokens=1000, floor=0.04, errors=0.3,
)  # fmt: skip


WRONG = [
    ({"batches": 1.4}, {"update_rate.batches.*"}),
    ({"batches": 0.7, "whole": 0.7}, {"update_rate.*"}),
    ({"whole": 1.4}, {"update_rate.whole.*"}),
]
CONTROLS = [({"batches": 0.5}, f"control.update_rate_half.{name}") for name in PROFILE.cases]
BANDS: dict[str, set[str]] = {}
FEW = {"routers": 2}
SHORT = {"turns": 4, "bisections": 2}
STATED = {"update-rate": {"batch size B": "500", "inverse temperature β": "1.7", "routers": "5"}}


def planted(plan, *, batches=1.0, whole=1.0, scatter=0.001):
    """Return what the runs would measure, thresholds off by factors."""
    rng, found = np.random.default_rng(12), {}
    for name in PROFILE.cases:
        rate = plan[f"update_rate.{name}.rate"]
        rates = rate[:, None] * np.array(PROFILE.rates)
        found[f"update_rate/{name}"] = {
            "rates": rates,
            "multipliers": 1 - 2 * rates / near(rng, batches * rate[:, None], scatter),
            "alternates": near(rng, whole * rate, scatter),
        }
    return found
