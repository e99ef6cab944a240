"""The router, its data and the response recorded from them, before any feedback acts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from sklearn.datasets import load_digits
from torch import Tensor, nn

from moecusp import EmpiricalResponse
from moecusp.routing import margins

TRAIN_SHARE = 0.75


@dataclass(frozen=True)
class Profile:
    """Every fixed number of the study. Times are in units of 1/decay; feedbacks in units of the predicted critical one.

    The accepted bands are part of it: they are fixed before any run.
    """

    name: str
    seeds: int
    routers: int
    branch_feedbacks: tuple[float, ...]
    branch_time: float
    sweep_time: float
    decay: float = 1.0
    pixel_jitter: float = 0.07
    increment: float = 0.02
    batch_size: int = 128
    batches_per_update: int = 3
    hidden: int = 16
    learning_rate: float = 0.1
    growth_feedbacks: tuple[float, ...] = tuple(np.linspace(0.5, 1.5, 11).tolist())
    growth_time: float = 2.0
    growth_increment: float = 0.02
    growth_batch_size: int = 256
    growth_seeds: int = 16
    kick: float = 0.1
    collapsed_start: float = 1.5
    sweep_feedbacks: tuple[float, ...] = (1.2, 1.35, 1.5)
    sweep_reach: float = 1.35
    sweep_increment: float = 0.05
    sweep_batch_size: int = 256
    confidence: float = 0.99
    onset_band: tuple[float, float] = (0.97, 1.03)
    router_band: tuple[float, float] = (-0.03, 0.03)
    branch_band: tuple[float, float] = (-0.03, 0.03)
    fold_band: tuple[float, float] = (0.95, 1.05)
    jump_band: tuple[float, float] = (0.98, 1.02)


# 5 % and more away from the critical point, where perturbations take at most 20/decay to grow or decay e-fold
_BRANCHES = (0.6, 0.75, 0.85, 0.9, 0.95, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 1.7)

PROFILES = {
    "smoke": Profile("smoke", seeds=3, routers=3, branch_feedbacks=(0.7, 1.4), branch_time=10.0, sweep_time=200.0),
    "quick": Profile("quick", seeds=8, routers=16, branch_feedbacks=_BRANCHES, branch_time=150.0, sweep_time=5000.0),
    "full": Profile("full", seeds=32, routers=64, branch_feedbacks=_BRANCHES, branch_time=400.0, sweep_time=20000.0),
}


@dataclass(frozen=True)
class Tokens:
    """The digits, 8 x 8 pixels in [0, 1] about the training mean, split once and for all."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


@dataclass(frozen=True)
class Setup:
    """A router and its recorded response.

    Attributes
    ----------
    router : nn.Linear
        64 pixels to 2 logits, random and fixed; margins have unit standard deviation on the training tokens.
    margins : ndarray, shape (tokens,)
        a1 - a2 recorded on the training tokens (score).
    jitter : float
        Standard deviation (score) that the pixel jitter gives a margin.
    response : EmpiricalResponse
        Of these margins under this jitter; balanced: its value at 0 is 0.
    """

    router: nn.Linear
    margins: NDArray[np.float64]
    jitter: float
    response: EmpiricalResponse


def load_tokens() -> Tokens:
    """Return the digits, shuffled by a fixed seed and split 3:1."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    images, labels = digits.data[order] / 16.0, digits.target[order]
    cut = int(TRAIN_SHARE * len(labels))
    images = images - images[:cut].mean(axis=0)
    pixels = torch.tensor(images, dtype=torch.float32)
    targets = torch.tensor(labels, dtype=torch.int64)
    return Tokens(pixels[:cut], targets[:cut], pixels[cut:], targets[cut:])


def prepare(tokens: Tokens, pixel_jitter: float, seed: int) -> Setup:
    """Draw a random linear router, balance it by its bias, and record its margins.

    The bias is what any load balancing would have learned: it makes the load even at equal scores.
    """
    generator = torch.Generator().manual_seed(seed)
    router = nn.Linear(tokens.train.shape[1], 2)
    with torch.no_grad():
        router.weight.copy_(torch.randn(router.weight.shape, generator=generator))
        router.bias.zero_()
        router.weight.div_(float(margins(router(tokens.train)).std()))
        jitter = pixel_jitter * float((router.weight[0] - router.weight[1]).double().norm())
        raw = margins(router(tokens.train))
        reach = float(np.abs(raw).max())
        offset = brentq(lambda b: EmpiricalResponse(raw - b, jitter=jitter).value(0.0), -reach, reach, xtol=1e-15)
        router.bias.copy_(torch.tensor([-offset / 2, offset / 2]))
    router.requires_grad_(False)
    recorded = margins(router(tokens.train))
    return Setup(router, recorded, jitter, EmpiricalResponse(recorded, jitter=jitter))
