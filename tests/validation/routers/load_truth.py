"""Planted averages: loads on the predicted branch or off it, even below the onset or not."""

from __future__ import annotations

import numpy as np

from validation.routers import load
from validation.routers.profiles import Load

SUBJECT = load
PROFILE = Load(
    cases=("linear.soft", "mlp.noisy", "mlp.top1", "mlp.top1.bfloat16", "linear.soft.float64"), gates=7, tokens=60,
    hidden=13, spread=0.7, noise=0.65, decay=0.6, inverse_temperature=1.9, increment=0.3, below=(0.55, 0.7),
    distances=(0.11, 0.22, 0.42), batch_size=64, time=70.0, window=5,
)  # fmt: skip
WRONG = [
    ({"onset": 1.08}, {"load.onset.*", "load.branch.*"}),
    ({"branch": 0.94}, {"load.branch.*"}),
    ({"below": 0.1}, {"load.balanced.*"}),
]
CONTROLS = [
    ({"quiet": True}, "control.load_quiet.mlp.noisy"),
    ({"bare": True}, "control.load_without_margins"),
    ({"straight": True}, "control.load_proportional"),
]
BANDS = {
    "balanced_band": {"load.balanced.*"},
    "branch_band": {"load.branch.*", "control.load_proportional"},
    "onset_band": {"load.onset.*", "control.load_quiet.*", "control.load_without_margins"},
}
FEW = {"gates": 2}
SHORT = {"time": 3.0}
_SHARED = {
    "experts K": "2", "tokens recorded": "120", "decay μ": "0.6", "inverse temperature β": "1.9", "increment ε": "0.3",
    "batch size B": "64", "time": "70", "margin standard deviation": "0.7", "hidden units": "13", "routers": "7",
    "margin jitter": "0.919239",
}  # fmt: skip
STATED = {"load": _SHARED, "load_time": _SHARED}


def planted(plan, *, onset=1.0, branch=1.0, below=0.0, quiet=False, bare=False, straight=False, scatter=1e-3):
    """Return what the runs would measure, with the onset, the branch or the balance below it elsewhere."""
    rng = np.random.default_rng(7)
    d, found = np.array(PROFILE.distances), {}
    for case in PROFILE.cases:
        critical, states = plan[f"load.{case}.critical"], plan[f"load.{case}.states"]
        at = np.full((len(critical), 1), onset)
        if quiet and case == "mlp.noisy":
            at = (plan[f"load.{case}.quiet"] / critical)[:, None]
        if bare:
            at = (2 * PROFILE.decay / PROFILE.inverse_temperature / critical)[:, None]
        factors = 1 + d
        size = branch * states
        if straight:
            size = states[:, :1] * d / d[0]
        elif np.any(at != 1):  # a parabola of the feedback in the square of the score difference, from `at`
            size = np.sqrt(0.5 * np.maximum(factors - at, 1e-4)) / factors
        every = np.concatenate([np.full((len(states), 2), below), size], axis=1)
        every = every + scatter * rng.normal(size=every.shape)
        imbalance = np.stack([every, -every])
        trace = np.repeat(imbalance[:, 0, :, None], 13, axis=-1)  # of as many batches as SHORT has
        found[f"load/{case}"] = {"imbalance": imbalance, "trace": trace}
    return found
