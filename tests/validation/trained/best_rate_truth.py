"""Planted imbalances at several update rates inside training."""

from __future__ import annotations

import numpy as np

from validation.trained import best_rate
from validation.trained.profiles import BestRate

SUBJECT = best_rate
PROFILE = BestRate(share=0.7, factors=(0.5, 0.8, 1.1, 1.6), burn=3, steps=12, learning_rate=0.002)
WRONG = [({"shift": 0.4}, {"best_rate.*"}), ({"shift": -0.4}, {"best_rate.*"})]
CONTROLS = [({"thrice": True}, "control.best_rate_thrice")]
BANDS = {"rate_band": {"best_rate.rate", "control.best_rate_thrice"}}
STATED = {"best_rate": {"learning rate": "0.002", "experts K": "4", "batch size B": "48", "seeds": "8"}}


def planted(plan, *, shift=0.0, thrice=False):
    """Return what the runs would measure: parabolas in the logarithm of the rate, lowest where predicted or beside."""
    rng, names = np.random.default_rng(8), [f"{factor:g}" for factor in PROFILE.factors]
    at = np.log(PROFILE.factors)
    foretold = best_rate.lowest(PROFILE.factors, np.stack([plan[f"best_rate.{name}.imbalance"] for name in names]))
    place = foretold + shift + (plan["best_rate.thrice"].mean(axis=0) if thrice else 0.0)
    layers = plan["best_rate.best"].shape[0]
    place = place + 0.001 * rng.normal(size=place.shape)
    return {
        f"best_rate/{name}": {"imbalance": np.stack([0.01 * np.exp(0.6 * (x - place) ** 2)] * layers)}
        for name, x in zip(names, at, strict=True)
    }
