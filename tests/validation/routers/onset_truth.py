"""Planted pitchforks: growth rates linear in the feedback, imbalances on the predicted branch or off it."""

from __future__ import annotations

import numpy as np

from validation.routers import onset
from validation.routers.profiles import Onset

SUBJECT = onset
PROFILE = Onset(
    types=("float32", "bfloat16"), routers=3, tokens=60, hidden=13, spread=0.7, decay=0.6, inverse_temperature=1.9,
    increment=0.9, growth_feedbacks=(0.7, 1.2, 1.3), kick=0.002, growth_steps=11, distances=(0.006, 0.012, 0.024),
    below=0.96, time=1300.0,
)  # fmt: skip
WRONG = [
    ({"onset": 1.02}, {"onset.linear.*", "onset.mlp.*"}),
    ({"power": 0.6}, {"onset.exponent.*", "onset.branch.*"}),
    ({"branch": 0.9}, {"onset.branch.*"}),
    ({"below": 0.3}, {"onset.below.*"}),
]
CONTROLS = [({"onset": 2.0}, "control.onset_doubled"), ({"bare": True}, "control.onset_without_margins")]
BANDS = {
    "onset_band": {"onset.linear.*", "onset.mlp.*", "control.*"},
    "exponent_band": {"onset.exponent.*"},
    "branch_band": {"onset.branch.*"},
    "below_band": {"onset.below.*"},
}
FEW = {"routers": 2}
SHORT = {"time": 6.0}
STATED = {
    "pitchfork": {
        "experts K": "2", "selection": "soft", "tokens recorded": "120", "decay μ": "0.6", "routers": "3",
        "inverse temperature β": "1.9", "increment ε": "0.9", "time": "1300", "margin standard deviation": "0.7",
        "hidden units": "13",
    },
}  # fmt: skip


def planted(plan, *, onset=1.0, bare=False, power=0.5, branch=1.0, below=1e-6, scatter=2e-5):
    """Return what the runs would measure: the onset off by a factor, imbalances with another power of the distance."""
    rng = np.random.default_rng(7)
    d, factors = np.array(PROFILE.distances), np.array(PROFILE.growth_feedbacks)
    found = {}
    for kind in PROFILE.kinds:
        states = plan[f"onset.{kind}.states"] * branch * (d / d[0]) ** (power - 0.5)
        routers = len(states)
        for name in PROFILE.types:
            mine = onset * (1 + scatter * rng.normal(size=(routers, 1)))
            if bare:
                mine = (
                    mine * (2 * PROFILE.decay / PROFILE.inverse_temperature / plan[f"onset.{kind}.critical"])[:, None]
                )
            found[f"onset/{kind}-{name}"] = {
                "rates": PROFILE.decay * (factors / mine - 1),
                "imbalance": states * (1 + scatter * rng.normal(size=states.shape)),
                "below": below * (1 + scatter * rng.normal(size=routers)),
            }
    return found
