"""Planted onsets: growth rates μ(κ/κ_c − 1), κ_c the predicted one or off by a factor."""

from __future__ import annotations

import numpy as np

from tests.validation.routers.trained_truth import near
from validation.routers import prediction
from validation.routers.profiles import Prediction

SUBJECT = prediction
PROFILE = Prediction(
    cases=(
        "digits-linear-2-top1", "text-mlp-4-soft", "text-mlp-4-top2", "text-mlp-4-soft-float64",
        "text-mlp-4-top2-bfloat16",
    ),
    decay=0.9, increment=0.06, steps=11, routers=5, batch_size=300, feedbacks=(0.6, 1.1, 1.4), apart=2.0, floor=0.04,
    errors=0.3,
)  # fmt: skip


WRONG = [({"onset": 1.4}, {"prediction.*"}), ({"onset": 0.7}, {"prediction.*"})]
CONTROLS = [({"cold": True}, f"control.prediction_cold.text-mlp-4-{each}") for each in ("soft", "soft-float64")]
BANDS: dict[str, set[str]] = {}
FEW = {"routers": 2}
SHORT = {"steps": 3}
STATED = {
    "prediction": {
        "decay μ": "0.9",
        "increment ε": "0.06",
        "batch size B": "300",
        "inverse temperature β": "1.7",
        "routers": "5",
    }
}


def planted(plan, *, onset=1.0, cold=False, scatter=0.001):
    """Return what the runs would measure; or routers of inverse temperature 1."""
    rng, found = np.random.default_rng(11), {}
    for name in PROFILE.cases:
        critical = plan[f"prediction.{name}.critical"][:, None]
        kappa = critical * np.array(PROFILE.feedbacks)
        true = plan[f"prediction.{name}.cold"][:, None] if cold else onset * critical
        rates = PROFILE.decay * (kappa / near(rng, true, scatter) - 1)
        found[f"prediction/{name}"] = {"feedbacks": kappa, "rates": rates}
    return found
