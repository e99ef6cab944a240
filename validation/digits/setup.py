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
