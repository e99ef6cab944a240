"""Bias rules on independent Gaussian logits, whose susceptibility is an integral: the anchors of the sign rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from moecusp import effective_update_rate, proportional_variance, sign_variance
from validation.routers.modes import Loads, proportional, signed
from validation.routers.profiles import SignRule
from validation.routers.ties import density
from validation.streams import Stream
from validation.studies import Plan, Tick

Array = NDArray[np.float64]


def eigenvalue(experts: int, chosen: int, sigma: float) -> float:
    """Return the eigenvalue K c/k of the slot shares' susceptibility of independent N(0, sigma^2) logits."""
    return experts * density(experts, chosen, sigma) / chosen


def token_variance(experts: int, chosen: int) -> float:
    """Return the variance of one token's slot shares in a mode, for alike experts."""
    return (1.0 / chosen - 1.0 / experts) / (experts - 1.0)


def spacing(experts: int, chosen: int, batch: int) -> float:
    """Return the lattice spacing of the loads of a batch where 1/K is on the lattice, else 0."""
    return 0.0 if chosen * batch % experts else 1.0 / (chosen * batch)


def anchors(p: SignRule) -> dict[str, Any]:
    """Return what is predicted of the two anchors."""
    experts, chosen, batch = p.gaussian_sign
    u, lam = p.bias_step, eigenvalue(experts, chosen, p.sigma)
    noise = (token_variance(experts, chosen) * (1.0 - 1.0 / experts) / batch) ** 0.5
    closed = sign_variance(u, lam, noise, experts, spacing(experts, chosen, batch))
    share = float(effective_update_rate(u, noise)) * lam
    experts, chosen, batch = p.gaussian_proportional
    lam = eigenvalue(experts, chosen, p.sigma)
    rate = p.rate_share / lam
    linear = proportional_variance(rate, lam, token_variance(experts, chosen), batch)
    return {
        "sign_rule.gaussian.sign": [u, closed.bias],
        "sign_rule.gaussian.linear": u**2 / (1.0 - (1.0 - share) ** 2),
        "sign_rule.gaussian.proportional": [rate, linear.bias],
    }


def measure_gaussian(p: SignRule, plan: Plan, name: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Run many chains of a rule on independent Gaussian logits; variance of a bias mode (score^2), shape (chains,)."""
    torch.set_num_threads(1)
    source = stream.torch()
    experts, chosen, batch = p.gaussian_sign if name == "sign" else p.gaussian_proportional
    make = signed if name == "sign" else proportional
    rule = make(Loads(chosen), np.full((p.chains, 1), plan[f"sign_rule.gaussian.{name}"][0]))
    bias, total = torch.zeros(p.chains, 1, experts), torch.zeros(p.chains, dtype=torch.float64)
    for step in range(p.burn + p.steps):
        bias = rule(bias, p.sigma * torch.randn(p.chains, experts, batch, generator=source))
        if step >= p.burn:
            total += bias.var(dim=-1)[:, 0].double()  # about the mean, over K - 1 modes
        tick(p.chains * batch)
    return {"variance": (total / p.steps).numpy()}
