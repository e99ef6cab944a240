"""Planted fluctuations under both bias rules, and ringing in proportion to a power of the step."""

from __future__ import annotations

import numpy as np

from tests.validation.routers.trained_truth import near
from validation.routers import sign_rule
from validation.routers.profiles import SignRule

SUBJECT = sign_rule
PROFILE = SignRule(
    gaussian_sign=(6, 2, 120), gaussian_proportional=(5, 1, 90), sigma=1.3, bias_step=0.2, rate_share=0.5, chains=7,
    case="text-mlp-4-top1", routers=5, batch_size=80, shares=(0.4, 0.9, 4.0), checked=1.0, proportional=(0.3, 1.8, 2.4),
    burn=10, steps=30, ringing=(0.05, 0.2), turns=9, tokens=600, floor=0.05, errors=0.3,
)  # fmt: skip


WRONG = [
    ({"sign": 1.2}, {"sign_rule.gaussian.sign"}),
    ({"proportional": 0.8}, {"sign_rule.gaussian.proportional"}),
    ({"trained": 1.5}, {"sign_rule.trained.0.4", "sign_rule.trained.0.9"}),
    ({"floor": 0.6}, {"sign_rule.trained.proportional"}),
    ({"growth": 1.2}, {"sign_rule.no_threshold"}),
    ({"power": 0.5}, {"sign_rule.ringing"}),
]
CONTROLS = [({"linear": True}, "control.sign_rule_linear")]
BANDS = {
    "proportional_band": {"sign_rule.gaussian.proportional"},
    "closure_band": {"sign_rule.gaussian.sign", "control.sign_rule_linear"},
    "growth_band": {"sign_rule.no_threshold"},
    "ringing_band": {"sign_rule.ringing"},
}
FEW = {"routers": 2, "chains": 2}
SHORT = {"steps": 4, "burn": 1, "turns": 3}
STATED = {"sign-rule": {"batch size B": "80", "routers": "5"}}


def planted(
    plan, *, sign=1.0, proportional=1.0, trained=1.0, floor=1.0, growth=1.0, power=1.0, linear=False, scatter=0.001
):
    """Return what the runs would measure: variances off by factors, later amplitudes by another."""
    rng, one = np.random.default_rng(14), np.ones((2, 1, 1))
    routers = len(plan["sign_rule.steps"])
    chains = PROFILE.chains if routers == PROFILE.routers else routers
    true = plan["sign_rule.gaussian.linear"] if linear else sign * plan["sign_rule.gaussian.sign"][1]
    late = one * np.array([1.0, growth**2])[:, None, None] * 2 / (1 + growth**2)
    expected = np.where(np.isnan(plan["sign_rule.floor"]), 3.0, plan["sign_rule.floor"])
    steps = np.ones((routers, 1)) * 0.7 * np.array(PROFILE.ringing)
    return {
        "sign_rule/gaussian-sign": {"variance": near(rng, np.full(chains, true), scatter)},
        "sign_rule/gaussian-proportional": {
            "variance": near(rng, np.full(chains, proportional * plan["sign_rule.gaussian.proportional"][1]), scatter)
        },
        "sign_rule/batches": {
            "sign": late * near(rng, trained * plan["sign_rule.total"], scatter),
            "proportional": one * near(rng, floor * expected, scatter),
        },
        "sign_rule/whole": {"steps": steps, "amplitude": near(rng, 0.4 * steps**power, scatter)},
    }
