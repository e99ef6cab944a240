"""A planted router with Gaussian margins: everything it does is known in closed form; decay is not 1."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import ai_zeros, erf, ndtri

from tests.validation.planted import stored
from validation.digits.judge import findings
from validation.digits.predict import theory
from validation.digits.profiles import Profile
from validation.digits.study import present

MU, SPREAD, JITTER = 2.5, 0.8, 0.6  # margins and jitter together are N(0, 1)
PROFILE = Profile(
    "smoke", seeds=7, routers=3, branch_feedbacks=(0.7, 1.3, 1.6), branch_time=12.0, sweep_time=5000.0, decay=MU,
    seeds_per_part=4, pixel_jitter=0.055, increment=0.011, batch_size=129, batches_per_update=6, hidden=17,
    learning_rate=0.15, momentum=0.85, growth_time=2.25, growth_increment=0.013, growth_batch_size=257, growth_seeds=18,
    kick=0.12, collapsed_start=1.75, sweep_feedbacks=(1.25, 1.55), sweep_increment=0.021, sweep_batch_size=255,
)  # fmt: skip
FEEDBACK = MU * math.sqrt(math.pi / 2)  # critical


def response(z):
    return erf(z / math.sqrt(2))


def stable(kappa):
    """Solve mu z = kappa G(z), z > 0."""
    return response(brentq(lambda z: MU * z - kappa * response(z), 1e-3, 20)) if kappa > FEEDBACK else 0.0


def fold(kappa):
    """Return the upper fold of the asymmetry, and the curvature b there."""
    z = -math.sqrt(2 * math.log(kappa / FEEDBACK))
    return MU * z - kappa * response(z), 0.5 * kappa * abs(z) * math.sqrt(2 / math.pi) * math.exp(-z * z / 2)


def planned(folder):
    """Return the stored plan of the planted router."""
    margins = SPREAD * ndtri((np.arange(1500) + 0.5) / 1500)
    recorded = {
        "weight": np.zeros((3, 2, 64)),
        "bias": np.zeros((3, 2)),
        "margins": np.tile(margins, (3, 1)),
        "jitter": np.full(3, JITTER),
    }
    return stored(folder, {**recorded, **theory(PROFILE, recorded["margins"], recorded["jitter"])})


def planted(feedback=FEEDBACK, delayed=1.0, width=1.0, states=stable, seeds=PROFILE.seeds, scatter=0.004):
    """Return what the runs would measure of such a router, with noise."""
    rng = np.random.default_rng(5)
    grid = FEEDBACK * np.array(PROFILE.growth_feedbacks)
    measured = {}
    for k in range(PROFILE.routers):
        mine = feedback * (1 + scatter * rng.normal(size=(max(seeds, 3) if seeds > 2 else seeds, 1)))
        measured[f"onset/{k}"] = {"rates": MU * (grid / mine - 1)}
    kappas = FEEDBACK * np.array(PROFILE.branch_feedbacks)
    ends = np.array([[sign * states(kappa) for kappa in kappas] for sign in (0, 1, -1)])
    ends[0] = np.abs(ends[1])
    swept = FEEDBACK * np.array(PROFILE.sweep_feedbacks)
    folds = np.array([fold(kappa) for kappa in swept])
    reach = PROFILE.sweep_reach * folds[:, 0].max()
    rate = 2 * reach * MU / PROFILE.sweep_time
    delay = -ai_zeros(1)[0][0] * rate ** (2 / 3) * folds[:, 1] ** (-1 / 3)
    jumps = width * folds[:, 0] + delayed * delay
    for part, first in enumerate(range(0, seeds, 4)):
        n = min(4, seeds - first)
        noise = scatter * rng.normal(size=(n, 3, 3))
        measured[f"branches/{part}"] = {
            "imbalance": ends + noise,
            "history": rng.uniform(-1, 1, size=(n, 3, 3, 10)),
            "accuracy": rng.uniform(0.5, 0.9, size=(n, 3, 3)),
            "alone": rng.uniform(0.2, 0.8, size=(n, 3, 3, 2)),
        }
        measured[f"sweeps/{part}"] = {
            "jumps": np.stack([jumps, -jumps]) * (1 + 0.2 * scatter * rng.normal(size=(n, 2, 2))),
            "asymmetry": np.linspace(-reach, reach, 20),
            "imbalance": rng.uniform(-1, 1, size=(n, 2, 2, 20)),
        }
    return measured


def presented(plan):
    """Return what is measured as planted, the findings and the page."""
    measured = planted()
    found = findings(PROFILE, plan, measured)
    return measured, found, present(PROFILE, plan, measured, found)
