"""Planted runs that collapse and healthy ones, and what would have been estimated on the way."""

from __future__ import annotations

import numpy as np

from validation.trained import collapse
from validation.trained.profiles import Collapse

SUBJECT = collapse
PROFILE = Collapse(
    driven=30, healthy=8, start=0.2, end=1.7, steady=0.4, healthy_end=0.5, weight=(0.03, 0.06), sign=(0.02, 0.01),
    decay=0.7, increment=0.07, steps=80, every=20, sample=256, learning_rate=0.002, level=0.8, collapsed=0.6,
    forecast=0.5,
)  # fmt: skip
WRONG = [
    ({"late": True}, {"collapse.called", "collapse.lead"}),
    ({"alarmed": True}, {"collapse.false_alarms"}),
    ({"forecast": 0.3}, {"collapse.forecast"}),
]
CONTROLS = [({"in_order": False}, "control.collapse_shuffled"), ({"asleep": True}, "control.collapse_asleep")]
BANDS = {
    "called_band": {"collapse.called", "control.collapse_shuffled"},
    "lead_band": {"collapse.lead"},
    "false_band": {"collapse.false_alarms", "control.collapse_asleep"},
    "critical_band": {"collapse.forecast"},
}
STATED = {
    "collapse": {"decay μ": "0.7", "increment ε": "0.07", "learning rate": "0.002", "experts K": "4",
                 "batch size B": "48"},
}  # fmt: skip
REPORTS = 40


def planted(plan, *, late=False, alarmed=False, forecast=0.0, in_order=True, asleep=False):
    """Return what the runs would measure; forecasts are early by a share of the run."""
    rng, found = np.random.default_rng(6), {}
    for kind, runs in {"driven": PROFILE.driven, **dict.fromkeys(collapse.HEALTHY, PROFILE.healthy)}.items():
        driven = kind == "driven"
        ends = 2.0 if driven else 0.9 if alarmed else 0.5
        path = np.linspace(0.1, ends, REPORTS)[:, None, None] * np.array([1.0, 0.5])[:, None]
        gain = path * (1.0 + 0.001 * rng.normal(size=(1, 1, runs)))
        steps = PROFILE.every * np.arange(1, REPORTS + 1)[:, None, None]
        slope = (gain[-1] - gain[0]) / (PROFILE.every * (REPORTS - 1))
        left = (1.0 - gain) / slope - forecast * PROFILE.steps
        largest = np.where(steps > (0.2 if late else 0.8) * steps.max(), 0.9 if driven else 0.3, 0.3) + 0.0 * gain
        low = np.where(asleep & driven, 0.1, gain - 0.01)
        found[f"collapse/{kind}"] = {
            "gain": gain, "low": low, "left": left, "largest": largest, "plain": gain,
            "shuffled": np.full((2, runs), np.nan if in_order else 1.5), "warning": np.full((2, runs), 0.5),
        }  # fmt: skip
    return found
