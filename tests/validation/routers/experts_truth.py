"""Planted windows: releases at the predicted folds, onsets at the predicted critical feedback, or elsewhere."""

from __future__ import annotations

import numpy as np

from validation.routers import experts
from validation.routers.profiles import Experts

SUBJECT = experts
PROFILE = Experts(
    cases=("digits.linear.2", "digits.linear.3", "text.mlp.4"), routers=25, tokens=30, hidden=13, spread=0.25,
    decay=0.6, inverse_temperature=1.9, increment=0.9, growth_feedbacks=(0.7, 1.2, 1.3), growth_steps=8, kick=0.002,
    rounds=3, time=190.0, above=1.2, departed=0.55,
)  # fmt: skip
WRONG = [
    ({"onset": 1.02}, {"experts.onset.*"}),
    ({"release": 1.05}, {"experts.release.*"}),
    ({"unbalanced": 25}, {"experts.window.*"}),
    ({"released": 25}, {"experts.window.*"}),
    ({"two": 25}, {"experts.one.*"}),
]
CONTROLS = [({"pitchfork": True}, "control.experts_pitchfork"), ({"bare": True}, "control.experts_without_margins")]
BANDS = {
    "onset_band": {"experts.onset.*"},
    "release_band": {"experts.release.*", "control.*"},
    "share_band": {"experts.window.*", "experts.one.*"},
}
FEW = {"routers": 2}
SHORT = {"time": 3.0}
_SHARED = {
    "selection": "soft", "decay μ": "0.6", "inverse temperature β": "1.9", "increment ε": "0.9", "time": "190",
    "margin standard deviation": "0.25", "tokens recorded": "30", "routers": "25",
}  # fmt: skip
STATED = {"window": _SHARED, "first_order": _SHARED | {"experts K": "4"}}


def planted(
    plan, *, onset=1.0, release=1.0, unbalanced=0, released=0, two=0, pitchfork=False, bare=False, scatter=1e-4
):
    """Return what the runs would measure; of the gates, some that leave balance midway, are released there, or favour
    two experts."""
    rng = np.random.default_rng(7)
    factors, found = np.array(PROFILE.growth_feedbacks), {}
    for case in PROFILE.cases:
        count, critical = int(case[-1]), plan[f"experts.{case}.critical"]
        n = len(critical)

        def noise(n=n):
            return 1 + scatter * rng.normal(size=n)

        found[f"experts/{case}"] = {"rates": PROFILE.decay * (factors / (onset * noise())[:, None] - 1)}
        if count == 2:
            continue
        at = plan[f"experts.{case}.fold"] * release
        if pitchfork:
            at = critical
        if bare:  # x = log 4 and so on: g = (Y + K - 1)^2/(K^2 Y) is least where x = (Y + K - 2 - (K - 1)/Y)/K
            y = np.exp(np.linspace(0.01, 5, 100_001))
            gap = np.abs(np.log(y) - (y + count - 2 - (count - 1) / y) / count)
            best = y[1000:][gap[1000:].argmin()]
            at = (best + count - 1) ** 2 / (count**2 * best) * count * PROFILE.decay / PROFILE.inverse_temperature
        window, beyond = np.full((n, 2, count), 1 / count), np.full((n, count), 0.05)
        window[:, 1] = 0.05
        window[:, 1, 0] = beyond[:, 1] = 1 - 0.05 * (count - 1)
        window[:unbalanced, 0] = window[:unbalanced, 1][:, ::-1]
        window[:released, 1] = 1 / count
        beyond[:two] = 0.1
        beyond[:two, :2] = 0.5 - 0.05 * (count - 2)
        found[f"experts/{case}"] |= {"release": at * noise(), "window": window, "beyond": beyond}
    return found
