"""Planted fluctuations and lags of bias rules inside training."""

from __future__ import annotations

import numpy as np

from validation.trained import rules
from validation.trained.profiles import Rules

SUBJECT = rules
PROFILE = Rules(
    proportional=(0.3, 0.9), sign=(0.25, 1.1), lagging=(0.45, 0.35), lag=0.03, drift_share=0.3, burn=3, steps=24,
    lagging_steps=36, stretches=3, learning_rate=0.002, floor=0.08, errors=0.5,
)  # fmt: skip
WRONG = [
    ({"bias": 1.5}, {"rules.bias.*"}),
    ({"load": 0.6}, {"rules.load.*"}),
    ({"lag": 1.2}, {"rules.lag.*"}),
]
CONTROLS = [({"sampling": True}, "control.rules_sampling"), ({"independent": True}, "control.rules_independent")]
BANDS = {"lag_band": {"rules.lag.*"}}
STATED = {"rules": {"learning rate": "0.002", "experts K": "4", "batch size B": "48", "seeds": "8"}}


def planted(plan, *, bias=1.0, load=1.0, lag=1.0, sampling=False, independent=False, scatter=0.001):
    """Return what the runs would measure: mean squares and lags off by factors."""
    rng, found = np.random.default_rng(5), {}
    names = {name.removeprefix("rules.").removesuffix(".step") for name in plan.arrays if name.endswith(".step")}
    for name in sorted(names):
        seen = {"bias": bias * plan[f"rules.{name}.bias"], "load": load * plan[f"rules.{name}.load"]}
        seen["lag"] = lag * plan[f"rules.{name}.lag"]
        if sampling and name.startswith("proportional"):
            seen["load"] = plan[f"rules.{name}.sampling"]
        if independent:
            seen["bias"] = plan[f"rules.{name}.independent"]
        found[f"rules/{name}"] = {
            what: value * (1.0 + scatter * rng.normal(size=value.shape)) for what, value in seen.items()
        }
    return found
