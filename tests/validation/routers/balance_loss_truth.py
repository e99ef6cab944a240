"""Planted weights of a balance loss: rates that fall convexly through 0 at the critical weight, multipliers to −1."""

from __future__ import annotations

import numpy as np

from tests.validation.routers.trained_truth import near
from validation.routers import balance_loss
from validation.routers.profiles import BalanceLoss

SUBJECT = balance_loss
PROFILE = BalanceLoss(
    cases=("text-mlp-4-soft", "text-mlp-4-top1"), alternating=("text-mlp-4-top1",), routers=5,
    excess=2.2, decay=0.9, loss_rate=0.6, increment=0.06, steps=9,
    batch_size=300, weights=(0.4, 0.9, 1.1, 1.7), unsafe=(0.85, 1.05, 1.25), unsafe_steps=5,
    tokens=700, floor=0.04, errors=0.3,
)  # fmt: skip


WRONG = [
    ({"onset": 1.4}, {"balance_loss.onset.*"}),
    ({"onset": 0.7}, {"balance_loss.onset.*"}),
    ({"largest": 1.4}, {"balance_loss.alternates.*"}),
]
CONTROLS = [
    ({"onset": factor}, f"control.balance_loss_{name}.{case}")
    for case in PROFILE.cases
    for name, factor in (("beta", 1.7), ("experts", 4.0))
]
BANDS: dict[str, set[str]] = {}
FEW = {"routers": 2}
SHORT = {"steps": 3, "unsafe_steps": 1}
STATED = {
    "balance-loss": {
        "decay μ": "0.9",
        "increment ε": "0.06",
        "batch size B": "300",
        "inverse temperature β": "1.7",
        "routers": "5",
        "rate of the balance loss ρ": "0.6",
    }
}


def planted(plan, *, onset=1.0, largest=1.0, scatter=0.001):
    """Return what the runs would measure, weights off by factors."""
    rng, found = np.random.default_rng(13), {}
    for name in PROFILE.cases:
        critical, safe = (plan[f"balance_loss.{name}.{kind}"][:, None] for kind in ("critical", "safe"))
        weights, unsafe = max(onset, 1.0) * critical * np.array(PROFILE.weights), safe * np.array(PROFILE.unsafe)
        x = weights / near(rng, onset * critical, scatter)
        found[f"balance_loss/{name}"] = {
            "weights": weights,
            "rates": PROFILE.decay * np.maximum(1.2 * (1 - x), 2 * (0.9 - x)),  # two modes, the second fast at first
        }
        if name in PROFILE.alternating:
            multipliers = 1 - 2 * unsafe / near(rng, largest * safe, scatter)
            found[f"balance_loss/{name}"] |= {"unsafe": unsafe, "multipliers": multipliers}
    return found
