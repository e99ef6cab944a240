"""The router and the margins recorded from it, before any feedback acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from moecusp import EmpiricalResponse
from moecusp.routing import margins
from validation.training.margins import balance

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Setup:
    """A router and its recorded margins.

    Attributes
    ----------
    weight, bias : ndarray of float32, shape (2, pixels) and (2,)
        Pixels to 2 logits, random and fixed; margins have unit standard deviation on the training tokens.
    margins : ndarray, shape (tokens,)
        a1 - a2 recorded on the training tokens (score).
    jitter : float
        Standard deviation (score) that the pixel jitter gives a margin.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    margins: Array
    jitter: float

    @property
    def response(self) -> EmpiricalResponse:
        """Response of these margins under this jitter; balanced: its value at 0 is 0."""
        return EmpiricalResponse(self.margins, jitter=self.jitter)


def prepare(tokens: Tensor, pixel_jitter: float, generator: torch.Generator) -> Setup:
    """Draw a random linear router, balance it by its bias, and record its margins.

    The bias is what any load balancing would have learned: it makes the load even at equal scores.
    """
    weight = torch.randn(2, tokens.shape[1], generator=generator).numpy()
    router = linear(weight, np.zeros(2))
    with torch.no_grad():
        router.weight.div_(float(margins(router(tokens)).std()))
        jitter = pixel_jitter * float((router.weight[0] - router.weight[1]).double().norm())
        raw = margins(router(tokens))
        offset = balance(raw, jitter)
        router.bias.copy_(torch.tensor([-offset / 2, offset / 2]))
        return Setup(router.weight.numpy().copy(), router.bias.numpy().copy(), margins(router(tokens)), jitter)


def linear(weight: Any, bias: Any) -> nn.Linear:
    """Return the fixed router of these weights."""
    router = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        router.weight.copy_(torch.tensor(np.array(weight), dtype=torch.float32))
        router.bias.copy_(torch.tensor(np.array(bias), dtype=torch.float32))
    return router.requires_grad_(False)
