"""Planted mixtures: onsets at the feedback that held-out tokens predict, at another, or at that before training."""

from __future__ import annotations

import numpy as np

from validation.routers import joint
from validation.routers.profiles import Joint

SUBJECT = joint
PROFILE = Joint(
    cases=("digits.2", "text.3"), seeds=6, text_tokens=600, classes=7, hidden=5, units=12, spread=0.35, decay=0.6,
    inverse_temperature=1.9, increment=0.15, feedback=0.4, steps=(60, 160), batch_size=60, adam_rates=(0.01, 0.013),
    learning_rate=0.004, growth_feedbacks=(0.6, 1.1, 1.4), growth_steps=5, growth_batch_size=70, kick=0.12, told=0.05,
)  # fmt: skip
WRONG = [({"onset": 1.3}, {"joint.critical.*", "joint.shift.*"})]
CONTROLS = [({"untrained": True}, f"control.joint_untrained.{case}") for case in PROFILE.cases]
BANDS = {"critical_band": {"joint.critical.*", "control.*"}, "shift_band": {"joint.shift.*"}}
FEW = {"seeds": 2}
SHORT = {"batch_size": 20}
STATED = {
    "joint": {
        "decay μ": "0.6", "inverse temperature β": "1.9", "increment ε": "0.15", "hidden units": "5",
        "learning rate": "0.004", "batch size B": "70", "seeds": "6", "kick z": "0.12", "selection": "soft",
    },
}  # fmt: skip


def planted(plan, *, onset=1.0, untrained=False, scatter=2e-3):
    """Return what the runs would measure."""
    rng = np.random.default_rng(7)
    found = {}
    for case in PROFILE.cases:
        before, after = plan[f"joint.{case}.untrained"], plan[f"joint.{case}.critical"]
        mine = (before / after if untrained else onset) * (1 + scatter * rng.normal(size=before.size))
        found[f"joint/{case}"] = {"rates": PROFILE.decay * (np.array(PROFILE.growth_feedbacks) / mine[:, None] - 1)}
    return found
